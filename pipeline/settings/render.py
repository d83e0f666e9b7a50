"""The settings in force as YAML, each value with a comment on where it came from."""

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pipeline.settings.model import Settings, Unit
from pipeline.settings.schema import Leaf, list_leaves
from pipeline.settings.structured import render_structured
from pipeline.settings.units import to_bytes_text, to_seconds_text

_COMMENT_COLUMN = 48


def render_settings(settings: Settings) -> str:
    """YAML that `load_settings` reads back as the same settings, but for secrets: they show as `***`."""
    lines: list[str] = []
    open_section: tuple[str, ...] = ()
    for keys, leaf in list_leaves().items():
        section = keys[:-1]
        for depth in range(len(section)):
            if section[: depth + 1] != open_section[: depth + 1]:
                lines.append(f"{'  ' * depth}{section[depth]}:")
        open_section = section
        text = f"{'  ' * len(section)}{keys[-1]}: {_render_value(leaf, _get(settings, keys))}"
        lines.append(f"{text:<{_COMMENT_COLUMN}}  # {settings.origins.get(leaf.path, 'default')}")
    return "\n".join(lines) + "\n"


def list_secrets(settings: Settings) -> tuple[str, ...]:
    """The secret values that are set, for the log to keep out."""
    values = (_get(settings, keys) for keys, leaf in list_leaves().items() if leaf.is_secret)
    return tuple(value.reveal() for value in values if value is not None)


def _get(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = getattr(value, key)
    return value


def _render_value(leaf: Leaf, value: Any) -> str:
    if value is None:
        return "null"
    if leaf.is_secret:
        return "'***'"
    if leaf.is_structured:
        return render_structured(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_quote(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    unit = get_args(leaf.kind)[1] if get_origin(leaf.kind) is Annotated else None
    if isinstance(unit, Unit) and unit.name == "seconds":
        return to_seconds_text(value)
    if isinstance(unit, Unit) and unit.name == "percent":
        return f"{value:g}%"
    if isinstance(unit, Unit) and unit.name == "processes" and not value:
        return "auto"
    if isinstance(unit, Unit) and unit.name == "bytes":
        return to_bytes_text(value)
    return str(value) if isinstance(value, int) else _quote(value)


def _quote(value: str | Path) -> str:
    """Single quotes where YAML could take the text for something else."""
    text = str(value)
    plain = text.isascii() and text[:1].isalpha() and all(part.isalnum() or part in "._-/" for part in text)
    words = {"true", "false", "yes", "no", "on", "off", "null"}
    return text if plain and text.lower() not in words else "'" + text.replace("'", "''") + "'"
