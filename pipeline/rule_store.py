"""What compiling rules costs is paid once on a machine: the folder that keeps it."""

from collections.abc import Mapping

from parsers.patterns.store import FolderStore
from pipeline.settings.cache_folder import find_cache_folder


def open_store(environ: Mapping[str, str]) -> FolderStore | None:
    """The store in the user's cache folder; None where the user has none."""
    folder = find_cache_folder(environ)
    return FolderStore(folder) if folder is not None else None
