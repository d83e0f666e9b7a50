"""Which events matter to which burst rule: a batch of events to a few small columns, its signals.

Signals are what crosses to the windows: they are counted there, so that no document has to be. Only matching rows are
materialised; a block that cannot match (other rule, other dataset, a filtered field missing) costs a set comparison.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

import polars as pl
import polars_hash as plh

from parsers.burst_model import BurstFilter, BurstRule
from parsers.frames import Block, ParsedBatch
from parsers.model import Scalar

SIGNAL_SCHEMA: Final = {
    "rule": pl.String(),
    "group": pl.String(),
    "time": pl.Int64(),
    "id": pl.UInt64(),
}
"""`rule`: the burst rule. `group`: its group-by fields and their values as compact JSON text, keys sorted, absent ones
left out. `time`: epoch ms. `id`: xxh3_64 of the document's `_id`, for the same event may be signalled twice."""

Signaller: TypeAlias = Callable[[ParsedBatch], pl.DataFrame]


def build_signaller(rules: Iterable[BurstRule]) -> Signaller:
    """A function from a parsed batch to its signals (SIGNAL_SCHEMA), in no particular order.

    An event's time is its `@timestamp` (for one whose own time is not plausible the parser has put the record's time
    there), else its record's (`_time`); without either it gives no signal. Blocks without `_id` are told apart by path,
    offset and text.
    """
    watches = tuple(_to_watch(rule) for rule in rules)

    def signal(batch: ParsedBatch) -> pl.DataFrame:
        found = [_find(watch, block) for block in batch.blocks for watch in watches if block.frame.height]
        frames = [frame for frame in found if frame is not None]
        return pl.concat(frames) if frames else pl.DataFrame(schema=SIGNAL_SCHEMA)

    return signal


@dataclass(frozen=True, slots=True)
class _Watch:
    rule: BurstRule
    needed: frozenset[str]
    group: tuple[str, ...]
    globs: tuple[tuple[str, str], ...]


def _to_watch(rule: BurstRule) -> _Watch:
    globs = tuple((item.field, "|".join(map(_to_regex, item.globs))) for item in rule.filter if item.globs)
    return _Watch(rule, frozenset(item.field for item in rule.filter), tuple(sorted(rule.group_by)), globs)


def _find(watch: _Watch, block: Block) -> pl.DataFrame | None:
    rule = watch.rule
    if rule.rules and block.rule not in rule.rules:
        return None
    if rule.datasets and not any(fnmatchcase(block.dataset, glob) for glob in rule.datasets):
        return None
    frame = block.frame
    schema = frame.schema
    if not watch.needed.issubset(schema):
        return None
    if rule.filter:
        globs = dict(watch.globs)
        tests = [_matches(item, schema[item.field], globs.get(item.field, "")) for item in rule.filter]
        mask = frame.select(pl.all_horizontal(tests).fill_null(False)).to_series()
        if not mask.any():
            return None
        frame = frame.select(_needed(watch.group, frame.columns)).filter(mask)
    signals = frame.select(
        pl.lit(rule.name, pl.String).alias("rule"),
        _to_group(watch.group, schema),
        _to_time(schema),
        _to_id(schema),
    )
    return signals.drop_nulls("time")


_ORIGIN: Final = ("log.file.path", "log.offset", "event.original")


def _needed(group: Sequence[str], columns: Sequence[str]) -> list[str]:
    wanted = {*group, *_ORIGIN, "@timestamp", "_time", "_id"}
    return [column for column in columns if column in wanted]


def _to_group(fields: Sequence[str], schema: pl.Schema) -> pl.Expr:
    members = [_to_member(field, schema[field]) for field in fields if field in schema]
    if not members:
        return pl.lit("{}").alias("group")
    return pl.format("{{{}}}", pl.concat_str(members, separator=",", ignore_nulls=True)).alias("group")


def _to_member(field: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(field)
    value = column.cast(pl.String) if dtype.is_temporal() else column
    text = pl.struct(value).struct.json_encode()
    return pl.when(column.is_not_null()).then(text.str.slice(1, text.str.len_chars() - 2))


def _to_time(schema: pl.Schema) -> pl.Expr:
    own = [pl.col("@timestamp").dt.epoch("ms")] if "@timestamp" in schema else []
    recorded = [pl.col("_time")] if "_time" in schema else []
    return pl.coalesce(*own, *recorded, pl.lit(None, pl.Int64)).alias("time")


def _to_id(schema: pl.Schema) -> pl.Expr:
    if "_id" in schema:
        text = plh.col("_id")
    else:
        parts = [pl.col(name).cast(pl.String).fill_null("") for name in _ORIGIN if name in schema]
        text = plh.concat_str(parts, separator="\0")
    hashed: pl.Expr = text.nchash.xxh3_64()
    return hashed.alias("id")


def _matches(item: BurstFilter, dtype: pl.DataType, glob: str) -> pl.Expr:
    if isinstance(dtype, pl.List):
        inner = dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
        return pl.col(item.field).list.eval(_test(pl.element(), item, inner, glob)).list.any()
    return _test(pl.col(item.field), item, dtype, glob)


def _test(column: pl.Expr, item: BurstFilter, dtype: pl.DataType, glob: str) -> pl.Expr:
    if item.bounds:
        number = column if dtype.is_numeric() else column.cast(pl.String).cast(pl.Float64, strict=False)
        return pl.all_horizontal(
            [getattr(number, _OPERATORS[operator])(bound) for operator, bound in item.bounds.items()]
        )
    if dtype.is_numeric():
        numbers = [number for number in map(_to_number, item.values) if number is not None]
        equal = column.cast(pl.Float64).is_in(numbers)
        return equal | column.cast(pl.String).str.contains(glob) if glob else equal
    text = column if dtype == pl.String else column.cast(pl.String)
    equal = text.is_in([_to_text(value) for value in item.values])
    return equal | text.str.contains(glob) if glob else equal


_WILDCARD: Final = re.compile(r"\*|\?|\[[!^]?\]?[^\]]*\]")


def _to_regex(glob: str) -> str:
    # fnmatch.translate writes \Z and atomic groups, which Polars' regex does not know.
    parts, end = [], 0
    for wildcard in _WILDCARD.finditer(glob):
        parts += [re.escape(glob[end : wildcard.start()]), _to_class(wildcard[0])]
        end = wildcard.end()
    return "(?s:^" + "".join(parts) + re.escape(glob[end:]) + "$)"


def _to_class(wildcard: str) -> str:
    if wildcard in ("*", "?"):
        return {"*": ".*", "?": "."}[wildcard]
    negated = "^" if wildcard[1] in "!^" else ""
    members = wildcard[1 + len(negated) : -1]
    return "[" + negated + re.sub(r"([\\\[\]&~^])", r"\\\1", members) + "]"


_OPERATORS: Final = {"gte": "ge", "gt": "gt", "lte": "le", "lt": "lt"}


def _to_number(value: Scalar) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(value)
    except ValueError:
        return None


def _to_text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
