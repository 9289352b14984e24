"""Chips smaller than the network: rounds, DRAM, and the cost of reloading weights."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py import cost
from spikesim_py.cost.components.dram import dram
from spikesim_py.cost.reload import Kept, LayerLoad, Reload, kept_edges, reload_cost
from spikesim_py.errors import ConfigError, MappingError
from spikesim_py.hardware import DramKind, load_hardware
from spikesim_py.mapping import map_network, round_indices
from spikesim_py.network import load_network
from spikesim_py.report import Report

KINDS = [kind for kind in DramKind if kind is not DramKind.NONE]
TILES = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@given(TILES, st.integers(9, 20))
def test_rounds_hold_every_layer_once_in_order_and_fit(tiles: list[int], size: int) -> None:
    found = round_indices(tiles, size)
    assert found[0] == 0
    assert all(b - a in (0, 1) for a, b in pairwise(found))
    sums = [sum(need for need, turn in zip(tiles, found, strict=True) if turn == k) for k in range(found[-1] + 1)]
    assert max(sums) <= size
    firsts = [found.index(k) for k in range(1, found[-1] + 1)]
    assert all(total + tiles[first] > size for total, first in zip(sums, firsts, strict=False))  # none could join
    assert round_indices(tiles, size + 1)[-1] <= found[-1]
    assert round_indices(tiles, sum(tiles) + size)[-1] == 0


def test_a_layer_larger_than_the_chip_is_refused_by_name() -> None:
    fields = {"pe.crossbars": 1, "tile.pes": 1, "crossbar.rows": 8, "chip.max_tiles": 1, "dram.kind": "lpddr4"}
    with pytest.raises(MappingError, match=r"chip.max_tiles = 1: layer '\w+' alone needs \d+ tiles"):
        map_network(tiny_network(), load_hardware("rram_32nm", fields))


@given(
    st.lists(TILES, min_size=1, max_size=5).filter(lambda rows: len({len(row) for row in rows}) == 1),
    st.integers(9, 20),
)
def test_an_array_of_designs_packs_each_as_alone(designs: list[list[int]], size: int) -> None:
    columns = [np.array(column) for column in zip(*designs, strict=True)]
    together = np.array(round_indices(columns, size))
    assert together.T.tolist() == [round_indices(design, size) for design in designs]


# ---------------------------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_unit_source_and_grade(kind: DramKind) -> None:
    law = dram(kind).law
    assert law.units == {"read": "pJ/bit", "bandwidth": "GB/s", "background": "mW"}
    assert all(value > 0 for value in law.values.values())
    assert law.source
    assert law.grade in ("sourced", "assumed")


@pytest.mark.parametrize("kind", KINDS)
def test_channels_share_bits_and_add_power(kind: DramKind) -> None:
    one, four = dram(kind), dram(kind, 4)
    assert four.time_ns(1e6) == pytest.approx(one.time_ns(1e6) / 4)
    assert four.energy_pj(1e6) == one.energy_pj(1e6)
    assert four.background_pw == 4 * one.background_pw
    assert one.energy_pj(2e6) == 2 * one.energy_pj(1e6)
    assert one.time_ns(0) == one.energy_pj(0) == 0


def test_published_figures() -> None:
    """HBM2: a stack of 8 channels has 256 GB/s, 3.9 pJ/bit (O'Connor et al., MICRO 2017). LPDDR4: by its currents."""
    stack = dram(DramKind.HBM2, 8)
    assert stack.time_ns(8 * 256e9) == pytest.approx(1e9)
    assert stack.energy_pj(1) == 3.9
    lpddr4_mw = (275 - 30) * 1.1 + (150 - 0.75) * 1.1
    assert dram(DramKind.LPDDR4).energy_pj(1) == pytest.approx(lpddr4_mw / (16 * 3.2), rel=0.01)
    ddr4_pj = (302 - 56) * 1.2 / (16 * 3.2) + 0.5 * 1.2**2 / (34 + 48) * 1e3 / 3.2
    assert dram(DramKind.DDR4).energy_pj(1) == pytest.approx(ddr4_pj, rel=0.01)
    # a bit of an off-chip memory costs far more than one of an SRAM buffer, and less than Horowitz's 40 pJ
    assert all(1 < dram(kind).energy_pj(1) < 40 for kind in KINDS)


# --------------------------------------------------------------------------------------------------------- reloading


def load(**changes: Any) -> LayerLoad:
    values = {"tiles": 2, "area_um2": 10.0, "weight_bits": 800, "write_pj": 5.0, "write_ns": 7.0}
    return LayerLoad(**{**values, **changes})


LPDDR4 = dram(DramKind.LPDDR4)  # 6.4 GB/s: 51.2 bits per ns


def test_what_fits_is_never_reloaded() -> None:
    layers = [load(), load(tiles=3)]
    assert reload_cost(layers, [Kept(0, (1,), 80)], 5, LPDDR4) == Reload(1, 0.0, 0.0, 0.0, 0.0, 1.0)


def test_two_rounds_by_hand() -> None:
    """Layers of 2, 2 and 3 tiles on 4: reading takes 15.6 ns per 800 bits, longer than writing but for the last."""
    layers = [load(), load(write_ns=20.0), load(tiles=3, write_ns=100.0)]
    found = reload_cost(layers, [Kept(0, (1,), 999), Kept(1, (2,), 80)], 4, LPDDR4)
    assert found.rounds == 2
    assert found.dram_bits == 3 * 800 + 2 * 80  # and the third layer's inputs, there and back
    assert found.dram_pj == pytest.approx(8.5 * 2560)
    assert found.write_pj == 15.0
    assert found.time_ns == pytest.approx(1600 / 51.2 + 100.0 + 160 / 51.2)
    assert found.area_share == pytest.approx(20 / 30)


def test_what_later_rounds_read_is_written_once_and_read_by_each() -> None:
    """Four layers in four rounds; the first is read by the third and the fourth, the second by none but itself."""
    layers = [load(tiles=4) for _ in range(4)]
    kept = [Kept(0, (2, 3), 100), Kept(2, (3,), 10)]
    assert reload_cost(layers, kept, 4, LPDDR4).dram_bits == 4 * 800 + (1 + 2) * 100 + 2 * 10
    assert reload_cost(layers, kept, 8, LPDDR4).dram_bits == 4 * 800 + (1 + 2) * 100  # the last two share a round


def test_shortcuts_are_edges_that_may_wait() -> None:
    network = load_network("msresnet18-cifar10")
    names = [node.name for node in network.layers]
    kept = kept_edges(network)
    assert all(edge.maker not in edge.readers for edge in kept)
    assert any(max(edge.readers) - edge.maker > 1 for edge in kept)  # a shortcut skips a layer
    assert {reader for edge in kept for reader in edge.readers} == set(range(1, len(names)))
    sizes = {e.size * e.bits * network.time_steps for e in network.edges.values()}
    assert all(edge.bits in sizes for edge in kept)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 10_000), st.floats(0, 1e3)), min_size=1, max_size=6),
    st.integers(5, 12),
    st.sampled_from(KINDS),
)
def test_laws_of_reloading(drawn: list[tuple[int, int, float]], size: int, kind: DramKind) -> None:
    layers = [load(tiles=t, weight_bits=b, write_ns=ns) for t, b, ns in drawn]
    one, four = reload_cost(layers, [], size, dram(kind)), reload_cost(layers, [], size, dram(kind, 4))
    bits = sum(b for _, b, _ in drawn)
    assert one.dram_bits == (bits if one.rounds > 1 else 0)
    assert four.time_ns <= one.time_ns * (1 + 1e-12)
    assert (four.dram_pj, four.write_pj, four.rounds) == (one.dram_pj, one.write_pj, one.rounds)
    slowest = max(ns for *_, ns in drawn)
    total = sum(ns for *_, ns in drawn)
    reading = dram(kind).time_ns(bits)
    if one.rounds > 1:
        assert max(slowest, reading) * (1 - 1e-9) <= one.time_ns <= (reading + total) * (1 + 1e-9)
    assert 1 / one.rounds - 1e-12 <= one.area_share <= 1
    larger = reload_cost(layers, [], size + 1, dram(kind))
    assert larger.rounds <= one.rounds


