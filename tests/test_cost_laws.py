"""Laws of the parametric cost on several networks and random chips: sums, T, activity, copies, bits, gating, order."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from conftest import mixed_network, tiny_network
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost import CostNode
from spikesim_py.cost.crossbar_parts import idle_columns
from spikesim_py.cost.parametric import _layer, roll_up
from spikesim_py.cost.technology import load_technology
from spikesim_py.errors import InputError, MappingError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import LayerPlan, Mapping, map_network
from spikesim_py.network import Network, build, load_network
from spikesim_py.report import Report

TINY, MIXED, VGG9 = tiny_network(), mixed_network(), load_network("vgg9-cifar10")
networks = st.sampled_from([TINY, MIXED, VGG9])
QUANTITIES = ("energy_pj", "area_um2", "latency_ns", "interval_ns")
#: rounding of sums that are added in different orders
EXACT = 1 + 1e-12


@st.composite
def chips(draw: st.DrawFn) -> dict[str, Any]:
    """Chips that can be, of every kind that a law may break on."""
    made: dict[str, Any] = {
        "technology.node_nm": draw(st.sampled_from([65, 32, 22])),
        "technology.clock_mhz": draw(st.sampled_from([1.0, 30.0, 300.0, 1000.0, 5000.0])),
        "device.kind": draw(st.sampled_from(["rram", "fefet", "sram"])),
        "device.r_on_ohm": draw(st.sampled_from([6e3, 1e5])),
        "crossbar.rows": draw(st.sampled_from([8, 32, 128])),
        "crossbar.cols": draw(st.sampled_from([16, 64, 128])),
        "crossbar.mux": draw(st.sampled_from([1, 2, 8, 16])),
        "mapping.rows": draw(st.sampled_from(["spikeflow", "unrolled"])),
        "mapping.signs": draw(st.sampled_from(["differential", "offset", "offset_negative", "twos_complement"])),
        "mapping.baseline": draw(st.sampled_from(["none", "dummy_column", "digital_count"])),
        "adc.kind": draw(st.sampled_from(["sar", "sar", "flash", "ramp"])),
        "adc.bits": draw(st.integers(2, 9)),
        "pe.crossbars": draw(st.sampled_from([9, 16])),
        "tile.pes": draw(st.sampled_from([1, 4])),
        "tile.neuron_lanes": draw(st.sampled_from([1, 8, 64])),
        "noc.encoding": draw(st.sampled_from(["bitmap", "aer"])),
        "noc.placement": draw(st.sampled_from(["snake", "row_major"])),
        "noc.flit_bits": draw(st.sampled_from([32, 128])),
        "schedule.pipeline": draw(st.sampled_from(["none", "layer", "time_step"])),
        "crossbar.event_driven": draw(st.booleans()),
        "crossbar.row_gating": draw(st.booleans()),
    }
    if made["adc.kind"] == "sar":
        made["adc.zero_skip"] = draw(st.booleans())
        made["cost.adc_anchor"] = draw(st.sampled_from(["neurosim", "zigzag_imc"]))
    if made["mapping.rows"] == "spikeflow":
        made["mapping.tap_sum"] = draw(st.sampled_from(["adc_per_crossbar", "adc_shared_serial", "analog_sum"]))
    if made["mapping.signs"] == "differential":
        subtract = ["digital", "analog"] if made["device.kind"] == "sram" else ["digital", "analog", "interleaved"]
        made["mapping.subtract"] = draw(st.sampled_from(subtract))
    if made["device.kind"] != "sram":
        made["wires.topology"] = draw(st.sampled_from(["none", "passive", "pseudo_1t1r", "gated_1t1r"]))
        made["wires.topology"] = "none" if made.get("mapping.subtract") == "interleaved" else made["wires.topology"]
    if draw(st.booleans()):
        made["schedule.order"] = "layer_first"
        made["schedule.pipeline"] = "none" if made["schedule.pipeline"] == "time_step" else made["schedule.pipeline"]
    return made


rates = st.sampled_from([0.0, 0.01, 0.2, 0.7, 1.0])


def report(network: Network, fields: dict[str, Any], rate: float = 0.2) -> Report:
    return cost(network, "rram_32nm", activity=rate, overrides=fields)


def mapped(network: Network, fields: dict[str, Any]) -> Mapping:
    return map_network(network, load_hardware("rram_32nm", fields))


def part(found: Report, name: str) -> CostNode:
    return found.tree.components()[name]


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


# ---------------------------------------------------------------------------------------------- activity


@given(network=networks, fields=chips(), rate=st.floats(0, 1))
def test_half_the_activity_never_costs_more(network: Network, fields: dict[str, Any], rate: float) -> None:
    full, half = report(network, fields, rate), report(network, fields, rate / 2)
    assert half.energy_pj <= full.energy_pj * EXACT
    assert half.latency_ns <= full.latency_ns * EXACT
    assert half.area_um2 == full.area_um2


@given(network=networks, fields=chips(), rate=rates)
def test_gating_costs_its_gates_and_no_more(network: Network, fields: dict[str, Any], rate: float) -> None:
    for knob in ("crossbar.event_driven", "crossbar.row_gating", "adc.zero_skip"):
        if knob == "adc.zero_skip" and fields["adc.kind"] != "sar":
            continue
        saving, plain = (report(network, fields | {knob: on}, rate) for on in (True, False))
        if knob == "adc.zero_skip":
            assert saving.energy_pj <= plain.energy_pj * EXACT
            for quantity in ("area_um2", "latency_ns", "interval_ns"):
                assert getattr(saving, quantity) == getattr(plain, quantity)
            continue
        # the gates themselves cost, and what is longer for their area
        components = [found.tree.components() for found in (saving, plain)]
        more, less = ([c["gating"]] if "gating" in c else [] for c in components)
        energy = more[0].energy_pj - sum(node.energy_pj for node in less)
        area = more[0].area_um2 - sum(node.area_um2 for node in less)
        assert saving.energy_pj <= (plain.energy_pj + energy) * 1.02
        assert plain.area_um2 < saving.area_um2 <= plain.area_um2 * 1.01 + area
        for quantity in ("latency_ns", "interval_ns"):
            assert getattr(saving, quantity) == pytest.approx(getattr(plain, quantity), rel=2e-2)


@given(network=networks, fields=chips(), rate=rates)
def test_the_idle_floor_is_the_least(network: Network, fields: dict[str, Any], rate: float) -> None:
    gated = fields | {"crossbar.event_driven": True, "crossbar.row_gating": True}
    floor = report(network, gated, 0.0)
    gates = floor.tree.components().get("gating")
    own = gates.energy_pj if gates else 0.0  # at a slow clock the gates leak more than they save
    assert floor.energy_pj <= report(network, gated, rate).energy_pj * EXACT
    assert floor.energy_pj - own <= report(network, fields, rate).energy_pj * 1.02  # what is longer for their area


@given(fields=chips(), network=networks)
def test_idle_gated_crossbars_only_leak(fields: dict[str, Any], network: Network) -> None:
    mapping = mapped(network, fields | {"crossbar.event_driven": True, "crossbar.row_gating": True})
    activity = Activity({node.name: LayerActivity(0.0) for node in network.layers}, "given")
    tech = load_technology(mapping.hardware.technology.node_nm)
    made = {piece.name: 0.0 for layer in roll_up(mapping, activity, tech).layers for piece in layer.parts}
    for layer in roll_up(mapping, activity, tech).layers:
        for piece in layer.parts:
            made[piece.name] += piece.energy_pj
    for name in ("crossbar", "row_driver", "column_driver", "column_mux", "level_shifter", "adc", "shift_add"):
        assert made.get(name, 0.0) == 0
    for name in ("input_shift_add", "accumulator", "dummy_column", "digital_count"):
        assert made.get(name, 0.0) == 0


def test_row_gating_never_clocks_more_than_the_crossbars_that_are_read() -> None:
    """A block with its only row active: 128 of 129 rows spike, but half of the (block, read) pairs are idle."""
    records = {node.name: LayerActivity(0.9, idle_reads=0.5) for node in VGG9.layers}
    energies = [
        cost(VGG9, "rram_32nm", activity=Activity(records, "measured", 1), overrides=fields).energy_pj
        for fields in ({"crossbar.event_driven": True, "crossbar.row_gating": gated} for gated in (False, True))
    ]
    assert energies[1] <= energies[0]


def test_zero_skip_by_hand() -> None:
    """64 rows at rate 0.1, binary cells half on: an empty column with probability 0.95^64; a pair with 0.95^128."""
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 64, "out_features": 10, "weight_bits": 3},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (64, 1, 1), "bits": 1, "coding": "events", "encoder": "every_step"}
    network = build({"name": "n", "arithmetic": "shape", "time_steps": 2, "input": spec, "nodes": nodes}, {})
    for subtract, cells in (("digital", 64), ("analog", 128)):
        base = {"mapping.subtract": subtract, "mapping.baseline": "none"}
        mapping = mapped(network, base)
        record = LayerActivity(0.1)
        layer = _layer(mapping, load_technology(32), mapping.layers["fc"], record)
        empty = 0.95**cells
        assert idle_columns(layer) == pytest.approx(empty)
        plain, skipping = (report(network, base | {"adc.zero_skip": on}, 0.1) for on in (False, True))
        # the first of 5 + 1 comparisons is made all the same
        saved = 1 - part(skipping, "adc").energy_pj / part(plain, "adc").energy_pj
        assert saved == pytest.approx(empty * 5 / 6)
        # what an event-driven chip does not read cannot be skipped again
        idle = 0.9**64
        driven = base | {"crossbar.event_driven": True, "adc.zero_skip": True}
        made = part(report(network, driven, 0.1), "adc").energy_pj / part(plain, "adc").energy_pj
        assert made == pytest.approx(1 - idle - max(empty - idle, 0.0) * 5 / 6)


# ---------------------------------------------------------------------------------------------- copies


@settings(max_examples=60)
@given(network=networks, fields=chips(), pick=st.integers(0, 9), count=st.integers(1, 6))
def test_doubling_copies_never_slows_a_layers_compute(
    network: Network, fields: dict[str, Any], pick: int, count: int
) -> None:
    """Its stage but for mesh and H-tree, whose wires are longer; on a chip without overlap, all reads as well."""
    names = [node.name for node in network.layers]
    name = names[pick % len(names)]
    assume(mapped(network, fields).layers[name].positions >= 2 * count)
    fields |= {"schedule.pipeline": "layer" if fields["schedule.pipeline"] == "layer" else "none"}
    one, two = (report(network, fields | {"mapping.copies": {name: copies}}) for copies in (count, 2 * count))

    def compute(found: Report, layer: str) -> float:
        wires = ("noc", "h_tree")
        return math.fsum(node.critical_ns for node in found.tree.child(layer).children if node.name not in wires)

    assert compute(two, name) <= compute(one, name) * EXACT
    for other in names:
        if other != name:
            assert compute(two, other) == pytest.approx(compute(one, other), rel=1e-12)
    assert two.area_um2 > one.area_um2
    for piece in ("adc", "shift_add"):
        if piece in {node.name for node in one.tree.child(name).children}:  # as many conversions, by more converters
            assert two.tree.child(name).child(piece).area_um2 == pytest.approx(
                2 * one.tree.child(name).child(piece).area_um2
            )


@given(network=networks, fields=chips(), count=st.integers(1, 9))
def test_one_copy_is_what_there_is_without(network: Network, fields: dict[str, Any], count: int) -> None:
    ones = {"mapping.copies": {node.name: 1 for node in network.layers[:count]}}
    assert report(network, fields | ones).tree == report(network, fields).tree


def test_copies_by_hand() -> None:
    """conv2 of VGG9 has 1024 positions: three copies leave 342 to each, on three times the crossbars and converters."""
    plain, tripled = mapped(VGG9, {}).layers["conv2"], mapped(VGG9, {"mapping.copies": {"conv2": 3}}).layers["conv2"]
    assert (plain.turns, tripled.turns) == (1024, 342)
    assert (tripled.crossbars, tripled.adcs) == (3 * plain.crossbars, 3 * plain.adcs)
    assert tripled.read_crossbars == plain.crossbars
    assert (tripled.conversions, tripled.reads) == (plain.conversions, plain.reads)  # the work is shared, not repeated
    before, after = report(VGG9, {}), report(VGG9, {"mapping.copies": {"conv2": 3}})
    times = [found.tree.child("conv2").child("adc").critical_ns for found in (before, after)]
    assert times[1] == pytest.approx(times[0] * 342 / 1024)


def test_copies_in_one_tile_are_sent_their_inputs_and_return_their_sums_each() -> None:
    """Sixteen copies of a layer of one crossbar share a PE: the bits that go through the H-tree stay the same."""
    small = {"crossbar.rows": 128, "crossbar.cols": 128, "pe.crossbars": 16, "tile.pes": 4}
    mapping = [mapped(MIXED, small | {"mapping.copies": {"b": count}}) for count in (1, 16)]
    assert [found.layers["b"].tiles for found in mapping] == [1, 1]
    assert [found.layers["b"].pes for found in mapping] == [1, 1]
    energies = [
        report(MIXED, small | {"mapping.copies": {"b": count}}).tree.child("b").child("h_tree").energy_pj
        for count in (1, 16)
    ]
    assert energies[1] >= energies[0] * (1 - 1e-12)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mapping.copies": {"nope": 2}}, "mapping.copies.nope: is not a layer of network 'mixed'"),
        ({"mapping.copies": {"con": 2, "b": 2}}, "mapping.copies.con: is not a layer"),
        ({"mapping.copies": {"fc": 2}}, "mapping.copies.fc = 2: .*has 1 there, so from 1 to 1"),
        ({"mapping.copies": {"a": 65}}, "mapping.copies.a = 65: .*has 64 there, so from 1 to 64"),
        ({"mapping.copies": {"a": 2}, "mapping.digital_layers": "first"}, "mapping.copies.a = 2: the layer is digital"),
        ({"mapping.copies": {"b": 2}, "mapping.digital_layers": ["b"]}, "mapping.copies.b = 2: the layer is digital"),
    ],
)
def test_impossible_copies_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        report(MIXED, fields)


def test_a_digital_layer_may_state_its_one_copy() -> None:
    fields = {"mapping.digital_layers": ["a"]}
    assert report(MIXED, fields | {"mapping.copies": {"a": 1}}).tree == report(MIXED, fields).tree


@pytest.mark.parametrize("count", [0, -1, 2.5, True, "two"])
def test_copies_are_whole_numbers(count: Any) -> None:
    with pytest.raises(InputError, match=r"copies"):
        report(MIXED, {"mapping.copies": {"a": count}})


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


@given(fields=chips(), groups=st.sampled_from([1, 2, 8]), count=st.integers(1, 8))
def test_shares_of_a_plan_with_groups_and_copies(fields: dict[str, Any], groups: int, count: int) -> None:
    """Counts of a layer's crossbars, converters and tiles fit together, whatever divides them."""
    nodes = [
        {"op": "conv", "name": "c", "inputs": ["input"], "in_channels": 8, "out_channels": 16, "kernel": (3, 3)}
        | {"padding": (1, 1), "groups": groups, "weight_bits": 4},
        {"op": "lif", "name": "l", "inputs": ["c"]},
        {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
    ]
    shape = {"name": "s", "arithmetic": "shape", "time_steps": 2, "input": {"shape": (8, 6, 6), "bits": 1}}
    plan: LayerPlan = mapped(build(shape | {"nodes": nodes}, {}), fields | {"mapping.copies": {"c": count}}).layers["c"]
    assert plan.crossbars == count * plan.read_crossbars
    assert plan.turns * count >= plan.positions > (plan.turns - 1) * count
    assert (plan.tiles - 1) * plan.per_tile < plan.crossbars <= plan.tiles * plan.per_tile
    assert plan.adcs * plan.adc_sharing % plan.crossbars == 0
    assert replace(plan, copies=1).band_halo == 0
