"""Sweeps: spaces, executors, the study file, resuming, and fronts."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from spikesim_py.cli import main
from spikesim_py.errors import ConfigError, InputError, StoreError
from spikesim_py.report import METRICS
from spikesim_py.sweep import (
    Store,
    Study,
    designs,
    dry_run,
    import_results,
    load_space,
    load_study,
    nondominated,
    sweep,
)

SMALL: dict[str, Any] = {
    "name": "small",
    "network": "digits-w1",
    "chip": "rram_32nm",
    "samples": 12,
    "axes": {"crossbar.rows+crossbar.cols": [64, 128], "adc.bits": [3, 6], "technology.node_nm": [32, 45]},
}


SLOWER = SMALL | {"network": "digits-w8", "samples": 300}

# ------------------------------------------------------------------------------------------------------- spaces


def test_a_space_is_a_full_factorial_with_tied_axes() -> None:
    points = designs(load_space(SMALL))
    assert len(points) == 8
    assert {(p.hardware.crossbar.rows, p.hardware.crossbar.cols) for p in points} == {(64, 64), (128, 128)}
    assert len({p.key for p in points}) == 8
    assert len({p.accuracy_key for p in points}) == 4  # the node does not reach the arithmetic


def test_designs_that_cut_the_rows_alike_share_their_accuracy() -> None:
    """digits-w1: 9, 144, 288 and 256 rows; crossbars of 512 and 1024 rows hold each in one block."""
    axes = {"crossbar.rows": [256, 512, 1024], "device.ideal": [True], "adc.bits": [10, 11]}
    points = designs(load_space(SMALL | {"axes": axes}))
    assert len({p.accuracy_key for p in points}) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chip: rram_32nm\n", r"network: must stand once"),
        ("network: a\nchip: b\naxes:\n  network: [c]\n", r":1: network: must stand once"),
        ("network: digits-w1\n", r"chip: is missing"),
        ("network: digits-w1\nchip: rram_32nm\nsamles: 3\n", r":3: samles: unknown key; did you mean 'samples'"),
        ("network: digits-w1\nchip: rram_32nm\naxes:\n  adc.bits: []\n", r":4: axes.adc.bits"),
        ("network: digits-w1\nchip: rram_32nm\naxes:\n  adc.bits: [3, 3]\n", r":4: .*holds a value twice"),
        ("network: digits-w1\nchip: rram_32nm\nchips: 0\n", r":3: chips = 0: must be greater than or equal to 1"),
        (
            "network: a\nchip: b\naxes:\n  adc.bits: [3]\n  adc.bits+adc.kind: [4]\n",
            r":5: axes.adc.bits\+adc.kind: adc.bits stands in axes.adc.bits too",
        ),
        ("network: a\nchip: b\nset: {adc.bits: 3}\naxes:\n  adc.bits: [3]\n", r":5: .*adc.bits stands in set too"),
    ],
)
def test_bad_spaces_name_file_line_and_rule(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_space(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": {"adc.bits": [3, 99]}}, r"design \(adc.bits = 99\): override: adc.bits = 99"),
        ({"axes": {"adc.bit": [3]}}, r"did you mean 'bits'"),
        ({"network": "vgg9-cifar10"}, r"shape-only workload"),
        ({"network": "digits-w3"}, r"did you mean 'digits-w"),
        ({"samples": 601}, r"samples = 601"),
        ({"data": "digit"}, r"did you mean 'digits'"),
    ],
)
def test_an_impossible_design_is_named_before_anything_runs(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    store = tmp_path / "study.db"
    with pytest.raises(InputError, match=message):
        sweep(SMALL | change, store=store)
    assert not store.exists()


# --------------------------------------------------------------------------------------------------- the study


def test_a_script_without_a_main_guard_can_sweep(tmp_path: Path) -> None:
    """A spawned worker imports the driver's script; it must not sweep again in there."""
    script = tmp_path / "script.py"
    script.write_text(
        "import spikesim_py as ss\n"
        f"study = ss.sweep({SMALL!r}, store={str(tmp_path / 's.db')!r}, workers=1)\n"
        "print('designs', len(study))\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert result.stdout == "designs 8\n", result.stderr


@pytest.fixture(scope="module")
def study_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "small.db"
    sweep(SMALL, store=path, executor="serial")
    return path


def test_a_study_holds_every_design_with_its_numbers(study_path: Path) -> None:
    study = load_study(study_path)
    frame = study.frame()
    assert len(study) == 8
    assert set(METRICS) <= set(frame)
    assert np.isfinite(frame["edap"]).all()
    assert sorted(set(frame["technology.node_nm"])) == [32, 45]
    assert sorted(set(frame["accuracy_key"])) == sorted({point.accuracy_key for point in designs(study.space)})
    assert (frame["accuracy_low"] <= frame["accuracy"]).all()
    report = study.report(str(frame["report_hash"][0]))
    assert report["metrics"]["edap"] == frame["edap"][0]
    assert report["hardware"]["adc"]["bits"] == frame["adc.bits"][0]
    with pytest.raises(StoreError, match="has no report"):
        study.report("0000")


def test_workers_do_not_change_the_numbers(study_path: Path, tmp_path: Path) -> None:
    sweep(SMALL, store=tmp_path / "two.db", workers=2)
    one, two = load_study(study_path).frame(), load_study(tmp_path / "two.db").frame()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_every_field_of_a_tied_axis_is_a_column(tmp_path: Path) -> None:
    axes = {"device.stuck_on_rate+device.stuck_off_rate": [0.0, 0.01]}
    frame = sweep(SMALL | {"axes": axes, "samples": 2}, store=tmp_path / "t.db", executor="serial").frame()
    assert frame["device.stuck_on_rate"].tolist() == frame["device.stuck_off_rate"].tolist() == [0.0, 0.01]


def test_resuming_repeats_nothing_and_grows_the_axes(study_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sys.modules["spikesim_py.sweep.run"]
    measured: list[Any] = []
    real = run._measure
    monkeypatch.setattr(run, "_measure", lambda job: measured.append(job) or real(job))
    sweep(SMALL, store=study_path, executor="serial")
    assert measured == []
    assert dry_run(SMALL, study_path).stored == 8
    wider = SMALL | {"axes": SMALL["axes"] | {"technology.node_nm": [32, 45, 65]}}
    assert dry_run(wider, study_path).measurements == 0
    assert len(sweep(wider, store=study_path, executor="serial")) == 12
    assert measured == []  # a new node needs no new accuracy


def test_a_store_is_never_overwritten_or_mixed(study_path: Path) -> None:
    with pytest.raises(StoreError, match="has results already"):
        sweep(SMALL, store=study_path, resume=False)
    with pytest.raises(StoreError, match="was measured with samples = 12, not 13"):
        sweep(SMALL | {"samples": 13}, store=study_path)


def test_what_is_not_a_study_is_refused_and_left_alone(tmp_path: Path, study_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database")
    (tmp_path / "empty.db").write_bytes(b"")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE design (a)")
    other.close()
    whole = study_path.read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "future.db").write_bytes(whole)
    with sqlite3.connect(tmp_path / "future.db") as future:
        future.execute("PRAGMA user_version = 99")
    future.close()
    expected = {
        "text.db": "is not a study file",
        "empty.db": "is not a study file",
        "other.db": "is an SQLite file, but not a study",
        "cut.db": "cannot be used as a study",
        "future.db": "schema version 99; this version reads 1 to 2",
        "nowhere.db": "there is no such study file",
        ".": "is a folder",
    }
    for name, message in expected.items():
        path = tmp_path / name
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(StoreError, match=message):
            load_study(path).frame()
        if name not in ("nowhere.db", "."):
            with pytest.raises(StoreError, match=message):
                sweep(SMALL, store=path, executor="serial")
            assert path.read_bytes() == before
    assert not (tmp_path / "nowhere.db").exists()


def test_results_of_another_model_are_not_mixed_in(study_path: Path, tmp_path: Path) -> None:
    (tmp_path / "old.db").write_bytes(study_path.read_bytes())
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.execute("UPDATE meta SET value = '0' WHERE key = 'model_version'")
    old.close()
    assert len(load_study(tmp_path / "old.db")) >= 8
    with pytest.raises(StoreError, match="holds results of model version 0; this is"):
        sweep(SMALL, store=tmp_path / "old.db")


def test_a_damaged_study_is_refused_in_one_line_or_read(study_path: Path, tmp_path: Path) -> None:
    """Bytes changed anywhere, files cut anywhere: never another exception."""
    whole, path = study_path.read_bytes(), tmp_path / "damaged.db"
    refusals: list[str] = []
    space = load_study(study_path).space
    for trial in range(80):
        rng, damaged = random.Random(trial), bytearray(whole)
        for _ in range(rng.choice([1, 20, 400])):
            damaged[rng.randrange(len(whole) if trial % 2 else 8192)] = rng.randrange(256)
        path.write_bytes(damaged if trial % 4 else damaged[: rng.randrange(len(whole))])
        try:
            study = load_study(path)
            frame = study.frame()
            study.failures(), study.pareto(["accuracy", "edap"]), study.report(str(frame["report_hash"][0]))
            with Store.write(path, space, resume=True) as store:
                assert all(store.measurement(key) for key in store.measurements())
        except StoreError as error:
            refusals.append(str(error))
    assert len(refusals) > 40
    assert not any("\n" in refusal for refusal in refusals)


def test_reading_leaves_no_file_behind(study_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.db").write_bytes(study_path.read_bytes())
    rows = len(load_study(tmp_path / "s.db"))
    monkeypatch.setattr(os, "access", lambda path, mode, **_: False)  # an archive that nobody can write
    assert len(load_study(tmp_path / "s.db")) == rows >= 8
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_a_reader_is_not_blocked_by_a_writer(study_path: Path) -> None:
    writer = sqlite3.connect(study_path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE design SET error = 'pending'")
    started = time.monotonic()
    assert len(load_study(study_path).frame()["edap"]) >= 8
    assert time.monotonic() - started < 10  # who waits has a minute's patience
    writer.execute("ROLLBACK")
    writer.close()


def test_csv_holds_the_frame(study_path: Path, tmp_path: Path) -> None:
    study = load_study(study_path)
    lines = study.to_csv(tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].split(",") == list(study.frame())
    assert len(lines) == 1 + len(study)


def test_a_failed_design_is_kept_as_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sys.modules["spikesim_py.sweep.run"]
    real = run._measure

    def sometimes(job: Any) -> Any:
        if job.hardware.adc.bits == 3:
            raise ValueError("no luck")
        return real(job)

    monkeypatch.setattr(run, "_measure", sometimes)
    study = sweep(SMALL, store=tmp_path / "f.db", executor="serial")
    assert len(study) == 4
    assert len(study.failures()) == 4
    assert "no luck" in study.failures()[0]
    failed = study.failed()
    assert failed["adc.bits"].tolist() == [3] * 4
    assert failed["crossbar.cols"].tolist() == [64, 64, 128, 128]
    assert all("no luck" in error for error in failed["error"])
    assert study.jobs()[-1].message == "4 designs failed"
    _check_files(study, tmp_path)
    monkeypatch.undo()
    assert len(sweep(SMALL, store=tmp_path / "f.db", executor="serial")) == 8  # failures are tried again
    assert study.failures() == []


def _check_files(study: Study, folder: Path) -> None:
    """Files have the designs that failed below the others, and whole numbers stay whole; they are no results."""
    rows = list(csv.DictReader(study.to_csv(folder / "f.csv").read_text().splitlines()))
    assert [row["error"] != "" for row in rows] == [False] * 4 + [True] * 4
    assert {(row["adc.bits"], row["edap"] == "") for row in rows} == {("6", False), ("3", True)}
    table = parquet.read_table(study.to_parquet(folder / "f.parquet")).to_pydict()
    assert table["adc.bits"] == [int(row["adc.bits"]) for row in rows]
    for name in ("f.csv", "f.parquet"):
        back = import_results(folder / name, folder / f"{name}.db").frame()
        assert back["report_hash"].tolist() == study.frame()["report_hash"].tolist()


def test_a_chip_that_is_refused_does_not_take_others_with_it(tmp_path: Path) -> None:
    """A limit of current changes no sum, so that only the refusal tells two chips apart."""
    axes = {"wires.column_limit_ua": [1.0, 1e5], "technology.node_nm": [32, 45]}
    study = sweep(SMALL | {"axes": axes}, store=tmp_path / "limit.db", executor="serial")
    assert study.frame()["wires.column_limit_ua"].tolist() == [1e5, 1e5]
    assert study.failed()["wires.column_limit_ua"].tolist() == [1.0, 1.0]
    assert all("a column carries up to" in error for error in study.failed()["error"])


@pytest.mark.parametrize("events", [[], ["--json"]])
def test_a_sweep_says_how_many_designs_failed_and_where_to_read_why(tmp_path: Path, events: list[str]) -> None:
    """Also where all of them did: no table of nothing."""
    space, store = tmp_path / "s.yaml", str(tmp_path / "s.db")
    axes = {"wires.column_limit_ua": [1.0, 2.0]}
    space.write_text(yaml.safe_dump(SMALL | {"axes": axes}))
    result = CliRunner().invoke(main, ["sweep", str(space), "--store", store, "--executor", "serial", *events])
    assert result.exit_code == 3
    if events:
        end = json.loads(result.stdout.splitlines()[-1])
        assert (end["event"], end["designs"], end["failed"]) == ("end", 0, 2)
    else:
        assert f"0 designs in {store}, 2 failed (why: `error` in `spikesim table {store} -o FILE.csv`)" in result.output
        assert "Front of" not in result.output
    assert "2 designs failed; first: " in result.stderr
    asked = CliRunner().invoke(main, ["pareto", store])
    assert asked.exit_code == 2
    assert "has no finished design (2 failed; first: " in asked.output


def test_a_network_that_changes_while_the_sweep_runs_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sys.modules["spikesim_py.sweep.run"]
    real = run._measure

    def other(job: Any) -> Any:
        measured = real(job)
        return dataclasses.replace(measured, accuracy=dataclasses.replace(measured.accuracy, key="another"))

    monkeypatch.setattr(run, "_measure", other)
    study = sweep(SMALL | {"samples": 1}, store=tmp_path / "c.db", executor="serial")
    assert len(study) == 0
    assert study.frame().keys() >= METRICS.keys()
    assert not len(study.pareto(["accuracy", "edap"])["edap"])
    assert "file was changed while the sweep ran" in study.failures()[0]


# ------------------------------------------------------------------------------------------------------ fronts


@given(points=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=0, max_size=30))
def test_fronts_equal_brute_force(points: list[tuple[int, int, int]]) -> None:
    metrics = ["accuracy", "edap", "tops_per_watt"]
    values = np.array(points, dtype=float).reshape(-1, 3)
    frame = {name: values[:, i] for i, name in enumerate(metrics)}
    mask = nondominated(frame | {"report_hash": np.array([str(i) for i in range(len(points))])}, metrics)
    gain = values * [1, -1, 1]  # accuracy and TOPS/W up, EDAP down
    for i, point in enumerate(gain):
        beaten = any((other >= point).all() and (other > point).any() for other in gain)
        assert mask[i] == (not beaten)


def test_a_front_needs_known_metrics(study_path: Path) -> None:
    study = load_study(study_path)
    with pytest.raises(InputError, match="metric 'edp': unknown; did you mean 'edap'"):
        study.pareto(["edp"])
    with pytest.raises(InputError, match="needs at least one"):
        study.pareto([])


def test_a_missing_metric_never_wins() -> None:
    frame = {
        "report_hash": np.array(["a", "b"]),
        "accuracy": np.array([np.nan, 0.5]),
        "edap": np.array([1.0, 2.0]),
    }
    assert nondominated(frame, ["accuracy", "edap"]).tolist() == [False, True]


def test_a_store_opened_for_writing_is_closed_on_the_way_out(tmp_path: Path) -> None:
    space = load_space(SMALL)
    with Store.write(tmp_path / "w.db", space, resume=True) as store:
        assert store.finished() == set()
    with pytest.raises(StoreError):
        store.finished()
