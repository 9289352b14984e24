"""Executors: one contract for all of them; what kills a process is found; nobody has more threads than cores."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sweep_jobs
from conftest import ROOT

from spikesim_py.errors import EvaluationError, InputError
from spikesim_py.sweep.executors import executor

HERE = os.pathsep.join((str(ROOT), str(ROOT / "tests")))


def dask_process(*arguments: str) -> subprocess.Popen[str]:
    """A scheduler or a worker on the loopback, as another machine would run it."""
    calm = {"LOGGING__DISTRIBUTED": "critical", "WORKER__PROFILE__ENABLED": "False"}
    settings = {f"DASK_DISTRIBUTED__{name}": value for name, value in calm.items()}
    environment = os.environ | {"PYTHONPATH": HERE} | settings
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, text=True, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)


def stop(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def start_scheduler(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A scheduler, and its address."""
    file = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    process = dask_process("scheduler", *options)
    started = time.monotonic()
    while not file.exists() or not (found := json.loads(file.read_text() or "{}")):
        assert process.poll() is None, "the scheduler has ended"
        assert time.monotonic() - started < 120, "has waited too long for the scheduler"
        time.sleep(0.1)
    return process, str(found["address"])


def start_worker(address: str, *options: str) -> subprocess.Popen[str]:
    return dask_process("worker", address, "--host", "127.0.0.1", "--no-dashboard", *(options or ("--nthreads", "1")))


def wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=120)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two machines on the loopback: a scheduler with two workers."""
    pytest.importorskip("distributed", exc_type=ImportError)
    scheduler, address = start_scheduler(tmp_path_factory.mktemp("dask"))
    processes = [scheduler]
    try:
        processes += [start_worker(address, "--nthreads", "1", "--no-nanny") for _ in range(2)]
        wait_for_workers(address, 2)
        yield f"dask:{address}"
    finally:
        for process in processes:
            stop(process)


@pytest.fixture(params=["serial", "local", "dask"])
def name(request: pytest.FixtureRequest) -> str:
    """Each executor by name; Dask's on a scheduler that runs already."""
    return request.getfixturevalue("cluster") if request.param == "dask" else request.param


class TestExecutorContract:
    """What every executor does."""

    def test_every_item_comes_back_once(self, name: str) -> None:
        outcomes = list(executor(name, 2)(sweep_jobs.square, range(9)))
        assert sorted(outcomes) == [(i, "ok", i * i) for i in range(9)]

    def test_nothing_to_do(self, name: str) -> None:
        assert list(executor(name, 2)(sweep_jobs.square, [])) == []

    def test_an_item_that_raises_is_an_error_of_one_line(self, name: str) -> None:
        outcomes = {i: (s, v) for i, s, v in executor(name, 1)(sweep_jobs.troubled, [1, 3, 4])}
        assert outcomes[1] == ("error", "ValueError: three is bad")
        assert outcomes[0] == ("ok", 1)
        assert outcomes[2] == ("ok", 16)

    def test_items_are_taken_when_there_is_room_and_a_source_may_end_early(self, name: str) -> None:
        taken: list[int] = []

        def source() -> Iterator[int]:
            for item in range(100):
                if ended:
                    return
                taken.append(item)
                yield item

        ended: list[int] = []
        outcomes = []
        for outcome in executor(name, 2)(sweep_jobs.square, source()):
            outcomes.append(outcome)
            ended.append(1)
        assert sorted(outcomes) == [(i, "ok", i * i) for i in taken]
        assert (
            1 <= len(taken) <= 6
        )  # two processes, one item under way and at most one to go on with, one hand-out late

    def test_what_the_pulse_raises_ends_the_run(self, name: str) -> None:
        def pulse() -> None:
            pulses.append(time.monotonic())
            if len(pulses) > 3:
                raise KeyError("stop")

        pulses: list[float] = []
        with pytest.raises(KeyError, match="stop"):
            list(executor(name, 2)(sweep_jobs.slow, range(100), pulse))
        assert multiprocessing.active_children() == []

    def test_the_pulse_comes_at_least_once_a_second(self, name: str) -> None:
        if name == "serial":
            pytest.skip("serial: once an item")
        pulses: list[float] = []
        list(executor(name, 1)(sweep_jobs.slower, [0], lambda: pulses.append(time.monotonic())))
        assert len(pulses) >= 2

    def test_leaving_early_leaves_nobody_behind(self, name: str) -> None:
        outcomes = executor(name, 1)(sweep_jobs.slow, range(100))
        next(outcomes)
        outcomes.close()
        assert multiprocessing.active_children() == []


# --------------------------------------------------------------------------------------------------- the local pool


def check_poison(name: str) -> None:
    """The item that kills its process is found; its neighbours are unharmed."""
    outcomes = {i: (s, v) for i, s, v in executor(name, 2)(sweep_jobs.troubled, range(9))}
    assert outcomes.pop(5) == ("crashed", "its process died twice")
    assert outcomes.pop(3)[0] == "error"
    assert outcomes == {i: ("ok", i * i) for i in (0, 1, 2, 4, 6, 7, 8)}


