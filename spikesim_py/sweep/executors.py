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
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal

from ..errors import InputError, did_you_mean

Status = Literal["ok", "error", "crashed"]
Outcome = tuple[int, Status, Any]
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
    """A supervised pool of processes.

    A worker that dies breaks its pool. Items that were in flight are then run again one at a time, each in a
    process of its own, so that the one that kills its process is found and its neighbours are not blamed.
    Workers end with the driver, however it ends.
    """
    waiting = list(range(len(items)))
    while waiting:
        suspects: list[int] = []
        for index, outcome in _pool(function, items, waiting, workers):
            waiting.remove(index)
            if outcome is None:
                suspects.append(index)
            else:
                yield (index, *outcome)
        for index in sorted(suspects):
            ((_, outcome),) = _pool(function, items, [index], 1)
            yield (index, *(outcome or ("crashed", "its process died")))


def _pool(
    function: Function, items: Sequence[Any], indices: Sequence[int], workers: int
) -> Iterator[tuple[int, tuple[Status, Any] | None]]:
    """Results of a pool until all are done or it breaks; None for the items that were in flight then."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(indices)), context, initializer=_start_worker)
    queue, running = list(indices), dict[Future[Any], int]()
    try:
        while queue or running:
            while queue and len(running) < 2 * workers:
                with _spawning():
                    running[pool.submit(guarded, function, items[queue[0]])] = queue[0]
                queue.pop(0)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcome = future.result()  # before it leaves `running`: this is where a broken pool shows
                yield running.pop(future), outcome
    except BrokenProcessPool:
        lost = set(running.values())
        for future, index in list(running.items()):
            if future.done() and not future.exception():
                lost.discard(index)
                yield index, future.result()
        yield from ((index, None) for index in sorted(lost))
    finally:
        _stop(pool)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once: every result that has a reader has been read.

    Asking them to leave would wait for ever where one was killed while it waited for work: it dies with the lock of
    the queue through which the others are asked.
    """
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def guarded(function: Function, item: Any) -> tuple[Status, Any]:
    """`ok` and the result, or `error` and its first line."""
    try:
        return "ok", function(item)
    except Exception as error:
        lines = str(error).splitlines()
        return "error", f"{type(error).__name__}: {lines[0] if lines else ''}"


def _start_worker() -> None:
    """Ctrl-C belongs to the driver, which stops its workers itself; a driver that is killed cannot."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    if "torch" in sys.modules:  # otherwise the environment tells it
        sys.modules["torch"].set_num_threads(1)


def _end_with_driver() -> None:
    """A worker holds both ends of its queue, so it would wait for work for ever after its driver is gone."""
    driver = multiprocessing.parent_process()
    assert driver is not None  # only workers run this
    driver.join()
    os._exit(1)


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
