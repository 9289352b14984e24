"""Laws of the cost model in the activity of inputs: gates, floors, events."""

from __future__ import annotations

from typing import Any

import pytest
from cost_cases import EXACT, VGG9, chips, mapped, networks, part, rates, report
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost.crossbar_parts import idle_columns
from spikesim_py.cost.parametric import _layer, roll_up
from spikesim_py.cost.technology import load_technology
from spikesim_py.evaluate import cost
from spikesim_py.network import Network, build


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
