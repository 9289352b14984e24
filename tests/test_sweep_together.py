"""Sweeps, searches, costs and questions on one study file: what one does to the answers of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from spikesim_py.cli import main
from spikesim_py.cli.terminal.progress import progress
from spikesim_py.errors import InputError, StoreError
from spikesim_py.sweep import Store, cost_sweep, designs, dry_run, load_space, load_study, parse_goal, pick, sweep

SPACE: dict[str, Any] = {
    "name": "first",
    "network": "digits-w1",
    "chip": "rram_32nm",
    "samples": 8,
    "axes": {"technology.node_nm": [45, 32], "adc.bits": [4, 5]},
}
OTHER = SPACE | {"name": "other", "axes": {"adc.kind": ["sar", "flash"]}}


def spikesim(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    sweep(SPACE, store=tmp_path / "s.db", executor="serial")
    return tmp_path / "s.db"


def test_costs_of_another_space_leave_the_answers_alone(path: Path) -> None:
    before = spikesim("sensitivity", str(path))
    cost_sweep(OTHER, store=path, executor="serial")
    assert load_study(path).space.name == "first"
    assert spikesim("sensitivity", str(path)).output == before.output
    assert before.exit_code == 0


def test_a_sweep_that_is_refused_leaves_the_answers_alone(path: Path) -> None:
    with Store.write(path, load_space(SPACE), resume=True) as store:
        store.jobs.begin(store.jobs.add("sweep", {}, "python"))
        with pytest.raises(StoreError, match="is at work on this study"):
            sweep(OTHER, store=path, executor="serial")
        assert store.space().name == "first"


def test_an_estimate_refuses_what_the_sweep_would_refuse(path: Path) -> None:
    for call in (dry_run, lambda space, store: sweep(space, store=store, executor="serial")):
        with pytest.raises(StoreError, match="was measured with samples = 8, not 9"):
            call(SPACE | {"samples": 9}, path)


def test_a_failure_never_takes_the_place_of_a_result(path: Path) -> None:
    space = load_space(SPACE)
    before = load_study(path).frame()
    with Store.write(path, space, resume=True) as store:
        for position, design in enumerate(designs(space)):
            store.add_failure(position, design, "no luck")
    assert load_study(path).failures() == []
    assert load_study(path).frame()["report_hash"].tolist() == before["report_hash"].tolist()


def test_designs_come_in_the_order_in_which_they_were_finished(path: Path) -> None:
    """The space is wider now, and its new designs stand first in it."""
    wider = SPACE | {"axes": {"technology.node_nm": [65, 45, 32], "adc.bits": [4, 5]}}
    study = sweep(wider, store=path, executor="serial")
    finished, placed = study.frame(by_time=True), study.frame()
    assert finished["technology.node_nm"].tolist()[-2:] == [65, 65]
    assert sorted(finished["report_hash"]) == sorted(placed["report_hash"])
    assert set(finished["technology.node_nm"][:4]) == {45, 32}


def test_a_study_of_costs_alone_says_so(tmp_path: Path) -> None:
    path = str(tmp_path / "c.db")
    cost_sweep(SPACE, store=path, executor="serial")
    for question in (["pareto"], ["pick", "cheapest edap"], ["nearest", "adc.bits == 4"], ["sensitivity"]):
        result = spikesim(question[0], path, *question[1:])
        assert result.exit_code == 2
        assert "c.db: has no finished design (only costs: see `spikesim table --costs`)" in result.output


def test_costs_can_be_asked_too(tmp_path: Path) -> None:
    costs = cost_sweep(SPACE, store=tmp_path / "c.db", executor="serial").costs()
    found = pick(costs, parse_goal("cheapest with area <= 5 mm2 and adc.bits == 5"))
    fits = (costs["area_um2"] <= 5e6) & (costs["adc.bits"] == 5)
    assert costs["edap"][found.rows].tolist() == [costs["edap"][fits].min()]


def test_a_long_message_leaves_the_numbers_of_jobs_readable(path: Path) -> None:
    with Store.write(path, load_space(SPACE), resume=True) as store:
        store.jobs.end(1, "failed", "what went wrong " * 20)
    shown = spikesim("jobs", str(path)).output
    assert "last sign of life" in shown
    assert "sweep   python   failed" in shown


def test_the_label_names_the_split_that_was_reported(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(SPACE | {"split": "search"}))
    options = ["--search", "random", "--budget", "2", "--search-split", "train", "--search-samples", "8"]
    result = spikesim(
        "sweep", str(tmp_path / "x.yaml"), "--store", str(tmp_path / "x.db"), "--executor", "serial", *options
    )
    assert result.exit_code == 0, result.output
    assert "accuracies are of the split 'search'" in result.output


def test_a_search_knows_beforehand_that_its_picks_can_be_measured(tmp_path: Path) -> None:
    for call in (dry_run, sweep):
        with pytest.raises(InputError, match="split = 'reprot': must be one of report"):
            call(SPACE | {"split": "reprot"}, store=tmp_path / "x.db", search={"method": "random", "samples": 8})
    assert not (tmp_path / "x.db").exists()


def test_an_estimate_of_costs_alone_counts_combinations(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(SPACE))
    result = spikesim("sweep", str(tmp_path / "x.yaml"), "--cost-only", "--dry-run")
    assert "4 combinations before constraints" in result.output
    assert "accuracy" not in result.output


def test_each_phase_of_a_search_has_a_pace_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.arange(100.0, 200.0, 10.0).tolist())
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress(events=True) as report:
        for done, total in ((0, 6), (6, 6), (1, 3), (2, 3)):
            report(done, total, "designs")
    left = [json.loads(line)["seconds_left"] for line in capsys.readouterr().out.splitlines()]
    assert left == [None, 0.0, None, 10.0]
