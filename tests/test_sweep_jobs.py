"""The job table: who works on a study, and how others pause, cancel and resume that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sweep_cases import SPACE, until

from spikesim_py._processes import is_alive, process_mark
from spikesim_py.errors import StoreError
from spikesim_py.sweep import (
    Store,
    ask,
    jobs,
    launch,
    load_space,
    load_study,
    relaunch,
    resume,
    sweep,
)

#: long enough to be asked something meanwhile
LONG = SPACE | {"network": "digits-w8", "axes": {"adc.bits": [3, 4, 5, 6, 7, 8], "crossbar.rows": [32, 64, 128, 256]}}


def test_a_sweep_is_a_row_of_the_job_table(tmp_path: Path) -> None:
    study_path = sweep(SPACE, store=tmp_path / "s.db", executor="serial").path
    (job,) = jobs(study_path)
    assert (job.kind, job.state, job.origin, job.done, job.total) == ("sweep", "done", "python", 8, 8)
    assert not job.active
    assert not job.resumable
    assert job.created <= job.heartbeat <= time.time()
    assert load_space(job.spec["space"]) == load_space(SPACE)
    assert json.loads(json.dumps(job.to_dict()))["spec"]["executor"] == "serial"
    with pytest.raises(StoreError, match=r"has no job 7 \(jobs: 1\)"):
        ask(study_path, 7, "pause")
    with pytest.raises(StoreError, match="job 1 is done: there is nothing to pause"):
        ask(study_path, 1, "pause")
    with pytest.raises(StoreError, match="job 1 is done: there is nothing to resume"):
        relaunch(study_path, 1)


@pytest.mark.parametrize(
    ("request_", "state", "executor"),
    [
        ("pause", "paused", "serial"),
        ("pause", "paused", "local"),
        ("cancel", "cancelled", "serial"),
        pytest.param("cancel", "cancelled", "local", marks=pytest.mark.slow),
    ],
)
def test_a_sweep_is_paused_or_cancelled_from_outside_and_resumed(
    tmp_path: Path, request_: Any, state: str, executor: str
) -> None:
    store = tmp_path / "s.db"
    asked = []

    def progress(done: int, total: int, what: str) -> None:
        if done >= 2 and not asked:
            asked.append(done)
            ask(store, 1, request_)
            assert jobs(store)[0].request == request_
        time.sleep(0.3 if asked else 0)  # a driver looks twice a second

    study = sweep(LONG, store=store, executor=executor, workers=1, progress=progress)
    (job,) = study.jobs()
    assert (job.state, job.request, job.message) == (state, None, "what was finished is stored")
    assert 2 <= len(study) == job.done < job.total == 24
    before = study.frame()["report_hash"].tolist()
    assert len(resume(store, 1, executor="serial")) == 24
    (job,) = jobs(store)
    assert (job.state, job.done) == ("done", 24)
    assert set(before) <= set(study.frame()["report_hash"].tolist())


def test_a_job_that_is_launched_runs_by_itself_and_is_seen_from_everywhere(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    job = launch(LONG, store=store, executor="serial")
    assert (job.state, job.origin) == ("queued", "app")
    until(lambda: jobs(store)[0].state == "running" and jobs(store)[0].done)
    with pytest.raises(StoreError, match=r"job 1 \(app\) is at work on this study; wait for it, or `spikesim jobs"):
        sweep(LONG, store=store, executor="serial")
    assert [job.state for job in jobs(store)] == ["running", "cancelled"]
    ask(store, 1, "pause")
    until(lambda: jobs(store)[0].state == "paused")
    assert 1 <= len(load_study(store)) < 24
    relaunch(store, 1)
    until(lambda: jobs(store)[0].state == "running")
    os.kill(int(str(jobs(store)[0].process).split(":")[-2]), signal.SIGKILL)
    until(lambda: jobs(store)[0].state == "failed")
    assert "ended without a word" in jobs(store)[0].message
    relaunch(store, 1)
    until(lambda: jobs(store)[0].state == "done")
    assert len(load_study(store)) == 24


def test_a_job_that_cannot_start_says_why(tmp_path: Path) -> None:
    launch(SPACE | {"samples": 601}, store=tmp_path / "s.db", executor="serial")
    until(lambda: jobs(tmp_path / "s.db")[0].state == "failed")
    assert "samples = 601" in jobs(tmp_path / "s.db")[0].message


def test_what_ends_a_sweep_is_in_its_job(tmp_path: Path) -> None:
    def progress(done: int, total: int, what: str) -> None:
        raise ZeroDivisionError("no luck\nsecond line")

    with pytest.raises(ZeroDivisionError):
        sweep(SPACE, store=tmp_path / "s.db", executor="serial", progress=progress)
    (job,) = jobs(tmp_path / "s.db")
    assert (job.state, job.message) == ("failed", "no luck")


def test_a_queued_job_is_cancelled_before_it_starts_and_a_forgotten_one_has_failed(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    with Store.write(store, load_space(SPACE), resume=True) as kept:
        first, second = (kept.jobs.add("sweep", {"space": SPACE}, "app") for _ in range(2))
        kept.jobs.ask(first, "cancel")
        assert kept.jobs.get(first).state == "cancelled"
        with pytest.raises(StoreError, match="job 1 is cancelled: it cannot be taken up"):
            kept.jobs.begin(first)
        kept._db.put("UPDATE job SET heartbeat = heartbeat - 3600 WHERE id = ?", (second,))
        assert kept.jobs.get(second).state == "failed"


def test_a_process_that_gets_a_dead_ones_number_is_not_taken_for_it(tmp_path: Path) -> None:
    mine = process_mark(os.getpid())
    assert mine is not None
    assert is_alive(mine)
    host, number, started = mine.rsplit(":", 2)
    if started:
        assert not is_alive(f"{host}:{number}:{int(started) - 1}")
    assert not is_alive(None)
    assert is_alive(f"elsewhere:{number}:1")  # nobody here can know
    child = subprocess.Popen([sys.executable, "-c", ""])
    name = process_mark(child.pid)
    until(lambda: process_mark(child.pid) is None)  # a zombie counts as gone
    assert not is_alive(name)
    child.wait()
