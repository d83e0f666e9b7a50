"""Takes file paths apart, column-wise: those of Unix and of Windows."""

import polars as pl

_WINDOWS = r"^(?:[A-Za-z]:[\\/]|\\\\)"
_UNIX_PARTS = r"^(?:(.*)/)?([^/]*)$"
_WINDOWS_PARTS = r"^(?:(.*)[\\/])?([^\\/]*)$"
# A leading dot hides a file, and v1.2 is no extension.
PATH_PARTS = ("name", "directory", "extension")
_EXTENSION = r"[^.].*\.([A-Za-z0-9_~-]{0,15}[A-Za-z][A-Za-z0-9_~-]{0,15})$"


def dissect_paths(texts: pl.Series, prefix: str) -> pl.DataFrame:
    r"""The parts of paths: `name`, `directory`, `extension`.

    Args:
        texts: String; `/a/b.txt`, `a/b`, `C:\a\b.txt`, `\\host\share\a`.
        prefix: what stands before the parts' names, such as `file.`.

    Returns:
        n rows; a missing part is null. `directory` has no slash at its end, unless it is the root (`/`,
        `C:\`). A path that ends in a slash is a directory: it has no name.
    """
    path = pl.col("t")
    is_windows = path.str.contains(_WINDOWS)
    windows, unix = path.str.extract_groups(_WINDOWS_PARTS), path.str.extract_groups(_UNIX_PARTS)
    parts = pl.when(is_windows).then(windows).otherwise(unix)
    above, name = parts.struct.field("1"), parts.struct.field("2")
    directory = (
        pl.when(is_windows & above.str.contains("^[A-Za-z]:$"))
        .then(above + "\\")
        .when(~is_windows & (above == ""))
        .then(pl.lit("/"))
        .otherwise(above)
    )
    frame = texts.to_frame("t").select(directory.alias("directory"), name.alias("name"))
    return frame.select(
        pl.when(pl.col("name") != "").then(pl.col("name")).alias(f"{prefix}name"),
        pl.when(pl.col("directory") != "").then(pl.col("directory")).alias(f"{prefix}directory"),
        pl.col("name").str.extract(_EXTENSION, 1).alias(f"{prefix}extension"),
    )
