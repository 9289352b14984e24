"""Whatever is killed, whenever: no finished result is lost or made twice, and a full disk says so in one line.

Every evaluation writes a line when it begins and one when it ends, so that the tests can count them from outside.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweep_jobs
from conftest import ROOT
from sweep_cases import until

from spikesim_py.errors import StoreError
from spikesim_py.sweep import Store, jobs, load_space, load_study, sweep

#: 16 designs, 8 accuracies
SPACE: dict[str, Any] = {
    "name": "faults",
    "network": "digits-w1",
    "chip": "rram_32nm",
    "samples": 12,
    "axes": {"crossbar.rows+crossbar.cols": [64, 128], "adc.bits": [3, 4, 5, 6], "technology.node_nm": [32, 45]},
}
ACCURACIES, DESIGNS = 8, 16


class Driver:
    """A sweep in a process group of its own, as a terminal would run it."""

    def __init__(self, folder: Path, executor: str = "local") -> None:
        self.store, self.log = folder / "study.db", folder / "evaluations.log"
        arguments = f"{SPACE!r}, {str(self.store)!r}, {executor!r}, {str(self.log)!r}"
        code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & ignores it
        code += f"import sweep_jobs; sweep_jobs.sweep_logged({arguments})"
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            text=True,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
            stderr=subprocess.PIPE,
        )

    def stored(self) -> dict[str, float]:
        """Key of each stored accuracy and when it was stored; the file must be sound."""
        if not self.store.exists():
            return {}
        with sqlite3.connect(self.store, timeout=60) as reader:
            assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = reader.execute("SELECT key, created FROM measurement").fetchall()
        reader.close()
        return dict(rows)

    def logged(self, word: str) -> list[str]:
        """Evaluations that began, or keys of those that ended, in their order."""
        text = self.log.read_text() if self.log.exists() else ""
        return [line.split()[1] for line in text.splitlines() if line.startswith(word)]

    def workers(self) -> list[int]:
        """Processes that the driver started to compute, in any of its threads."""
        try:
            threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
            found = [int(pid) for children in threads for pid in children.read_text().split()]
            return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except OSError:
            return []

    def end(self) -> str:
        """Wait until it and all of its processes have ended; its standard error."""
        _, errors = self.process.communicate()
        until(lambda: nobody_is_left(self.process.pid))
        return errors


def nobody_is_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The numbers of a sweep that nobody disturbs."""
    return sweep(SPACE, store=tmp_path_factory.mktemp("calm") / "study.db", executor="serial").frame()


def check_resumed(driver: Driver, undisturbed: dict[str, np.ndarray], lost: int) -> None:
    """What was stored is neither lost nor made again; the rest is made once more, and nothing stands there twice.

    `lost` evaluations at most ended without being stored: one for each process that was at work.
    """
    before, ended = driver.stored(), driver.logged("end")
    assert set(before) <= set(ended)
    assert len(ended) - len(before) <= lost
    sweep_jobs.sweep_logged(SPACE, str(driver.store), "serial", str(driver.log))
    after = driver.stored()
    assert len(after) == ACCURACIES
    assert before.items() <= after.items()  # with the time at which they were stored
    made_again = driver.logged("end")[len(ended) :]
    assert sorted(made_again) == sorted(set(after) - set(before))
    frame, study = load_study(driver.store).frame(), load_study(driver.store)
    assert len(set(frame["report_hash"].tolist())) == len(study) == DESIGNS
    assert study.failures() == []
    assert all(np.array_equal(frame[name], undisturbed[name]) for name in undisturbed)


VICTIMS = ("worker", "driver", "tree")


@pytest.mark.parametrize(
    ("victim", "trial"),
    [pytest.param(v, t, marks=[pytest.mark.slow] if t else []) for t in range(8) for v in VICTIMS],
)
def test_a_kill_at_a_random_moment(victim: str, trial: int, tmp_path: Path, undisturbed: dict[str, np.ndarray]) -> None:
    rng = random.Random(f"{victim}{trial}")
    driver = Driver(tmp_path)
    moment = rng.randrange(1, ACCURACIES)
    until(lambda: len(driver.logged("begin")) >= moment or driver.process.poll() is not None)
    time.sleep(rng.random() * 0.3)
    if victim == "worker":
        if workers := driver.workers():
            os.kill(rng.choice(workers), signal.SIGKILL)
        errors = driver.end()
        assert driver.process.returncode == 0, errors
        assert len(driver.stored()) == ACCURACIES
        assert max(Counter(driver.logged("end")).values()) <= 2  # one more, if it was killed between end and answer
        assert sum(Counter(driver.logged("end")).values()) <= ACCURACIES + 1
        check_resumed(driver, undisturbed, lost=1)
        return
    (os.kill if victim == "driver" else os.killpg)(driver.process.pid, signal.SIGKILL)
    driver.end()
    state = [job.state for job in jobs(driver.store)]
    assert state == ["failed"] or (state == ["done"] and len(driver.stored()) == ACCURACIES)
    check_resumed(driver, undisturbed, lost=2)


