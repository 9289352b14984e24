"""Figures of what happens inside a design: climbing costs, time-steps, crossbars, converters, the chain of errors."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from study_data import report

from spikesim_py.compare import degradation
from spikesim_py.crossbar import layer_adc
from spikesim_py.crossbar.maps import crossbar_maps
from spikesim_py.datasets import Dataset
from spikesim_py.figures import (
    adc_figure,
    build_up_figure,
    conductance_figure,
    degradation_figure,
    ir_drop_figure,
    layer_degradation_figure,
    mesh_steps_figure,
)
from spikesim_py.figures.crossbar import SumHistogram, sum_histogram
from spikesim_py.figures.degradation import chain_data, mismatch_table, worse
from spikesim_py.figures.waterfall import build_up
from spikesim_py.hardware import load_hardware
from spikesim_py.inference.calibrate import ColumnSums, column_sums
from spikesim_py.mapping import map_network


@pytest.mark.parametrize("by", ["layer", "component"])
@pytest.mark.parametrize("quantity", ["energy_pj", "critical_ns", "area_um2"])
def test_costs_climb_from_nothing_to_the_whole(by: str, quantity: str) -> None:
    tree = report().tree.to_dict()
    data = build_up(tree, quantity, by, most=3)
    assert sum(data.steps) == pytest.approx(tree[quantity])
    assert len(data.steps) == 3
    assert data.names[-1] == "other"
    if by == "component":
        assert list(data.steps[:-1]) == sorted(data.steps[:-1], reverse=True)
    bars = build_up_figure(tree, quantity, by).data[0]
    tops = np.array(bars.base) + np.array(bars.y)
    assert tops[:-2] == pytest.approx(np.array(bars.base)[1:-1])  # each starts where the last one ends
    assert tops[-2] == pytest.approx(tops[-1])
    assert bars.base[-1] == 0


def test_time_steps_stack_computing_and_what_the_mesh_adds() -> None:
    steps = [
        {"step": 0, "makespan_cycles": 12.0, "compute_cycles": 10.0},
        {"step": 1} | dict.fromkeys(("makespan_cycles", "compute_cycles"), 7.0),
    ]
    computing, waiting = mesh_steps_figure({"steps": steps, "cycle_ns": 2.0}).data
    assert (list(computing.y), list(waiting.y)) == ([10, 7], [2, 0])


@given(
    counts=st.lists(st.lists(st.integers(0, 50), min_size=300, max_size=300), min_size=1, max_size=2),
    bits=st.integers(2, 7),
    signed=st.booleans(),
)
def test_a_histogram_keeps_every_conversion_and_the_share_that_is_cut(
    counts: list[list[int]], bits: int, signed: bool
) -> None:
    table = np.array(counts)
    if not table.sum():
        table[0, 5] = 1
    network = tiny_network()
    overrides = {"adc.bits": bits, "adc.range": "granular"}
    overrides |= {"mapping.subtract": "analog"} if signed else {}
    hardware = load_hardware("rram_32nm", overrides)
    adc = layer_adc(map_network(network, hardware).layers["conv1"], hardware)
    table = np.repeat(table[:1], len(adc.ranges), axis=0)
    sums = ColumnSums(-150 if signed else 0, table)
    found = sum_histogram(sums, adc)
    assert found.inside.sum() + found.clipped.sum() == table.sum()
    assert found.clipped.sum() / table.sum() == pytest.approx(found.share) == pytest.approx(sums.clip_share(adc))
    assert (found.inside >= 0).all()
    assert len(found.inside) <= 128
    assert len(np.unique(np.diff(found.edges))) == 1


def test_the_last_code_is_a_line_where_sums_go_beyond_it() -> None:
    edges = np.arange(11) - 0.5
    counts = np.arange(10)[::-1] + 1
    cut = np.where(np.arange(10) > 6, counts, 0)
    figure = adc_figure(SumHistogram(edges, counts - cut, cut, 0.0, 6.0, 0.1))
    assert [shape.x0 for shape in figure.layout.shapes] == [6]
    assert "last code: 6" in figure.layout.annotations[0].text
    assert {trace.name: sum(trace.y) for trace in figure.data}["cut off"] == pytest.approx(100 * 6 / 55)
    within = adc_figure(SumHistogram(edges, counts, 0 * counts, 0.0, 31.0, 0.0))
    assert not within.layout.shapes
    assert [trace.name for trace in within.data] == ["converted"]


def test_a_histogram_of_a_network_counts_its_conversions() -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm", {"adc.bits": 3, "adc.range": "granular"})
    images = Dataset("tiny", tiny_images(), np.zeros(5, np.int64))
    sums = column_sums(network, hardware, images)["conv2"]
    found = sum_histogram(sums, layer_adc(map_network(network, hardware).layers["conv2"], hardware))
    assert found.inside.sum() + found.clipped.sum() == sums.counts.sum()
    assert found.high == 7


def test_maps_are_drawn_as_they_are_with_row_0_on_top() -> None:
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", {"wires.topology": "passive"}))
    maps = crossbar_maps(mapping, "conv1").to_dict()
    drawn = conductance_figure(maps)
    assert drawn.data[0].z == pytest.approx(maps["siemens"] * 1e6, rel=1e-6)
    assert drawn.layout.yaxis.range[0] > drawn.layout.yaxis.range[1]
    lost = ir_drop_figure(maps)
    assert lost is not None
    assert lost.data[0].z == pytest.approx(100 * (1 - maps["delivered"]), rel=1e-5, abs=1e-4, nan_ok=True)
    assert ir_drop_figure(maps | {"delivered": None}) is None


@pytest.fixture(scope="module")
def chain() -> list[dict[str, object]]:
    stages = degradation("digits-w2", "rram_32nm", samples=30, overrides={"adc.bits": 3})
    return chain_data(stages)


def test_a_chain_begins_in_floats_and_ends_with_the_chip(chain: list[dict[str, object]]) -> None:
    assert [stage["name"] for stage in chain[:2]] == ["float", "exact"]
    assert chain[0]["change"] is None
    figure = degradation_figure(chain)
    assert list(figure.data[0].x[:2]) == ["float network", "quantized network"]
    assert not figure.layout.annotations
    assert "came quantized" in degradation_figure(chain[1:]).layout.annotations[0].text
    values = [100 * stage["accuracy"] for stage in chain]  # type: ignore[operator]
    assert list(figure.data[0].y) == pytest.approx(values)
    ends = zip(figure.data[0].error_y.arrayminus, figure.data[0].error_y.array, chain, strict=True)
    for value, (below, above, stage) in zip(values, ends, strict=True):
        low, high = stage["interval"]  # type: ignore[misc]
        assert (value - below, value + above) == pytest.approx((100 * low, 100 * high))
    marked = [color == "#D55E00" for color in figure.data[0].marker.color]
    assert marked == [worse(stage) for stage in chain]
    assert any(marked)  # 3-bit converters ruin this network beyond doubt


def test_mismatches_are_of_layers_that_spike_and_steps_on_the_chip(chain: list[dict[str, object]]) -> None:
    layers, steps, shares = mismatch_table(chain)
    assert steps == [stage["name"] for stage in chain[2:]]
    assert shares.shape == (len(layers), len(steps))
    drawn = layer_degradation_figure(chain).data[0]
    assert len(drawn.y) == np.isfinite(shares).any(1).sum()
    assert np.nanmax(drawn.z) == pytest.approx(100 * np.nanmax(shares))
