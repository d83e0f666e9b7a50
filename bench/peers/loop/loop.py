"""Reads a log line by line and writes a JSON document for each.

python -m bench.peers.loop.loop access.log documents.json
"""

import json
import sys
from pathlib import Path

from bench.peers.loop.access import parse_access


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as documents:
        for line in lines:
            documents.write(json.dumps(parse_access(line.rstrip("\n"))) + "\n")


if __name__ == "__main__":
    main()
