"""`dask`: processes of a Dask cluster, on this machine or on many (extra `cluster`).

The cluster only computes: the driver keeps the study, so that a scheduler or a machine that dies costs no more than
the items that were under way. Dask itself starts an item again whose worker has died. It may blame a neighbour of the
item that kills its workers (distributed issue 5234), so whatever it gives up is run once more, alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..._version import __version__
from ...errors import EvaluationError, InputError
from ...plugins import installed
from .contract import CRASHED, ONE_THREAD, PULSE_S, Function, Outcomes, Pulse, Queue, Status, guarded, no_pulse
from .local import spawning

#: items per process that the scheduler holds: one under way, one to go on with
_AHEAD = 2
#: seconds that an address has to answer
_CONNECT_S = 10


def _distributed() -> Any:
    """Imported late: it is an extra, and takes its time."""
    return import_module("distributed")


@dataclass(frozen=True)
class Cluster:
    """An executor on Dask's workers, each of one thread.

    Attributes:
        address: of a scheduler that runs already; None starts a cluster on this machine's loopback.
        workers: processes of the latter.
    """

    address: str | None
    workers: int

    def __post_init__(self) -> None:
        if find_spec("distributed") is None:
            raise InputError("executor = 'dask' needs Dask: pip install 'spikesim-py[cluster]'")

    def __call__(self, function: Function, items: Iterable[Any], pulse: Pulse = no_pulse) -> Outcomes:
        queue, given_up = Queue(items), list[int]()
        with self._client() as client:
            for alone in (False, True):
                for index in given_up:
                    queue.again(index)
                for index, outcome in _run(client, function, queue, pulse, alone):
                    if outcome is None and not alone:
                        given_up.append(index)
                        continue
                    queue.finish(index)
                    yield (index, *(outcome or CRASHED))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        dask = _distributed()
        if self.address is None:
            with _on_this_machine(self.workers) as cluster, dask.Client(cluster, set_as_default=False) as client:
                yield client
            return
        try:
            client = dask.Client(self.address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error).splitlines()[0] if str(error) else "no answer"
            raise InputError(f"executor = 'dask:{self.address}': no scheduler can be reached: {reason}") from None
        with client:
            _check_workers(client, self.address)
            yield client


@contextmanager
def _on_this_machine(workers: int) -> Iterator[Any]:
    distributed = _distributed()
    nanny: Any = distributed.Nanny

    class OneThread(nanny):  # type: ignore[misc]
        """Starts its worker, again and again if need be, as `local` starts its own."""

        async def instantiate(self) -> Any:
            with spawning():
                return await super().instantiate()

    once = {"distributed.scheduler.allowed-failures": 1}  # as `local`: what kills two workers is set aside
    with (
        import_module("dask").config.set(once),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any port: 8787 may be taken
            worker_class=OneThread,
            env=dict(ONE_THREAD),
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


def _check_workers(client: Any, address: str) -> None:
    """Workers of a scheduler must be there, have this version, and one thread each."""
    where = f"executor = 'dask:{address}'"
    threads = client.nthreads()
    if not threads:
        raise InputError(f"{where}: the scheduler has no worker; start some: dask worker {address} --nthreads 1")
    if max(threads.values()) > 1:
        worker, count = max(threads.items(), key=lambda item: item[1])
        raise InputError(
            f"{where}: worker {worker} has {count} threads; start it with `--nthreads 1 --nworkers {count}`: "
            "a simulation keeps a core busy by itself"
        )
    try:
        versions = client.run(_version)
    except Exception as error:
        raise InputError(f"{where}: a worker cannot import spikesim_py: {str(error).splitlines()[0]}") from None
    for worker, version in versions.items():
        if version != __version__:
            raise InputError(f"{where}: worker {worker} has spikesim_py {version}; this is {__version__}")
    ours = installed()
    for worker, theirs in client.run(installed).items():
        if differing := sorted({*theirs} ^ {*ours}):
            raise InputError(f"{where}: worker {worker} has other plugins than this: {'; '.join(differing)}")


def _version() -> str:
    return __version__


def _run(
    client: Any, function: Function, queue: Queue, pulse: Pulse, alone: bool
) -> Iterator[tuple[int, tuple[Status, Any] | None]]:
    """Index and outcome of every item of the queue; None where the workers that had it died."""
    at_work: dict[Any, int] = {}
    try:
        while True:
            with _scheduler_there():
                room = 1 if alone else _AHEAD * max(1, sum(client.nthreads().values()))
            while len(at_work) < room and (item := queue.take()):
                index, value = item
                at_work[client.submit(_work, function, value, pure=False)] = index
            if not at_work:
                return
            pulse()
            for future in _done(client, list(at_work)):
                try:
                    outcome = _outcome(future)
                except TimeoutError:
                    continue  # its result was lost with its worker: it is computed again
                yield at_work.pop(future), outcome
    finally:
        with suppress(OSError, TimeoutError):  # no scheduler, no work to be stopped
            client.cancel(list(at_work), force=True)


def _done(client: Any, futures: list[Any]) -> set[Any]:
    """Those that have an outcome; empty if for half a second none has."""
    try:
        with client.as_current(), _scheduler_there():
            found: set[Any] = _distributed().wait(futures, timeout=PULSE_S, return_when="FIRST_COMPLETED").done
            return found
    except TimeoutError:
        return set()


def _outcome(future: Any) -> tuple[Status, Any] | None:
    """What an item came to: its result, never the future's status, which may turn back to pending."""
    killed = _distributed().KilledWorker
    try:
        with _scheduler_there():
            status, value = future.result(timeout=PULSE_S)
            return status, value
    except killed:
        return None
    except (TimeoutError, EvaluationError):
        raise
    except Exception as error:  # an item that the worker cannot even unpack
        return "error", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


@contextmanager
def _scheduler_there() -> Iterator[None]:
    """Waiting too long is no error; a scheduler that has gone is."""
    cancelled = _distributed().CancelledError
    try:
        yield
    except TimeoutError:
        raise
    except (OSError, cancelled):
        raise EvaluationError("the Dask scheduler has gone; what was finished is stored: resume the sweep") from None


def _work(function: Function, item: Any) -> tuple[Status, Any]:
    """On a worker: it may have been started without the variables that limit a library's threads."""
    for module, limit in (("torch", "set_num_threads"), ("numba", "set_num_threads")):
        if module in sys.modules:
            getattr(sys.modules[module], limit)(1)
    return guarded(function, item)
