"""Event time's progress: how far a raw partition has got, and how far all of them have.

Two halves, both without a clock. Whoever reads a raw partition keeps a `PartitionClock` and sends its `Progress` along
with the signals; whoever counts windows keeps a `Watermark`, the minimum over the partitions. Since idleness too
travels as data, the windows' side is a function of the signals log alone: read again, it decides the same again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

IDLE_AFTER_MS: Final = 30_000
END_OF_TIME: Final = 2**62
"""The watermark of input that has ended: every window is closed."""

METADATA_LIMIT: Final = 4_000
"""Kafka refuses offset metadata beyond 4,096 bytes (offset.metadata.max.bytes); some room is left for a prefix."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of one raw partition at one moment.

    `partitions`: how many the raw topic has. `watermark`: epoch ms, None before the first event with a plausible time.
    `idle`: read to its end and silent for long; such a partition no longer holds the others back.
    """

    partition: int
    partitions: int
    watermark: int | None
    idle: bool = False


class PartitionClock:
    """The progress of one raw partition, kept by whoever reads it; the wall clock is handed in as `now` (epoch ms).

    The watermark is the newest time that an event bears itself. While the partition is read to its end and silent it
    moves on with the wall clock, by as much as has passed since that event came. It never goes back, whatever `now`
    does.
    """

    def __init__(
        self, partition: int, partitions: int, idle_after: int = IDLE_AFTER_MS, restored: str = ""
    ) -> None:
        """`restored`: a text that `dump` gave, from the partition's offset commit; anything else starts afresh."""
        self.partition = partition
        self.partitions = partitions
        self.idle_after = idle_after
        self._newest: int | None = None
        self._seen_at: int | None = None
        self._recorded: tuple[int, int] | None = None
        self._reported: int | None = None
        self._restore(restored)

    def observe(self, newest: int | None, now: int, recorded: int | None = None) -> Progress:
        """Events were read; `newest` is the latest time that one of them bears, None if none bears a plausible one.

        Without any for long the partition counts as idle, so that it does not hold the others. If it has never shown
        one, the times of its records stand in: `recorded` is the newest of them. Not at once, for in a replay records
        are of today, and taken for event time they would close every window of the past.
        """
        if newest is not None:
            self._newest = newest if self._newest is None else max(self._newest, newest)
            self._seen_at = now
            return self._report(self._newest, idle=False)
        if recorded is not None:
            self._recorded = (max(recorded, self._recorded[0]) if self._recorded else recorded), now
        return self._stand_in(now, moving=False)

    def wait(self, now: int) -> Progress:
        """Nothing came, and the partition is read to its end (the caller has seen its high watermark)."""
        return self._stand_in(now, moving=True)

    def _stand_in(self, now: int, moving: bool) -> Progress:
        if self._seen_at is None:
            self._seen_at = now
        silent = max(0, now - self._seen_at)
        is_long = silent >= self.idle_after
        if self._newest is None and self._recorded is not None:
            recorded, read_at = self._recorded
            unread = max(0, now - read_at) if moving else 0
            return self._report(
                recorded + unread if is_long else None, idle=is_long and unread >= self.idle_after
            )
        moved = self._newest + silent if moving and self._newest is not None else self._newest
        return self._report(moved, idle=is_long)

    def dump(self) -> str:
        """The state in at most 40 characters, for the metadata of the partition's offset commit."""
        return f"w1 {_to_text(self._newest)} {_to_text(self._seen_at)}"

    def _report(self, watermark: int | None, idle: bool) -> Progress:
        if watermark is not None and (self._reported is None or watermark > self._reported):
            self._reported = watermark
        return Progress(self.partition, self.partitions, self._reported, idle)

    def _restore(self, text: str) -> None:
        words = text.split(" ")
        if len(words) != 3 or words[0] != "w1":
            return
        try:
            newest, seen_at = _to_number(words[1]), _to_number(words[2])
        except ValueError:
            return
        # Without both, the wall clock would count from nowhere.
        if newest is not None and seen_at is not None:
            self._newest, self._seen_at = newest, seen_at


