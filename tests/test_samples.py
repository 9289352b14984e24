"""Every sample by itself: what it saw and what it costs, and that the means are the means of these."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st

import spikesim_py as ss
from spikesim_py.activity import Activity, Samples, of_design, spread
from spikesim_py.crossbar import programmed
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.distribution import Distribution, sample_costs
from spikesim_py.early_exit import EarlyExit
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import simulate, simulation
from spikesim_py.network import Network, load_network
from spikesim_py.sweep import load_study

CHIPS: dict[str, dict[str, Any]] = {
    "plain": {},
    "small crossbars": {"crossbar.rows": 8},
    "kernel positions apart": {"mapping.rows": "spikeflow", "mapping.signs": "offset", "crossbar.rows": 16},
    "a digital layer": {"mapping.digital_layers": ["conv2"]},
}
NOISY: dict[str, Any] = {"device.read.noise": "white", "device.read.sigma": 0.1, "crossbar.rows": 8}


def dataset(network: Network, samples: int = 12) -> Dataset:
    labels = np.random.default_rng(1).integers(0, network.classes, samples)
    return Dataset("tiny", tiny_images(samples, network.model.input.bits), labels)


def part(data: Dataset, index: Any) -> Dataset:
    return Dataset(data.name, data.images[index], data.labels[index])


def samples_of(activity: Activity) -> Samples:
    assert activity.each is not None
    return activity.each


def assert_same(a: Samples, b: Samples) -> None:
    """To the last bit."""
    assert np.array_equal(a.steps, b.steps)
    for layer, seen in a.layers.items():
        others = dict(b.layers[layer].items())
        assert others.keys() == dict(seen.items()).keys()
        for name, values in seen.items():
            assert np.array_equal(values, others[name]), (layer, name)


# -------------------------------------------------------------------------------------------------------- activity


@pytest.mark.parametrize("fields", CHIPS.values(), ids=CHIPS)
@pytest.mark.parametrize("chips", [1, 3])
def test_the_record_is_the_mean_of_the_samples(fields: dict[str, Any], chips: int) -> None:
    network = tiny_network()
    found = simulate(network, load_hardware("rram_32nm", fields), dataset(network), chips=chips).activity
    for layer, seen in samples_of(found).layers.items():
        for name, values in seen.items():
            assert values.shape == (12,)
            assert values.dtype == np.float32
            assert values.astype(float).mean() == pytest.approx(getattr(found.layers[layer], name), rel=1e-6)
        digital = "mapping.digital_layers" in fields and layer == "conv2"
        assert (seen.idle_reads is None) == digital
        assert (seen.output_rate is None) == (layer == "fc")


def test_a_float_networks_record_is_the_mean_of_its_samples() -> None:
    found = ss.evaluate("digits-fp", "rram_32nm", samples=30).activity
    for layer, seen in samples_of(found).layers.items():
        for name, values in seen.items():
            assert values.astype(float).mean() == pytest.approx(getattr(found.layers[layer], name), rel=1e-6)
        assert seen.rate.std() > 0


@pytest.mark.parametrize("fields", CHIPS.values(), ids=CHIPS)
def test_a_sample_among_others_saw_what_it_sees_alone(fields: dict[str, Any]) -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm", fields)
    data = dataset(network, 6)
    together = samples_of(simulate(network, hardware, data, seed=2).activity)
    for index in range(6):
        alone = simulate(network, hardware, part(data, slice(index, index + 1)), seed=2).activity
        for layer, seen in together.layers.items():
            for name, values in seen.items():
                assert values[index] == np.float32(getattr(alone.layers[layer], name))


@given(seed=st.integers(0, 999))
def test_the_order_of_the_samples_does_not_matter(seed: int) -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm", CHIPS["small crossbars"])
    data, order = dataset(network, 8), np.random.default_rng(seed).permutation(8)
    rule = EarlyExit("confidence", 0.6, 0.01)
    plain, turned = (simulate(network, hardware, given, exit=rule) for given in (data, part(data, order)))
    a, b = samples_of(plain.activity), samples_of(turned.activity)
    assert np.array_equal(a.steps[order], b.steps)
    for layer, seen in a.layers.items():
        for (_, values), (_, others) in zip(seen.items(), b.layers[layer].items(), strict=True):
            assert np.array_equal(values[order], others)


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_batches_and_threads_do_not_change_what_samples_saw(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm", NOISY)
    whole = simulate(network, hardware, dataset(network, 9), chips=2, seed=5)
    monkeypatch.setattr(simulation, "_BATCH_BYTES", 1)
    monkeypatch.setattr(programmed, "_READS_PER_THREAD", 1)
    parts = simulate(network, hardware, dataset(network, 9), chips=2, seed=5, engine=engine)
    assert_same(samples_of(whole.activity), samples_of(parts.activity))
    assert np.array_equal(whole.correct_by_step, parts.correct_by_step)


# ----------------------------------------------------------------------------------------------------------- costs

LINEAR = {
    "analog": ("digits-w4", "rram_32nm", {}),
    "address events": ("digits-w4", "rram_32nm", {"noc.encoding": "aer"}),
    "pipelined": ("digits-w4", "rram_32nm", {"schedule.pipeline": "time_step"}),
    "SRAM": ("digits-w2", "sram_32nm", {}),
    "digital": ("digits-fp", "rram_32nm", {}),
    "released": ("digits-w4", "spikesim_released", {}),
}


@pytest.mark.parametrize(("network", "chip", "fields"), LINEAR.values(), ids=LINEAR)
def test_where_costs_are_linear_in_activity_their_mean_is_the_cost_of_the_mean(
    network: str, chip: str, fields: dict[str, Any]
) -> None:
    report = ss.evaluate(network, chip, samples=25, overrides={"crossbar.event_driven": False} | fields)
    assert report.energy_distribution.mean == pytest.approx(report.energy_pj, rel=1e-6)
    # how long events wait in a queue is not linear in how many there are
    exact = 1e-4 if fields.get("noc.encoding") == "aer" else 1e-6
    assert report.latency_distribution.mean == pytest.approx(report.latency_ns, rel=exact)
    assert report.steps_distribution.mean == report.time_steps
    spread_out = np.ptp(report.energy_distribution.values) > 0
    assert spread_out == (chip != "spikesim_released")  # its equations know no activity


def test_skipped_reads_make_costs_differ_more_between_samples() -> None:
    overrides = {"crossbar.rows": 16}
    gated, plain = (
        ss.evaluate("digits-w4", "rram_32nm", samples=25, overrides=overrides | {"crossbar.event_driven": on})
        for on in (True, False)
    )
    assert gated.energy_distribution.p95 < plain.energy_distribution.p5
    assert gated.energy_distribution.values.std() > plain.energy_distribution.values.std()


@pytest.mark.parametrize("pipeline", ["none", "layer", "time_step"])
def test_energy_and_latency_are_affine_in_the_time_steps(pipeline: str) -> None:
    """What is between two whole numbers of steps lies on a line; the readout's registers grow with log2(T)."""
    network, hardware = load_network("digits-w4"), load_hardware("rram_32nm", {"schedule.pipeline": pipeline})
    activity = ss.evaluate(network, hardware, samples=3).activity
    each = samples_of(activity)
    for mean, tolerance in ((3.5, 1e-4), (2.25, 1e-4), (4.0, 1e-15)):
        made = sample_costs(network, hardware, replace(activity, each=replace(each, steps=np.full(3, mean))))
        ends = [
            sample_costs(network, hardware, replace(activity, each=replace(each, steps=np.full(3, float(t)))))
            for t in (1, 4)
        ]
        for name in ("energy_pj", "latency_ns"):
            first, last = (getattr(end, name) for end in ends)
            assert getattr(made, name) == pytest.approx(first + (mean - 1) / 3 * (last - first), rel=tolerance)


