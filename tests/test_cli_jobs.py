"""The command line on studies: events, costs alone, jobs, tables."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spikesim_py.cli import main
from spikesim_py.cli.terminal.progress import progress
from spikesim_py.sweep import Store, ask, jobs, load_space, load_study, sweep

SPACE = "network: digits-w1\nchip: rram_32nm\nsamples: 4\naxes:\n  adc.bits: [3, 6]\n  technology.node_nm: [32, 45]\n"


def spikesim(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def space(tmp_path: Path) -> str:
    path = tmp_path / "four.yaml"
    path.write_text(SPACE)
    return str(path)


def test_events_are_lines_of_json_and_nothing_else(space: str, tmp_path: Path) -> None:
    result = spikesim("sweep", space, "--store", str(tmp_path / "s.db"), "--executor", "serial", "--json")
    assert result.exit_code == 0, result.output
    *others, last = (json.loads(line) for line in result.stdout.splitlines())
    assert {event["event"] for event in others} == {"progress"}
    assert (others[0]["done"], others[-1]["done"], others[-1]["seconds_left"]) == (0, 4, 0)
    assert {event["total"] for event in others} == {4}
    assert (last["event"], last["state"], last["designs"], last["failed"]) == ("end", "done", 4, 0)


def test_plain_progress_says_how_long_the_rest_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 106.0, 108.0, 112.0, 114.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress() as report:
        for done in (2, 3, 4, 8):
            report(done, 8, "designs")
    lines = ["2/8 designs", "4/8 designs, about 24 s left", "8/8 designs"]
    assert capsys.readouterr().out.splitlines() == lines  # 2 designs in 12 s; none within 5 s of the line before


def test_costs_alone_need_no_data(space: str, tmp_path: Path) -> None:
    store = str(tmp_path / "c.db")
    result = spikesim("sweep", space, "--store", store, "--cost-only")
    assert result.exit_code == 0, result.output
    assert "4 designs costed" in result.output
    assert "least of 4 designs" in result.output
    result = spikesim("sweep", space, "--store", store, "--cost-only", "--json")
    assert json.loads(result.stdout.splitlines()[-1])["designs"] == 4
    for option in (["--html", str(tmp_path / "x.html")], ["--no-resume"], ["--search", "gp"], ["--reuse", store]):
        result = spikesim("sweep", space, "--store", store, "--cost-only", *option)
        assert result.exit_code == 2
        assert f"--cost-only goes without {option[0]}" in result.output


def test_the_job_table_is_printed_and_answers(space: str, tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    with Store.write(store, load_space(space), resume=True) as kept:
        kept.jobs.add("sweep", {"space": load_space(space).model_dump(mode="json"), "executor": "serial"}, "app")
    shown = spikesim("jobs", str(store)).output
    assert "queued" in shown
    assert "app" in shown
    assert "paused" in spikesim("jobs", str(store), "--pause", "1").output
    (job,) = json.loads(spikesim("jobs", str(store), "--json").output)
    assert (job["id"], job["state"], job["origin"]) == (1, "paused", "app")
    result = spikesim("jobs", str(store), "--cancel", "1")
    assert result.exit_code == 2
    assert "job 1 is paused: there is nothing to cancel" in result.output
    assert spikesim("jobs", str(tmp_path / "no.db")).exit_code == 2


def test_a_sweep_that_somebody_pauses_says_how_to_go_on(
    space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "s.db"

    def cancelled(*arguments: Any, progress: Any, **options: Any) -> Any:
        def stop(done: int, total: int, what: str) -> None:
            progress(done, total, what)
            if done == 2:
                ask(store, 1, "cancel")
                monkeypatch.setattr(importlib.import_module("spikesim_py.sweep.control"), "PULSE_S", 0)

        return sweep(*arguments, progress=stop, **options)

    monkeypatch.setattr(importlib.import_module("spikesim_py.sweep"), "sweep", cancelled)
    result = spikesim("sweep", space, "--store", str(store), "--executor", "serial")
    assert result.exit_code == 130, result.output
    assert f"cancelled after 2 of 4 designs; go on: spikesim jobs {store} --resume 1" in result.output
    assert jobs(store)[0].state == "cancelled"
    assert len(load_study(store)) == 2


def test_tables_are_written(space: str, tmp_path: Path) -> None:
    store = str(tmp_path / "s.db")
    spikesim("sweep", space, "--store", store, "--executor", "serial")
    spikesim("sweep", space, "--store", store, "--cost-only")
    for options, columns in ((["--costs"], {"energy_pj", "crossbars"}), ([], {"accuracy", "report_hash"})):
        out = tmp_path / "out.csv"
        assert spikesim("table", store, "-o", str(out), *options).exit_code == 0
        rows = list(csv.DictReader(out.read_text().splitlines()))
        assert len(rows) == 4
        assert columns <= rows[0].keys()
    result = spikesim("table", store, "-o", "out.xls")
    assert result.exit_code == 2
    assert "must end in .csv or .parquet" in result.output
