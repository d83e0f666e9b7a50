"""The folder that the demo writes to. It never touches files that are not its own."""

import shutil
from pathlib import Path

from pipeline.demo.sources import SOURCES

MARKER = ".tailrace-demo"
STORE = "store"


class FolderError(Exception):
    """The folder cannot be used; the text says why, and what to do."""


def prepare_folder(directory: Path) -> Path:
    """Make the folder, or clear what an earlier demo left there; gives the store inside. Raises FolderError.

    A folder that holds log files or a store of somebody else's is refused: `--write /var/log` must not cost
    anyone their logs.
    """
    marker, store = directory / MARKER, directory / STORE
    try:
        if not marker.exists():
            found = next((path for path in _find_own(directory) if path.exists()), None)
            if found is not None:
                raise FolderError(
                    f"{found} is there already, and is not the demo's: name a new or an empty directory"
                )
            directory.mkdir(parents=True, exist_ok=True)
            marker.write_text("Made by `tailrace demo`, which clears its files here when it runs again.\n")
        if store.exists():
            shutil.rmtree(store)
    except OSError as error:
        raise FolderError(f"cannot write to {directory}: {error.strerror or error}") from error
    return store


def _find_own(directory: Path) -> list[Path]:
    return [*(directory / source.path for source in SOURCES), directory / STORE]
