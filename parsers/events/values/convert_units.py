"""Reads amounts that are written with their unit: sizes to bytes, durations to nanoseconds; and hexadecimals.

Text columns in, Int64 columns out; a text that is no such amount, or one beyond 63 bits, becomes null.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl

# A little below 2**63, so that a sum which a float rounds down cannot overflow.
_LIMIT = float(2**63 - 2**16)
_SIZE = r"(?i)^\s*([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?\s*([kmgtpe]?)(?:i?b|i?bytes?)?\s*$"
_SIZE_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50, "e": 2**60}
_HEX = r"^\s*(?:0[xX])?([0-9A-Fa-f]{1,16})\s*$"

_UNIT_WORDS: Mapping[str, int] = MappingProxyType(
    {
        word: size
        for size, words in (
            (1, "ns nsec nsecs nanos nanosec nanosecond nanoseconds"),
            # Both micro signs: U+00B5 of Latin-1, and the Greek letter U+03BC, which Go reads as well.
            (10**3, "us \u00b5s \u03bcs usec usecs \u00b5sec micros microsec microsecond microseconds"),
            (10**6, "ms msec msecs millis millisec millisecond milliseconds"),
            (10**9, "s sec secs second seconds"),
            (60 * 10**9, "m min mins minute minutes"),
            (3600 * 10**9, "h hr hrs hour hours"),
            (86400 * 10**9, "d day days"),
            (7 * 86400 * 10**9, "w week weeks"),
        )
        for word in words.split()
    }
)
# The unit of a bare number in a field of that type; a bare number is no `duration`.
DURATION_UNITS: Mapping[str, int | None] = MappingProxyType(
    {
        "duration": None,
        "duration_ns": 1,
        "duration_us": _UNIT_WORDS["us"],
        "duration_ms": _UNIT_WORDS["ms"],
        "duration_s": _UNIT_WORDS["s"],
        "duration_min": _UNIT_WORDS["min"],
    }
)
# What one program writes has one form, at most a few units.
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?( ?[A-Za-z\u00b5\u03bc]*)")
_MOST_UNITS = 3
# Below it a float that is one rounding off is nearer to its own nanosecond than to the next.
_EXACT = 2**50
_NUMBER = r"([0-9]+)(?:\.([0-9]+))?"
_SINGLE = rf"^\s*{_NUMBER}\s*([A-Za-z\x{{b5}}\x{{3bc}}]*)\s*$"
_SCIENTIFIC = r"^\s*[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]{1,3}\s*$"


def _join_parts(between: str, parts: Sequence[str]) -> str:
    return r"(?i)^\s*" + between.join(rf"(?:{_NUMBER}\s*(?:{words}))?" for words in parts) + r"\s*$"


# Each form: what its texts have in any case, its pattern with two groups a unit (whole, fraction), and the units.
_FORMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # 1h2m3.5s, 1 day 2 hours, 3min 20.1s: larger units first, each at most once.
    (
        r"[0-9]\s*[^0-9\s.:]",
        _join_parts(
            r"(?:\s|,|\band\b)*",
            (
                "weeks?|w",
                "days?|d",
                "hours?|hrs?|h",
                "minutes?|mins?|m",
                "seconds?|secs?|s",
                "milliseconds?|millis|msecs?|ms",
                r"microseconds?|micros|usecs?|us|\x{b5}s",
                "nanoseconds?|nanos|nsecs?|ns",
            ),
        ),
        ("w", "d", "h", "m", "s", "ms", "us", "ns"),
    ),
    # 00:01:02.5; 1.02:03:04.5 (.NET), 3 days, 0:01:02 (Python), 3-01:02:03 (ps)
    (
        ":",
        rf"^\s*(?:([0-9]+)()(?:\.|-| days?,? ))?([0-9]+)():([0-5][0-9])():{_NUMBER}\s*$",
        ("d", "h", "m", "s"),
    ),
    # ISO 8601-1:2019, 5.5.2.2; years and months have no fixed length.
    (
        "P",
        rf"^\s*P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?\s*$",
        ("w", "d", "h", "m", "s"),
    ),
)


def read_sizes(texts: pl.Series) -> pl.Series:
    """Bytes: `300`, `1.5 KB`, `12MiB`, `4k`, `1,024 bytes`.

    K, M, G, T, P and E are powers of 1024 however they are written, as in the programs' own arithmetic and in
    Elasticsearch's byte units; a fraction of a byte is rounded.
    """
    groups = texts.to_frame("t").select(pl.col("t").str.extract_groups(_SIZE).struct.unnest())
    whole = pl.col("1").str.replace_all(",", "", literal=True)
    factor = pl.col("3").str.to_lowercase().replace_strict(_SIZE_UNITS, default=None, return_dtype=pl.Int64)
    return groups.select(_add([(whole, pl.col("2"), factor)]).alias(texts.name)).to_series()


def read_durations(texts: pl.Series, unit: int | None) -> pl.Series:
    """Nanoseconds: `1.5s`, `12 ms`, `1h2m3s`, `2 days 3 hours`, `00:01:02.5`, `PT1.5S`.

    Args:
        texts: String.
        unit: nanoseconds that a bare number counts; None: a bare number is no duration, unless it is 0.

    Returns:
        Int64 of the same name; null for negative ones too: what took less than no time did not take place.
    """
    found = _read_plain_durations(texts, unit)
    if found is None:
        return _read_any_durations(texts, unit)
    if found.null_count() == texts.null_count():
        return found
    rows = (found.is_null() & texts.is_not_null()).arg_true()
    return found.scatter(rows, _read_any_durations(texts.gather(rows), unit))


def _read_plain_durations(texts: pl.Series, unit: int | None) -> pl.Series | None:
    """As `read_durations`, of plain numbers with one of the first few units; null for other texts, None for no such."""
    found: pl.Series | None = None
    left = texts
    for _ in range(_MOST_UNITS):
        match = _PLAIN.fullmatch(_find_first(left))
        if match is None:
            break
        word = match[1]
        factor = _UNIT_WORDS.get(word.strip().lower()) if word else unit
        if factor is None:
            break
        # A fraction of so many digits is a whole number of nanoseconds.
        digits = len(str(factor)) - len(str(factor).rstrip("0"))
        fraction = rf"(?:\.[0-9]{{1,{digits}}})?" if digits else ""
        number = pl.col("t").str.extract(rf"^([0-9]+{fraction}){word}$").cast(pl.Float64)
        values = left.to_frame("t").select((number * factor).round().alias(texts.name)).to_series()
        most = values.max()
        if not isinstance(most, float) or most >= _EXACT:
            break
        values = values.cast(pl.Int64)
        found = values if found is None else found.zip_with(found.is_not_null(), values)
        if values.null_count() == left.null_count():
            break
        left = texts.set(found.is_not_null(), None)
    return found


def _find_first(texts: pl.Series) -> str:
    """The first text there is, or an empty one."""
    first = texts[0] if len(texts) else ""
    return first if first is not None else next(iter(texts.drop_nulls().head(1)), "")


def _read_any_durations(texts: pl.Series, unit: int | None) -> pl.Series:
    groups = texts.to_frame("t").select("t", pl.col("t").str.extract_groups(_SINGLE).struct.unnest())
    words: dict[str, int | None] = {**_UNIT_WORDS, "": unit}
    factor = pl.col("3").str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Int64)
    value = _add([(pl.col("1"), pl.col("2"), factor)])
    if unit is None:
        is_zero = (pl.col("3") == "") & (pl.col("1").str.strip_chars("0") == "") & pl.col("2").is_null()
        value = pl.when(is_zero).then(pl.lit(0, dtype=pl.Int64)).otherwise(value)
    else:
        number = pl.when(pl.col("t").str.contains(_SCIENTIFIC)).then(pl.col("t").str.strip_chars())
        exponential = (number.cast(pl.Float64, strict=False) * unit).round()
        value = pl.coalesce(value, pl.when(exponential < _LIMIT).then(exponential).cast(pl.Int64))
    found = groups.select(value.alias(texts.name)).to_series()
    for mark, pattern, units in _FORMS:
        if found.null_count() == texts.null_count():
            break
        # A pattern costs a millisecond before it reads the first text.
        rows = (found.is_null() & texts.str.contains(mark)).arg_true()
        if rows.is_empty():
            continue
        parts = texts.gather(rows).to_frame("t")
        parts = parts.select(pl.col("t").str.extract_groups(pattern).struct.unnest())
        columns = iter(parts.columns)
        terms = [
            (pl.col(whole), pl.col(fraction), pl.lit(_UNIT_WORDS[word], dtype=pl.Int64))
            for whole, fraction, word in zip(columns, columns, units, strict=True)
        ]
        found = found.scatter(rows, parts.select(_add(terms)).to_series())
    return found


def read_hexadecimals(texts: pl.Series) -> pl.Series:
    """`0x1f`, `1F`, up to 0x7fffffffffffffff."""
    digits = texts.str.extract(_HEX, 1)
    # Longer ones and those with the sign bit are no long; Polars would raise or wrap.
    return digits.str.to_integer(base=16, strict=False)


def _add(terms: Sequence[tuple[pl.Expr, pl.Expr, pl.Expr]]) -> pl.Expr:
    """The sum of (whole digits, digits of the fraction, unit); null where all are null, or beyond a long."""
    exact, rough, there = [], [], []
    for whole, fraction, unit in terms:
        above = whole.cast(pl.Float64, strict=False)
        below = pl.when(fraction != "").then(pl.lit("0.") + fraction).cast(pl.Float64, strict=False)
        part = (below * unit).round().cast(pl.Int64, strict=False).fill_null(0)
        exact.append((whole.cast(pl.Int64, strict=False) * unit).fill_null(0) + part)
        rough.append((above * unit).fill_null(0.0))
        there.append(whole.is_not_null() & unit.is_not_null())
    is_long = pl.any_horizontal(there) & (pl.sum_horizontal(rough) < _LIMIT)
    return pl.when(is_long).then(pl.sum_horizontal(exact))
