"""What every executor does, and the simplest one.

``run(function, items, pulse)`` yields ``(index, status, value)`` once per item, in the order of completion: status `ok`
with the result, `error` with a one-line message, or `crashed` where the item's process died by itself. Items are
taken from their iterable one by one, when there is room for one, so that a source may decide late what comes next, or
that nothing does. `pulse` is called at least once a second while the driver waits (`serial`: before each item); what it
raises ends the run. Whatever ends it, no process of the run is left.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Literal, Protocol

Status = Literal["ok", "error", "crashed"]
Outcome = tuple[int, Status, Any]
Outcomes = Generator[Outcome, None, None]
Function = Callable[[Any], Any]
Pulse = Callable[[], None]

CRASHED: tuple[Status, Any] = ("crashed", "its process died twice")
#: threads of the numerical libraries: one per worker, so that workers and threads do not oversubscribe the cores
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: seconds between two pulses
PULSE_S = 0.5


def no_pulse() -> None:
    """For whoever has nothing to do meanwhile."""


class Executor(Protocol):
    def __call__(self, function: Function, items: Iterable[Any], pulse: Pulse = no_pulse) -> Outcomes: ...


def serial(function: Function, items: Iterable[Any], pulse: Pulse = no_pulse) -> Outcomes:
    """One after the other, in this process."""
    for index, item in enumerate(items):
        pulse()
        yield (index, *guarded(function, item))


def guarded(function: Function, item: Any) -> tuple[Status, Any]:
    """`ok` and the result, or `error` and its first line."""
    try:
        return "ok", function(item)
    except Exception as error:
        lines = str(error).splitlines()
        return "error", f"{type(error).__name__}: {lines[0] if lines else ''}"


class Queue:
    """Items on their way through an executor: new ones in their order, then those to be tried again."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._new, self._held, self._again = enumerate(items), dict[int, Any](), list[int]()
        self._dry = False

    def take(self) -> tuple[int, Any] | None:
        """The next item; None if there is none left."""
        if not self._dry:
            for index, item in self._new:
                self._held[index] = item
                return index, item
            self._dry = True
        if not self._again:
            return None
        index = self._again.pop(0)
        return index, self._held[index]

    def again(self, index: int) -> None:
        """Try an item once more."""
        self._again.append(index)

    def finish(self, index: int) -> None:
        """An item has its outcome."""
        del self._held[index]