def test_ctrl_c_leaves_a_valid_store(tmp_path: Path, undisturbed: dict[str, np.ndarray]) -> None:
    """Ctrl-C reaches the whole process group, as in a terminal; only the driver hears it."""
    driver = Driver(tmp_path)
    until(driver.stored)
    os.killpg(driver.process.pid, signal.SIGINT)
    errors = driver.end()
    assert errors.count("Traceback") == 1, errors
    assert errors.endswith("KeyboardInterrupt\n")
    (job,) = jobs(driver.store)
    assert (job.state, job.message) == ("cancelled", "stopped by Ctrl-C")
    check_resumed(driver, undisturbed, lost=2)


@pytest.mark.slow
def test_a_killed_worker_of_a_dask_cluster_loses_nothing(tmp_path: Path, undisturbed: dict[str, np.ndarray]) -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    driver = Driver(tmp_path, "dask")
    until(lambda: len(driver.logged("begin")) >= 2)
    assert len(driver.workers()) == 2
    os.kill(random.Random(0).choice(driver.workers()), signal.SIGKILL)
    errors = driver.end()
    assert driver.process.returncode == 0, errors
    assert len(driver.stored()) == ACCURACIES
    check_resumed(driver, undisturbed, lost=ACCURACIES)  # Dask makes again what a dead worker had not handed over


@pytest.mark.slow
def test_a_killed_driver_of_a_dask_cluster_loses_nothing(tmp_path: Path, undisturbed: dict[str, np.ndarray]) -> None:
    pytest.importorskip("distributed", exc_type=ImportError)
    driver = Driver(tmp_path, "dask")
    until(driver.stored)
    os.kill(driver.process.pid, signal.SIGKILL)
    driver.end()
    check_resumed(driver, undisturbed, lost=4)  # one under way and one to go on with for each worker


# ------------------------------------------------------------------------------------------------------ full disks


def test_a_full_disk_is_said_and_what_is_stored_is_safe(
    tmp_path: Path, undisturbed: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite is given too few pages in the middle of a sweep."""
    store, write = tmp_path / "full.db", Store.write
    opened: list[Store] = []

    def noted(*arguments: Any, **options: Any) -> Store:
        opened.append(write(*arguments, **options))
        return opened[-1]

    def fill(done: int, total: int, what: str) -> None:
        if done == 4:
            ((used,),) = opened[0]._db.rows("PRAGMA page_count")
            opened[0]._db.rows(f"PRAGMA max_page_count = {used + 1}")

    monkeypatch.setattr(Store, "write", noted)
    with pytest.raises(StoreError, match=r"full.db: cannot be written: the disk is full; make room and resume"):
        sweep(SPACE, store=store, executor="serial", progress=fill)
    kept = load_study(store).frame()["report_hash"].tolist()
    assert 4 <= len(kept) < DESIGNS
    assert len(sweep(SPACE, store=store, executor="serial")) == DESIGNS
    frame = load_study(store).frame()
    assert set(kept) <= set(frame["report_hash"].tolist())
    assert all(np.array_equal(frame[name], undisturbed[name]) for name in undisturbed)


def test_a_file_that_may_not_grow_is_one_clear_error(tmp_path: Path) -> None:
    """The operating system refuses the write, as a quota does."""
    store = tmp_path / "quota.db"
    code = (
        "import resource, spikesim_py as ss\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))\n"
        f"ss.sweep({SPACE!r}, store={str(store)!r}, executor='serial')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    last = result.stderr.splitlines()[-1]
    assert "quota.db: cannot be " in last
    assert "full" in last
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert len(sweep(SPACE, store=store, executor="serial")) == DESIGNS


# ------------------------------------------------------------------------------------------------------- read-only


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user who may write nothing there (root may write anywhere: it steps down meanwhile)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    os.seteuid(os.getuid())
    shutil.rmtree(folder)


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_read_only_store_is_read_and_refuses_to_be_written(nobody: Path, which: str) -> None:
    store = nobody / "study.db"
    sweep(SPACE | {"axes": {"adc.bits": [3, 4]}}, store=store, executor="serial")
    store.chmod(0o444 if which == "file" else 0o666)
    nobody.chmod(0o777 if which == "file" else 0o555)
    if os.getuid() == 0:
        os.seteuid(65534)
    with pytest.raises(StoreError, match=r"cannot be written: .* is read-only"):
        Store.write(store, load_space(SPACE), resume=True)
    assert len(load_study(store)) == 2
