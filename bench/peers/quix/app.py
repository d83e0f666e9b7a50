"""Topic to topic with Quix Streams: `python -m bench.peers.quix.app SERVER SOURCE TARGET COUNT`.

Its own defaults (at least once), but for the log level; values are raw lines in and JSON out.
"""

import sys
from uuid import uuid4

from quixstreams import Application  # type: ignore[import-not-found]

from bench.peers.loop.access import parse_access


def main() -> None:
    server, source, target, count = sys.argv[1:]
    app = Application(
        broker_address=server,
        consumer_group=f"quix-{uuid4()}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
    )
    lines = app.dataframe(app.topic(source, value_deserializer="str"))
    lines.apply(parse_access).to_topic(app.topic(target, value_serializer="json"))
    app.run(count=int(count), collect=False)


if __name__ == "__main__":
    main()
