"""The study file: schemas, jobs, bulk columns, files for other programs."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import spikesim_py as ss
from spikesim_py.errors import InputError, StoreError
from spikesim_py.evaluate import MODEL_VERSION, measure
from spikesim_py.hardware import Hardware
from spikesim_py.report import METRICS
from spikesim_py.sweep import (
    Store,
    ask,
    cost_sweep,
    designs,
    jobs,
    launch,
    load_space,
    load_study,
    relaunch,
    resume,
    sweep,
)
from spikesim_py.sweep.store import SCHEMA_VERSION, JobTable
from spikesim_py.sweep.store.bulk import decode, encode
from spikesim_py.sweep.store.database import Database

SPACE: dict[str, Any] = {
    "name": "store",
    "network": "digits-w1",
    "chip": "rram_32nm",
    "samples": 12,
    "axes": {"crossbar.rows+crossbar.cols": [64, 128], "adc.bits": [3, 6], "technology.node_nm": [32, 45]},
}
#: long enough to be asked something meanwhile
LONG = SPACE | {"network": "digits-w8", "axes": {"adc.bits": [3, 4, 5, 6, 7, 8], "crossbar.rows": [32, 64, 128, 256]}}


def until(condition: Callable[[], Any], seconds: float = 180) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "has waited too long"
        time.sleep(0.05)


# ---------------------------------------------------------------------------------------------------------- schemas


@pytest.fixture
def first_schema(tmp_path: Path) -> Path:
    """A study as version 1 wrote it: two designs."""
    return shutil.copy(ROOT / "tests" / "reference" / "study_schema1.db", tmp_path / "old.db")


def schema(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_study_of_the_first_schema_is_read_as_it_is(first_schema: Path) -> None:
    study = load_study(first_schema)
    assert study.frame()["adc.bits"].tolist() == [3, 6]
    assert study.report(str(study.frame()["report_hash"][0]))["hardware"]["adc"]["bits"] == 3
    assert study.jobs() == study.bulk_sweeps() == study.failures() == []
    with Store.read(first_schema) as store:
        assert set(store.sizes().values()) == {(12, 1)}
        assert [store.measured_config(key) for key in store.measurements()] == [{}, {}]
        assert all(store.measurement(key).accuracy.samples == 12 for key in store.measurements())
    assert schema(first_schema) == 1


def test_a_writer_brings_an_old_study_to_this_schema_and_loses_nothing(first_schema: Path) -> None:
    with closing(sqlite3.connect(first_schema)) as connection, connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'model_version'", (str(MODEL_VERSION),))
    before = load_study(first_schema).frame()
    with Store.write(first_schema, load_study(first_schema).space, resume=True) as store:
        assert set(store.sizes().values()) == {(12, 1)}
    assert schema(first_schema) == SCHEMA_VERSION == 2
    after = load_study(first_schema).frame()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    fresh = first_schema.with_name("new.db")
    Store.write(fresh, load_space(SPACE), resume=True).close()
    assert columns(first_schema) == columns(fresh)


def columns(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}


def test_a_migration_that_fails_changes_nothing(first_schema: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("spikesim_py.sweep.store.schema")
    monkeypatch.setitem(module.MIGRATIONS, 1, "CREATE TABLE job (id); CREATE TABLE design (id)")
    with pytest.raises(StoreError, match="table design already exists"):
        Store.write(first_schema, load_space(SPACE), resume=True)
    assert schema(first_schema) == 1
    assert "job" not in columns(first_schema)


# ---------------------------------------------------------------------------------------------------------- results


def test_the_version_changes_with_results_and_not_with_signs_of_life(tmp_path: Path) -> None:
    points, study = designs(load_space(SPACE)), ss.sweep(SPACE, store=tmp_path / "s.db", executor="serial")
    with Store.write(study.path, load_space(SPACE), resume=True) as store:
        before = study.version()
        number = store.jobs.add("sweep", {}, "app")
        store.jobs.begin(number)
        store.jobs.beat(number, 1, 2, "designs")
        assert study.version() == before
        store.add_failure(0, points[0], "in place of a design that is there")
        assert (changed := study.version()) != before
        store.bulk.add(store.bulk.begin("hash", {}, 1), 0, 1, {"x": encode(np.ones(1))})
        assert study.version() != changed


@pytest.fixture(scope="module")
def study_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "store.db"
    sweep(SPACE, store=path, executor="serial")
    return path


def test_every_measurement_says_how_to_make_it_again(study_path: Path) -> None:
    with Store.read(study_path) as store:
        for key in store.measurements():
            config, stored = store.measured_config(key), store.measurement(key)
            hardware = Hardware.model_validate(config["hardware"])
            again = ss.evaluate(config["network"], hardware, samples=stored.accuracy.samples, seed=config["seed"])
            assert again.measured == stored.accuracy
            assert (config["model_version"], config["version"]) == (MODEL_VERSION, ss.__version__)


def test_a_finer_measurement_takes_the_place_of_a_coarser_one_and_never_the_other_way(tmp_path: Path) -> None:
    hardware, network = ss.load_hardware("rram_32nm"), ss.load_network("digits-w1")
    coarse, fine = (
        measure(network, hardware, data="digits", split="report", samples=n, chips=2, seed=0) for n in (4, 9)
    )
    with Store.write(tmp_path / "s.db", load_space(SPACE), resume=True) as store:
        for made, size in ((coarse, 4), (fine, 9), (coarse, 9)):
            store.add_measurement("key", made)
            assert store.sizes() == {"key": (size, 2)}
        assert store.measurement("key").accuracy == fine.accuracy


def test_what_is_added_together_is_stored_as_a_whole(tmp_path: Path) -> None:
    points = designs(load_space(SPACE))

    def add_half(store: Store) -> None:
        with store.together():
            store.add_failure(0, points[0], "one")
            raise ZeroDivisionError

    with Store.write(tmp_path / "s.db", load_space(SPACE), resume=True) as store:
        with pytest.raises(ZeroDivisionError):
            add_half(store)
        assert store.failures() == []
        with store.together():
            for position, point in enumerate(points):
                store.add_failure(position, point, "all")
        assert len(store.failures()) == len(points)


# ------------------------------------------------------------------------------------------------------------- jobs


def test_a_sweep_is_a_row_of_the_job_table(study_path: Path) -> None:
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


@pytest.mark.parametrize("executor", ["serial", "local"])
@pytest.mark.parametrize(("request_", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_sweep_is_paused_or_cancelled_from_outside_and_resumed(
    tmp_path: Path, executor: str, request_: Any, state: str
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
    assert len(resume(store, 1, executor=executor)) == 24
    (job,) = jobs(store)
    assert (job.state, job.done) == ("done", 24)
    assert set(before) <= set(study.frame()["report_hash"].tolist())


def test_a_job_that_is_launched_runs_by_itself_and_is_seen_from_everywhere(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    job = launch(LONG, store=store, executor="local", workers=1)
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
    module = importlib.import_module("spikesim_py.sweep.store.jobs")
    mine = module._process(os.getpid())
    assert module._alive(mine)
    host, number, started = mine.rsplit(":", 2)
    if started:
        assert not module._alive(f"{host}:{number}:{int(started) - 1}")
    assert not module._alive(None)
    assert module._alive(f"elsewhere:{number}:1")  # nobody here can know
    child = subprocess.Popen([sys.executable, "-c", ""])
    name = module._process(child.pid)
    until(lambda: module._process(child.pid) is None)  # a zombie counts as gone
    assert not module._alive(name)
    child.wait()


# ------------------------------------------------------------------------------------------------------------- bulk

numbers = st.one_of(
    arrays.arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_nan=True)),
    arrays.arrays(np.int64, st.integers(0, 50)),
    arrays.arrays(np.bool_, st.integers(0, 50)),
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=20).map(
        np.array
    ),
)


@given(values=numbers)
def test_a_column_comes_back_as_it_was(values: np.ndarray) -> None:
    back = decode(encode(values))
    assert np.array_equal(back, values, equal_nan=values.dtype.kind == "f")
    signs = np.signbit(values) & (values == 0) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    if not signs.any():
        assert back.dtype.itemsize <= values.dtype.itemsize


def test_bulk_costs_are_those_of_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = importlib.import_module("spikesim_py.sweep.bulk")
    monkeypatch.setattr(bulk, "BLOCK", 7)  # 16 designs in three blocks, which cut across both networks
    space = SPACE | {"axes": SPACE["axes"] | {"network": ["digits-w1", "digits-w4"]}}
    del space["network"]
    study = cost_sweep(space, store=tmp_path / "c.db", executor="serial")
    frame = study.costs()
    assert set(METRICS) - set(frame) == {"accuracy", "assumed_energy_share", "assumed_area_share"}
    assert len(frame["edap"]) == study.bulk_sweeps()[0].stored == study.bulk_sweeps()[0].total == 16
    for i, edap in enumerate(frame["edap"]):
        fields = {name: frame[name][i].item() for name in ("crossbar.rows", "crossbar.cols", "adc.bits")}
        node = {"technology.node_nm": frame["technology.node_nm"][i].item()}
        report = ss.cost(str(frame["network"][i]), "rram_32nm", overrides=fields | node)
        assert edap == pytest.approx(report.edap, rel=1e-12)
        assert frame["tops_per_watt"][i] == pytest.approx(report.tops_per_watt, rel=1e-12)
        assert frame["utilization"][i] == report.utilization
    assert len(load_study(tmp_path / "c.db")) == 0  # no design has been measured


def test_a_bulk_sweep_keeps_its_blocks_and_knows_its_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = importlib.import_module("spikesim_py.sweep.bulk")
    monkeypatch.setattr(bulk, "BLOCK", 3)
    real, made, stop = bulk._costed, [], [2]

    def counted(block: Any) -> Any:
        if len(made) == stop[0]:
            raise ValueError("pulled the plug")
        made.append(block.start)
        return real(block)

    monkeypatch.setattr(bulk, "_costed", counted)
    with pytest.raises(InputError, match="pulled the plug"):
        cost_sweep(SPACE, store=tmp_path / "c.db", executor="serial")
    assert [(job.state, job.done) for job in jobs(tmp_path / "c.db")] == [("failed", 6)]
    stop[0] = 99
    study = cost_sweep(SPACE, store=tmp_path / "c.db", executor="serial")
    assert made == [0, 3, 6]
    assert len(study.costs(["edap"])["edap"]) == 8
    study = cost_sweep(SPACE, store=tmp_path / "c.db", executor="serial", activity=0.5)
    assert len(made) == 6  # another activity is another sweep
    first, second = study.bulk_sweeps()
    assert first.hash != second.hash
    assert (first.spec["activity"], second.spec["activity"]) == (None, 0.5)
    assert (study.costs(["energy_pj"], first.id)["energy_pj"] < study.costs(["energy_pj"])["energy_pj"]).all()


def test_a_bulk_sweep_keeps_to_conditions_and_constraints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = importlib.import_module("spikesim_py.sweep.bulk")
    monkeypatch.setattr(bulk, "BLOCK", 4)
    axes = {"device.kind": ["rram"], "adc.bits": [3, 4, 5, 6], "crossbar.mux": [4, 8]}
    space = SPACE | {"axes": axes, "constraints": ["adc.bits >= 5", "crossbar.mux != 8"]}
    study = cost_sweep(space | {"when": {"crossbar.mux": "adc.bits == 6"}}, store=tmp_path / "c.db", executor="serial")
    (about,) = study.bulk_sweeps()
    assert (about.total, about.stored) == (8, 2)  # the first block has none
    frame = study.costs()
    assert frame["adc.bits"].tolist() == [5, 6]
    assert np.array_equal(frame["crossbar.mux"], [np.nan, 4], equal_nan=True)  # inactive: the chip keeps its own
    assert frame["device.kind"].tolist() == ["rram", "rram"]


def test_only_known_columns_are_read(tmp_path: Path, study_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no bulk costs .*--cost-only"):
        load_study(study_path).costs()
    study = cost_sweep(SPACE, store=tmp_path / "c.db", executor="serial")
    assert list(study.costs(["edap", "adc.bits"])) == ["edap", "adc.bits"]
    with pytest.raises(InputError, match="column 'edp': unknown; did you mean 'edap'"):
        study.costs(["edp"])
    with pytest.raises(StoreError, match=r"has no bulk sweep 9 \(bulk sweeps: 1\)"):
        study.costs(number=9)


def test_an_impossible_design_of_a_bulk_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"adc\.bits = 99"):
        cost_sweep(SPACE | {"axes": {"adc.bits": [3, 99]}}, store=tmp_path / "c.db", executor="serial")


def test_a_cost_job_is_launched_and_resumed_too(tmp_path: Path) -> None:
    store = tmp_path / "c.db"
    launch(SPACE, store=store, kind="cost", activity=0.25)
    until(lambda: jobs(store)[0].state == "done")
    assert load_study(store).bulk_sweeps()[0].spec["activity"] == 0.25


# ------------------------------------------------------------------------------------------------------------ export


def test_parquet_holds_the_frame(study_path: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
    study = load_study(study_path)
    table = parquet.read_table(study.to_parquet(tmp_path / "out.parquet"))
    frame = study.frame()
    assert table.column_names == list(frame)
    for name, column in frame.items():
        assert table[name].to_pylist() == column.tolist()


def test_costs_are_exported_too(tmp_path: Path) -> None:
    study = cost_sweep(SPACE, store=tmp_path / "c.db", executor="serial")
    lines = study.to_csv(tmp_path / "c.csv", costs=True).read_text().splitlines()
    assert lines[0].split(",") == list(study.costs())
    assert [float(line.split(",")[lines[0].split(",").index("edap")]) for line in lines[1:]] == study.costs()[
        "edap"
    ].tolist()


def test_without_pyarrow_the_error_says_how_to_get_it(
    study_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"needs pyarrow: pip install 'spikesim-py\[parquet\]'"):
        load_study(study_path).to_parquet(tmp_path / "out.parquet")


def test_control_from_outside_never_waits_for_a_reader(study_path: Path) -> None:
    with closing(Database.read(study_path)) as reader:
        reader._db.execute("BEGIN")
        assert reader.rows("SELECT count(*) FROM design") == [(8,)]
        started = time.monotonic()
        with Store.write(study_path, load_space(SPACE), resume=True) as store:
            store.jobs.add("sweep", {}, "app")
        assert time.monotonic() - started < 1
        assert len(JobTable(reader).all()) == 1  # as it was when this reader began
    assert len(jobs(study_path)) == 2
