"""Tells whether a directory of rules has changed."""

import hashlib
import os
from pathlib import Path


def read_fingerprint(directory: Path) -> str:
    """A short text that changes when a file below `directory` is written, added, renamed or removed.

    Names, sizes and times of change are looked at, not contents. A directory that is not there has a fingerprint too.
    """
    digest = hashlib.blake2b(digest_size=8)
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted(files):
            if name.startswith("."):
                continue  # what editors write beside a file while it is edited
            path = os.path.join(folder, name)  # noqa: PTH118  # os.walk gives texts
            try:
                stat = os.stat(path)  # noqa: PTH116
            except OSError:
                continue  # gone since it was listed
            digest.update(
                f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\n".encode(errors="replace")
            )
    return digest.hexdigest()