def test_arrays_of_designs_cost_each_what_it_costs_alone() -> None:
    tiles = np.array([1, 2, 3, 4])
    layers = [load(tiles=tiles), load(tiles=tiles, write_ns=np.array([1.0, 2.0, 300.0, 4.0])), load(tiles=2)]
    sizes = np.array([4, 4, 6, 20])
    kept = [Kept(0, (1,), 80), Kept(0, (1, 2), 7)]
    together = reload_cost(layers, kept, sizes, dram(DramKind.HBM2, np.array([1, 2, 1, 2])))
    for i, size in enumerate(sizes):
        alone = reload_cost(
            [
                load(tiles=int(tiles[i])),
                load(tiles=int(tiles[i]), write_ns=[1.0, 2.0, 300.0, 4.0][i]),
                load(tiles=2),
            ],
            kept,
            int(size),
            dram(DramKind.HBM2, [1, 2, 1, 2][i]),
        )
        for name in ("rounds", "dram_bits", "dram_pj", "write_pj", "time_ns", "area_share"):
            assert np.broadcast_to(getattr(together, name), 4)[i] == pytest.approx(getattr(alone, name)), name
            assert not isinstance(getattr(alone, name), np.generic | np.ndarray)
            assert math.isfinite(getattr(alone, name))


