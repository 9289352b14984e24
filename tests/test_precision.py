"""Precision as cost: bits of a workload, the full-precision baselines, and the residual workloads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import conv, lif, tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from test_cost_digital import float_network

import spikesim_py as ss
from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cli import main
from spikesim_py.errors import InputError, NetworkError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import (
    NETWORK_FIELDS,
    Add,
    Affine,
    Linear,
    Network,
    build,
    full_precision,
    load_network,
    quantize,
    save_network,
    split_overrides,
    with_precision,
    workloads,
)
from spikesim_py.network.precision import BASELINES
from spikesim_py.report import Report

RESIDUAL = ("resnet19-cifar10", "msresnet18-cifar10", "msresnet18-ncaltech101")


def workload(bits: int = 4, membrane: int = 12, affine: int | None = 10) -> Network:
    """conv - batch norm - LIF - pool - linear - readout without arrays."""
    nodes = [
        conv("c", "input", 2, 8, weight_bits=bits),
        {"op": "affine", "name": "bn", "inputs": ["c"], "bits": affine},
        lif("l", "bn", membrane_bits=membrane),
        {"op": "pool", "name": "p", "inputs": ["l"]},
        {"op": "flatten", "name": "f", "inputs": ["p"]},
        {"op": "linear", "name": "fc", "inputs": ["f"], "in_features": 72, "out_features": 5, "weight_bits": bits},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (2, 6, 6), "bits": 4}
    return build({"name": "w", "arithmetic": "shape", "time_steps": 3, "input": spec, "nodes": nodes}, {})


def costs(network: Network, **overrides: Any) -> Report:
    return ss.cost(network, load_hardware("rram_32nm", overrides))


@pytest.mark.parametrize("name", [*workloads(), "digits-w4", "digits-fp"])
def test_declared_values_are_the_identity(name: str) -> None:
    network = load_network(name)
    declared = {node.name: node.weight_bits for node in network.layers if node.weight_bits}
    same = with_precision(
        network, weight_bits=declared or None, input_bits=network.model.input.bits, time_steps=network.time_steps
    )
    assert same is network
    assert with_precision(network) is network


def test_changes_are_named_and_undone() -> None:
    network = workload()
    changed = with_precision(with_precision(network, weight_bits=6), weight_bits={"fc": 2}, affine_bits=7, time_steps=5)
    assert changed.name == "w (weight_bits=mixed, affine_bits=7, time_steps=5)"
    assert changed.model.metadata["precision"]["of"] == "w"
    assert changed.model.metadata["precision"]["weight_bits"] == {"c": 6, "fc": 2}
    assert [layer.weight_bits for layer in changed.layers] == [6, 2]
    assert "parameters of 7 bits" in changed.describe()
    back = with_precision(changed, weight_bits=4, affine_bits=10, time_steps=3)
    assert costs(back).report_hash == costs(network).report_hash


@pytest.mark.parametrize("field", NETWORK_FIELDS)
def test_every_field_changes_the_report_and_keeps_to_its_range(field: str) -> None:
    low, high = NETWORK_FIELDS[field]
    report, ends = costs(workload()), [with_precision(workload(), **{field: bits}) for bits in (low, min(high, 40))]
    reports = [costs(network) for network in ends]
    assert len({report.report_hash, *(other.report_hash for other in reports)}) == 3
    assert reports[0].energy_pj < report.energy_pj < reports[1].energy_pj
    for wrong in (low - 1, high + 1, True, 4.0, "4"):
        with pytest.raises(InputError, match=rf"{field} = {wrong!r}: must be a whole number from {low} to {high}"):
            with_precision(workload(), **{field: wrong})


@pytest.mark.parametrize("signs", ["differential", "offset", "offset_negative", "twos_complement"])
@pytest.mark.parametrize("cell_bits", [1, 2])
def test_fewer_weight_bits_never_cost_more(signs: str, cell_bits: int) -> None:
    """From 2 bits on: -1 and +1 in a single cell need a count of the active inputs, which two bits do without."""
    overrides = {"mapping.signs": signs, "device.cell_bits": cell_bits}
    reports = [costs(with_precision(workload(), weight_bits=bits), **overrides) for bits in (2, 3, 4, 5, 8, 16, 32)]
    for quantity in ("energy_pj", "area_um2"):
        values = [getattr(report, quantity) for report in reports]
        assert values == sorted(values)
        assert values[-1] > values[0]


@given(bits=st.integers(2, 31))
def test_membrane_bits_are_memory_and_adders(bits: int) -> None:
    narrow, wide = (costs(with_precision(workload(), membrane_bits=b)).tree for b in (bits, bits + 1))
    memories = [tree.child("c").child("membrane_memory") for tree in (narrow, wide)]
    units = [tree.child("c").child("neuron_unit") for tree in (narrow, wide)]
    for quantity in ("energy_pj", "area_um2"):
        assert getattr(memories[0], quantity) < getattr(memories[1], quantity)
        assert getattr(units[0], quantity) < getattr(units[1], quantity)
        assert getattr(narrow, quantity) < getattr(wide, quantity)


def test_affine_bits_are_multiplier_and_registers_and_undeclared_are_16() -> None:
    parts = [costs(with_precision(workload(), affine_bits=bits)).tree.child("c").child("affine") for bits in (8, 9, 16)]
    assert parts[0].energy_pj < parts[1].energy_pj < parts[2].energy_pj
    assert parts[0].area_um2 < parts[1].area_um2 < parts[2].area_um2
    undeclared = workload(affine=None)
    assert costs(undeclared).tree.child("c").child("affine") == parts[2]
    assert "bits" not in undeclared.by_name["bn"].model_dump()


def test_input_bits_are_planes() -> None:
    plans = [map_network(with_precision(workload(), input_bits=bits), load_hardware("rram_32nm")) for bits in (1, 5)]
    assert [mapping.layers["c"].reads for mapping in plans] == [36, 5 * 36]


def test_time_steps_of_a_trained_network_are_exact(tiny: Network) -> None:
    longer = with_precision(tiny, time_steps=7)
    assert longer.time_steps == 7
    again = build(tiny.model.model_copy(update={"time_steps": 7}), tiny.arrays)
    assert np.array_equal(longer.run(tiny_images()).outputs, again.run(tiny_images()).outputs)
    assert with_precision(float_network(), time_steps=2).time_steps == 2


def test_a_trained_membrane_may_grow(tiny: Network) -> None:
    assert with_precision(tiny, input_bits=5).model.input.bits == 5  # and what enters it
    wide = with_precision(tiny, membrane_bits=20)
    assert {node.membrane_bits for node in wide.nodes if node.op == "lif"} == {20}
    assert costs(wide).area_um2 > costs(tiny).area_um2


@pytest.mark.parametrize(
    ("network", "change", "message"),
    [
        (tiny_network(), {"weight_bits": 3}, r"node 'conv1': weight_bits = 3, was 4: integer networks keep"),
        (tiny_network(), {"membrane_bits": 9}, r"node 'lif1': membrane_bits = 9, was 16"),
        (tiny_network(), {"input_bits": 2}, r"input.bits = 2, was 3"),
        (float_network(), {"weight_bits": 8}, r"node 'conv1': weight_bits = 8, was None: float networks keep"),
        (float_network(), {"membrane_bits": 8}, r"membrane_bits = 8, was 16"),
    ],
)
def test_what_would_have_to_be_rounded_is_refused_and_names_quantize(
    network: Network, change: dict[str, int], message: str
) -> None:
    with pytest.raises(NetworkError, match=f"{message}.*quantize"):
        with_precision(network, **change)  # type: ignore[arg-type]


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"weight_bits.fcc: is not a layer of network 'w'; did you mean 'fc'"):
        with_precision(workload(), weight_bits={"fcc": 3})
    with pytest.raises(InputError, match=r"weight_bits.fc = 33: must be a whole number from 1 to 32"):
        with_precision(workload(), weight_bits={"fc": 33})
    with pytest.raises(NetworkError, match="affine_bits: network 'vgg9-cifar10' has no node"):
        with_precision(load_network("vgg9-cifar10"), affine_bits=8)
    with pytest.raises(InputError, match=r"network.weight_bit: unknown field; did you mean 'weight_bits'"):
        split_overrides({"network.weight_bit": 3})
    with pytest.raises(InputError, match="baseline = 'slice': unknown; did you mean 'slices'"):
        full_precision(workload(), "slice")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'spikesim_released' knows no bits"):
        ss.precision_ratio("vgg9-cifar10", "spikesim_released")
    model = tiny_network(bits=8).model.model_dump()
    model["nodes"][0]["weight_bits"] = 17
    with pytest.raises(NetworkError, match="weight_bits = 17: at most 16 where weights are stored"):
        build(model, tiny_network(bits=8).arrays)
    nodes = workload().model.model_dump()["nodes"]
    with pytest.raises(NetworkError, match="node 'bn': bits: only workloads of arithmetic 'shape'"):
        build(workload().model.model_dump() | {"arithmetic": "float", "nodes": nodes}, {})


@pytest.mark.parametrize(("signs", "cells"), [("differential", 62), ("offset", 32), ("twos_complement", 32)])
def test_full_precision_takes_32_slices(signs: str, cells: int) -> None:
    """31 of the magnitude for each sign; 32 of the shifted code; 31 and a sign."""
    network, chip = full_precision(workload()), load_hardware("rram_32nm", {"mapping.signs": signs})
    plan = map_network(network, chip).layers["c"]
    assert plan.columns_per_output == cells
    assert network.edges["bn"].bits == network.edges["p"].bits + 29 == 32
    assert network.edges["bn"].signed
    assert {node.membrane_bits for node in network.nodes if node.op == "lif"} == {32}


@pytest.mark.parametrize("make", [float_network, lambda: quantize(float_network(), 4)])
def test_the_slices_of_a_trained_network_need_no_arrays(make: Any) -> None:
    network = full_precision(make())
    assert network.shape_only
    assert network.by_name["lif1"].leak.multiplier / 2 ** network.by_name["lif1"].leak.shift == 0.5
    assert {layer.weight_bits for layer in network.layers} == {32}


def test_the_digital_baseline_of_a_quantized_network_is_its_float_original() -> None:
    """Quantizing and going back gives the costs of the network that was quantized, part for part."""
    original, chip = float_network(), load_hardware("rram_32nm")
    again = full_precision(quantize(original, 4), "digital")
    assert ss.cost(again, chip, activity=0.2).tree == ss.cost(original, chip, activity=0.2).tree
    assert full_precision(original, "digital") is original


def test_a_float_workload_is_costed_saved_and_not_run(tmp_path: Path) -> None:
    network = full_precision(load_network("msresnet18-cifar10"), "digital")
    path = save_network(network, tmp_path / "fp.safetensors")
    assert costs(load_network(path)).report_hash == costs(network).report_hash
    with pytest.raises(NetworkError, match="shape-only workload"):
        network.run(np.zeros((1, 3, 32, 32), dtype=np.uint8))
    with pytest.raises(InputError, match="shape-only workload"):
        ss.evaluate(network, "rram_32nm")


@pytest.mark.parametrize("baseline", ["slices", "digital"])
def test_a_network_against_itself_is_1(baseline: Any) -> None:
    network = full_precision(workload(), baseline)
    assert set(ss.precision_ratio(network, "rram_32nm", baseline=baseline).ratios.values()) == {1.0}


@pytest.mark.parametrize("baseline", ["slices", "digital"])
@pytest.mark.parametrize("network", ["vgg9-cifar10", "digits-w4"])
def test_ratios_are_of_the_reports_and_agree_with_each_other(network: str, baseline: Any) -> None:
    found = ss.precision_ratio(network, "rram_32nm", baseline=baseline)
    ratios, gains = found.ratios, found.gains
    assert ratios["energy_pj"] == found.quantized.energy_pj / found.full.energy_pj
    assert ratios["edap"] == pytest.approx(ratios["energy_pj"] * ratios["latency_ns"] * ratios["area_um2"])
    assert ratios["tops_per_watt"] == pytest.approx(1 / ratios["energy_pj"])
    assert gains["edap"] == pytest.approx(gains["tops_per_watt"] * gains["tops_per_mm2"])
    assert gains["energy_pj"] > 1
    assert gains["area_um2"] > 1
    assert found.full.operations == found.quantized.operations
    assert json.loads(json.dumps(found.to_dict()))["gains"] == gains


def test_what_was_measured_of_the_cells_stays_with_them() -> None:
    layers = {name: LayerActivity(0.2, 0.1, 0.3, 0.4, 0.5) for name in ("c", "fc")}
    found = ss.precision_ratio(workload(), "rram_32nm", activity=Activity(layers, "measured", 10))
    assert found.quantized.activity.layers["c"].background == 0.4
    seen = found.full.activity
    assert seen.layers["c"] == LayerActivity(0.2, idle_reads=0.1, output_rate=0.5)
    assert (seen.origin, seen.samples) == ("measured", 10)


def parameters(network: Network) -> int:
    """Weights, scale and shift of every batch norm, and the linear layers' biases, which workloads leave out."""
    weights = sum(int(np.prod(layer.weight_shape)) for layer in network.layers)
    norms = sum(2 * network.edges[node.name].shape[0] for node in network.nodes if isinstance(node, Affine))
    return weights + norms + sum(layer.out_features for layer in network.layers if isinstance(layer, Linear))


