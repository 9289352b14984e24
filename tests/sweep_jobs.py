"""Functions that the executors' tests run in worker processes; they must lie in a module of their own."""

from __future__ import annotations

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
