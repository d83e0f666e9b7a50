"""Imports the stages of the user that the settings name."""

import importlib
import sys
from collections.abc import Sequence

from pipeline.flow import UserStage


def load_user_stages(names: Sequence[str]) -> tuple[UserStage, ...]:
    """Imports `module:function` names, in order; the working directory is searched too.

    Raises:
        ValueError: names the one that cannot be imported or is no function, and why.
    """
    if names and "" not in sys.path:
        sys.path.insert(0, "")
    stages: list[UserStage] = []
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            stage = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(f"the stage {name!r} of the settings cannot be loaded: {error}") from error
        if not callable(stage):
            raise ValueError(f"the stage {name!r} of the settings is no function: write 'module:function'")
        stages.append(stage)
    return tuple(stages)
