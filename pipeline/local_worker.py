"""A process that parses and stores batches of a local run which another process reads: see `local_crew.py`."""

import signal
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.local import Engine
    from pipeline.local_batch import Counted
    from pipeline.local_wire import Packed
    from pipeline.settings import Settings
    from pipeline.sinks.store import Fresh


@dataclass(frozen=True, slots=True)
class EngineSource:
    """Where an engine and its store come from, so that each process loads its own. None: what the settings say.

    `config` is the file of the settings, or None for the usual one; `environ` also says where databases are kept.
    """

    rules: Path | None
    timezone: str | None
    config: Path | None
    store: Path | None
    environ: "Mapping[str, str]"


@dataclass(frozen=True, slots=True)
class Done:
    """A batch is parsed, by rules of this hash. `signals` is in Arrow's stream format; empty: there are none."""

    rules: str
    counted: "Counted"
    signals: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """All batches are on the disk, in these segments."""

    fresh: "tuple[Fresh, ...]"


@dataclass(frozen=True, slots=True)
class Failed:
    """What the worker cannot go on after."""

    error: Exception


def serve(batches: Connection, answers: Connection, source: EngineSource, processes: int) -> None:
    """Take batches (see `local_wire.py`) and answer each in order, and their end when what is held is on the disk.

    So many `processes` share what may be held.
    """
    # Ctrl-C reaches all processes of a terminal; the one that reads ends the others by closing their pipes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _work(batches, answers, source, processes)
    except (BrokenPipeError, EOFError):
        return
    except Exception as error:
        # The process that reads loads the same settings and rules, and has left if it told the user of them.
        with suppress(BrokenPipeError):
            answers.send(Failed(error))


def load_source(source: EngineSource, settings: "Settings") -> "Engine":
    """Load the engine. Raises RuleError, and ValueError for a stage of the user that cannot be imported."""
    from parsers.shipped import shipped_rules_directory
    from pipeline.local import load_engine
    from pipeline.rule_store import open_store
    from pipeline.settings import to_installation
    from pipeline.user_stages import load_user_stages

    return load_engine(
        source.rules or settings.rules.directory or shipped_rules_directory(),
        source.timezone or settings.rules.default_timezone,
        load_user_stages(settings.stages),
        settings.elasticsearch.namespace,
        open_store(source.environ),
        to_installation(settings),
    )


def _work(batches: Connection, answers: Connection, source: EngineSource, processes: int) -> None:
    from pipeline.local_batch import process_lines
    from pipeline.local_wire import unpack_lines
    from pipeline.settings import load_settings
    from pipeline.sinks.store import HELD_BYTES, StoreWriter

    received: Queue[Packed | EOFError | None] = Queue()
    # Who sends a batch must not wait for the rules, nor for the batch before it: the pipe is smaller than any.
    Thread(target=_receive, args=(batches, received), daemon=True).start()
    settings = load_settings(source.config, source.environ)
    flow = load_source(source, settings).flow
    directory = source.store or settings.store.directory
    writer = StoreWriter(directory, held_bytes=HELD_BYTES // processes, earlier=())
    while (packed := received.get()) is not None:
        if isinstance(packed, EOFError):
            raise packed
        outcome = process_lines(flow, unpack_lines(packed), writer)
        signals = BytesIO()
        if outcome.signals.height:
            outcome.signals.write_ipc_stream(signals)
        answers.send(Done(flow.rules.hash, outcome.counted, signals.getvalue()))
    writer.write_held()
    answers.send(Finished(writer.fresh))


def _receive(batches: Connection, received: "Queue[Packed | EOFError | None]") -> None:
    from pipeline.local_wire import receive_packed

    packed: Packed | None = (b"", b"")
    while packed is not None:
        try:
            packed = receive_packed(batches)
        except (EOFError, OSError):
            received.put(EOFError())
            return
        received.put(packed)
