"""Costs in bulk: columns that come back as they were, blocks that are kept, numbers that are those of reports."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sweep_cases import SPACE, until

import spikesim_py as ss
from spikesim_py.errors import InputError, StoreError
from spikesim_py.report import METRICS
from spikesim_py.sweep import (
    cost_sweep,
    jobs,
    launch,
    load_study,
    sweep,
)
from spikesim_py.sweep.store.bulk import decode, encode

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


def test_only_known_columns_are_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no bulk costs .*--cost-only"):
        sweep(SPACE | {"axes": {}}, store=tmp_path / "m.db", executor="serial").costs()
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
