from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from parsers.events.bodies.cef_keys import (
    CEF_FIELDS,
    CEF_TIMES,
    ECS_LOWER,
    ECS_VALUES,
    LEEF_FIELDS,
    SEVERITIES,
)
from parsers.events.bodies.structured_bodies import Bodies
from parsers.events.bodies.structured_pairs import KEY, ROW, VALUE, spread_pairs
from parsers.events.times.times import parse_times
from parsers.model import Body, Timestamp

# CEF, version 25, "Date Formats"; devices write ISO 8601 too.
TIME_FORMATS = (
    "UNIX_MS", "%b %d %Y %H:%M:%S%.f %Z", "%b %d %Y %H:%M:%S%.f %z", "%b %d %Y %H:%M:%S%.f",
    "%b %d %H:%M:%S%.f %Z", "%b %d %H:%M:%S%.f", "ISO8601", "UNIX",
)  # fmt: skip
# A member that holds what stands before the first key.
TEXT_KEY = "_text"

_FIELD = r"((?:[^|\\]|\\.)*)"
_CEF_HEADER = r"^(?:CEF: ?)?([0-9]{1,2})" + rf"\|{_FIELD}" * 6 + r"(?:\|((?s:.*)))?$"
_LEEF_HEADER = r"^(?:LEEF: ?)?([12](?:\.[0-9])?)" + rf"\|{_FIELD}" * 4 + r"(?:\|((?s:.*)))?$"
# LEEF 2.0 may name its delimiter: one character, or its number in hexadecimal digits.
_DELIMITER = r"^(?:([^|=\w]|\\t|0?x[0-9A-Fa-f]{1,4})?\|)((?s:.*))$"
_EXTENSION_KEY = r"\s+([A-Za-z0-9_][A-Za-z0-9_.\[\]-]*)="
_PAIR, _ASSIGN = "\x1e", "\x1f"
_MARK = "\0"


def read_cef_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """Texts in ArcSight's Common Event Format: `CEF:0|vendor|product|version|id|name|severity|key=value ...`.

    `CEF:` may be missing, as where a syslog header took it for the program's name. The header's fields and the keys
    that `cef_keys` knows get their ECS names, unless they are `wanted`; a custom key (`cs1`) that has a label
    (`cs1Label`) is named by it, other characters than letters, digits and `-` as `_`. A value runs to the next key,
    its escapes are undone.
    """
    parts = texts.str.extract_groups(_CEF_HEADER).struct.unnest()
    parts.columns = ["version", "vendor", "product", "device", "code", "name", "severity", "extension"]
    matched = parts["version"].is_not_null()
    parts = _unescape_header(texts, parts, ("vendor", "product", "device", "code", "name", "severity"))
    rows = matched.arg_true()
    pairs = split_at_keys(rows, parts["extension"].gather(rows).fill_null(""))
    if pairs[VALUE].str.contains("\\", literal=True).any():
        pairs = pairs.with_columns(unescape(pl.col(VALUE)))
    pairs = _apply_labels(pairs)
    pairs = _translate(pairs, CEF_FIELDS, frozenset(wanted), CEF_TIMES)
    fields, values, rest = _spread(pairs, len(texts), wanted, body)
    severity = parts["severity"].str.strip_chars()
    number = severity.str.to_lowercase().replace(dict(SEVERITIES)).cast(pl.Int64, strict=False)
    fields = {
        "cef.version": parts["version"],
        "cef.name": parts["name"],
        "cef.severity": severity,
        **_name_observer(parts),
        "event.severity": number.cast(pl.String),
        **fields,
    }
    message = fields.get("message", parts["name"])
    fields["message"] = message.zip_with(message.is_not_null(), parts["name"])
    return Bodies(matched.alias("matched"), values, {"": rest}, fields=fields)


