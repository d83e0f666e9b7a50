"""Sends what was refused to the dead-letter topic."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from loguru import logger

from parsers.events.masks.mask import Masker
from pipeline.agents.dead_mask import mask_letter
from pipeline.agents.letter import Letter
from pipeline.kafka.producer import BatchProducer, RecordsTooLarge
from pipeline.sinks.dead_letter import build_dead_letter

# A letter of this size fits under any broker's default limit.
_SAFE_BYTES: Final = 500_000


async def send_letters(
    producer: BatchProducer, topic: str, letters: Sequence[Letter], masker: Masker | None
) -> None:
    """Send the letters, masked; what is too large for the topic is cut, for the whole record is still at its origin."""
    if not letters:
        return
    letters = await asyncio.to_thread(lambda: [mask_letter(letter, masker) for letter in letters])
    try:
        await _send(producer, topic, letters)
    except RecordsTooLarge as error:
        logger.warning("{} dead letters are cut to {} bytes: {}", len(error.indices), _SAFE_BYTES, error)
        await _send(producer, topic, [replace(letters[index], limit=_SAFE_BYTES) for index in error.indices])


async def _send(producer: BatchProducer, topic: str, letters: Sequence[Letter]) -> None:
    origins = [letter.origin for letter in letters]
    await producer.send(
        topic,
        [_build(letter) for letter in letters],
        [f"{origin.topic}/{origin.partition}/{origin.offset}".encode() for origin in origins],
        [letter.time for letter in letters],
    )


def _build(letter: Letter) -> bytes:
    return build_dead_letter(
        time=letter.time,
        reason=letter.reason,
        message=letter.message,
        stage=letter.stage,
        origin=letter.origin,
        original=letter.original,
        document=letter.document,
        key=letter.key,
        limit=letter.limit,
    )
