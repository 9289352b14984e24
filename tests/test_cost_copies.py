"""Laws of layers in several copies."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from cost_cases import EXACT, MIXED, VGG9, chips, mapped, networks, report
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikesim_py.errors import InputError, MappingError
from spikesim_py.mapping import LayerPlan
from spikesim_py.network import Network, build
from spikesim_py.report import Report


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