def read_leef_bodies(texts: pl.Series, wanted: Iterable[str], body: Body) -> Bodies:
    """Texts in IBM's Log Event Extended Format, `LEEF:1.0|vendor|product|version|id|key=value<tab>...`.

    LEEF 2.0 has one more header field, the delimiter of the attributes: a character, or `x5E` or `0x5E`; none: a tab.
    Attributes without any tab are read as if blanks parted them, as in lines that were copied from a screen.
    Predefined attributes get their ECS names, unless they are `wanted`.
    """
    parts = texts.str.extract_groups(_LEEF_HEADER).struct.unnest()
    parts.columns = ["version", "vendor", "product", "device", "code", "attributes"]
    matched = parts["version"].is_not_null()
    parts = _unescape_header(texts, parts, ("vendor", "product", "device", "code"))
    rows = matched.arg_true()
    attributes = parts["attributes"].gather(rows).fill_null("")
    named = attributes.str.extract_groups(_DELIMITER).struct.unnest()
    named.columns = ["delimiter", "attributes"]
    is_named = parts["version"].gather(rows).str.starts_with("2") & named["attributes"].is_not_null()
    attributes = named["attributes"].zip_with(is_named, attributes)
    delimiters = named["delimiter"].set(~is_named, None).fill_null("\t")
    pairs = _split_attributes(rows, attributes, delimiters)
    pairs = _translate(pairs, LEEF_FIELDS, frozenset(wanted), frozenset())
    fields, values, rest = _spread(pairs, len(texts), wanted, body)
    fields = {"leef.version": parts["version"], **_name_observer(parts), **fields}
    return Bodies(matched.alias("matched"), values, {"": rest}, fields=fields)


