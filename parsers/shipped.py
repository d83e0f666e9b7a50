"""Where the rules are that come with Tailrace."""

from pathlib import Path


def shipped_rules_directory() -> Path:
    """The rules inside the installed package; in a source tree, the folder `rules` beside this package.

    Raises:
        FileNotFoundError: the installation holds neither, so it is broken.
    """
    package = Path(__file__).resolve().parent
    for directory in (package / "_rules", package.parent / "rules"):
        if directory.is_dir():
            return directory
    raise FileNotFoundError(f"no rules in {package / '_rules'}; install tailrace again, or name a directory")