def test_a_poison_item_is_found_and_its_neighbours_are_unharmed() -> None:
    check_poison("local")


@pytest.mark.slow  # a whole sweep whose worker is killed: `test_sweep_faults.py`
def test_an_item_whose_worker_was_killed_from_outside_is_run_again(tmp_path: Path) -> None:
    items = [(i, str(tmp_path / "marker")) for i in range(6)]
    assert sorted(executor("local", 1)(sweep_jobs.killed_once, items)) == [(i, "ok", i * i) for i in range(6)]


def test_workers_find_what_only_the_driver_can_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("def twice(item):\n    return 2 * item\n")
    monkeypatch.syspath_prepend(tmp_path)
    twice = __import__("only_here").twice
    assert list(executor("local", 1)(twice, [4])) == [(0, "ok", 8)]


def test_workers_have_one_thread_each_and_the_driver_keeps_its_own() -> None:
    before = [os.environ.get(name) for name in sweep_jobs.THREAD_VARIABLES]
    assert list(executor("local", 1)(sweep_jobs.threads, [0])) == [(0, "ok", ["1", "1"])]
    assert [os.environ.get(name) for name in sweep_jobs.THREAD_VARIABLES] == before


@pytest.mark.parametrize("given", ["dusk", "", "local:2", "locl"])
def test_unknown_executors_are_refused(given: str) -> None:
    with pytest.raises(InputError, match=f"executor = '{given}': unknown.*known: local, serial, dask, dask:ADDRESS"):
        executor(given)


# ------------------------------------------------------------------------------------------------------------- Dask


@pytest.mark.slow
def test_a_cluster_of_this_machine_finds_poison() -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    check_poison("dask")


def test_workers_of_a_cluster_have_one_thread_each() -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    assert list(executor("dask", 1)(sweep_jobs.threads, [0])) == [(0, "ok", ["1", "1"])]


def test_without_dask_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("spikesim_py.sweep.executors.cluster")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs Dask: pip install 'spikesim-py\[cluster\]'"):
        executor("dask")


def test_a_scheduler_that_does_not_answer_is_refused() -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    with pytest.raises(InputError, match=r"dask:tcp://127\.0\.0\.1:1': no scheduler can be reached"):
        list(executor("dask:tcp://127.0.0.1:1")(sweep_jobs.square, [1]))


def test_a_scheduler_without_workers_and_workers_with_threads_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    scheduler, address = start_scheduler(tmp_path)
    processes = [scheduler]
    try:
        with pytest.raises(InputError, match="the scheduler has no worker; start some: dask worker"):
            list(executor(f"dask:{address}")(sweep_jobs.square, [1]))
        processes.append(start_worker(address, "--nthreads", "3"))
        wait_for_workers(address, 1)
        with pytest.raises(InputError, match="has 3 threads; start it with `--nthreads 1 --nworkers 3`"):
            list(executor(f"dask:{address}")(sweep_jobs.square, [1]))
    finally:
        for process in processes:
            stop(process)


def test_a_worker_with_other_plugins_is_refused(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = importlib.import_module("spikesim_py.sweep.executors.cluster")
    monkeypatch.setattr(other, "installed", lambda: (f"of process {os.getpid()}",))
    with pytest.raises(InputError, match=r"worker tcp://127.0.0.1:\d+ has other plugins than this: of process \d+; of"):
        list(executor(cluster)(sweep_jobs.square, [1]))


def test_a_worker_of_another_version_is_refused(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("spikesim_py.sweep.executors.cluster"), "__version__", "0.0")
    with pytest.raises(InputError, match=r"worker tcp://127.0.0.1:\d+ has spikesim_py .*; this is 0\.0"):
        list(executor(cluster)(sweep_jobs.square, [1]))


@pytest.mark.slow
def test_a_scheduler_that_dies_is_one_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    scheduler, address = start_scheduler(tmp_path)
    worker = start_worker(address)
    outcomes: list[Any] = []

    def run() -> None:
        for outcome in executor(f"dask:{address}")(sweep_jobs.slow, range(100)):
            outcomes.append(outcome)
            if len(outcomes) == 3:
                stop(scheduler)

    try:
        wait_for_workers(address, 1)
        with pytest.raises(EvaluationError, match="the Dask scheduler has gone; what was finished is stored"):
            run()
    finally:
        for process in (scheduler, worker):
            stop(process)
    assert 3 <= len(outcomes) < 100


@pytest.mark.slow
def test_a_machine_that_dies_costs_nothing_but_time(tmp_path: Path) -> None:
    """One of two machines goes, worker and nanny, while both are at work."""
    pytest.importorskip("distributed", exc_type=ImportError)
    scheduler, address = start_scheduler(tmp_path)
    workers = [start_worker(address) for _ in range(2)]
    try:
        wait_for_workers(address, 2)
        outcomes: list[Any] = []
        for outcome in executor(f"dask:{address}")(sweep_jobs.slow, range(30)):
            outcomes.append(outcome)
            if len(outcomes) == 4:
                stop(workers.pop())
        assert sorted(outcomes) == [(i, "ok", i * i) for i in range(30)]
    finally:
        for process in (scheduler, *workers):
            stop(process)
