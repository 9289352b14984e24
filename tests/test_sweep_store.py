"""The study file: schemas, what results say of themselves, files for other programs."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from sweep_cases import SPACE

import spikesim_py as ss
from spikesim_py.errors import InputError, StoreError
from spikesim_py.evaluate import MODEL_VERSION, measure
from spikesim_py.hardware import Hardware
from spikesim_py.sweep import (
    Store,
    cost_sweep,
    designs,
    jobs,
    load_space,
    load_study,
    sweep,
)
from spikesim_py.sweep.store import SCHEMA_VERSION, JobTable
from spikesim_py.sweep.store.bulk import encode
from spikesim_py.sweep.store.database import Database

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
        store.add_rows([(points[0].key, 0, "{}", "done", None, "in place of another", "{}", b"", 0.0)])
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
        assert time.monotonic() - started < 10  # who waits has a minute's patience
        assert len(JobTable(reader).all()) == 1  # as it was when this reader began
    assert len(jobs(study_path)) == 2
