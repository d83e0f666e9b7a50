"""Runs the app for as long as it is wanted: waits for the broker, starts again after a crash, ends on SIGTERM."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka.errors import KafkaError
from loguru import logger

from pipeline.allocators import settle_objects
from pipeline.app import TailraceApp, build_app
from pipeline.ending import handle_signals, watch_life_line
from pipeline.kafka.quiet import quieten_loggers
from pipeline.kafka.topics import find_missing_topics
from pipeline.logs import every
from pipeline.settings import Settings, TopicSettings

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0
_SAY_EVERY: Final = 30.0
# An app that ran this long before it crashed is started again at once.
_SOUND_AFTER: Final = 60.0


async def run_worker(
    settings: Settings,
    stages: Sequence[str] | None = None,
    *,
    life_line: int | None = None,
    build: Callable[..., TailraceApp] = build_app,
) -> None:
    """Run the agents until SIGTERM, SIGINT or SIGHUP, then drain, commit, and return.

    `life_line` is the reading end of a pipe whose other end is with who started us: when that is gone, we end too. An
    unreachable broker and missing topics are waited for; a crash is logged and the app is built anew. Raises only what
    no waiting mends: RuleError, ValueError of `build`.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    handle_signals(loop, lambda number: _ask_to_stop(stopping, number.name))
    if life_line is not None:
        watch_life_line(loop, life_line, lambda: _ask_to_stop(stopping, "The supervisor is gone"))
    chosen = tuple(settings.worker.stages if stages is None else stages)
    pause = _FIRST_PAUSE
    quieten_loggers("aiokafka", _SAY_EVERY)
    quieten_loggers("elastic_transport", _SAY_EVERY)
    app = build(settings, chosen)  # now, so that broken rules are not told only when the broker is there
    settle_objects()
    while not stopping.is_set():
        await wait_for_topics(settings, chosen, stopping)
        if stopping.is_set():
            break
        began = loop.time()
        crash = await run_once(app, settings, stopping)
        if crash is None:
            break
        pause = _FIRST_PAUSE if loop.time() - began > _SOUND_AFTER else min(2 * pause, _LONGEST_PAUSE)
        logger.opt(exception=crash).error(
            "The worker crashed and starts again in {} seconds: {}", pause, crash
        )
        await _sleep(pause, stopping)
        app = build(settings, chosen)
    logger.info("The worker has ended")


async def run_once(app: TailraceApp, settings: Settings, stopping: asyncio.Event) -> BaseException | None:
    """Start the app and let it run until it is to stop (None) or crashes (why); stops it in either case."""
    starting = asyncio.ensure_future(app.start())
    stopped = asyncio.ensure_future(stopping.wait())
    crashed = asyncio.ensure_future(_wait_for_crash(app))
    try:
        await asyncio.wait({starting, stopped, crashed}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.exception() is None:
            logger.info("The worker runs: {}", ", ".join(sorted(app.agents)) or "no agents")
            await asyncio.wait({stopped, crashed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, crashed, starting):
            if not task.done():
                task.cancel()
        await _stop(app, settings)
    if stopping.is_set():
        return None
    failed = starting.exception() if starting.done() and not starting.cancelled() else None
    reason: BaseException | None = failed or app.crash_reason
    return reason or RuntimeError("the app ended by itself")


async def _wait_for_crash(app: TailraceApp) -> None:
    await app._crashed.wait()


async def _stop(app: TailraceApp, settings: Settings) -> None:
    allowed = settings.worker.drain + 1
    try:
        await asyncio.wait_for(app.stop(), allowed)
    except TimeoutError:
        logger.warning(
            "The worker did not end within {} seconds; what was not committed is repeated", allowed
        )
    except Exception as error:
        logger.opt(exception=error).warning("The worker did not end cleanly: {!r}", error)


async def wait_for_topics(settings: Settings, stages: Sequence[str], stopping: asyncio.Event) -> None:
    """Return when the broker answers and has the topics that the stages read and write, or when `stopping` is set."""
    names = list_topics(settings.kafka.topics, stages)
    servers = ", ".join(settings.kafka.bootstrap_servers)
    is_due = every(_SAY_EVERY)
    pause = _FIRST_PAUSE
    while not stopping.is_set():
        try:
            missing = await find_missing_topics(settings.kafka, names)
        except (KafkaError, OSError) as error:
            if is_due("broker"):
                logger.warning(
                    "Kafka at {} cannot be reached, trying again until it works: {}", servers, error
                )
        else:
            if not missing:
                return
            if is_due("topics"):
                logger.warning(
                    "Kafka at {} has no topics {}: run `tailrace setup`; waiting for them",
                    servers,
                    ", ".join(missing),
                )
        await _sleep(pause, stopping)
        pause = min(2 * pause, _LONGEST_PAUSE)


def list_topics(topics: TopicSettings, stages: Sequence[str]) -> tuple[str, ...]:
    """The topics that the stages read and write."""
    needed = {
        "parse": (topics.raw, topics.events, topics.signals, topics.dead),
        "burst": (topics.signals, topics.bursts, topics.dead),
        "index": (topics.events, topics.bursts, topics.dead),
    }
    return tuple(dict.fromkeys(name for stage in stages for name in needed.get(stage, ())))


def _ask_to_stop(stopping: asyncio.Event, reason: str) -> None:
    if not stopping.is_set():
        logger.info("{}: ending what has begun, then committing", reason)
    stopping.set()


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