def test_percentiles_are_those_of_the_values() -> None:
    values = np.random.default_rng(0).normal(size=101)
    found = Distribution(values)
    ordered = np.sort(values)
    assert (found.p5, found.p50, found.p95) == (ordered[5], ordered[50], ordered[95])
    assert found.mean == pytest.approx(values.mean())
    assert found.to_dict() == spread(values)
    shown = ", ".join(f"{name}={value:.6g}" for name, value in spread(values).items())
    assert repr(found) == f"Distribution({shown}, samples=101)"


# ---------------------------------------------------------------------------------------------------------- reports


def test_reports_show_the_distribution_and_keep_the_samples_to_themselves(tmp_path: Path) -> None:
    report = ss.evaluate("digits-w4", "rram_32nm", samples=40)
    data = json.loads(report.to_json(tmp_path / "r.json").read_text())
    shown = data["distributions"]["energy_pj"]
    assert shown == report.energy_distribution.to_dict()
    assert shown["p5"] <= shown["p50"] <= shown["p95"]
    assert data["distributions"]["edap"]["mean"] == pytest.approx(report.edap, rel=1e-3)
    assert data["accuracy_by_step"][-1] == report.accuracy
    assert len(data["accuracy_by_step"]) == 4
    assert data["activity"]["each"]["layers"]["conv2"]["rate"] == spread(
        samples_of(report.activity).layers["conv2"].rate
    )
    longer = ss.evaluate("digits-w4", "rram_32nm", samples=80).to_dict()
    assert len(json.dumps(longer["activity"])) < 1.1 * len(json.dumps(data["activity"]))


