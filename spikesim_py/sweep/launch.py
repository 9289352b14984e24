"""Jobs from outside: started without waiting for them, listed, paused, cancelled, resumed.

A job that is launched runs in a process of its own, which outlives the one that started it: a page of the explorer
may be reloaded or closed meanwhile. `python -m spikesim_py.sweep STORE JOB` is that process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

from ..errors import SpikesimError
from .bulk import cost_sweep
from .executors import executor as named_executor
from .run import sweep
from .space import Source, load_space
from .store import Job, JobKind, JobTable, Store
from .store.database import Database
from .store.jobs import Request
from .study import Study


def launch(space: Source, *, store: str | Path, kind: JobKind = "sweep", origin: str = "app", **options: Any) -> Job:
    """Start a sweep in a process of its own and return at once; `jobs` says how far it is.

    Args:
        kind: `sweep`, or `cost` for costs alone (`cost_sweep`).
        options: plain data for `sweep` or `cost_sweep`: `executor`, `workers`, `search`, `activity` ...

    Raises:
        InputError: the space, the executor or the store cannot be used.
    """
    plan = load_space(space)
    named_executor(options.get("executor", "local"))
    with Store.write(store, plan, resume=True) as kept:
        job = kept.jobs.get(kept.jobs.add(kind, {"space": plan.model_dump(mode="json"), **options}, origin))
    _start(store, job.id)
    return job


def relaunch(store: str | Path, number: int) -> Job:
    """Go on with a job that was paused, cancelled or failed, in a process of its own.

    Raises:
        StoreError: there is no such job, or it needs no resuming.
    """
    with closing(Database.write(store, make=False)) as base:
        table = JobTable(base)
        table.requeue(number)
        job = table.get(number)
    _start(store, number)
    return job


def jobs(store: str | Path) -> list[Job]:
    """Every job of a study, the oldest first; one whose process was killed shows as failed."""
    with closing(Database.read(store)) as base:
        return JobTable(base).all()


def ask(store: str | Path, number: int, request: Request) -> None:
    """Pause or cancel a job, wherever it was started; it hears of it within a second or after the item in hand.

    Raises:
        StoreError: there is no such job, or it is not under way.
    """
    with closing(Database.write(store, make=False)) as base:
        JobTable(base).ask(number, request)


def resume(store: str | Path, number: int, **options: Any) -> Study:
    """Go on with a job that was paused, cancelled or failed, in this process.

    Args:
        options: `progress` and `executor` of `sweep`.
    """
    with closing(Database.write(store, make=False)) as base:
        JobTable(base).requeue(number)
    return run_queued(store, number, **options)


def run_queued(store: str | Path, number: int, **options: Any) -> Study:
    """Run a job that waits, in this process; one that cannot even start is marked as failed."""
    with closing(Database.read(store)) as base:
        job = JobTable(base).get(number)
    run: Callable[..., Study] = sweep if job.kind == "sweep" else cost_sweep
    try:
        return run(store=store, job=number, **{**job.spec, **options})
    except SpikesimError as error:
        with closing(Database.write(store, make=False)) as base:
            if JobTable(base).get(number).state == "queued":
                JobTable(base).end(number, "failed", str(error))
        raise


def _start(store: str | Path, number: int) -> None:
    command = [sys.executable, "-m", "spikesim_py.sweep", str(Path(store).expanduser().resolve()), str(number)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    Thread(target=process.wait, daemon=True).start()  # nobody else buries it
