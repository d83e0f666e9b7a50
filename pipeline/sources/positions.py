"""Where following has got to in each file: remembered in the store, beside the events that were read."""

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

FINGERPRINT_BYTES = 256


class Position(msgspec.Struct, frozen=True):
    """`offset` is the first byte whose event is not safe yet.

    A file is known by device, inode and the hash of its first bytes (`head_bytes` of them, at most 256), for inodes are
    used again. `generation` counts how often the file was truncated and begun anew.
    """

    path: str
    device: int
    inode: int
    head_bytes: int
    head_hash: str
    offset: int
    generation: int = 0


class Positions(msgspec.Struct, frozen=True):
    """All positions. `numbers` gives each path the number under which its progress in event time is reported."""

    files: tuple[Position, ...] = ()
    numbers: dict[str, int] = msgspec.field(default_factory=dict)
    version: int = 1


class PositionsError(Exception):
    """The remembered positions cannot be read. `str()` names the file and the mend."""


def load_positions(path: Path) -> Positions:
    """Read positions; none where the file is not there yet. Raises PositionsError for a file that is damaged."""
    try:
        positions = msgspec.json.decode(path.read_bytes(), type=Positions)
    except FileNotFoundError:
        return Positions()
    except (OSError, msgspec.DecodeError) as error:
        raise PositionsError(
            f"cannot read the positions in {path}: {error}; remove the file to read all files from their start"
        ) from error
    if positions.version != 1:
        raise PositionsError(
            f"{path} was written by another version of Tailrace; remove it to read from the start"
        )
    return positions


def dump_positions(positions: Positions) -> bytes:
    """Write positions as the text that `load_positions` reads."""
    return msgspec.json.format(msgspec.json.encode(positions), indent=1)


def hash_head(head: bytes) -> str:
    """The fingerprint of a file's first bytes."""
    return blake2b(head, digest_size=16).hexdigest()


def is_same_file(position: Position, descriptor: int) -> bool:
    """Say whether an open file still begins as it did when the position was taken."""
    return hash_head(os.pread(descriptor, position.head_bytes, 0)) == position.head_hash


def find_renamed(
    positions: Iterable[Position], taken: Sequence[tuple[int, int]]
) -> list[tuple[Position, str]]:
    """Find the files that were renamed within their folder, each with its present path.

    `taken` are the devices and inodes of files that are known by their present path. Files that were removed, or
    whose inode has another content now, are left out.
    """
    found: list[tuple[Position, str]] = []
    folders: dict[str, dict[tuple[int, int], str]] = {}
    for position in positions:
        folder = str(Path(position.path).parent)
        if (position.device, position.inode) in taken:
            continue
        if folder not in folders:
            folders[folder] = _list_folder(folder)
        path = folders[folder].get((position.device, position.inode))
        if path is not None:
            found.append((position, path))
    return found


def _list_folder(folder: str) -> dict[tuple[int, int], str]:
    entries: dict[tuple[int, int], str] = {}
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    entries[status.st_dev, status.st_ino] = entry.path
    except OSError:
        # A folder that is gone holds none of its files any more.
        return {}
    return entries
