"""How exact each layer is, what each effect costs, and two chips in pairs: laws, and a naive count."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import conv, lif, random_weights, tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.compare import EFFECTS, chain, degradation, float_origin
from spikesim_py.cost.components import adder, multiplier, register
from spikesim_py.cost.technology import load_technology
from spikesim_py.crossbar import program
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import InputError
from spikesim_py.evaluate import network_digest
from spikesim_py.hardware import Hardware, load_hardware, presets
from spikesim_py.inference import simulate, simulation
from spikesim_py.inference.quality import Errors, dot
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, load_network, quantize_network, run
from spikesim_py.network.executor import exact_product, node_output

LOSSLESS: dict[str, Any] = {"device.ideal": True, "adc.bits": 12}

#: cells without errors, a lossless converter, and the baseline that removes their background
LOSSLESS_CELLS: dict[str, Any] = {
    "adc__bits": 12,
    "device__program_sigma": 0,
    "device__stuck_on_rate": 0,
    "device__stuck_off_rate": 0,
}


def chip(**fields: Any) -> Hardware:
    return load_hardware("rram_32nm", {name.replace("__", "."): value for name, value in fields.items()})


def dataset(samples: int = 12) -> Dataset:
    return Dataset("tiny", tiny_images(samples), np.arange(samples) % 3)


def measured(hardware: Hardware, network: Network | None = None, **options: Any) -> Any:
    return simulate(network or residual_network(), hardware, dataset(), quality=True, **options).quality


def residual_network() -> Network:
    """conv - LIF, then conv - affine + the first LIF's spikes - LIF - sum pool 3x3 - linear - readout."""
    rng = np.random.default_rng(3)
    nodes: list[dict[str, Any]] = [
        conv("conv1", "input", 2, 4, weight_bits=4),
        lif("lif1", "conv1"),
        conv("conv2", "lif1", 4, 4, weight_bits=4),
        {"op": "affine", "name": "norm", "inputs": ["conv2"], "shift": 2},
        {"op": "add", "name": "sum", "inputs": ["norm", "lif1"]},
        lif("lif2", "sum", membrane_bits=6, overflow="wrap"),
        {"op": "pool", "name": "pool", "inputs": ["lif2"], "kernel": (3, 3)},
        {"op": "flatten", "name": "flat", "inputs": ["pool"]},
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 16, "out_features": 3, "weight_bits": 4},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    description = {"name": "residual", "arithmetic": "integer", "time_steps": 3, "nodes": nodes}
    description["input"] = {"shape": (2, 6, 6), "bits": 3}
    shapes = {"conv1": (4, 2, 3, 3), "conv2": (4, 4, 3, 3), "fc": (3, 16)}
    arrays = {f"{name}.weight": random_weights(rng, shape, 4) for name, shape in shapes.items()}
    arrays |= {"lif1.theta": np.array([20]), "lif2.theta": np.array([6])}
    arrays |= {"norm.multiplier": rng.integers(-3, 4, 4), "norm.bias": rng.integers(-9, 9, 4)}
    return build(description, arrays)


def test_an_ideal_chip_with_a_lossless_adc_makes_no_error() -> None:
    for record in measured(chip(**LOSSLESS)).values():
        assert record.ser_db == math.inf
        assert record.to_dict()["ser_db"] is None
        assert (record.error_rms, record.bias, record.gain) == (0, 0, 1)
        assert not record.own_mismatch
        assert not record.spike_mismatch
        assert record.signal_rms > 0


