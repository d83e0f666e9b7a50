"""A worker process for the tests of the transport: reads a topic and writes down what it has dealt with.

    python transport_reader.py SERVER GROUP TOPIC JOURNAL

A line of the journal is `start|done partition first next epoch-ms`. A batch takes a moment, so that a kill finds
some in flight.
"""

import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.kafka.batch_app import BatchApp
from pipeline.kafka.options import BatchOptions
from pipeline.kafka.records import RecordBatch


async def main(server: str, group: str, topic: str, journal: str) -> None:
    app: Any = BatchApp(
        group,
        servers=(server,),
        options=BatchOptions(topics=frozenset({topic}), batch_records=500, partition_batches=3),
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        datadir=tempfile.mkdtemp(),
    )
    # Line buffering: what a killed process has written is there.
    with Path(journal).open("a", buffering=1) as written:

        def note(word: str, batch: RecordBatch) -> None:
            now = time.time_ns() // 1_000_000
            written.write(f"{word} {batch.partition} {batch.first_offset} {batch.next_offset} {now}\n")

        @app.agent(app.topic(topic))  # type: ignore[untyped-decorator]
        async def read(batches: Any) -> None:
            async for batch in batches:
                note("start", batch)
                await asyncio.sleep(0.02)
                note("done", batch)

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await app.start()
        await stopping.wait()
        await app.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
