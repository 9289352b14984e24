"""Functions that the executors' tests run in worker processes; they must lie in a module of their own."""

from __future__ import annotations

import importlib
import os
import signal
import time
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")


def square(item: int) -> int:
    return item * item


def troubled(item: int) -> int:
    """Raises for 3, kills its own process for 5."""
    if item == 3:
        raise ValueError("three is bad\nsecond line")
    if item == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return item * item


def slow(item: int) -> int:
    time.sleep(0.1)
    return item * item


def slower(item: int) -> int:
    time.sleep(1.3)
    return item


def killed_once(item: tuple[int, str]) -> int:
    """Kills its own process the first time that it sees 2."""
    value, marker = item
    if value == 2 and not os.path.exists(marker):
        with open(marker, "w"):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    return value * value


def threads(_: Any) -> list[str | None]:
    return [os.environ.get(name) for name in THREAD_VARIABLES]


#: names the file that `logged` writes to
LOG = "SPIKESIM_TEST_LOG"
#: in a driver whose own `_measure` has been replaced, the one that was there
_real: Any = None


def logged(job: Any) -> Any:
    """Measure as a sweep does, and say so: a line when it begins and one when it ends (short appends are whole)."""
    measure = _real or importlib.import_module("spikesim_py.sweep.run")._measure
    number = f"{os.getpid()}.{time.monotonic_ns()}"
    with open(os.environ[LOG], "a") as log:
        log.write(f"begin {number}\n")
        log.flush()
        time.sleep(0.1)
        made = measure(job)
        log.write(f"end {made.accuracy.key}\n")
    return made


def sweep_logged(space: dict[str, Any], store: str, executor: str, log: str) -> None:
    """Run a sweep whose evaluations are logged."""
    import spikesim_py as ss

    global _real
    run = importlib.import_module("spikesim_py.sweep.run")
    os.environ[LOG] = log  # for the processes of the executor too
    _real, run._measure = run._measure, logged
    try:
        ss.sweep(space, store=store, executor=executor, workers=2)
    finally:
        run._measure, _real = _real, None
