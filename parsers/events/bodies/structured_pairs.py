"""Pairs of key and value, one row a pair, to columns: what all formats made of pairs end with."""

from collections.abc import Iterable, Mapping

import msgspec
import polars as pl

from parsers.events.bodies.structured_bodies import BEYOND
from parsers.events.bodies.structured_json_limits import MAX_KEY

ROW, KEY, VALUE = "row", "key", "value"
_SPREAD = 0x9E3779B97F4A7C15


def spread_pairs(
    pairs: pl.DataFrame, height: int, wanted: Iterable[str], max_fields: int
) -> tuple[dict[str, pl.Series], pl.Series]:
    """Columns of `height` rows made of pairs.

    Args:
        pairs: `row` (the number of the text), `key` and `value` (String; a null value is an empty text), in the
        order of the texts. Of equal keys of a row the last wins.
        height: the number of texts.
        wanted: keys that become columns.
        max_fields: how many other pairs of a text stay members; those beyond become one JSON text.

    Returns:
        A String column for each wanted key that is there, and the other pairs of each text as a compact JSON
        object of strings, null where none is left.
    """
    if pairs.is_empty():
        return {}, _fill(height)
    pairs = _keep_last(pairs.with_columns(pl.col(VALUE).fill_null("")))
    is_wanted = pairs[KEY].is_in(list(wanted))
    values = {
        str(key): _scatter(part, VALUE, height)
        for (key,), part in pairs.filter(is_wanted).partition_by(KEY, as_dict=True).items()
    }
    return values, _write_objects(pairs.filter(~is_wanted), height, max_fields)


def write_columns(columns: Mapping[str, pl.Series], height: int, max_fields: int) -> pl.Series:
    """As the second result of `spread_pairs`, of columns: a null is no member."""
    if not columns:
        return _fill(height)
    frame = pl.DataFrame(list(columns.values()), schema=list(columns)).with_row_index(ROW)
    pairs = frame.unpivot(index=ROW, variable_name=KEY, value_name=VALUE).drop_nulls(VALUE)
    return _write_objects(pairs.sort(ROW, maintain_order=True), height, max_fields)


def _keep_last(pairs: pl.DataFrame) -> pl.DataFrame:
    # Different hashes are different keys, and cheaper to compare.
    hashes = pairs.select(pl.col(ROW).cast(pl.UInt64) * _SPREAD + pl.col(KEY).hash()).to_series()
    if hashes.n_unique() == pairs.height:
        return pairs
    return pairs.unique([ROW, KEY], keep="last", maintain_order=True)


def _write_objects(pairs: pl.DataFrame, height: int, max_fields: int) -> pl.Series:
    if pairs.is_empty():
        return _fill(height)
    key = pl.col(KEY).str.replace_all("\0", "\N{REPLACEMENT CHARACTER}", literal=True)
    encoded = pl.struct(key.str.slice(0, MAX_KEY).alias("k"), pl.col(VALUE).alias("v")).struct.json_encode()
    # `{"k":"a","v":"b"}` to `"a":"b"`: inside the texts every quote is escaped.
    member = encoded.str.slice(5).str.strip_suffix("}").str.replace('","v":"', '":"', literal=True)
    members = pairs.select(ROW, member.alias("member"))
    grouped = members.group_by(ROW, maintain_order=True)
    if grouped.len()["len"].max() > max_fields:  # type: ignore[operator]
        return _scatter(_write_limited(members, max_fields), "member", height)
    joined = grouped.agg(pl.col("member").str.join(","))
    return _scatter(
        joined.with_columns(pl.concat_str(pl.lit("{"), "member", pl.lit("}")).alias("member")),
        "member",
        height,
    )


def _write_limited(members: pl.DataFrame, max_fields: int) -> pl.DataFrame:
    joined = members.group_by(ROW, maintain_order=True).agg(
        pl.col("member").head(max_fields).str.join(","),
        pl.col("member").slice(max_fields).str.join(",").alias("beyond"),
    )
    texts = [
        "{"
        + kept
        + ("," if kept and beyond else "")
        + (write_beyond("{" + beyond + "}") if beyond else "")
        + "}"
        for kept, beyond in joined.select("member", "beyond").rows()
    ]
    return joined.with_columns(pl.Series("member", texts, dtype=pl.String))


def write_beyond(text: str) -> str:
    """The member, as JSON text, that holds what is beyond a body's limit of fields."""
    return f'"{BEYOND}":' + msgspec.json.encode(text).decode()


def _fill(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, height)


def _scatter(part: pl.DataFrame, column: str, height: int) -> pl.Series:
    return _fill(height).scatter(part[ROW], part[column])
