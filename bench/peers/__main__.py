"""`python -m bench.peers` tells which peers can run here; `python -m bench.peers install` installs those from PyPI."""

import sys

from bench.peers.roster import list_peers
from bench.peers.venvs import INSTALLABLE, install


def main() -> int:
    if sys.argv[1:] == ["install"]:
        for name in INSTALLABLE:
            print(f"{name}: {install(name)}", flush=True)
    elif sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    # A Kafka is found or started by the measurement; here it is taken for granted.
    for peer in list_peers(lambda: ""):
        print(f"{peer.name}, {peer.variant}: {peer.find_missing() or 'can run'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
