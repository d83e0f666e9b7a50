"""Masks values before rules read them, and in what rules made of them: nothing that is derived from one gets out.

The values are replaced in the event's text by stand-ins of the same shape, the text is parsed as any other, and the
stand-ins that are then found in any field become their final words. So whatever rules, bodies and conversions do to a
value, they do it to its stand-in. Masks for all text (`*`) work before parsing. Those of a rule, and those that name
a field, need the parsed event: the events in which they find something are parsed once more.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import polars as pl

from parsers.chains import list_chain
from parsers.errors import Problem, RuleError
from parsers.events.masks.mask_forms import to_final, to_stand_in
from parsers.events.masks.mask_restore import put_lists, restore
from parsers.events.masks.mask_scan import PAIRS, Scan, build_scan, mask_columns
from parsers.frames import Block
from parsers.model import Installation, Mask, Rule

Parse: TypeAlias = Callable[[pl.DataFrame], Iterable[Block]]

EVERYWHERE: Final = "*"
ORIGINAL: Final = "event.original"
# The record as it came, where it is not UTF-8.
RAW: Final = "tailrace.original_base64"
_LEFT_ALONE: Final = frozenset((RAW, "kafka.topic"))
# Stand-ins of lists are numbered apart from those of texts.
_LISTS: Final = 45


@dataclass(frozen=True, slots=True)
class Masker:
    """Masks ready to run: for all text, for events with a field, and by rule."""

    everywhere: tuple[Scan, ...]
    named: tuple[Scan, ...]
    own: Mapping[str, tuple[Scan, ...]]

    @property
    def is_blind(self) -> bool:
        """Whether some values are known by their field alone, so that `mask_text` cannot find them all."""
        return any(_needs_field(scan) for scan in self._list_all())

    def parse(self, lines: pl.DataFrame, parse: Parse) -> Iterator[Block]:
        """Parses a line frame by `parse` so that its blocks hold no masked value."""
        covered, pairs = _cover(self.everywhere, lines)
        if RAW in lines.columns and self.everywhere:
            covered = covered.with_columns(self._mask_raw(covered[RAW], pairs["row"].unique()))
        for block in self._parse_again(covered, parse, frozenset()):
            yield _restore(block, pairs)

    def mask_text(self, text: str) -> str:
        """A text that may hold anything of any line, for a dead letter or a log, with all masks applied."""
        columns, pairs = mask_columns(self._list_all(), [pl.Series([text], dtype=pl.String)])
        masked: str = columns[0][0]
        for stand_in, final in pairs.select("in", "out").iter_rows():
            masked = masked.replace(stand_in, final)
        return masked

    def mask_bytes(self, data: bytes) -> bytes:
        """As `mask_text`, for bytes of any encoding."""
        try:
            return self.mask_text(data.decode()).encode()
        except UnicodeDecodeError:
            return self.mask_text(data.decode("latin-1")).encode("latin-1", "replace")

    def _list_all(self) -> tuple[Scan, ...]:
        own = [scan for scans in self.own.values() for scan in scans]
        return tuple({scan.number: scan for scan in (*self.everywhere, *self.named, *own)}.values())

    def _mask_raw(self, column: pl.Series, touched: pl.Series) -> pl.Series:
        rows = set(touched)
        masked: list[str | None] = []
        for row, text in enumerate(column):
            if text is None:
                masked.append(None)
                continue
            known = base64.b64decode(text)
            data = self.mask_bytes(known)
            # What was found in the text and not in its bytes cannot be taken out of them.
            is_lost = row in rows and data == known
            masked.append(None if is_lost else base64.b64encode(data).decode())
        return pl.Series(column.name, masked, dtype=pl.String)

    def _parse_again(self, lines: pl.DataFrame, parse: Parse, done: frozenset[int]) -> Iterator[Block]:
        for block in parse(lines):
            found = (*self.named, *self.own.get(block.rule or "", ()))
            scans = [scan for scan in found if scan.number not in done]
            changed = _mask_block(scans, lines[block.frame["_row"]], block.frame) if scans else None
            if changed is None:
                yield block
                continue
            rows = block.frame["_row"].gather(changed.rows)
            left = block.frame.filter(~pl.col("_row").is_in(rows.implode()))
            if left.height:
                yield Block(block.rule, block.dataset, left)
            for again in self._parse_again(changed.lines, parse, done | {scan.number for scan in scans}):
                finished = _withhold(_restore(again, changed.pairs), changed.lost)
                yield _renumber(finished, rows)


@dataclass(frozen=True, slots=True)
class _Changed:
    """Events of a block in which something was found: `rows` in the block, and their lines with stand-ins.

    `pairs` and `lost` count rows in `lines`. `lost` holds values that a field has and the line has not in this form.
    """

    rows: pl.Series
    lines: pl.DataFrame
    pairs: pl.DataFrame
    lost: pl.DataFrame


def build_masker(rules: Sequence[Rule], installation: Installation) -> Masker | None:
    """Readies the masks of rules and installation; None when there are none."""
    numbers: dict[Mask, int] = {}

    def build(mask: Mask) -> Scan:
        return build_scan(mask, numbers.setdefault(mask, len(numbers)), installation.mask_key)

    common = [build(mask) for mask in dict.fromkeys(installation.masks)]
    by_name = {rule.name: rule for rule in rules}
    own = {}
    for rule in rules:
        masks = dict.fromkeys(mask for name in list_chain(rule, by_name) for mask in by_name[name].mask)
        if masks:
            own[rule.name] = tuple(build(mask) for mask in masks)
    if not common and not own:
        return None
    return Masker(
        tuple(scan for scan in common if scan.mask.field == EVERYWHERE),
        tuple(scan for scan in common if scan.mask.field != EVERYWHERE),
        own,
    )


def check_mask_key(rules: Sequence[Rule], installation: Installation) -> None:
    """Raises RuleError for rules that hash what they mask when the installation has no key for it."""
    if installation.mask_key:
        return
    hint = "set mask_key in the settings (TAILRACE_MASK_KEY, or mask_key_file), or write 'how: redact'"
    problems = [
        Problem(mask.location, "'how: hash' without a key: who tries all values finds the masked ones", hint)
        for rule in rules
        for mask in rule.mask
        if mask.how == "hash"
    ]
    if problems:
        raise RuleError(problems)


def _needs_field(scan: Scan) -> bool:
    return scan.mask.kind == "custom" and scan.mask.field != EVERYWHERE


def _cover(scans: Sequence[Scan], lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The lines with stand-ins in all their texts, those that the record brought along included, and the pairs."""
    names = [name for name in lines.columns if not name.startswith("_") and name not in _LEFT_ALONE]
    texts = [name for name in names if lines.schema[name] == pl.String]
    columns, pairs = mask_columns(scans, [lines[name] for name in texts])
    new = list(columns)
    found = [pairs]
    for name in names:
        if not lines.schema[name].is_nested():
            continue
        column, more = _cover_nested(scans, lines[name])
        new.append(column)
        found.append(more)
    return lines.with_columns(new), pl.concat(found)


