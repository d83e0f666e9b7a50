"""`python -m pipeline.supervise PLAN`: what `tailrace worker --processes N` becomes by `exec`.

This process stays small: nothing here imports Polars or Faust.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from loguru import logger

from pipeline.ending import handle_signals
from pipeline.logs import configure_logs
from pipeline.supervisor import Plan, supervise


def become_supervisor(plan: Plan, environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by a supervisor: what it has imported is gone, its process id stays. Raises OSError."""
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *choose_flags(), "-m", __name__, json.dumps(asdict(plan))]
    os.execve(sys.executable, command, dict(environ))


def choose_flags() -> tuple[str, ...]:
    """The interpreter's flags with which `-m pipeline` finds this package, and no other in the working directory."""
    from_here = not sys.flags.safe_path and sys.path[:1] in ([""], [str(Path.cwd())])
    return () if from_here else ("-P",)


def main(arguments: Sequence[str]) -> int:
    """Supervise the plan that is the first argument, as JSON; the exit code."""
    given = json.loads(arguments[0])
    plan = Plan(**{**given, "command": tuple(given["command"])})
    configure_logs(plan.log_level, json=plan.log_json)
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> int:
    stopping = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if not stopping.is_set():
            logger.info("{}: ending all workers", number.name)
        stopping.set()

    handle_signals(asyncio.get_running_loop(), stop)
    return await supervise(plan, stopping)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
