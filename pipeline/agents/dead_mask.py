"""What goes out beside the documents, without masked values: dead letters, and what we say of a failure."""

import traceback
from dataclasses import replace
from typing import Final

from parsers.events.masks.mask import Masker
from pipeline.agents.letter import Letter

# Stages whose letters hold the record as it came; those after them hold what the masks have seen.
RAW_STAGES: Final = frozenset(("decode", "parse"))
_WITHHELD: Final = (
    "; the record is withheld, since it may hold values that a mask knows by their field: see its origin"
)


def mask_letter(letter: Letter, masker: Masker | None) -> Letter:
    """The letter with all masks applied to its texts.

    Where a mask knows its values by their field alone, a raw record cannot be searched for them and is left out; its
    origin says where it is.
    """
    if masker is None:
        return letter
    message = masker.mask_text(letter.message)
    is_raw = letter.stage in RAW_STAGES
    if is_raw and masker.is_blind:
        return replace(letter, message=message + _WITHHELD, original=None, document=None, key=None)

    def mask(data: bytes | None) -> bytes | None:
        return None if data is None else masker.mask_bytes(data)

    key = mask(letter.key) if is_raw else letter.key
    return replace(
        letter, message=message, original=mask(letter.original), document=mask(letter.document), key=key
    )


def describe_failure(error: BaseException, masker: Masker | None) -> str:
    """An error with its traceback as text, without masked values: libraries quote what they could not read."""
    text = "".join(traceback.format_exception(error)).rstrip()
    return text if masker is None else masker.mask_text(text)
