"""The roofline: every component has its resource, and the limiter is the one without which a layer is fastest."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import conv, lif, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from test_cost_tree import parents

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.cost import CostNode, branch, component
from spikesim_py.cost.resources import NEURON_MODULE, RESOURCES, neuron_share, resource_label, resource_of
from spikesim_py.cost.roofline import COLUMNS, Roofline, report_roofline, roofline, roofline_rows
from spikesim_py.figures.roofline import roofline_bars, roofline_figure
from spikesim_py.network import Network, build
from spikesim_py.report import Report


def every_node() -> Network:
    """A shape-only network with every kind of node, on graded inputs."""
    nodes = [
        conv("c1", "input", 2, 8, weight_bits=4),
        {"op": "affine", "name": "bn", "inputs": ["c1"]},
        lif("l1", "bn"),
        conv("c2", "l1", 8, 8, weight_bits=4),
        lif("l2", "c2"),
        {"op": "add", "name": "sum", "inputs": ["l1", "l2"]},
        {"op": "pool", "name": "p", "inputs": ["sum"]},
        {"op": "flatten", "name": "flat", "inputs": ["p"]},
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 128, "out_features": 4, "weight_bits": 4},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (2, 8, 8), "bits": 4}
    return build({"name": "all", "arithmetic": "shape", "time_steps": 3, "input": spec, "nodes": nodes}, {})


#: chips that between them have every component: (chip, overrides)
CHIPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rram_32nm", {}),
    ("rram_32nm", {"mapping.signs": "offset", "mapping.baseline": "digital_count"}),
    ("rram_32nm", {"mapping.signs": "offset_negative", "mapping.rows": "spikeflow"}),
    ("rram_32nm", {"mapping.signs": "twos_complement", "mapping.tap_sum": "analog_sum", "mapping.rows": "spikeflow"}),
    ("rram_32nm", {"mapping.digital_layers": "first", "schedule.pipeline": "time_step"}),
    ("rram_32nm", {"mitigation.recalibrate": "affine", "mitigation.permute_rows": True}),
    ("rram_32nm", {"mitigation.recalibrate": "bias", "mitigation.spare_columns": 2, "adc.kind": "flash"}),
    ("pcm_joshi2020", {"mitigation.drift_gain": "layer"}),
    ("sram_32nm", {"adc.kind": "ramp"}),
    ("sram_32nm", {"schedule.order": "layer_first", "schedule.pipeline": "layer"}),
    ("rram_32nm", {"chip.max_tiles": 1, "tile.pes": 1, "dram.kind": "lpddr4"}),
    ("spikesim_released", {}),
    ("spikesim_released", {"cost.defects.taps_share_adcs_free": False}),
)


@cache
def report_of(chip: str, overrides: str) -> Report:
    return ss.cost(every_node(), chip, overrides=json.loads(overrides), activity=0.1)


def reports() -> list[Report]:
    made = [report_of(chip, json.dumps(overrides)) for chip, overrides in CHIPS]
    return [*made, ss.cost("digits-fp", "rram_32nm"), ss.cost(tiny_network(bits=1), "rram_32nm", activity=0.1)]


def test_every_component_of_every_library_has_a_resource() -> None:
    found = {name for report in reports() for name in report.tree.components()}
    assert {name for name in found if resource_of(name) == "other"} == set()
    assert len(found) > 40  # the chips above do reach the components


def test_resources_have_names_that_differ() -> None:
    assert len({resource_label(resource) for resource in RESOURCES}) == len(RESOURCES)
    assert resource_of("a component of tomorrow") == "other"


def layer_of(name: str, *parts: tuple[str, float, float]) -> CostNode:
    """A layer of (component, exposed, busy)."""
    return branch(
        name,
        [component(n, critical_ns=shown, busy_ns=busy, grade="assumed", source="test") for n, shown, busy in parts],
    )


def test_in_series_the_largest_part_limits() -> None:
    tree = branch("chip", [layer_of("a", ("adc", 60, 60), ("crossbar", 30, 30), ("noc", 10, 10))])
    (roof,) = roofline(tree, {"a": 6e6}).layers
    assert (roof.limiter, roof.second) == ("adc", "crossbar")
    assert roof.share == 0.6
    assert roof.headroom == 100 / 40
    assert roof.slack == 2.0
    assert roof.tops == pytest.approx(6e6 / 100 * 1e-3)
    assert roof.resources[0].roof_tops == pytest.approx(6e6 / 60 * 1e-3)


def test_where_work_overlaps_the_longest_busy_resource_limits() -> None:
    """The NoC streams behind the ADC and shows only what is longer: a faster ADC would change nothing."""
    tree = branch("chip", [layer_of("a", ("adc", 100, 100), ("noc", 50, 150))])
    (roof,) = roofline(tree, {}).layers
    assert (roof.limiter, roof.share) == ("noc", 1.0)
    assert roof.headroom == 1.5
    adc = roof.resources[1]
    assert adc.without_ns == roof.time_ns
    assert roof.slack == 1.5


def test_components_of_one_resource_count_together() -> None:
    parts = ("crossbar", 20, 20), ("row_driver", 0, 15), ("column_mux", 25, 25), ("adc", 40, 40)
    (roof,) = roofline(branch("chip", [layer_of("a", *parts)]), {}).layers
    assert (roof.limiter, roof.resources[0].exposed_ns) == ("crossbar", 45)


def test_a_layer_of_one_resource_has_no_bound_and_no_second() -> None:
    (roof,) = roofline(branch("chip", [layer_of("a", ("pe_cycles", 75, 100), ("htree", 0, 0))]), {"a": 1e6}).layers
    assert (roof.limiter, roof.headroom, roof.second, roof.slack, roof.share) == ("pe", None, None, None, 1.0)
    assert roof.tops == roof.resources[0].roof_tops  # what hides behind other layers lowers no roof


def test_layers_in_series_add_up_to_the_chip() -> None:
    tree = branch(
        "chip", [layer_of("a", ("adc", 60, 60), ("noc", 40, 40)), layer_of("b", ("noc", 90, 90), ("adc", 10, 10))]
    )
    chip = roofline(tree, {"a": 1.0, "b": 2.0}).chip
    assert chip.operations == 3.0
    assert {r.resource: (r.exposed_ns, r.without_ns) for r in chip.resources} == {"noc": (130, 70), "adc": (70, 130)}
    assert chip.headroom == 200 / 70


@given(parents)
def test_of_any_tree_nothing_is_faster_than_its_resources(tree: CostNode) -> None:
    found = roofline(branch("chip", [tree]), {tree.name: 1e6})
    for roof in found.layers:
        assert sum(r.exposed_ns for r in roof.resources) == pytest.approx(roof.time_ns)
        assert all(r.exposed_ns <= r.alone_ns <= roof.time_ns * (1 + 1e-12) for r in roof.resources)
        assert all(r.without_ns >= roof.resources[0].without_ns for r in roof.resources)
        assert roof.headroom is None or roof.headroom >= 1 - 1e-12
        assert all(r.roof_tops >= (roof.tops or 0) * (1 - 1e-12) for r in roof.resources if r.roof_tops)


@pytest.mark.parametrize("index", range(len(CHIPS)))
def test_every_library_has_a_roofline_below_its_roofs(index: int) -> None:
    report = reports()[index]
    found = report_roofline(report.to_dict())
    assert [roof.name for roof in found.layers] == [node.name for node in report.tree.children if node.critical_ns]
    assert found.chip.tops == pytest.approx(report.tops if found.chip.operations else 0.0)
    for roof in (*found.layers, found.chip):
        assert sum(r.exposed_ns for r in roof.resources) == pytest.approx(roof.time_ns)
        assert roof.headroom is None or roof.headroom >= 1
        assert all(r.roof_tops is None or r.roof_tops >= roof.tops * (1 - 1e-9) for r in roof.resources)  # type: ignore[operator]


def test_a_pipeline_changes_no_layer_s_limiter() -> None:
    """Without a buffered first layer, one time-step of a layer is limited as all of them are."""
    serial, pipelined = (
        report_roofline(ss.cost("vgg9-cifar10", "rram_32nm", overrides={"schedule.pipeline": kind}).to_dict())
        for kind in ("none", "time_step")
    )
    for one, other in zip(serial.layers[1:], pipelined.layers[1:], strict=True):
        assert (one.limiter, one.second) == (other.limiter, other.second)
        assert other.headroom == pytest.approx(one.headroom)
        assert other.slack == pytest.approx(one.slack)
        assert other.tops == pytest.approx(one.tops)


def test_the_limiter_is_what_speeds_a_layer_up() -> None:
    """More lanes help the layers that the neurons limit more than those that the ADC limits."""
    one, two = (ss.cost("vgg9-cifar10", "rram_32nm", overrides={"tile.neuron_lanes": lanes}) for lanes in (1, 2))
    gain = {node.name: node.critical_ns / two.tree.child(node.name).critical_ns for node in one.tree.children[:-1]}
    limiter = {roof.name: roof.limiter for roof in report_roofline(one.to_dict()).layers}
    assert {limiter[name] for name in gain} == {"adc", "neuron"}
    bound = [gain[name] for name in gain if limiter[name] == "neuron"]
    free = [gain[name] for name in gain if limiter[name] == "adc"]
    assert min(bound) > max(free)


def shown() -> Roofline:
    return report_roofline(ss.cost("vgg9-cifar10", "rram_32nm").to_dict())


def test_the_table_and_the_command_name_what_limits() -> None:
    rows = roofline_rows(shown())
    assert all(len(row) == len(COLUMNS) + 1 for row in rows)
    assert rows[0][2] == "ADC"
    result = CliRunner().invoke(main, ["cost", "vgg9-cifar10", "rram_32nm", "--roofline"])
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    for row in rows:
        assert " ".join(row).split() in lines


def test_bars_show_every_layer_s_whole_time_and_its_limiter() -> None:
    data = roofline_bars(shown())
    assert data.layers[-1] == "chip"
    assert np.allclose(data.exposed.sum(1), 100.0)
    assert (data.busy <= 100.0 + 1e-9).all()
    assert data.notes[0].startswith("ADC-bound · headroom 5.80×")
    figure = roofline_figure(shown())
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [trace.name for trace in bars] == [resource_label(resource) for resource in data.resources]
    assert np.allclose(sum(np.asarray(trace.x) for trace in bars), 100.0)
    assert len({trace.marker.color for trace in bars}) == len(bars)


def test_the_neuron_module_is_its_components() -> None:
    tree = ss.cost("vgg9-cifar10", "spikesim_released").tree
    assert neuron_share(tree) == pytest.approx(0.269, abs=5e-4)  # 26.9 % of the released area is neuron memory
    tree = ss.cost("vgg9-cifar10", "rram_32nm").tree
    parts = tree.components()
    assert neuron_share(tree) == (parts["neuron_unit"].area_um2 + parts["membrane_memory"].area_um2) / tree.area_um2
    assert {resource_of(name) for name in NEURON_MODULE} == {"neuron", "buffer"}


@given(parents, st.sampled_from(["energy_pj", "critical_ns", "area_um2"]))
def test_a_neuron_module_that_is_not_there_has_no_share(tree: CostNode, quantity: Any) -> None:
    assert neuron_share(tree, quantity) == 0.0