@dataclass(frozen=True, slots=True)
class Watermark:
    """The progress of all raw partitions together: an immutable value, advanced by `follow`.

    `time` is the minimum over the partitions that are not idle; None until each partition of the topic has told its
    time or its idleness, for it may hold older events. When all are idle nothing is left to wait for, and the newest
    counts. It never goes back, and a partition that returns from idleness with older events finds them late.
    """

    time: int | None = None
    marks: Mapping[int, tuple[int | None, bool]] | None = None
    partitions: int = 0

    def follow(self, progress: Progress) -> "Watermark":
        """This watermark after `progress`. A partition's own watermark never goes back either."""
        marks = dict(self.marks or {})
        before = marks.get(progress.partition, (None, False))[0]
        own = _newer(before, progress.watermark)
        if marks.get(progress.partition) == (own, progress.idle) and progress.partitions <= self.partitions:
            return self
        marks[progress.partition] = (own, progress.idle)
        partitions = max(self.partitions, progress.partitions)
        return Watermark(_newer(self.time, _merge(marks, partitions)), marks, partitions)

    def dump(self, limit: int = METADATA_LIMIT) -> str:
        """The state as text of at most `limit` characters, for `restore_watermark`.

        Each partition costs some 4 characters, so that about 1,000 fit. Beyond the limit only the merged time is kept,
        for all partitions: they then count as no further than that until heard of again, which can delay the closing
        of windows after a restart and never loses a signal.
        """
        marks = self.marks or {}
        lowest = min((own for own, _ in marks.values() if own is not None), default=0)
        listed = ",".join(_dump_mark(marks.get(index), lowest) for index in range(self.partitions))
        text = f"{_to_text(self.time)} {self.partitions} {lowest} {listed}"
        return text if len(text) <= limit else f"{_to_text(self.time)} {self.partitions} merged"


def restore_watermark(text: str) -> Watermark:
    """The watermark that `dump` wrote. Anything else is a ValueError that shows the text."""
    words = text.split(" ")
    try:
        time, partitions = _to_number(words[0]), int(words[1])
        if words[2:] == ["merged"]:
            # Without a merged time some partition had not been heard of, and it is not known which.
            known = range(partitions) if time is not None else ()
            return Watermark(time, {index: (time, False) for index in known}, partitions)
        lowest, listed = int(words[2]), words[3]
        read = [_read_mark(mark, lowest) for mark in listed.split(",")] if partitions else []
    except (IndexError, ValueError) as error:
        raise ValueError(f"no watermark can be read from {text[:80]!r}") from error
    if len(read) != partitions or len(words) != 4:
        raise ValueError(f"no watermark can be read from {text[:80]!r}")
    return Watermark(time, {index: mark for index, mark in enumerate(read) if mark is not None}, partitions)


def _merge(marks: Mapping[int, tuple[int | None, bool]], partitions: int) -> int | None:
    if len(marks) < partitions:
        return None
    active = [own for own, idle in marks.values() if not idle]
    known = [own for own in active if own is not None]
    if len(known) < len(active):
        return None
    if known:
        return min(known)
    return max((own for own, _ in marks.values() if own is not None), default=None)


def _newer(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)


def _dump_mark(mark: tuple[int | None, bool] | None, lowest: int) -> str:
    if mark is None:
        return ""
    own, idle = mark
    return ("-" if own is None else f"{own - lowest:x}") + ("!" if idle else "")


def _read_mark(text: str, lowest: int) -> tuple[int | None, bool] | None:
    if not text:
        return None
    digits = text.removesuffix("!")
    return (None if digits == "-" else lowest + int(digits, 16)), text.endswith("!")


def _to_text(number: int | None) -> str:
    return "-" if number is None else str(number)


def _to_number(text: str) -> int | None:
    return None if text == "-" else int(text)