def test_resnet19_has_the_published_parameters() -> None:
    """12.63 M (Zhou et al., Spikformer, ICLR 2023, Table 3)."""
    network = load_network("resnet19-cifar10")
    assert parameters(network) == 12_630_858
    stem, stages = 1024 * 1728, 819_200 * 1024 + 3_276_800 * 256 + 8_388_608 * 64
    assert sum(network.macs.values()) == stem + stages + 512 * 256 + 256 * 10 == 2_216_495_616


def test_msresnet18_has_the_published_parameters() -> None:
    """11.22 M with a head of 100 classes (Fang et al., arXiv 2505.18608, Table 5): 46,170 more than with 10."""
    cifar, caltech = load_network("msresnet18-cifar10"), load_network("msresnet18-ncaltech101")
    assert parameters(cifar) + 90 * 513 == 11_220_132
    assert parameters(caltech) == 11_220_132 + 513 - 64 * 9
    convolutions = {name: count for name, count in cifar.macs.items() if name not in ("conv1", "fc")}
    larger = {name: caltech.macs[name] for name in convolutions}
    assert sum(cifar.macs.values()) == 555_422_720
    assert all(larger[name] == 2.25 * count for name, count in convolutions.items())


@pytest.mark.parametrize("name", RESIDUAL)
def test_residual_workloads_are_costed_on_a_bundled_chip(name: str) -> None:
    network, report = load_network(name), ss.cost(name, "rram_32nm")
    sources = {network.edges[layer.inputs[0]] for layer in network.layers}
    assert not any(edge.signed for edge in sources)
    adds = [node for node in network.nodes if isinstance(node, Add)]
    assert len(adds) == 8
    assert all(network.edges[node.name].signed for node in adds)
    kinds = {network.by_name[source].op for node in adds for source in node.inputs}
    assert kinds == ({"affine", "lif"} if name.startswith("resnet19") else {"affine", "add"})
    assert {"add", "affine", "noc"} <= report.tree.components().keys()
    found = ss.precision_ratio(name, "rram_32nm")
    assert found.gains["edap"] > 1


def test_the_command_line_sets_precision_and_prints_the_ratio(tmp_path: Path) -> None:
    out = tmp_path / "ratio.json"
    options = ["--set", "network.weight_bits={conv1: 8, fc2: 2}", "--set", "network.time_steps=2"]
    result = CliRunner().invoke(main, ["precision", "vgg9-cifar10", "rram_32nm", *options, "--json", str(out)])
    assert result.exit_code == 0, result.output
    data = json.loads(out.read_text())
    for baseline, meaning in BASELINES.items():
        assert meaning[:40] in result.output
        assert f"{data[baseline]['gains']['edap']:.3g}x" in result.output
    assert "vgg9-cifar10 (weight_bits=mixed, time_steps=2) on rram_32nm" in result.output
    costed = CliRunner().invoke(main, ["cost", "vgg9-cifar10", "rram_32nm", *options])
    assert data["slices"]["quantized"]["report_hash"][:12] in costed.output
    bad = CliRunner().invoke(main, ["cost", "digits-w4", "rram_32nm", "--set", "network.weight_bits=2"])
    assert bad.exit_code == 2
    assert bad.output.count("\n") == 1
    assert "quantize" in bad.output
