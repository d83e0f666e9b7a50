"""What the settings say that rules have to know: zones by host or path, and what is masked."""

from parsers.model import Installation
from pipeline.settings.model import Settings


def to_installation(settings: Settings) -> Installation:
    """The part of the settings that the parse core takes."""
    key = b"" if settings.mask_key is None else settings.mask_key.reveal().encode()
    return Installation(settings.timezones, settings.mask, key)
