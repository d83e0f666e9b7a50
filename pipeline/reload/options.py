"""The settings of reloading."""

import os
from collections.abc import Mapping

from pipeline.reload.status import choose_folder
from pipeline.reload.watcher import WatchOptions
from pipeline.settings import RuleSettings


def to_watch_options(
    settings: RuleSettings, program: str, environ: Mapping[str, str] = os.environ
) -> WatchOptions:
    """How a process that calls itself `program` watches its rules."""
    return WatchOptions(
        program=program,
        interval=settings.reload_interval,
        max_drop=settings.max_parsed_drop / 100,
        is_reloading=settings.reload,
        status_folder=settings.status_directory or choose_folder(environ),
    )
