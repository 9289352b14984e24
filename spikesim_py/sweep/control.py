"""A run as others see it: its row in the job table, and what they ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import StoreError
from .executors import Function, Outcomes
from .executors.contract import PULSE_S, Executor
from .store import JobKind, JobState, Store

#: called with (designs finished, designs in all, what is being counted)
Progress = Callable[[int, int, str], None]
_KEPT = "what was finished is stored"


class Cancelled(Exception):
    """Somebody cancelled the job: its workers are stopped at once."""


class Control:
    """What a driver says about itself, at most twice a second, and how it is told to pause or to end.

    Attributes:
        paused: whether it rests. last_words: what the job table says of it once it is done.
    """

    def __init__(self, store: Store, job: int, progress: Progress | None) -> None:
        self._store, self._job, self._told = store, job, progress
        self._at = (0, 0, "starting")
        self._last = 0.0
        self._pausing = False
        self.paused = False
        self.last_words = ""

    def progress(self, done: int, total: int, what: str) -> None:
        """Counts `done` of `total` designs."""
        self._at = (done, total, what)
        if self._told:
            self._told(done, total, what)
        self.pulse()

    def pulse(self) -> None:
        """A sign of life in the job table; raises `Cancelled` when that is asked for."""
        now = time.monotonic()
        if now - self._last < PULSE_S:
            return
        self._last = now
        request = self._store.jobs.beat(self._job, *self._at)
        if request == "cancel":
            raise Cancelled
        self._pausing = request == "pause"

    def run(self, executor: Executor, function: Function, items: Iterable[Any]) -> Outcomes:
        """An executor's outcomes; once a pause is asked for, it gets no new items and finishes those it has."""
        return executor(function, self._until_paused(items), self.pulse)

    def _until_paused(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            if self._pausing:
                self.paused = True
                return
            yield item

    def end(self, state: JobState, message: str) -> None:
        """The last numbers, and how it ended."""
        with self._store.together():
            self._store.jobs.beat(self._job, *self._at)
            self._store.jobs.end(self._job, state, message)


@contextmanager
def running(
    store: Store, kind: JobKind, spec: Mapping[str, Any], origin: str, job: int | None, progress: Progress | None
) -> Iterator[Control]:
    """This process works on a study, under a row of its job table.

    Args:
        spec: how to run the job again. job: a row that waits for this run; None makes one.

    Raises:
        StoreError: another process works on the study.
    """
    number = store.jobs.add(kind, spec, origin) if job is None else job
    try:
        store.jobs.begin(number)
    except StoreError:
        if job is None:
            store.jobs.end(number, "cancelled", "another job was at work on the study")
        raise
    control = Control(store, number, progress)
    try:
        yield control
    except Cancelled:
        control.end("cancelled", _KEPT)
    except BaseException as error:
        with suppress(StoreError):  # a full disk cannot even hold this
            if isinstance(error, KeyboardInterrupt):
                control.end("cancelled", "stopped by Ctrl-C")
            else:
                control.end("failed", (str(error).splitlines() or [type(error).__name__])[0])
        raise
    else:
        if control.paused:
            control.end("paused", _KEPT)
        else:
            control.end("done", control.last_words)
