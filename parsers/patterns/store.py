"""Keeps databases in a folder, for processes that start later."""

import hashlib
import os
import platform
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STORE_BYTES = 64 * 1024 * 1024
_SUFFIX = ".tailrace"
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder of files named by what they hold. Whatever is wrong with it, it only forgets; nothing raises.

    A file that is damaged, or was made on another kind of processor, counts as missing. Writing is atomic, and files
    that were not used for longest go when all together are larger than `limit` bytes. The folder belongs to the user
    alone: a database runs as code does, so one that others could write to is not used.
    """

    folder: Path
    limit: int = STORE_BYTES

    def load(self, key: str) -> bytes | None:
        """What was saved under the key, or None."""
        path = self._place(key)
        try:
            if not _is_private(self.folder):
                return None
            data = path.read_bytes()
        except OSError:
            return None
        digest, kept = data[:_DIGEST], data[_DIGEST:]
        if hashlib.blake2b(kept, digest_size=_DIGEST).digest() != digest:
            return None
        with suppress(OSError):
            os.utime(path)
        return kept

    def save(self, key: str, data: bytes) -> None:
        """Keeps `data`, if the folder can be written to and there is room for it."""
        if len(data) > self.limit // 2:
            return
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(self.folder):
                return
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".new")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.blake2b(data, digest_size=_DIGEST).digest() + data)
                Path(name).replace(self._place(key))
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._drop_oldest()

    def _place(self, key: str) -> Path:
        name = hashlib.blake2b(f"{key} {_describe_processor()}".encode(), digest_size=20).hexdigest()
        return self.folder / (name + _SUFFIX)

    def _drop_oldest(self) -> None:
        found = []
        for path in self.folder.iterdir():
            if path.suffix in (_SUFFIX, ".new"):
                with suppress(OSError):  # another process may have dropped it
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def _is_private(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True  # Windows: the user's own folders are private by their place
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _describe_processor() -> str:
    """What databases depend on: Hyperscan compiles for the instructions that the processor has."""
    described = f"{platform.system()} {platform.machine()}"
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return described + line
    return described
