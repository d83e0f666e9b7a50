"""Other tools on the same lines and the same core: `python -m bench peers`. README.md says how to have them."""

from bench.options import Options
from bench.report import Row


def measure(options: Options) -> list[Row]:
    """The rows of this part."""
    # Peers run modules of this package in interpreters of their own, which have nothing that a measurement needs.
    from bench.peers.part import measure_peers

    return measure_peers(options)
