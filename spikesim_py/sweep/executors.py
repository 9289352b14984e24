"""Where measurements run: one contract, two executors.

``run(function, items)`` yields ``(index, status, value)`` once per item, in the order of completion: status `ok`
with the result, `error` with a one-line message, or `crashed` where the item's process died by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, Literal

from ..errors import InputError, did_you_mean

Status = Literal["ok", "error", "crashed"]
Outcome = tuple[int, Status, Any]
_CRASHED: tuple[Status, Any] = ("crashed", "its process died twice")
Function = Callable[[Any], Any]
Outcomes = Generator[Outcome, None, None]
#: threads of the numerical libraries: one per worker, so that workers and threads do not oversubscribe the cores
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def executor(name: str, workers: int | None = None) -> Callable[[Function, Sequence[Any]], Outcomes]:
    """The executor of that name; raises `InputError` for one that is not there."""
    if name == "serial":
        return serial
    if name == "local":
        count = workers or os.cpu_count() or 1
        return lambda function, items: local(function, items, count)
    known = ("local", "serial")
    raise InputError(f"executor = {name!r}: unknown{did_you_mean(name, known)} (known: {', '.join(known)})")


def serial(function: Function, items: Sequence[Any]) -> Outcomes:
    """One after the other, in this process."""
    for index, item in enumerate(items):
        yield (index, *guarded(function, item))


def local(function: Function, items: Sequence[Any], workers: int) -> Outcomes:
    """Processes that take one item at a time.

    An item whose process dies is run once more; if that one dies too, the item is to blame. Nobody else notices:
    processes share nothing, neither a queue nor a lock. They end with the driver, however it ends.
    """
    waiting, deaths, crew = deque(range(len(items))), Counter[int](), list[_Worker]()
    try:
        while waiting or any(worker.busy for worker in crew):
            _hand_out(waiting, items, function, crew, workers)
            for worker in _ready(crew):
                index, outcome = worker.answer()
                if outcome is None:
                    crew.remove(worker)
                    worker.stop()
                    deaths[index] += 1
                    if deaths[index] < 2:
                        waiting.append(index)
                        continue
                    outcome = _CRASHED
                _hand_out(waiting, items, function, crew, workers)  # before the caller takes its time
                yield (index, *outcome)
    finally:
        for worker in crew:
            worker.stop()


def _ready(crew: Sequence[_Worker]) -> list[_Worker]:
    """Wait until a worker has an answer, or is dead; all that are."""
    ready = wait([worker.pipe for worker in crew if worker.busy])
    return [worker for worker in crew if worker.pipe in ready]


def _hand_out(waiting: deque[int], items: Sequence[Any], function: Function, crew: list[_Worker], workers: int) -> None:
    """Give every idle worker an item; hire while there is more to do and room."""
    idle = [worker for worker in crew if not worker.busy]
    while waiting and (idle or len(crew) < workers):
        if not idle:
            crew.append(_Worker(function))
            idle.append(crew[-1])
        index = waiting.popleft()
        idle.pop().take(index, items[index])


class _Worker:
    """A process with a pipe of its own."""

    def __init__(self, function: Function) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, function), daemon=True)
        with _spawning():
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


def guarded(function: Function, item: Any) -> tuple[Status, Any]:
    """`ok` and the result, or `error` and its first line."""
    try:
        return "ok", function(item)
    except Exception as error:
        lines = str(error).splitlines()
        return "error", f"{type(error).__name__}: {lines[0] if lines else ''}"


@contextmanager
def _spawning() -> Iterator[None]:
    """New processes get one thread each, no Ctrl-C from their first instant, and do not run the user's script again.

    A spawned process imports the driver's main module; a script that calls `sweep` at its top level would then
    start a sweep in every worker. Workers need nothing from it: what they run lies in this package.
    """
    saved = {name: os.environ.get(name) for name in _ONE_THREAD}
    main = sys.modules["__main__"]
    os.environ.update(_ONE_THREAD)
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
