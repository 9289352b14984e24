"""`local`: a supervised pool of processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any

from .contract import CRASHED, ONE_THREAD, PULSE_S, Function, Outcomes, Pulse, Queue, Status, guarded, no_pulse


@dataclass(frozen=True)
class Pool:
    """Processes that take one item at a time.

    An item whose process dies is run once more; if that one dies too, the item is to blame. Nobody else notices:
    processes share nothing, neither a queue nor a lock. They end with the driver, however it ends.
    """

    workers: int

    def __call__(self, function: Function, items: Iterable[Any], pulse: Pulse = no_pulse) -> Outcomes:
        queue, deaths, crew = Queue(items), Counter[int](), list[_Worker]()
        try:
            while self._hand_out(queue, function, crew):
                pulse()
                for worker in _ready(crew):
                    index, outcome = worker.answer()
                    if outcome is None:
                        crew.remove(worker)
                        worker.stop()
                        deaths[index] += 1
                        if deaths[index] < 2:
                            queue.again(index)
                            continue
                        outcome = CRASHED
                    queue.finish(index)
                    self._hand_out(queue, function, crew)  # before the caller takes its time
                    yield (index, *outcome)
        finally:
            for worker in crew:
                worker.stop()

    def _hand_out(self, queue: Queue, function: Function, crew: list[_Worker]) -> bool:
        """Give every idle worker an item; hire while there is more to do and room. Whether anyone is at work."""
        idle = [worker for worker in crew if not worker.busy]
        while (idle or len(crew) < self.workers) and (item := queue.take()):
            if not idle:
                crew.append(_Worker(function))
                idle.append(crew[-1])
            idle.pop().take(*item)
        return any(worker.busy for worker in crew)


def _ready(crew: Sequence[_Worker]) -> list[_Worker]:
    """Workers that have an answer, or are dead; empty if for half a second none is."""
    ready = wait([worker.pipe for worker in crew if worker.busy], PULSE_S)
    return [worker for worker in crew if worker.pipe in ready]


class _Worker:
    """A process with a pipe of its own."""

    def __init__(self, function: Function) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, function), daemon=True)
        with spawning():
            self._process.start()
        theirs.close()
        self._index: int | None = None

    @property
    def busy(self) -> bool:
        return self._index is not None

    def take(self, index: int, item: Any) -> None:
        self._index = index
        with suppress(OSError):  # one that has died says so when its answer is awaited
            self.pipe.send(item)

    def answer(self) -> tuple[int, tuple[Status, Any] | None]:
        """The item's index and outcome; None if the process died."""
        assert self._index is not None  # only busy workers are waited for
        index, self._index = self._index, None
        try:
            return index, self.pipe.recv()
        except (EOFError, OSError):
            return index, None

    def stop(self) -> None:
        """At once: whoever still works has no reader."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.pipe.close()


def _work(pipe: Connection, function: Function) -> None:
    """A worker's life. Ctrl-C belongs to the driver, which stops its workers itself; one that is killed cannot."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    if "torch" in sys.modules:  # otherwise the environment tells it
        sys.modules["torch"].set_num_threads(1)
    with suppress(EOFError, OSError):  # the driver is gone
        while True:
            pipe.send(guarded(function, pipe.recv()))


def _end_with_driver() -> None:
    """Else an item that is under way would be finished for nobody."""
    driver = multiprocessing.parent_process()
    assert driver is not None  # only workers run this
    driver.join()
    os._exit(1)


@contextmanager
def spawning() -> Iterator[None]:
    """New processes get one thread each, no Ctrl-C from their first instant, and do not run the user's script again.

    A spawned process imports the driver's main module; a script that calls `sweep` at its top level would then
    start a sweep in every worker. Workers need nothing from it: what they run lies in this package.
    """
    saved = {name: os.environ.get(name) for name in ONE_THREAD}
    main = sys.modules["__main__"]
    os.environ.update(ONE_THREAD)
    sys.modules["__main__"] = ModuleType("__main__")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a new process inherits it
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # last: a Ctrl-C that waited is raised here