def test_the_record_is_what_a_naive_count_finds() -> None:
    network, hardware, data = residual_network(), chip(adc__bits=3, crossbar__rows=8), dataset()
    layers = {node.name: program(map_network(network, hardware), node.name) for node in network.layers}
    seen: dict[str, Any] = {}
    exact: dict[str, torch.Tensor] = {}

    def product(node: Any, x: torch.Tensor) -> torch.Tensor:
        exact[node.name] = exact_product(network)(node, x)
        return torch.from_numpy(layers[node.name].multiply(x.flatten(0, 1).numpy())[0]).unflatten(0, x.shape[:2])

    run(network, data.images, product=product, observer=lambda name, value: seen.update({name: value}))
    ideal = run(network, data.images, record=True).trains
    own: dict[str, Any] = {"conv1": node_output(network, network.by_name["lif1"], [exact["conv1"]])}
    norm = node_output(network, network.by_name["norm"], [exact["conv2"]])
    own["conv2"] = node_output(network, network.by_name["lif2"], [norm + seen["lif1"]])
    found = measured(hardware, network)
    for name, record in found.items():
        e, c = (side[name].numpy().astype(float).ravel() for side in (exact, seen))
        assert record.signal_rms == pytest.approx(np.sqrt(np.mean(e**2)))
        assert record.error_rms == pytest.approx(np.sqrt(np.mean((c - e) ** 2)))
        assert record.ser_db == pytest.approx(10 * np.log10((e**2).sum() / ((c - e) ** 2).sum()))
        assert record.bias == pytest.approx(np.mean(c - e))
        assert record.gain == pytest.approx(np.polyfit(e, c, 1)[0])
    for name, units in (("conv1", "lif1"), ("conv2", "lif2")):
        spikes = seen[units].numpy()
        assert found[name].own_mismatch == np.mean(spikes != own[name].numpy()) > 0
        assert found[name].spike_mismatch == np.mean(spikes != ideal[units])
    assert found["conv1"].own_mismatch == found["conv1"].spike_mismatch  # nothing lies before it
    assert found["fc"].own_mismatch is found["fc"].spike_mismatch is None


def test_the_quality_pass_changes_nothing_and_does_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    network, hardware = residual_network(), chip(device__program_sigma=0.1)
    plain = simulate(network, hardware, dataset(), chips=2, seed=3)
    whole = simulate(network, hardware, dataset(), chips=2, seed=3, quality=True)
    monkeypatch.setattr(simulation, "_BATCH_BYTES", 1)
    single = simulate(network, hardware, dataset(), chips=2, seed=3, quality=True)
    for result in (whole, single):
        assert np.array_equal(result.correct, plain.correct)
        assert result.activity == plain.activity
    assert single.quality == whole.quality
    assert plain.quality is None


@pytest.mark.parametrize("field", ["device__program_sigma", "adc__bits"])
def test_the_ratio_falls_with_programming_error_and_with_fewer_bits(field: str) -> None:
    base: dict[str, Any] = {"adc__bits": 12, "device__stuck_on_rate": 0, "device__stuck_off_rate": 0}
    worse = (0.08, 0.16, 0.32) if field == "device__program_sigma" else (4, 3, 2)
    ratios = [[record.ser_db for record in measured(chip(**base | {field: value})).values()] for value in worse]
    for better, next_ in pairwise(ratios):
        assert all(a > b for a, b in zip(better, next_, strict=True))


def test_wires_take_their_share_of_the_current() -> None:
    wires: dict[str, Any] = {"wires__topology": "passive", "device__r_on_ohm": 6000, **LOSSLESS_CELLS}
    found = [measured(chip(**wires, wires__bit_ohm=ohm, wires__word_ohm=ohm)) for ohm in (1e-6, 1.0, 10.0)]
    for name in found[0]:
        losses = [records[name].ir_loss for records in found]
        assert 0 <= losses[0] < 1e-6 < losses[1] < losses[2] < 1
    assert found[0]["conv1"].error_rms == 0  # the limit of no resistance
    assert found[1]["conv1"].ser_db > found[2]["conv1"].ser_db
    assert found[2]["conv1"].gain < 1
    assert measured(chip())["conv1"].ir_loss is None
    assert measured(chip(**wires, mapping__digital_layers="first"))["conv1"].ir_loss is None


def test_several_chips_are_pooled() -> None:
    hardware = chip(device__program_sigma=0.2)
    both, first = measured(hardware, chips=2), measured(hardware)
    assert both["conv1"].signal_rms == first["conv1"].signal_rms  # the same images
    assert both["conv1"].error_rms != first["conv1"].error_rms


def test_a_layer_whose_exact_product_is_constant_has_no_gain() -> None:
    record = Errors(outputs=4, c=4, cc=4).quality(None, None)
    assert record.gain is None
    assert record.ser_db == -math.inf
    assert record.to_dict()["ser_db"] is None


