"""Where this user's cache is: for what can be made again at any time."""

import sys
from collections.abc import Mapping
from pathlib import Path


def find_cache_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """The folder for Tailrace's cached files (it need not exist), or None where the user has no home.

    Follows the XDG Base Directory Specification 0.8 on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on
    Windows. A relative path in the environment is not used, as the specification asks.
    """
    home = environ.get("USERPROFILE" if platform == "win32" else "HOME", "")
    named = environ.get("LOCALAPPDATA" if platform == "win32" else "XDG_CACHE_HOME", "")
    below = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(platform, ".cache")
    for folder in (Path(named), Path(home, below) if home else Path()):
        if folder.is_absolute():
            return folder / "tailrace"
    return None
