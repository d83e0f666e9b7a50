"""Sets the allocators up: a worker gives memory back that a batch has left, a run over files keeps it.

A worker takes tens of megabytes for each batch and drops them, in several threads. Left alone, glibc keeps an arena
for each thread and Polars' jemalloc keeps freed pages for 1.5 s: about a third of what the process holds is empty.
"""

import ctypes
import gc
import os
from collections.abc import MutableMapping
from typing import Final

# jemalloc: two arenas; freed pages go back to the system after 0.2 s (at once would cost a tenth of the CPU).
_JEMALLOC: Final = "_RJEM_MALLOC_CONF"
_JEMALLOC_OPTIONS: Final = "dirty_decay_ms:200,muzzy_decay_ms:0,narenas:2"
# A run over files: pages that a batch has left are wanted by the next one, and to give them back and fetch them anew
# costs a tenth of the CPU. So they may stay for three seconds, large ones too.
_JEMALLOC_KEEPING: Final = "dirty_decay_ms:3000,muzzy_decay_ms:0,narenas:2,oversize_threshold:0"
# What importing Polars leaves in the environment, and with it in that of every process started from there.
_POLARS_OPTIONS: Final = "dirty_decay_ms:500,muzzy_decay_ms:1000"
# glibc, <malloc.h>: two arenas; blocks of 4 MB and more are mapped, and unmapped at once; at the end of an arena 4 MB
# may be free. Every page that comes back from the system costs 2 us on a virtual machine: with 256 KiB, and all that is
# free given back, a worker took 1.4 times the CPU for 8 to 40 MB less.
_GLIBC: Final = {
    "MALLOC_ARENA_MAX": (-8, 2),
    "MALLOC_MMAP_THRESHOLD_": (-3, 4_000_000),
    "MALLOC_TRIM_THRESHOLD_": (-1, 4_000_000),
}


def spare_memory(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the allocators of a worker up. To be called before Polars is imported, which reads the variable then.

    What the environment says of the same options wins, unless it was Polars in a parent process that put it there.
    glibc's are left alone where the C library is another.
    """
    _set_jemalloc(environ, _JEMALLOC_OPTIONS)
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if set_option is None:
        return
    for variable, (option, value) in _GLIBC.items():
        if variable not in environ:
            set_option(option, value)


def keep_memory(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the allocator of a run over files up; when to call it, and what wins, as for `spare_memory`."""
    _set_jemalloc(environ, _JEMALLOC_KEEPING)


def _set_jemalloc(environ: MutableMapping[str, str], options: str) -> None:
    given = environ.get(_JEMALLOC, "").removeprefix(_POLARS_OPTIONS).removeprefix(options).lstrip(",")
    environ[_JEMALLOC] = f"{options},{given}" if given else options


def settle_objects() -> None:
    """Take what is there now out of the collector's sight: to be called when all is loaded that stays.

    The rules are more than 100,000 objects. A full collection walks over them for 0.1 s, in the middle of a batch.
    """
    gc.collect()
    gc.freeze()