@given(st.lists(st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2), min_size=1, max_size=40))
def test_sums_of_products_are_exact(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    assert dot(a, b) == sum(x * y for x, y in pairs)


def test_no_samples_are_refused() -> None:
    with pytest.raises(InputError, match="no samples"):
        simulate(residual_network(), chip(), Dataset("none", tiny_images(1)[:0], np.arange(0)))


def test_a_float_network_has_no_errors_to_measure() -> None:
    with pytest.raises(InputError, match="float network 'digits-fp' runs on no crossbar"):
        ss.evaluate("digits-fp", "rram_32nm", samples=5, quality=True)


# --------------------------------------------------------------------------------------------- digital layers


def test_digital_layers_are_exact_and_the_others_are_not() -> None:
    noisy = {"device__program_sigma": 0.3, "adc__bits": 4}
    plain, first = measured(chip(**noisy)), measured(chip(**noisy, mapping__digital_layers="first"))
    assert plain["conv1"].error_rms > 0
    assert first["conv1"].error_rms == first["conv1"].own_mismatch == 0
    assert first["conv2"].error_rms > 0
    assert measured(chip(**noisy, mapping__digital_layers=["conv1"])) == first


def test_a_network_of_digital_layers_is_the_reference() -> None:
    network, data = residual_network(), dataset()
    names = [node.name for node in network.layers]
    hardware = chip(device__program_sigma=0.3, mapping__digital_layers=names)
    result = simulate(network, hardware, data, chips=3)
    assert np.array_equal(result.correct, [network.run(data.images).predictions == data.labels] * 3)
    crossbars = simulate(network, chip(**LOSSLESS), data).activity.layers
    for name, record in result.activity.layers.items():
        assert record.rate == pytest.approx(crossbars[name].rate)
        assert record.output_rate == crossbars[name].output_rate
        assert record.clip_rate is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["conv9"], "mapping.digital_layers = 'conv9': is not a layer of network 'residual'; did you mean 'conv"),
        (["conv1", "conv1"], "names a layer twice"),
        (3, "mapping.digital_layers = 3: must be"),
    ],
)
def test_digital_layers_that_are_none_are_refused(names: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(residual_network(), chip(mapping__digital_layers=names), dataset())


def test_first_needs_one_layer_that_reads_the_input() -> None:
    model = residual_network().model.model_dump(mode="python")
    nodes = [
        node | {"inputs": ["input"], "in_channels": 2} if node["name"] == "conv2" else node for node in model["nodes"]
    ]
    arrays = dict(residual_network().arrays) | {"conv2.weight": np.ones((4, 2, 3, 3), np.int16)}
    network = build(model | {"nodes": nodes}, arrays)
    with pytest.raises(InputError, match="no single layer of network 'residual' reads its input"):
        simulate(network, chip(mapping__digital_layers="first"), dataset())


def test_a_digital_layer_costs_its_multiply_accumulates() -> None:
    network, tech = load_network("digits-w4"), load_technology(32)
    plain, first = (ss.cost(network, chip(mapping__digital_layers=names)) for names in ((), "first"))
    layer, edge = network.by_name["conv1"], network.edges["conv1"]
    lane = multiplier(tech, 4, 5) + adder(tech, edge.bits) + register(tech, edge.bits)
    mac, lanes = first.tree.child("conv1").child("integer_mac"), min(32, layer.out_channels) * min(32, 64)
    leakage_pj = lanes * lane.leakage_pw * first.interval_ns * 1e-9
    assert mac.energy_pj == pytest.approx(network.macs["conv1"] * lane.energy_fj * 1e-3 + leakage_pj)
    assert mac.area_um2 == pytest.approx(lanes * lane.area_um2)
    assert mac.critical_ns == pytest.approx(network.macs["conv1"] / lanes)
    names = {node.name for node in first.tree.child("conv1").children}
    assert {"weight_memory", "input_buffer", "neuron_unit", "membrane_memory"} <= names
    assert not names & {"crossbar", "adc", "h_tree"}
    assert first.cost.crossbars < plain.cost.crossbars
    actions = [report.tree.child("conv2").child("adc").energy_pj for report in (plain, first)]
    assert actions[1] == pytest.approx(actions[0], rel=1e-3)  # leaks for another time
    assert "on integer multiply-accumulators, not on crossbars: conv1" in first.notes


def test_integer_operations_are_near_horowitz() -> None:
    """ISSCC 2014, 45 nm: 8-bit product 0.2 pJ and 282 um2, sums of 8 and 32 bits 0.03 and 0.1 pJ, 36 and 137 um2."""
    tech = load_technology(45)
    for circuit, picojoule, area in (
        (multiplier(tech, 8, 8), 0.2, 282),
        (adder(tech, 8), 0.03, 36),
        (adder(tech, 32), 0.1, 137),
    ):
        assert circuit.energy_fj * 1e-3 == pytest.approx(picojoule, rel=0.5)
        assert circuit.area_um2 == pytest.approx(area, rel=0.5)


@pytest.mark.parametrize("pipeline", ["none", "layer", "time_step"])
def test_a_network_of_digital_layers_has_a_cost(pipeline: str) -> None:
    network = residual_network()
    names = [node.name for node in network.layers]
    report = ss.cost(network, chip(mapping__digital_layers=names, schedule__pipeline=pipeline))
    assert (report.cost.crossbars, report.cost.pes, report.cost.tiles, report.utilization) == (0, 0, 3, 0)
    assert report.energy_pj > 0
    assert all(node.energy_pj >= 0 for _, node in report.tree.walk())


# ------------------------------------------------------------------------------------------------ degradation


def test_the_chain_goes_from_the_exact_network_to_the_chip() -> None:
    hardware = chip(device__program_sigma=0.1, device__stuck_on_rate=0.01, adc__bits=5)
    stages = degradation("digits-w4", hardware, samples=60, chips=2, seed=4)
    names = [stage.name for stage in stages]
    assert names == ["float", "exact", "ADC", "on/off ratio", "programming and faults"]
    network, data = load_network("digits-w4"), load_dataset("digits").head(60)
    for stage, exact in zip(stages, (load_network("digits-fp"), network), strict=False):
        assert stage.accuracy == np.mean(exact.run(data.images).predictions == data.labels)
    whole = ss.evaluate(network, hardware, samples=60, chips=2, seed=4, quality=True)
    assert (stages[-1].accuracy, stages[-1].accuracy_ci) == (whole.accuracy, whole.accuracy_ci)
    assert stages[-1].quality == whole.quality
    assert stages[0].change is None
    for before, after in pairwise(stages):
        assert after.change is not None
        assert after.change.value == pytest.approx(after.accuracy - before.accuracy)


def test_every_effect_is_a_step() -> None:
    fields = {"adc__noise_lsb": 0.1, "wires__topology": "passive", "device__read__noise": "white"}
    fields |= {"device__read__sigma": 0.01, "device__retention__kind": "power", "device__retention__nu": [0.01]}
    fields |= {"mitigation__drift_gain": "layer"}
    steps = list(chain(chip(**fields, device__age_s=1e4)))
    assert [name for name, _ in steps] == ["ADC", *(name for name, _ in EFFECTS)]
    for (_, before), (_, after) in pairwise(steps):
        assert before != after


def test_a_chip_without_effects_has_two_steps() -> None:
    names = [stage.name for stage in degradation("digits-w4", chip(**LOSSLESS), samples=20)]
    assert names == ["float", "exact", "ADC"]


def test_the_float_network_is_found_by_its_name_or_given() -> None:
    taught = load_network("digits-w4")
    found = float_origin(taught)
    assert found is not None
    assert found.name == "digits-fp"
    made = quantize_network(found, 3)
    again = float_origin(made)
    assert again is not None
    assert network_digest(again) == network_digest(found)
    bare = build(taught.model.model_dump(mode="python") | {"metadata": {}}, taught.arrays, "bare")
    assert float_origin(bare) is None
    plain = chip(**LOSSLESS)
    assert [stage.name for stage in degradation(bare, plain, samples=10)] == ["exact", "ADC"]
    given = degradation(bare, plain, samples=10, full_precision=found)
    assert [stage.name for stage in given] == ["float", "exact", "ADC"]
    assert given[1].change is not None


@pytest.mark.parametrize("name", presets())
def test_every_presets_chain_ends_with_itself(name: str) -> None:
    hardware = load_hardware(name)
    steps = list(chain(hardware))
    assert steps[0][0] == "ADC"
    assert steps[-1][1] == hardware
    designs = [design for _, design in steps]
    assert all(a != b for a, b in pairwise(designs))


def test_effects_are_taken_away_by_fields_that_a_chip_has() -> None:
    for _, off in EFFECTS:
        load_hardware("rram_32nm", off)


# -------------------------------------------------------------------------------------------------- comparison


def test_designs_are_compared_on_the_same_chips_across_crossbar_sizes() -> None:
    noisy = {"device__program_sigma": 0.1}
    result = ss.compare("digits-w4", chip(**noisy), chip(**noisy, crossbar__rows=32), samples=100, chips=3, seed=2)
    assert result.difference.value == pytest.approx(result.first.value - result.second.value)
    for accuracy, rows in ((result.first, 128), (result.second, 32)):
        alone = ss.evaluate("digits-w4", chip(**noisy, crossbar__rows=rows), samples=100, chips=3, seed=2)
        assert accuracy == alone.measured
    back = ss.compare("digits-w4", chip(**noisy, crossbar__rows=32), chip(**noisy), samples=100, chips=3, seed=2)
    assert back.difference.interval == pytest.approx([-end for end in reversed(result.difference.interval)])


def test_one_arithmetic_differs_by_nothing() -> None:
    found = ss.compare("digits-w4", chip(), chip(technology__node_nm=45), samples=20).difference
    assert (found.value, found.interval, found.p_value) == (0, (0, 0), 1)
    assert not found.significant


# ------------------------------------------------------------------------------------------------ what is shown


def test_reports_carry_the_quality(tmp_path: Path) -> None:
    report = ss.evaluate("digits-w4", "rram_32nm", samples=20, quality=True)
    assert report.report_hash == ss.evaluate("digits-w4", "rram_32nm", samples=20).report_hash
    data = json.loads(report.to_json(tmp_path / "r.json").read_text())
    assert data["quality"]["conv2"]["ser_db"] == pytest.approx(report.quality["conv2"].ser_db)
    assert "signal/error" in report.to_html(tmp_path / "r.html").read_text()
    plain = ss.cost("digits-w4", "rram_32nm")
    assert plain.to_dict()["quality"] is None
    assert "signal/error" not in plain.to_html(tmp_path / "c.html").read_text()


def test_the_command_line_prints_layers_chain_and_comparison(tmp_path: Path) -> None:
    def spikesim(*arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments, "--samples", "20"])
        assert result.exit_code == 0, result.output
        return result.output

    ideal = ["--set", "device.ideal=true", "--set", "adc.bits=9"]
    shown = spikesim("evaluate", "digits-w4", "rram_32nm", *ideal, "--layers", "--chain")
    assert shown.count("exact") >= 4 + 1 + 4  # four layers, the first step, four ratios
    assert "ADC" in shown
    out = tmp_path / "c.json"
    options = ["--set-b", "adc.bits=3", "--json", str(out)]
    shown = spikesim("compare", "digits-w4", "rram_32nm", "rram_32nm", *options)
    found = json.loads(out.read_text())["difference"]
    assert f"{100 * found['value']:+.2f} points" in shown
    assert "McNemar" in shown


def test_bad_fields_of_either_chip_are_one_clear_line() -> None:
    for option in ("--set-a", "--set-b"):
        result = CliRunner().invoke(main, ["compare", "digits-w4", "rram_32nm", "rram_32nm", option, "adc.bts=3"])
        assert result.exit_code == 2
        assert "adc.bts: unknown key; did you mean 'bits'" in result.output
        assert len(result.output.strip().splitlines()) == 1


def test_the_smallest_network_has_a_record_of_every_layer(tiny: Network) -> None:
    assert set(measured(chip(), tiny_network())) == {node.name for node in tiny.layers}
