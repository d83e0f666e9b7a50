"""Takes URLs apart, column-wise (RFC 3986, appendix B, narrowed to what a web server or client logs)."""

import polars as pl

# scheme, user, host, port, path, query, fragment. The password has no group: it is never kept.
_PARTS = (
    r"^(?:([A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:([^\s/?#@:]*)(?::[^\s/?#]*)?@)?"
    r"(\[[0-9A-Fa-f:.]{2,45}\]|[^\s/?#@:\[\]]*)"
    r"(?::([0-9]{0,5}))?)?"
    r"(/[^\s?#]*)?"
    r"(?:\?([^\s#]*))?"
    r"(?:#(\S*))?$"
)
_NAMES = ("scheme", "username", "domain", "port", "path", "query", "fragment")
URL_PARTS = (*_NAMES, "extension", "full")
# What a CONNECT asks for.
_AUTHORITY = r"^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]*[A-Za-z0-9_-]):([0-9]{1,5})$"
_CONTROL = r"[\x00-\x20\x7f]"
_PASSWORD = r"^([A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*):[^\s/?#]*@"
# The last segment's, parameters (;jsessionid=...) aside; a leading dot hides a file, and v1.2 is no file.
_EXTENSION = r"/[^/;]*[^/;.][^/;]*\.([A-Za-z0-9_~-]{0,15}[A-Za-z][A-Za-z0-9_~-]{0,15})(?:;[^/]*)?$"
HIGHEST_PORT = 65_535


def dissect_urls(texts: pl.Series, prefix: str) -> pl.DataFrame:
    """The parts of URLs, request targets (`/a?b`) and authorities (`host:443`).

    Args:
        texts: String.
        prefix: what stands before the parts' names, such as `url.`.

    Returns:
        n rows: `scheme`, `username`, `domain` (lower case; an IPv6 address keeps its brackets, as ECS asks),
        `port` (Int64), `path`, `query`, `fragment`, `extension`, and `full` of absolute URLs, without the
        password. Parts are as written, nothing is unescaped; a missing or empty one is null. A text with
        blanks or control characters in it, or that is no URL, gives nulls.
    """
    sound = pl.when(~pl.col("t").str.contains(_CONTROL)).then(pl.col("t"))
    frame = texts.to_frame("t").select(sound)
    parts = frame.select(
        "t", pl.col("t").str.extract_groups(_PARTS).struct.rename_fields(_NAMES).struct.unnest()
    )
    port = pl.col("port").cast(pl.Int64, strict=False)
    # `http://:80` and `http://` name nothing; `file:///etc/hosts` does.
    is_sound = (port.is_null() | (port <= HIGHEST_PORT)) & (
        pl.col("scheme").is_null()
        | (pl.col("domain") != "")
        | (pl.col("path").is_not_null() & pl.col("port").is_null() & pl.col("username").is_null())
    )
    texts_of = [pl.when(is_sound & (pl.col(name) != "")).then(pl.col(name)).alias(name) for name in _NAMES]
    parts = parts.select("t", *texts_of)
    if parts.select(_is_bare().any()).item():
        pair = pl.col("t").str.extract_groups(_AUTHORITY)
        number = pair.struct.field("2").cast(pl.Int64, strict=False)
        is_pair = _is_bare() & (number <= HIGHEST_PORT)
        parts = parts.with_columns(
            pl.when(is_pair).then(pair.struct.field("1")).otherwise("domain").alias("domain"),
            pl.when(is_pair).then(pair.struct.field("2")).otherwise("port").alias("port"),
        )
    full = pl.when(pl.col("scheme").is_not_null()).then(pl.col("t").str.replace(_PASSWORD, "${1}@"))
    return parts.select(
        pl.col("scheme").str.to_lowercase().alias(f"{prefix}scheme"),
        pl.col("username").alias(f"{prefix}username"),
        pl.col("domain").str.to_lowercase().alias(f"{prefix}domain"),
        pl.col("port").cast(pl.Int64).alias(f"{prefix}port"),
        pl.col("path").alias(f"{prefix}path"),
        pl.col("query").alias(f"{prefix}query"),
        pl.col("fragment").alias(f"{prefix}fragment"),
        pl.col("path").str.extract(_EXTENSION, 1).alias(f"{prefix}extension"),
        full.alias(f"{prefix}full"),
    )


def _is_bare() -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_null() for name in _NAMES) & pl.col("t").is_not_null()