def _cover_nested(scans: Sequence[Scan], column: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    apart = [replace(scan, number=scan.number + _LISTS) for scan in scans]
    if column.dtype != pl.List(pl.String):
        texts = column.to_frame("v").to_struct().struct.json_encode()
        _, pairs = mask_columns(apart, [texts])
        held = pl.Series([False]).new_from_index(0, len(column)).scatter(pairs["row"].unique(), True)
        return column.zip_with(~held, pl.Series(column.name, [None], dtype=column.dtype)), pairs.clear()
    flat = column.to_frame("t").with_row_index("at").explode("t").drop_nulls("t")
    (masked,), pairs = mask_columns(apart, [flat["t"]])
    if not pairs.height:
        return column, pairs
    lists = flat.with_columns(masked.alias("t")).group_by("at", maintain_order=True).agg("t")
    pairs = pairs.with_columns(flat["at"].gather(pairs["row"]).cast(pl.UInt32).alias("row"))
    return put_lists(column, lists["at"], lists["t"]), pairs.unique(maintain_order=True)


def _mask_block(scans: Sequence[Scan], lines: pl.DataFrame, frame: pl.DataFrame) -> _Changed | None:
    """`lines` and `frame` are the same events, before and after parsing; None when nothing is found."""
    whole = [scan for scan in scans if not _needs_field(scan) and _applies(scan, frame)]
    lines, pairs = _cover(whole, lines)
    found = [pairs]
    lost = []
    for scan in scans:
        if _needs_field(scan) and scan.mask.field in frame.columns:
            lines, more, missing = _cover_field(scan, lines, frame[scan.mask.field])
            found.append(more)
            lost.append(missing)
    pairs = pl.concat(found)
    missing = pl.concat(lost) if lost else pairs.clear()
    rows = pl.concat([pairs["row"], missing["row"]]).unique().sort()
    if not len(rows):
        return None
    places = pl.DataFrame({"row": rows}).with_row_index("place")

    def renumber(table: pl.DataFrame) -> pl.DataFrame:
        joined = table.join(places, on="row", how="inner", maintain_order="left")
        return joined.with_columns(pl.col("place").cast(pl.UInt32).alias("row")).drop("place")

    kept = lines[rows]
    if RAW in kept.columns:
        kept = kept.with_columns(pl.lit(None, dtype=pl.String).alias(RAW))
    return _Changed(rows, kept, renumber(pairs), renumber(missing))


def _applies(scan: Scan, frame: pl.DataFrame) -> bool:
    return scan.mask.field == EVERYWHERE or scan.mask.field in frame.columns


def _cover_field(
    scan: Scan, lines: pl.DataFrame, column: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Replaces what a field holds of the mask's values in the texts of its event.

    Returns the lines, the pairs, and as pairs the values that no text of the event holds as the field does.
    """
    if column.dtype.is_nested():
        column = column.to_frame("v").to_struct().struct.json_encode()
    words = pl.DataFrame({"secret": column.cast(pl.String).str.extract_all(scan.kind.pattern)})
    words = words.with_row_index("row").explode("secret").drop_nulls("secret").unique(maintain_order=True)
    words = words.with_columns(pl.int_range(pl.len()).over("row").alias("n"))
    how, key, kind = scan.mask.how, scan.key, scan.kind.name
    made = [
        (to_stand_in(kind, secret, scan.number, n), to_final(kind, how, secret, key))
        for secret, n in words.select("secret", "n").iter_rows()
    ]
    words = words.with_columns(
        pl.col("row").cast(pl.UInt32),
        pl.Series("in", [pair[0] for pair in made], dtype=pl.String),
        pl.Series("out", [pair[1] for pair in made], dtype=pl.String),
        pl.lit(False).alias("quoted"),
    )
    texts = [name for name, kind in lines.schema.items() if kind == pl.String and not name.startswith("_")]
    texts = [name for name in texts if name not in _LEFT_ALONE]
    missing = []
    for _, these in words.group_by("n", maintain_order=True):
        rows = these["row"]
        part = lines[rows].select(texts).with_columns(these["secret"].alias("_s"), these["in"].alias("_i"))
        holds = [pl.col(name).str.contains(pl.col("_s"), literal=True).fill_null(False) for name in texts]
        held = part.select(pl.any_horizontal(holds).alias("held"))["held"]
        missing.append(these.filter(~held))
        changed = part.select(
            pl.col(name).str.split(by=pl.col("_s")).list.join(pl.col("_i")) for name in texts
        )
        lines = lines.with_columns(lines[name].scatter(rows, changed[name]) for name in texts)
    lost = pl.concat(missing) if missing else words
    lost = lost.select("row", pl.col("secret").alias("in"), "out", "quoted")
    return lines, words.select(list(PAIRS)), lost


def _restore(block: Block, pairs: pl.DataFrame) -> Block:
    return Block(block.rule, block.dataset, restore(block.frame, pairs)) if pairs.height else block


def _withhold(block: Block, lost: pl.DataFrame) -> Block:
    """For values that the line writes in another way than the field: the line itself does not get out."""
    if not lost.height:
        return block
    frame = restore(block.frame, lost)
    words = lost.unique("row", maintain_order=True).select(pl.col("row").alias("_row"), "out")
    known = frame.select("_row").join(words, on="_row", how="left", maintain_order="left")["out"]
    whole = frame[ORIGINAL]
    new = [whole.zip_with(known.is_null(), known)]
    for name in frame.columns:
        # Whatever is the line again, such as the message of a line that no rule knows.
        if frame.schema[name] == pl.String and not name.startswith("_") and name != ORIGINAL:
            same = (frame[name] == whole).fill_null(False) & known.is_not_null()
            if same.any():
                new.append(frame[name].zip_with(~same, known))
    return Block(block.rule, block.dataset, frame.with_columns(new))


def _renumber(block: Block, rows: pl.Series) -> Block:
    """The block with rows of the whole batch instead of those of the part that was parsed again."""
    frame = block.frame.with_columns(rows.gather(block.frame["_row"]).alias("_row"))
    return Block(block.rule, block.dataset, frame)
