"""The closed-form mesh against tile-by-tile transfers and brute force: exact distances, stated bounds, conservation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from conftest import mixed_network, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from noc_cases import attention_network

from spikesim_py.activity import Activity, LayerActivity, resolve_activity
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import LayerPlan, Mapping, Mesh, map_network, place_tiles
from spikesim_py.network import Network, load_network
from spikesim_py.noc import Flow, ZeroLoad, flows, needed_rows, needed_share, traffic, zero_load
from spikesim_py.noc.distances import Distances, Run
from spikesim_py.noc.holdings import output_tiles
from spikesim_py.noc.kernels import distance_sums
from spikesim_py.noc.shares import cut_columns, most_owned

PLACEMENTS = ["snake", "row_major"]


@st.composite
def two_runs(draw: st.DrawFn) -> tuple[Mesh, Run, Run]:
    mesh = place_tiles(draw(st.integers(1, 60)), draw(st.sampled_from(PLACEMENTS)))
    starts = [draw(st.integers(0, mesh.tiles - 1)) for _ in range(2)]
    a, b = (Run(first, draw(st.integers(1, mesh.tiles - first))) for first in starts)
    return mesh, a, b


def links(mesh: Mesh, a: Run, b: Run) -> list[int]:
    return [mesh.hops(i, j) for i in range(a.first, a.end) for j in range(b.first, b.end)]


@given(case=two_runs())
def test_distances_are_exact_and_the_kernel_agrees_with_its_twin(case: tuple[Mesh, Run, Run]) -> None:
    mesh, a, b = case
    total = Distances(mesh).total(a, b)
    assert total == sum(links(mesh, a, b))
    one, other = (Run(np.array([run.first], float), np.array([run.count], float)) for run in (a, b))
    assert Distances(mesh).total(one, other).tolist() == [total]
    snake = mesh.placement == "snake"
    assert distance_sums(a.first, a.end, b.first, b.end, mesh.width, snake) == total


@given(case=two_runs())
def test_farthest_is_never_too_near(case: tuple[Mesh, Run, Run]) -> None:
    mesh, a, b = case
    bound = Distances(mesh).farthest(a, b)
    assert max(links(mesh, a, b)) <= bound <= mesh.width + mesh.height - 2
    one, other = (Run(np.array([run.first], float), np.array([run.count], float)) for run in (a, b))
    assert Distances(mesh).farthest(one, other).tolist() == [bound]


@given(case=two_runs(), count=st.integers(2, 9))
def test_windows_of_a_run(case: tuple[Mesh, Run, Run], count: int) -> None:
    """Tiles that exchange sums: the spread is a bound, and the mean lies between those of the extreme windows."""
    mesh, run, _ = case
    if run.count < count:
        return
    distances = Distances(mesh)
    windows = [Run(first, count) for first in range(run.first, run.end - count + 1)]
    assert max(max(links(mesh, window, window)) for window in windows) <= distances.spread(run, count)
    means = [sum(links(mesh, window, window)) / (count * (count - 1)) for window in windows]
    mean = distances.among(run, count)
    if len(windows) == 1:
        assert mean == pytest.approx(means[0])
    if run.first // mesh.width == (run.end - 1) // mesh.width:  # in one row
        assert mean == pytest.approx((count + 1) / 3)
    everywhere = Run(np.array([run.first, run.first], float), np.array([run.count, run.count], float))
    assert distances.among(everywhere, np.array([count, count], float)).tolist() == pytest.approx([mean, mean])


def test_a_far_corner_by_hand() -> None:
    """Tiles 0..2 are a row of a 3 x 3 mesh; tile 8 is its far corner: 4 + 3 + 2 links in row-major order."""
    mesh = place_tiles(9, "row_major")
    assert Distances(mesh).total(Run(0, 3), Run(8, 1)) == 9
    assert Distances(mesh).farthest(Run(0, 3), Run(8, 1)) == 4
    assert Distances(mesh).among(Run(0, 9), 9) == pytest.approx(2.0)  # of a 3 x 3 mesh, two thirds of its side each way


def test_distances_of_a_million_tiles_stay_whole() -> None:
    """Sums of prefixes stay below 2^53: neighbours at the end of the order are one link apart."""
    distances = Distances(place_tiles(1_000_000, "snake"))
    assert distances.total(Run(999_998, 1), Run(999_999, 1)) == 1
    ends = np.array([999_998.0]), np.array([999_999.0])
    one = np.array([1.0])
    assert distances.total(Run(ends[0], one), Run(ends[1], one)).tolist() == [1]


# ---------------------------------------------------------------------------------------------- cut columns


def plan_of(crossbars: int, row_blocks: int, per_tile: int) -> LayerPlan:
    """A plan of so many columns of `row_blocks` crossbars, `per_tile` in a tile."""
    base = map_network(tiny_network(), load_hardware("rram_32nm")).layers["fc"]
    columns = crossbars // row_blocks
    changed = {"copies": 1, "groups": 1, "row_blocks": row_blocks, "col_blocks": columns, "per_tile": per_tile}
    tiles = -(-columns * row_blocks // per_tile)
    return LayerPlan(**(vars(base) | changed | {"crossbars": columns * row_blocks, "tiles": tiles}))


@given(columns=st.integers(1, 40), row_blocks=st.integers(1, 12), per_tile=st.integers(1, 20))
def test_cut_columns_are_counted(columns: int, row_blocks: int, per_tile: int) -> None:
    tiles = [
        {index // per_tile for index in range(column * row_blocks, (column + 1) * row_blocks)}
        for column in range(columns)
    ]
    several = [len(held) for held in tiles if len(held) > 1]
    cut, mean = cut_columns(plan_of(columns * row_blocks, row_blocks, per_tile))
    assert cut == len(several)
    assert mean == pytest.approx(np.mean(several) if several else 1.0)


# ---------------------------------------------------------------------------------------------- against `traffic`

NETWORKS = {
    "tiny": tiny_network(),
    "mixed": mixed_network(),
    "attention": attention_network(),
    "vgg9": load_network("vgg9-cifar10"),
    "resnet19": load_network("resnet19-cifar10"),
}
SMALL = {"crossbar.rows": 8, "crossbar.cols": 24}
SMALLER = {"crossbar.rows": 4, "crossbar.cols": 8}  # as many tiles for the layers around a product
SPIKEFLOW = {"mapping.rows": "spikeflow", "pe.crossbars": 8}
CHIPS: list[dict[str, Any]] = [
    {},
    {"pe.crossbars": 2, "tile.pes": 2},
    {"pe.crossbars": 3, "tile.pes": 1, "noc.placement": "row_major"},
    {"crossbar.rows": 64, "pe.crossbars": 8, "noc.flit_bits": 32},
    {"crossbar.cols": 256, "pe.crossbars": 4, "mapping.signs": "offset"},
    SPIKEFLOW | {"tile.pes": 2},
    SPIKEFLOW | {"mapping.tap_sum": "adc_shared_serial", "noc.placement": "row_major"},
    SPIKEFLOW | {"mapping.tap_sum": "analog_sum"},
    {"noc.encoding": "aer", "pe.crossbars": 2, "noc.pipeline": "A"},
    {"noc.encoding": "aer", "tile.pes": 1, "noc.placement": "row_major"},
]


def cases(name: str) -> Iterator[Mapping]:
    """A network on every chip, with and without copies of its second layer."""
    network = NETWORKS[name]
    copied = network.layers[1].name
    for fields in CHIPS:
        small = {"tiny": SMALL, "mixed": SMALL, "attention": SMALLER}.get(name, {})
        for copies in ({}, {copied: 3}):
            yield map_network(network, load_hardware("rram_32nm", fields | small | {"mapping.copies": copies}))


def assumed(network: Network, rate: float = 0.15) -> Activity:
    return resolve_activity(rate, tuple(node.name for node in network.layers), {}, rate)


def pairs(mapping: Mapping, rate: float = 0.15) -> list[tuple[Flow, ZeroLoad]]:
    """Every flow with the transfer that it stands for.

    The closed form leaves out pools whose windows lie in the bands of two copies, and takes a mean of the outputs whose
    slices lie in two column blocks.
    """
    activity = assumed(mapping.network, rate)
    loads = zero_load(traffic(mapping, activity), mapping.hardware.noc.pipeline)
    exact = {(x.transfer.kind, x.transfer.layer, x.transfer.target): x for x in loads}
    assert len(exact) == len(loads)
    found = [flow for flow in flows(mapping, activity) if flow.flits > 0]
    known = {(flow.kind, flow.layer, flow.target) for flow in found}
    assert all(kind == "partial_sums" for kind, _, _ in known - set(exact))
    assert all(layer == target for _, layer, target in set(exact) - known)
    return [(flow, exact[key]) for flow in found if (key := (flow.kind, flow.layer, flow.target)) in exact]


@cache
def compared(name: str) -> list[list[tuple[Flow, ZeroLoad]]]:
    """The pairs of every case of a network."""
    return [pairs(mapping) for mapping in cases(name)]


@pytest.mark.parametrize("name", NETWORKS)
def test_heads_are_never_too_early(name: str) -> None:
    for found in compared(name):
        for flow, exact in found:
            assert flow.steps == exact.transfer.steps
            if flow.kind != "partial_sums":  # an output whose slices lie in two column blocks reaches a tile further
                assert flow.head_cycles >= exact.head_cycles


#: quantity of a flow -> kind -> (lowest, highest) ratio to its transfer over all cases, as measured, rounded outwards;
#: far from 1 where every tile of a layer holds a channel or two
BOUNDS = {
    "flits": {
        "input": (0.8, 1.3),
        "spikes": (0.7, 4.05),
        "graded": (0.85, 2.4),
        "partial_sums": (0.6, 4.05),
        "shortcut": (0.95, 1.3),
    },
    "links": {
        "input": (0.8, 1.7),
        "spikes": (0.65, 4.6),
        "graded": (0.75, 2.4),
        "partial_sums": (0.4, 13.4),
        "shortcut": (0.7, 4.1),
    },
    "cycles": {
        "input": (0.85, 1.15),
        "spikes": (0.65, 4.05),
        "graded": (0.7, 1.55),
        "partial_sums": (0.1, 2.05),
        "shortcut": (0.45, 5.2),
    },
}
#: the same of the attention network, whose tiles own a value or two, over all kinds
FEW_VALUES = {"flits": (0.75, 4.05), "links": (0.7, 4.05), "cycles": (0.45, 2.5)}
#: quantity -> kind -> (within, share of the cases that are)
MOSTLY = {
    "flits": {"spikes": (0.25, 0.9), "graded": (0.25, 0.92), "partial_sums": (0.25, 0.8), "shortcut": (0.1, 0.96)},
    "links": {"spikes": (0.25, 0.89), "graded": (0.25, 0.9), "partial_sums": (0.25, 0.5), "shortcut": (0.25, 0.95)},
    "cycles": {"spikes": (0.25, 0.88), "graded": (0.25, 0.94), "partial_sums": (0.25, 0.35), "shortcut": (0.25, 0.85)},
}


def ratios(flow: Flow, exact: ZeroLoad) -> dict[str, float]:
    """Closed form over tile by tile; no ratio where nothing is to pass."""
    there = {"flits": exact.transfer.flits.sum(), "links": exact.flit_links, "cycles": exact.cycles}
    here = {"flits": flow.flits, "links": flow.flit_links, "cycles": flow.cycles}
    return {name: float(here[name] / there[name]) for name in there if there[name]}


def test_flows_are_the_transfers_within_stated_bounds() -> None:
    found: dict[tuple[str, str], list[float]] = {}
    small: dict[tuple[str, str], list[float]] = {}
    for name in NETWORKS:
        noted = small if name == "attention" else found
        for case in compared(name):
            for flow, exact in case:
                for quantity, ratio in ratios(flow, exact).items():
                    noted.setdefault((quantity, flow.kind), []).append(ratio)
    for quantity, kinds in BOUNDS.items():
        for kind, (low, high) in kinds.items():
            assert low <= min(found[quantity, kind])
            assert max(found[quantity, kind]) <= high
    for (quantity, _), every in small.items():
        low, high = FEW_VALUES[quantity]
        assert low <= min(every)
        assert max(every) <= high
    for quantity, typical in MOSTLY.items():
        for kind, (within, share) in typical.items():
            assert np.mean(np.abs(np.array(found[quantity, kind]) - 1) <= within) >= share


@pytest.mark.parametrize(
    ("name", "flits", "passed"), [("vgg9", 0.1, 0.15), ("resnet19", 0.14, 0.17), ("mixed", 0.43, 0.6)]
)
def test_a_networks_traffic_is_right_in_sum(name: str, flits: float, passed: float) -> None:
    for found in compared(name):
        sums = np.array(
            [
                [
                    flow.steps * flow.flits,
                    flow.steps * flow.flit_links,
                    x.transfer.flits.sum() * flow.steps,
                    x.flit_links * flow.steps,
                ]
                for flow, x in found
            ]
        ).sum(0)
        assert sums[0] == pytest.approx(sums[2], rel=flits)
        assert sums[1] == pytest.approx(sums[3], rel=passed)


def test_one_tile_per_layer_is_exact() -> None:
    """Nothing to average: every number is that of the transfer."""
    for encoding in ("bitmap", "aer"):
        fields = {"noc.encoding": encoding, "crossbar.rows": 128, "crossbar.cols": 128}
        mapping = map_network(mixed_network(), load_hardware("rram_32nm", fields | {"noc.placement": "row_major"}))
        assert mapping.tiles == len(mapping.layers)
        for flow, exact in pairs(mapping):
            assert flow.flits == pytest.approx(exact.transfer.flits.sum(), rel=1e-12)
            assert flow.flit_links == pytest.approx(exact.flit_links, rel=1e-12)
            assert flow.serial_cycles == pytest.approx(exact.serial_cycles, rel=1e-12)
            assert flow.head_cycles >= exact.head_cycles  # a bound where two tiles lie in different rows


@pytest.mark.parametrize("name", NETWORKS)
def test_shares_of_tiles(name: str) -> None:
    """No tile needs more than the whole map, all of them together not less; the busiest owns its part at least."""
    for mapping in cases(name):
        for plan in mapping.layers.values():
            share, owner = needed_share(plan, mapping.hardware), output_tiles(plan, mapping.hardware)
            assert 0 < share <= needed_rows(plan, mapping.hardware) <= 1
            assert share * plan.tiles >= 1 - 1e-12
            assert 1 / plan.tiles - 1e-12 <= most_owned(plan) <= 1
            assert most_owned(plan) == pytest.approx(
                np.bincount(owner.ravel()).max() / owner.size, rel=0.5, abs=2 / owner.size
            )


@pytest.mark.parametrize("encoding", ["bitmap", "aer"])
@pytest.mark.parametrize("order", ["step_first", "layer_first"])
def test_what_is_sent_is_what_there_is_to_send(encoding: str, order: str) -> None:
    """Events: one flit each. Bitmaps: every bit in some payload, a header and at most a broken flit per packet."""
    network, rate = NETWORKS["vgg9"], 0.2
    fields = {"noc.encoding": encoding, "schedule.order": order, "pe.crossbars": 4}
    mapping = map_network(network, load_hardware("rram_32nm", fields))
    activity = Activity({node.name: LayerActivity(rate, output_rate=rate) for node in network.layers}, "given")
    for flow in flows(mapping, activity):
        target = mapping.layers[flow.target]
        if flow.kind != "spikes":
            continue
        edge = network.edges[network.by_name[flow.target].inputs[0]]
        sent = edge.size * needed_share(target, mapping.hardware) * target.tiles * network.time_steps
        if encoding == "aer" and edge.bits == 1:
            assert flow.steps * flow.flits == pytest.approx(sent * rate)
        elif encoding == "bitmap":
            pairs_sent, noc = flow.steps * mapping.layers[flow.layer].tiles * target.tiles, mapping.hardware.noc
            payload = sent * edge.bits / noc.flit_bits
            flits = payload + payload / noc.packet_flits
            assert flits * (1 - 1e-9) <= flow.steps * flow.flits <= flits + 2 * pairs_sent
        assert flow.steps == (1 if order == "layer_first" else network.time_steps)
        ports = min(mapping.layers[flow.layer].tiles, target.tiles)
        assert (flow.serial_cycles + 1) * ports >= flow.flits * (1 - 1e-12)
        assert flow.flit_links <= flow.flits * (mapping.mesh.width + mapping.mesh.height - 2)


def test_partial_sums_go_between_the_tiles_of_cut_columns_only() -> None:
    """conv3 has 576 rows, five row blocks: cut where a tile holds three crossbars, whole where it has five or ten.

    The columns of an output fill a crossbar without rest (two of 128), so that no tiles part an output.
    """
    network = NETWORKS["vgg9"]
    for crossbars, cut in ((3, True), (5, False), (10, False)):
        fields = {"pe.crossbars": crossbars, "tile.pes": 1, "mapping.rows": "unrolled", "mapping.signs": "offset"}
        chip = load_hardware("rram_32nm", fields | {"device.cell_bits": 4, "mapping.baseline": "none"})
        mapping = map_network(network, chip)
        plan = mapping.layers["conv3"]
        assert (plan.row_blocks, chip.weight_columns % plan.columns_per_output) == (5, 0)
        kinds = {(flow.kind, flow.layer) for flow in flows(mapping, assumed(network))}
        assert (("partial_sums", "conv3") in kinds) == cut
