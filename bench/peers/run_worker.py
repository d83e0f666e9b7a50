"""Runs the agents over a topic: `python -m bench.peers.run_worker '{"server": …, "topics": …, "records": …}'`."""

import json
import sys

from bench.kafka import parse_topic

if __name__ == "__main__":
    parse_topic(**json.loads(sys.argv[1]))
