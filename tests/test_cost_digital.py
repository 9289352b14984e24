"""The digital FP32 design that float networks are costed as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import conv, lif

from spikesim_py.cost import CostNode
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.network import Network, build, quantize

CHIP = {"technology.node_nm": 45}


def float_network(steps: int = 4, **lif_fields: Any) -> Network:
    rng = np.random.default_rng(0)
    leak = {"multiplier": 0.5, "shift": 0}
    nodes = [
        conv("conv1", "input", 2, 8),
        lif("lif1", "conv1", **{"leak": leak, **lif_fields}),
        conv("conv2", "lif1", 8, 8),
        lif("lif2", "conv2", leak=leak),
        {"op": "flatten", "name": "flat", "inputs": ["lif2"]},
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 288, "out_features": 3},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (2, 6, 6), "bits": 3}
    arrays = {
        "conv1.weight": rng.normal(0, 0.3, (8, 2, 3, 3)).astype(np.float32),
        "lif1.theta": np.array([1.0], np.float32),
        "conv2.weight": rng.normal(0, 0.3, (8, 8, 3, 3)).astype(np.float32),
        "lif2.theta": np.array([1.0], np.float32),
        "fc.weight": rng.normal(0, 0.3, (3, 288)).astype(np.float32),
    }
    description = {"name": "fp", "arithmetic": "float", "time_steps": steps, "input": spec, "nodes": nodes}
    return build(description, arrays, "fp")


def mac_pj(tree: CostNode, layer: str) -> float:
    return tree.child(layer).child("fp32_mac").energy_pj


def test_operations_by_hand() -> None:
    """45 nm: 4.6 pJ per multiply-accumulate of pixels (once), 0.9 pJ per addition of a spike (every step)."""
    report = cost(float_network(), load_hardware("rram_32nm", CHIP), activity=0.25)
    positions = 36
    assert mac_pj(report.tree, "conv1") == pytest.approx(positions * 8 * 2 * 9 * 4.6)
    assert mac_pj(report.tree, "conv2") == pytest.approx(0.25 * 4 * positions * 8 * 8 * 9 * 0.9)
    assert mac_pj(report.tree, "fc") == pytest.approx(0.25 * 4 * 3 * 288 * 0.9)
    assert report.tree.child("conv2").child("fp32_mac").critical_ns == 4 * -(-positions * 8 * 8 * 9 // 1024)
    area = report.tree.child("shared").child("fp32_array").area_um2
    assert area == pytest.approx(1024 * (7700 + 4184))


def test_the_tree_sums_and_the_notes_say_what_it_is() -> None:
    report = cost(float_network(), load_hardware("rram_32nm"))
    for _, node in report.tree.walk():
        if node.children:
            for quantity in ("energy_pj", "area_um2", "critical_ns"):
                total = sum(getattr(child, quantity) for child in node.children)
                assert getattr(node, quantity) == pytest.approx(total, rel=1e-12)
    assert report.cost.crossbars == 0
    assert report.utilization == 0
    assert any("digital FP32 MAC array of 1024 lanes" in note for note in report.notes)
    assert report.interval_ns == report.latency_ns > 0


def test_energy_is_affine_in_time_steps_but_for_leakage() -> None:
    """Operations, traffic and latency are affine in T; leakage x latency too, as latency is."""
    chip = load_hardware("rram_32nm")
    reports = [cost(float_network(steps), chip, activity=0.2) for steps in (2, 4, 6)]
    for quantity in ("latency_ns", "energy_pj"):
        low, middle, high = (getattr(report, quantity) for report in reports)
        assert high - middle == pytest.approx(middle - low, rel=1e-9)
        assert middle > low


def test_activity_never_saves_energy_and_never_moves_time() -> None:
    chip = load_hardware("rram_32nm")
    reports = [cost(float_network(), chip, activity=rate) for rate in (0.0, 0.1, 0.5, 1.0)]
    energies = [report.energy_pj for report in reports]
    assert energies == sorted(energies)
    assert len({report.latency_ns for report in reports}) == 1
    assert mac_pj(reports[0].tree, "conv2") == 0


@pytest.mark.parametrize("node", [65, 45, 32, 22])
def test_a_smaller_node_costs_less(node: int) -> None:
    smaller = {65: 45, 45: 32, 32: 22}.get(node)
    if smaller is None:
        node, smaller = 65, 22
    reports = [cost(float_network(), load_hardware("rram_32nm", {"technology.node_nm": n})) for n in (node, smaller)]
    assert reports[1].area_um2 < reports[0].area_um2
    assert mac_pj(reports[1].tree, "conv2") < mac_pj(reports[0].tree, "conv2")


def test_the_clock_scales_time_and_a_reset_by_subtraction_costs() -> None:
    fast, slow = (
        cost(float_network(), load_hardware("rram_32nm", {"technology.clock_mhz": mhz})) for mhz in (1000.0, 500.0)
    )
    assert slow.latency_ns == pytest.approx(2 * fast.latency_ns)
    more = cost(float_network(reset="subtract"), load_hardware("rram_32nm"))
    assert more.energy_pj > fast.energy_pj


def test_quantized_against_full_precision_is_a_ratio() -> None:
    """The tool computes it; on this small network four bits on RRAM take less energy than FP32."""
    full, chip = float_network(), load_hardware("rram_32nm")
    ratio = cost(full, chip).energy_pj / cost(quantize(full, 4), chip).energy_pj
    assert ratio > 1
