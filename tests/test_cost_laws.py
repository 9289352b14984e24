"""Laws of the parametric cost on several networks and random chips: sums, T, activity, copies, bits, gating, order."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from cost_cases import EXACT, MIXED, QUANTITIES, TINY, VGG9, chips, mapped, networks, part, rates, report
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost.parametric import roll_up
from spikesim_py.cost.technology import load_technology
from spikesim_py.network import Network, build
from spikesim_py.report import Report


# ---------------------------------------------------------------------------------------------- the tree
@given(network=networks, fields=chips(), rate=rates)
def test_the_tree_sums_to_the_report_and_goes_to_json(network: Network, fields: dict[str, Any], rate: float) -> None:
    found = report(network, fields, rate)
    for _, node in found.tree.walk():
        assert min(node.energy_pj, node.area_um2, node.critical_ns) >= 0
        assert node.busy_ns >= node.critical_ns * (1 - 1e-9)
        if node.children:
            for quantity in ("energy_pj", "area_um2", "critical_ns", "busy_ns"):
                total = 0.0
                for child in node.children:
                    total += getattr(child, quantity)
                assert getattr(node, quantity) == total
    assert 0 < found.interval_ns <= found.latency_ns * EXACT
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False))["tree"] == plain["tree"]
    assert all(type(value) in (int, float, type(None)) for value in plain["metrics"].values())
    assert all(type(plain[name]) is int for name in ("crossbars", "pes", "tiles", "macs", "time_steps"))


# ---------------------------------------------------------------------------------------------- time-steps
def streaming(network: Network, steps: int) -> Network:
    """The workload with T steps, its first layer computed in every one of them, as bits of a stream of events."""
    model = network.model.model_dump(mode="python")
    model["input"] |= {"encoder": "every_step", "coding": "events"}
    return build(model | {"time_steps": steps}, network.arrays)


@settings(max_examples=25)
@given(fields=chips(), rate=rates, network=st.sampled_from([MIXED, VGG9]))
def test_energy_and_latency_are_affine_in_time_steps(fields: dict[str, Any], rate: float, network: Network) -> None:
    """Without overlap; what the number of steps sizes (a readout's width, buffers of all steps) is held apart."""
    fields |= {"schedule.pipeline": "none", "schedule.order": "step_first"}
    model = network.model.model_dump(mode="python")
    made = [build(model | {"time_steps": steps}, network.arrays) for steps in (5, 6, 7)]
    low, middle, high = (report(one, fields, rate) for one in made)
    for quantity in ("energy_pj", "latency_ns"):
        a, b, c = (getattr(one, quantity) for one in (low, middle, high))
        assert c - b == pytest.approx(b - a, rel=1e-8)
        assert a < b
    assert low.area_um2 == high.area_um2
    assert low.latency_ns > 0


@settings(max_examples=25)
@given(fields=chips(), rate=rates, network=st.sampled_from([MIXED, VGG9]))
def test_a_stream_of_events_costs_in_proportion_to_its_steps(
    fields: dict[str, Any], rate: float, network: Network
) -> None:
    """Nothing is done once per inference: twice the steps, twice everything but the area."""
    fields |= {"schedule.pipeline": "none", "schedule.order": "step_first"}
    short, long = (report(streaming(network, steps), fields, rate) for steps in (6, 7))  # a readout as wide
    for quantity in ("energy_pj", "latency_ns", "interval_ns"):
        assert getattr(long, quantity) == pytest.approx(getattr(short, quantity) * 7 / 6, rel=1e-9)
    assert long.area_um2 == short.area_um2


@settings(max_examples=20)
@given(fields=chips(), network=st.sampled_from([MIXED, TINY]))
def test_one_time_step_leaves_nothing_to_order_or_overlap(fields: dict[str, Any], network: Network) -> None:
    """T = 1: the orders differ by where membranes are kept only, and pipelined steps by nothing."""
    model = network.model.model_dump(mode="python")
    single = build(model | {"time_steps": 1}, network.arrays)
    fields |= {"schedule.order": "step_first", "schedule.pipeline": "none"}
    base = report(single, fields)
    stepped = report(single, fields | {"schedule.pipeline": "time_step"})
    assert stepped.latency_ns == pytest.approx(base.latency_ns, rel=1e-12)
    turned = report(single, fields | {"schedule.order": "layer_first"})
    assert turned.latency_ns == pytest.approx(base.latency_ns, rel=1e-12)
    kept = {"membrane_memory"}
    for name in set(base.tree.components()) - kept:
        assert part(turned, name).area_um2 == pytest.approx(part(base, name).area_um2, rel=1e-12)


# ---------------------------------------------------------------------------------------------- converters
@settings(max_examples=80)
@given(network=networks, fields=chips(), bits=st.integers(2, 10), rate=rates)
def test_more_adc_bits_never_save(network: Network, fields: dict[str, Any], bits: int, rate: float) -> None:
    """Of whatever hides behind a read the longest counts, so that a longer conversion cannot shorten the pass.

    Not of the anchor `survey`, whose area falls by up to a few percent from 4 to 5 bits: a SAR of more bits is slower,
    and the survey's slower converters are smaller.
    """
    fewer, more = (report(network, fields | {"adc.bits": n}, rate) for n in (bits, bits + 1))
    for quantity in QUANTITIES:
        assert getattr(more, quantity) >= getattr(fewer, quantity) / EXACT
    assert more.area_um2 > fewer.area_um2


@settings(max_examples=20)
@given(fields=chips(), bits=st.integers(2, 10))
def test_more_bits_of_one_layer_never_save(fields: dict[str, Any], bits: int) -> None:
    fewer, more = (report(MIXED, fields | {"adc.layer_bits": {"c": n}}) for n in (bits, bits + 1))
    for quantity in QUANTITIES:
        assert getattr(more, quantity) >= getattr(fewer, quantity) / EXACT
    for layer in ("a", "d", "b", "fc"):
        for name in ("adc", "crossbar", "shift_add"):
            assert more.tree.child(layer).child(name).area_um2 == fewer.tree.child(layer).child(name).area_um2


def test_bits_of_every_layer_are_those_of_the_chip() -> None:
    alike = {"adc.bits": 7}
    single = {"adc.layer_bits": {node.name: 7 for node in MIXED.layers}}
    assert report(MIXED, alike).energy_pj == report(MIXED, single).energy_pj


def test_pairs_that_are_subtracted_before_the_adc_need_no_second_turn() -> None:
    """An ADC per row block and column feeds one adder tree, whether it converts columns or pairs of them."""
    digital, analog = (
        report(VGG9, {"mapping.subtract": subtract, "mapping.baseline": "none"}) for subtract in ("digital", "analog")
    )
    trees = [found.tree.child("conv3").child("accumulator") for found in (digital, analog)]
    assert trees[1].area_um2 < trees[0].area_um2
    assert trees[1].critical_ns <= trees[0].critical_ns


# ---------------------------------------------------------------------------------------------- wires and order
@given(network=networks, fields=chips(), rate=rates)
def test_open_gates_cost_current(network: Network, fields: dict[str, Any], rate: float) -> None:
    """Unselected columns that are grounded conduct in every mux phase; gated, floating or single ones do not."""
    assume(fields["device.kind"] != "sram" and fields.get("mapping.subtract") != "interleaved")
    closed = report(network, fields | {"wires.topology": "none"}, rate)
    for topology in ("passive", "pseudo_1t1r"):
        found = report(network, fields | {"wires.topology": topology}, rate)
        assert found.energy_pj >= closed.energy_pj / EXACT
        assert (found.area_um2, found.latency_ns) == (closed.area_um2, closed.latency_ns)
    assert report(network, fields | {"wires.topology": "gated_1t1r"}, rate).energy_pj == closed.energy_pj


def test_a_passive_arrays_cells_conduct_in_every_phase() -> None:
    fields = {"mapping.baseline": "none", "crossbar.mux": 8}

    def current(topology: str, **more: Any) -> float:
        """Of the crossbar, what depends on the cells: with twice the conductance less with once."""
        made = fields | {"wires.topology": topology} | {k.replace("__", "."): v for k, v in more.items()}
        low, high = (report(VGG9, made | {"device.on_off_ratio": 1e12, "device.read_volt": v}) for v in (0.1, 0.2))
        return part(high, "crossbar").energy_pj - part(low, "crossbar").energy_pj

    gated, passive = current("gated_1t1r"), current("passive")
    floating = current("passive", wires__unselected_columns="floating")
    assert floating == pytest.approx(gated, rel=1e-9)
    bit_lines = _bit_line_swing()
    assert passive - bit_lines == pytest.approx(8 * (gated - bit_lines), rel=1e-9)


def _bit_line_swing() -> float:
    """Energy of charging the selected bit lines to 0.2 V less that to 0.1 V, once per read."""
    mapping = mapped(VGG9, {"mapping.baseline": "none"})
    line_fj = 128 * load_technology(32)["cell_rram"]["bit_line"] * (0.2**2 - 0.1**2)
    columns = sum(plan.reads * plan.groups * plan.columns * plan.row_blocks for plan in mapping.layers.values())
    return columns * line_fj * 1e-3


@given(network=networks, fields=chips(), rate=rates)
def test_layer_first_keeps_one_layers_membranes(network: Network, fields: dict[str, Any], rate: float) -> None:
    """All time-steps of a layer before the next one: the largest layer's membranes; as many updates."""
    fields |= {"schedule.pipeline": "none"}
    rolled = []
    for order in ("step_first", "layer_first"):
        mapping = mapped(network, fields | {"schedule.order": order})
        activity = Activity({node.name: LayerActivity(rate) for node in network.layers}, "given")
        rolled.append(roll_up(mapping, activity, load_technology(fields["technology.node_nm"])))
    areas, updates = [], []
    for found in rolled:
        pieces = [piece for layer in found.layers for piece in layer.parts] + list(found.shared)
        areas.append(sum(piece.area_um2 for piece in pieces if piece.name == "membrane_memory"))
        updates.append(sum(piece.energy_pj for piece in pieces if piece.name == "neuron_unit"))
    assert areas[1] <= areas[0]
    assert updates[0] == updates[1] > 0


def test_layer_first_trades_membranes_for_spikes() -> None:
    """VGG9, T = 5: the largest membranes are conv1's and conv2's, 64 x 32 x 32; input buffers hold five maps."""
    step, layer = (report(VGG9, {"schedule.order": order}) for order in ("step_first", "layer_first"))
    assert layer.tree.child("shared").child("membrane_memory").area_um2 > 0
    assert "membrane_memory" not in {node.name for node in step.tree.child("shared").children}
    assert part(layer, "membrane_memory").area_um2 < part(step, "membrane_memory").area_um2 / 2
    assert part(layer, "input_buffer").area_um2 > 3 * part(step, "input_buffer").area_um2


def test_a_digital_layer_holds_the_spikes_of_all_steps_too() -> None:
    fields = {"mapping.digital_layers": ["a", "fc"]}
    step, layer = (report(MIXED, fields | {"schedule.order": order}) for order in ("step_first", "layer_first"))

    def buffer(found: Report, name: str) -> float:
        return found.tree.child(name).child("input_buffer").area_um2

    assert buffer(layer, "fc") > 1.7 * buffer(step, "fc")  # three maps in one memory
    assert buffer(layer, "a") == buffer(step, "a")  # the image stays


# ---------------------------------------------------------------------------------------------- extreme sizes
EXTREMES: list[dict[str, Any]] = [
    {"crossbar.rows": 1024, "crossbar.cols": 1024, "pe.crossbars": 4096, "tile.pes": 1024},  # a tile per layer
    {"crossbar.rows": 1, "crossbar.cols": 2, "crossbar.mux": 1, "pe.crossbars": 1, "tile.pes": 1},
    {"crossbar.rows": 2, "crossbar.cols": 1024, "crossbar.mux": 1024, "pe.crossbars": 1, "tile.pes": 1},
    {"technology.clock_mhz": 1, "adc.bits": 12, "tile.neuron_lanes": 1024},
]


@pytest.mark.parametrize(
    ("network", "fields"),
    [
        # VGG9 takes 36 million tiles of the smallest crossbars
        pytest.param(network, fields, marks=[pytest.mark.slow] if (network, fields) == (VGG9, EXTREMES[1]) else [])
        for network in (MIXED, VGG9)
        for fields in EXTREMES
    ],
    ids=[f"{name}-{case}" for name in ("mixed", "vgg9") for case in ("largest", "smallest", "flattest", "slowest")],
)
def test_the_largest_and_smallest_chips_have_a_finite_cost(network: Network, fields: dict[str, Any]) -> None:
    found = report(network, fields)
    for quantity in QUANTITIES:
        assert math.isfinite(getattr(found, quantity))
        assert getattr(found, quantity) > 0
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.cost.tiles >= len(network.layers)


def test_a_network_of_one_layer_on_one_tile_has_no_way_to_go() -> None:
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 8, "out_features": 2, "weight_bits": 2},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (8, 1, 1), "bits": 1, "coding": "events", "encoder": "every_step"}
    network = build({"name": "n", "arithmetic": "shape", "time_steps": 1, "input": spec, "nodes": nodes}, {})
    found = report(network, {})
    assert found.cost.tiles == 1
    assert part(found, "noc_links").area_um2 == 0
    assert part(found, "noc").energy_pj > 0  # one router, from the port