def test_channels_without_a_memory_are_refused() -> None:
    with pytest.raises(ConfigError, match="channels = 2: needs a kind"):
        load_hardware("rram_32nm", {"dram.channels": 2})


# ------------------------------------------------------------------------------------------------------ whole chips


def small(size: int | None, **changes: Any) -> Report:
    overrides = {"dram.kind": "lpddr4", "chip.max_tiles": size} | {k.replace("__", "."): v for k, v in changes.items()}
    return cost(tiny_network(), load_hardware("rram_32nm", overrides))


def test_a_chip_that_is_large_enough_is_as_one_without_a_size() -> None:
    free, exact = small(None), small(3)
    assert free.cost.tiles == exact.cost.tiles == 3
    assert free.tree == exact.tree
    assert free.notes == exact.notes


def test_memory_takes_power_even_if_nothing_is_reloaded() -> None:
    with_memory, without = small(None), cost(tiny_network(), load_hardware("rram_32nm"))
    memory = with_memory.tree.components()["dram"]
    assert memory.energy_pj == pytest.approx(40 * without.cost.interval_ns)  # mW ns = pJ
    assert with_memory.energy_pj == pytest.approx(without.energy_pj + memory.energy_pj)
    assert with_memory.latency_ns == without.latency_ns
    assert with_memory.area_um2 == without.area_um2


def test_taking_turns_costs_time_and_energy_and_saves_area() -> None:
    """One tile, three rounds: every cell is written and every weight read once per inference."""
    network, turns, free = tiny_network(), small(1), small(None)
    assert (turns.cost.tiles, free.cost.tiles) == (1, 3)
    parts = turns.tree.components()
    assert turns.programming is not None
    assert parts["reload"].energy_pj == pytest.approx(turns.programming.energy_pj)
    assert turns.latency_ns > free.latency_ns
    assert turns.cost.interval_ns == pytest.approx(turns.tree.critical_ns)
    assert turns.area_um2 < free.area_um2
    weights = sum(network.weight(node.name).size * (node.weight_bits or 0) for node in network.layers)
    later = map_network(network, load_hardware("rram_32nm")).layers
    read = [network.edges[node.inputs[0]] for node in network.layers[1:]]
    steps = [later[node.name].steps for node in network.layers[1:]]
    waiting = sum(2 * edge.size * edge.bits * count for edge, count in zip(read, steps, strict=True))
    background = 40 * turns.cost.interval_ns
    assert parts["dram"].energy_pj == pytest.approx(8.5 * (weights + waiting) + background)
    (note,) = (note for note in turns.notes if note.startswith("chip.max_tiles"))
    assert "3 rounds" in note


def test_a_larger_chip_is_never_slower_nor_smaller() -> None:
    reports = [small(size) for size in (1, 2, 3)]
    for tight, roomy in pairwise(reports):
        assert roomy.latency_ns <= tight.latency_ns
        assert roomy.area_um2 >= tight.area_um2
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", {"dram.kind": "hbm2", "chip.max_tiles": 2}))
    assert mapping.rounds == 2
    assert len(mapping.mesh.places) == 2
    assert [plan.first_tile for plan in mapping.layers.values()] == [0, 1, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dram__kind": "none"}, "takes 3 tiles; taking turns needs a memory off the chip"),
        ({"schedule__pipeline": "layer"}, "needs schedule.pipeline = 'none', not 'layer'"),
        ({"device__program_sigma": 0.1, "mitigation__write_verify_tolerance": 0.05}, "cells that are not verified"),
        ({"pe__crossbars": 1, "tile__pes": 1, "crossbar__rows": 8}, "alone needs"),
    ],
)
def test_what_cannot_take_turns_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        small(1, **changes)


def test_cells_whose_pulses_are_unknown_are_not_rewritten_unless_they_are_sram() -> None:
    turns = {"dram.kind": "lpddr4", "chip.max_tiles": 1}
    with pytest.raises(ConfigError, match=r"device.write_energy_pj, write_ns: are needed to write fefet cells anew"):
        cost(tiny_network(), load_hardware("fefet_28nm", turns))
    assert cost(tiny_network(), load_hardware("sram_charge", turns)).tree.components()["reload"].energy_pj > 0


def test_a_digital_layer_is_reloaded_into_its_buffer() -> None:
    turns = small(1, mapping__digital_layers=["conv1"])
    assert turns.programming is not None
    assert turns.tree.components()["reload"].energy_pj > turns.programming.energy_pj