def split_at_keys(rows: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """Pairs of texts in which a value runs to the next ` key=`; blanks around pairs are dropped."""
    if texts.str.contains("[\x1e\x1f]").any():
        texts = texts.str.replace_all("[\x1e\x1f]", "\N{REPLACEMENT CHARACTER}")
    marked = (" " + texts).str.replace_all(_EXTENSION_KEY, f"{_PAIR}${{1}}{_ASSIGN}")
    pieces = pl.DataFrame({ROW: rows, "piece": marked.str.split(_PAIR)}).explode("piece")
    return _cut_pieces(pieces, _ASSIGN)


def unescape(texts: pl.Expr) -> pl.Expr:
    r"""Undoes CEF's escapes: `\|`, `\=`, `\\`, and `\n` and `\r` for line ends."""
    return texts.str.replace_many(
        [r"\\", r"\|", r"\=", r"\n", r"\r"], ["\\", "|", "=", "\n", "\r"], leftmost=True
    )


def _unescape_header(texts: pl.Series, parts: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    # Few headers have escapes, and to look for them costs a fraction.
    if not texts.str.contains("\\", literal=True).any():
        return parts
    return parts.with_columns(unescape(pl.col(names)))


def _split_attributes(rows: pl.Series, texts: pl.Series, delimiters: pl.Series) -> pl.DataFrame:
    found = [pl.DataFrame(schema={ROW: rows.dtype, KEY: pl.String, VALUE: pl.String})]
    for written in delimiters.unique(maintain_order=True).to_list():
        chosen = delimiters == written
        part, places = texts.filter(chosen), rows.filter(chosen)
        delimiter = _read_delimiter(written)
        loose = pl.repeat(delimiter == " ", len(part), eager=True)
        if delimiter == "\t":
            loose = ~part.str.contains("\t", literal=True)
        if loose.any():
            found.append(split_at_keys(places.filter(loose), part.filter(loose)))
        if not loose.all():
            pieces = pl.DataFrame(
                {ROW: places.filter(~loose), "piece": part.filter(~loose).str.split(delimiter)}
            ).explode("piece")
            found.append(_cut_pieces(pieces, "="))
    return pl.concat(found)


def _read_delimiter(written: str) -> str:
    if len(written) == 1:
        return written
    return "\t" if written == r"\t" else chr(int(written.lstrip("0").lstrip("x") or "9", 16))


def _cut_pieces(pieces: pl.DataFrame, assign: str) -> pl.DataFrame:
    """`key<assign>value` to pairs; a piece without `assign` is text."""
    parts = pl.col("piece").str.splitn(assign, 2).struct.rename_fields([KEY, VALUE])
    cut = pieces.filter(pl.col("piece").str.contains(r"\S")).select(ROW, parts.struct.unnest())
    is_text = pl.col(VALUE).is_null()
    return cut.with_columns(
        pl.when(is_text).then(pl.lit(TEXT_KEY)).otherwise(pl.col(KEY).str.strip_chars()).alias(KEY),
        pl.when(is_text).then(pl.col(KEY)).otherwise(pl.col(VALUE)).str.strip_chars(" \t\r").alias(VALUE),
    )


def _apply_labels(pairs: pl.DataFrame) -> pl.DataFrame:
    is_label = pairs[KEY].str.contains("^(?i:c[sn][1-9]|cfp[1-9]|c6a[1-9]|flex.*|deviceCustom.*)Label$")
    if not is_label.any():
        return pairs
    label = pl.col(VALUE).str.replace_all(r"[^\p{L}\p{N}-]+", "_").str.strip_chars("_")
    base = pl.col(KEY).str.to_lowercase().str.strip_suffix("label")
    labels = pairs.filter(is_label).select(ROW, base.alias("_base"), label.alias("_label"))
    labels = labels.filter(pl.col("_label") != "").unique([ROW, "_base"], keep="last")
    named = pairs.with_columns(
        pl.col(KEY).str.to_lowercase().alias("_base"), pl.Series("_is", is_label)
    ).join(labels, on=[ROW, "_base"], how="left", maintain_order="left")
    # A label without its value stays a member like others.
    used = named.filter(pl.col("_label").is_not_null()).select(
        ROW, (pl.col("_base") + "label").alias("_base"), pl.lit(True).alias("_used")
    )
    named = named.join(used.unique(), on=[ROW, "_base"], how="left", maintain_order="left")
    kept = named.filter(pl.col("_used").is_null())
    return kept.select(ROW, pl.coalesce("_label", KEY).alias(KEY), VALUE)


def _translate(
    pairs: pl.DataFrame, fields: Mapping[str, str], wanted: frozenset[str], times: frozenset[str]
) -> pl.DataFrame:
    """Marks keys that have an ECS field with the field's name, where their value is one that the field takes."""
    known = {key: _MARK + name for key, name in fields.items() if key not in wanted}
    keys = pairs[KEY].replace_strict(known, default=pairs[KEY], return_dtype=pl.String)
    values = pairs[VALUE]
    for name, words in ECS_VALUES.items():
        rows = (keys == _MARK + name).arg_true()
        if len(rows):
            said = values.gather(rows).str.to_lowercase()
            mapped = said.replace_strict(dict(words), default=None, return_dtype=pl.String)
            keys, values = _take_mapped(pairs, keys, values, rows, mapped)
    rows = keys.is_in([_MARK + name for name in ECS_LOWER]).arg_true()
    values = values.scatter(rows, values.gather(rows).str.to_lowercase())
    rows = pairs[KEY].is_in(list(times - wanted)).arg_true()
    if len(rows):
        keys, values = _take_mapped(pairs, keys, values, rows, _read_times(values.gather(rows)))
    return pairs.with_columns(keys.alias(KEY), values.alias(VALUE))


def _take_mapped(
    pairs: pl.DataFrame, keys: pl.Series, values: pl.Series, rows: pl.Series, mapped: pl.Series
) -> tuple[pl.Series, pl.Series]:
    """New values for some rows; a row whose new value is null gets its old key and value back."""
    left = rows.filter(mapped.is_null())
    good = rows.filter(mapped.is_not_null())
    keys = keys.scatter(left, pairs[KEY].gather(left))
    return keys, values.scatter(good, mapped.drop_nulls())


def _read_times(texts: pl.Series) -> pl.Series:
    """ISO 8601 in UTC; null for what is no time of CEF's, or lacks its year."""
    recorded = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(texts))
    times = parse_times(texts, Timestamp("time", TIME_FORMATS), recorded, None, "UTC")
    return times.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def _name_observer(parts: pl.DataFrame) -> dict[str, pl.Series]:
    return {
        "observer.vendor": parts["vendor"],
        "observer.product": parts["product"],
        "observer.version": parts["device"],
        "event.code": parts["code"],
    }


def _spread(
    pairs: pl.DataFrame, height: int, wanted: Iterable[str], body: Body
) -> tuple[dict[str, pl.Series], dict[str, pl.Series], pl.Series]:
    """The columns of known fields, those of wanted keys, and the rest."""
    marked = pairs[KEY].unique(maintain_order=True)
    marked = marked.filter(marked.str.starts_with(_MARK))
    values, rest = spread_pairs(pairs, height, [*wanted, *marked], body.max_fields)
    fields = {key.removeprefix(_MARK): values.pop(key) for key in marked if key in values}
    return fields, values, rest
