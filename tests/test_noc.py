"""The mesh without contention: routes, conservation, latency, and what each encoding sends."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import conv, lif, mixed_network, tiny_network
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.activity import Activity, LayerActivity, resolve_activity
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import Mapping, map_network
from spikesim_py.network import Network, build, load_network
from spikesim_py.noc import link_loads, owners, route, traffic, zero_load, zero_load_cycles

SMALL = {"crossbar.rows": 8, "crossbar.cols": 16, "pe.crossbars": 1, "tile.pes": 1}
place = st.tuples(st.integers(0, 9), st.integers(0, 9))


def mapped(network: Network, **overrides: Any) -> Mapping:
    return map_network(network, load_hardware("rram_32nm", {k.replace("__", "."): v for k, v in overrides.items()}))


def assumed(network: Network, rate: float = 0.15) -> Activity:
    return resolve_activity(rate, tuple(node.name for node in network.layers), {}, rate)


@given(a=place, b=place)
def test_a_route_is_xy_and_as_long_as_the_distance(a: tuple[int, int], b: tuple[int, int]) -> None:
    path = route(a, b)
    assert path[0] == a
    assert path[-1] == b
    assert len(path) == abs(a[0] - b[0]) + abs(a[1] - b[1]) + 1
    turns = [(p[0] != q[0]) for p, q in pairwise(path)]
    assert turns == sorted(turns, reverse=True)  # all x before any y
    assert all(abs(p[0] - q[0]) + abs(p[1] - q[1]) == 1 for p, q in pairwise(path))


def test_zero_load_latency_is_booksims() -> None:
    """A single-flit packet through a single router takes 7 cycles with pipeline A, 6 with B."""
    assert zero_load_cycles(1, 1, "A") == 7
    assert zero_load_cycles(1, 1, "B") == 6
    assert zero_load_cycles(np.array([3, 4]), 4, "B").tolist() == [17, 21]


@given(routers=st.integers(1, 30), flits=st.integers(1, 100))
def test_a_hop_and_a_flit_cost_their_cycles(routers: int, flits: int) -> None:
    for pipeline, hop in (("A", 5), ("B", 4)):
        base = zero_load_cycles(routers, flits, pipeline)
        assert zero_load_cycles(routers + 1, flits, pipeline) - base == hop
        assert zero_load_cycles(routers, flits + 1, pipeline) - base == 1


@pytest.mark.parametrize("encoding", ["bitmap", "aer"])
@pytest.mark.parametrize("placement", ["snake", "row_major"])
@pytest.mark.parametrize("name", ["tiny", "vgg9-cifar10"])
def test_flits_are_conserved(encoding: str, placement: str, name: str) -> None:
    network = tiny_network() if name == "tiny" else load_network(name)
    fields = {**(SMALL if name == "tiny" else {}), "noc.encoding": encoding, "noc.placement": placement}
    flow = traffic(mapped(network, **fields), assumed(network))
    loads = zero_load(flow, "B")
    expected = sum(load.flit_links * load.transfer.steps for load in loads)
    assert expected > 0
    assert math.fsum(link_loads(flow).values()) == pytest.approx(expected, rel=1e-12)
    for load in loads:
        assert load.flit_routers == pytest.approx(load.flit_links + load.transfer.flits.sum())


def test_partial_sums_by_hand() -> None:
    """64 inputs on 8-row crossbars, one per tile, one column block: 8 tiles reduce-scatter all outputs."""
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 64, "out_features": 2, "weight_bits": 2},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (64, 1, 1), "bits": 1, "coding": "events", "encoder": "every_step"}
    network = build({"name": "n", "arithmetic": "shape", "time_steps": 3, "input": spec, "nodes": nodes}, {}, "n")
    mapping = mapped(network, **SMALL)
    assert mapping.layers["fc"].tiles == 8
    transfers = {t.kind: t for t in traffic(mapping, assumed(network)).transfers}
    sums = transfers["partial_sums"]
    # two of the tiles own an output: the other seven send each a header and one flit, a sum of 5 + 1 + 3 bits
    assert sums.flits.sum(0).tolist() == [14, 0, 0, 0, 14, 0, 0, 0]
    assert (np.diag(sums.flits) == 0).all()
    assert sums.steps == 3
    # inputs: 64 bits, 8 to each tile
    assert transfers["input"].flits.tolist() == [[2.0] * 8]


def test_bitmaps_carry_the_edge_and_a_header() -> None:
    network = load_network("vgg9-cifar10")
    flow = traffic(mapped(network), assumed(network))
    first = next(t for t in flow.transfers if t.kind == "spikes")
    assert (first.layer, first.target) == ("conv1", "conv2")
    assert first.flits.tolist() == [[64 * 32 * 32 / 64 * 17 / 16]]  # a header for every 16 flits
    pooled = next(t for t in flow.transfers if t.target == "conv3")
    assert (
        pooled.flits.sum() == 769 + 49
    )  # sums of four spikes: 341 of 3 bits in a packet, which fill 1,023 of 1,024 bits


def test_address_events_follow_the_measured_spikes() -> None:
    network = load_network("vgg9-cifar10")
    names = [node.name for node in network.layers]
    for rate in (0.0, 0.01, 0.2):
        measured = Activity({n: LayerActivity(rate=0.3, output_rate=rate) for n in names}, "measured", 10)
        flow = traffic(mapped(network, **{"noc.encoding": "aer"}), measured)
        spikes = [t for t in flow.transfers if (t.kind, t.target) == ("spikes", "conv2")]
        assert sum(t.flits.sum() for t in spikes) == pytest.approx(rate * 64 * 32 * 32)


def test_events_beat_bitmaps_below_the_break_even() -> None:
    """AER costs pN flits, a bitmap N/W + 1: equal at p = (N/W + 1)/N."""
    network = load_network("vgg9-cifar10")
    units = 64 * 32 * 32
    even = (units / 64 + 1) / units
    for rate, fewer in ((0.9 * even, "aer"), (1.1 * even, "bitmap")):
        sent = {}
        for encoding in ("aer", "bitmap"):
            flow = traffic(mapped(network, **{"noc.encoding": encoding}), assumed(network, rate))
            sent[encoding] = next(t.flits.sum() for t in flow.transfers if t.target == "conv2" and t.kind == "spikes")
        assert min(sent, key=lambda name: sent[name]) == fewer


def test_nodes_belong_to_the_latest_layer_upstream() -> None:
    nodes = [
        conv("a", "input", 2, 4, weight_bits=2),
        lif("la", "a"),
        conv("b", "la", 4, 4, weight_bits=2),
        lif("lb", "b"),
        {"op": "add", "name": "sum", "inputs": ["la", "lb"]},
        {"op": "flatten", "name": "flat", "inputs": ["sum"]},
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 64, "out_features": 2, "weight_bits": 2},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (2, 4, 4), "bits": 2}
    network = build({"name": "s", "arithmetic": "shape", "time_steps": 2, "input": spec, "nodes": nodes}, {}, "s")
    assert owners(network) == {
        "input": None, "a": "a", "la": "a", "b": "b", "lb": "b", "sum": "b", "flat": "b", "fc": "fc", "out": "fc",
    }  # fmt: skip
    kinds = {(t.kind, t.layer, t.target) for t in traffic(mapped(network), assumed(network)).transfers}
    assert ("spikes", "a", "b") in kinds
    assert ("shortcut", "a", "b") not in kinds  # the only tile of b reads the same spikes
    assert ("graded", "b", "fc") in kinds
    kinds = {(t.kind, t.layer, t.target) for t in traffic(mapped(mixed_network()), assumed(mixed_network())).transfers}
    assert {("spikes", "a", "d"), ("shortcut", "a", "b")} <= kinds