def test_without_single_samples_there_is_no_distribution() -> None:
    network, hardware = load_network("digits-w4"), load_hardware("rram_32nm")
    report = ss.cost(network, hardware)
    assert report.energy_distribution is report.latency_distribution is report.steps_distribution is None
    assert report.to_dict()["distributions"] is None
    assert sample_costs(network, hardware, report.activity) is None
    with pytest.raises(ValueError, match="not kept"):
        report.activity.by_sample()


def test_a_sample_is_a_measured_activity_of_its_own() -> None:
    report = ss.evaluate("digits-w4", "rram_32nm", samples=10)
    alone = ss.cost("digits-w4", "rram_32nm", activity=of_design(report.activity.by_sample(), 3))
    assert alone.energy_pj == pytest.approx(report.energy_distribution.values[3], rel=1e-12)
    assert alone.latency_ns == pytest.approx(report.latency_distribution.values[3], rel=1e-12)
    again = ss.cost("digits-w4", "rram_32nm", activity=report.activity)
    assert np.array_equal(again.energy_distribution.values, report.energy_distribution.values)


def test_studies_keep_means_and_reports_the_same_hash(tmp_path: Path) -> None:
    space = {"network": "digits-w4", "chip": "rram_32nm", "axes": {"crossbar.rows": [64]}, "samples": 20}
    ss.sweep(space, store=tmp_path / "s.db", executor="serial")
    report = ss.evaluate("digits-w4", "rram_32nm", samples=20, overrides={"crossbar.rows": 64})
    stored = load_study(tmp_path / "s.db").report(report.report_hash)
    assert stored["distributions"] is None
    assert stored["activity"] == report.activity.means()
    assert stored["accuracy_by_step"] == list(report.accuracy_by_step)
    # a design that is costed later, from the stored measurement, is the same
    wider = space | {"axes": {"crossbar.rows": [64], "technology.node_nm": [32, 45]}}
    ss.sweep(wider, store=tmp_path / "s.db", executor="serial")
    again = load_study(tmp_path / "s.db")
    others = [hash_ for hash_ in again.frame()["report_hash"] if hash_ != report.report_hash]
    assert again.report(str(others[0]))["accuracy_by_step"] == stored["accuracy_by_step"]


def test_more_samples_are_the_same_samples_and_others() -> None:
    network, hardware, data = load_network("digits-w4"), load_hardware("rram_32nm"), load_dataset("digits")
    few, more = (samples_of(simulate(network, hardware, data.head(count)).activity) for count in (15, 30))
    for layer, seen in few.layers.items():
        assert np.array_equal(seen.rate, more.layers[layer].rate[:15])
