"""Blocks of traffic against enumeration: every unit that a tile's cells read arrives there exactly once."""

from __future__ import annotations

import time
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from conftest import mixed_network
from noc_cases import CHIPS, COPIED, NETWORKS, SMALL

from spikesim_py.activity import resolve_activity
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import Mapping, map_network
from spikesim_py.mapping.cells import Cells
from spikesim_py.network import Add, Conv, Flatten, Linear, Pool, Product, load_network
from spikesim_py.noc import Blocks, all_blocks, layer_sums, owners, traffic

Unit = tuple[str, int]  # node, channel * pixels + pixel


def mappings(name: str) -> list[Mapping]:
    made = []
    digital = {"mapping.digital_layers": next(iter(COPIED[name])), "tile.pes": 4}
    for fields, copies in [*product(CHIPS, ({}, COPIED[name])), (digital, {})]:
        made.append(
            map_network(NETWORKS[name], load_hardware("rram_32nm", SMALL | fields | {"mapping.copies": copies}))
        )
    return made


# -------------------------------------------------------------------------------------------- the slow twin


class Enumerated:
    """Every unit, tile by tile, from the places of the cells. Tiles are numbered over the chip."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping, self.network = mapping, mapping.network
        self.layer_of = owners(mapping.network)
        self.owner: dict[Unit, int] = {}
        self.needs: set[tuple[Unit, str, int]] = set()  # unit, layer, its tile
        self.sums: Counter[tuple[str, int, int, int]] = Counter()  # layer, copy, from, to -> sums per position
        for node in self.network.nodes:
            if isinstance(node, Conv | Linear):
                self._layer(node)
            else:
                self._other(node)

    def _shape(self, name: str) -> tuple[int, int, int]:
        return self.network.edges[name].shape

    def _crossbar(self, cells: Cells | None, group: int, row: int, column: int) -> int:
        return 0 if cells is None else cells.place(group, row, column)[0]

    def _layer(self, node: Conv | Linear) -> None:
        plan, source = self.mapping.layers[node.name], node.inputs[0]
        cells = None if plan.digital else self.mapping.cells(node.name)
        width = self._shape(node.name)[2]
        _, in_height, in_width = self._shape(source)
        kernel = node.kernel if isinstance(node, Conv) else (1, 1)
        stride, padding = (node.stride, node.padding) if isinstance(node, Conv) else ((1, 1), (0, 0))
        per_group, physical = plan.outputs // plan.groups, 0 if cells is None else cells.columns.count
        tile = lambda copy, crossbar: (  # noqa: E731
            plan.first_tile
            if cells is None
            else plan.first_tile + (copy * plan.read_crossbars + crossbar) // plan.per_tile
        )
        where = {  # (group, row, output) -> crossbars that hold its cells
            (g, r, o): {self._crossbar(cells, g, r, o * physical + k) for k in range(max(physical, 1))}
            for g in range(plan.groups)
            for r in range(plan.rows)
            for o in range(per_group)
        }
        for copy in range(plan.copies):
            held = {
                (g, o): frozenset(tile(copy, x) for r in range(plan.rows) for x in where[g, r, o])
                for g in range(plan.groups)
                for o in range(per_group)
            }
            positions = [p for p in range(plan.positions) if p * plan.copies // plan.positions == copy]
            outputs = list(held)
            at = 0
            while at < len(outputs):  # a run of outputs that the same tiles hold
                end = at
                while end < len(outputs) and held[outputs[end]] == held[outputs[at]]:
                    end += 1
                tiles = sorted(held[outputs[at]])
                for index in range(at, end):
                    g, o = outputs[index]
                    own = tiles[(index - at) * len(tiles) // (end - at)]
                    for p in positions:
                        self.owner[node.name, (g * per_group + o) * plan.positions + p] = own
                    for other in tiles:
                        if other != own:
                            self.sums[node.name, copy, other, own] += 1
                at = end
            reading = {(g, r): {tile(copy, x) for o in range(per_group) for x in where[g, r, o]} for g, r, _ in where}
            for p in positions:
                y, x = divmod(p, width)
                for (g, r), tiles_of_row in reading.items():
                    c, tap = divmod(r, plan.taps)
                    ky, kx = divmod(tap, kernel[1])
                    at_y, at_x = y * stride[0] + ky - padding[0], x * stride[1] + kx - padding[1]
                    if 0 <= at_y < in_height and 0 <= at_x < in_width:
                        unit = (g * plan.channels + c) * in_height * in_width + at_y * in_width + at_x
                        for t in tiles_of_row:
                            self._need((source, unit), node.name, t)

    def _need(self, unit: Unit, layer: str, tile: int) -> None:
        """What no tile holds is made of the input wherever it is needed."""
        name = unit[0]
        if name != "input" and unit not in self.owner:
            for before in self._reads(name, unit[1]):
                self._need(before, layer, tile)
        else:
            self.needs.add((unit, layer, tile))

    def _reads(self, name: str, unit: int) -> list[Unit]:
        node = self.network.by_name[name]
        if not isinstance(node, Pool):
            return [(source, unit) for source in node.inputs]
        (_, height, width), (_, rows, cols) = self._shape(node.inputs[0]), self._shape(name)
        c, rest = divmod(unit, rows * cols)
        y, x = divmod(rest, cols)
        return [
            (node.inputs[0], c * height * width + (y * node.step[0] + i) * width + x * node.step[1] + j)
            for i in range(node.kernel[0])
            for j in range(node.kernel[1])
        ]

    def _other(self, node: Any) -> None:
        layer, size = self.layer_of[node.name], self.network.edges[node.name].size
        if isinstance(node, Product):  # one unit, on the first tile of its layer, takes all of both
            assert layer is not None
            first_tile = self.mapping.layers[layer].first_tile
            self.owner |= {(node.name, unit): first_tile for unit in range(size)}
            for source in node.inputs:
                for unit in range(self.network.edges[source].size):
                    self._need((source, unit), layer, first_tile)
            return
        for unit in range(size):
            reads = self._reads(node.name, unit)
            held = [r for r in reads if r in self.owner and self.layer_of[r[0]] == layer]
            if not held:
                continue  # of the input alone
            first = [r for r in held if r[0] == held[0][0]]
            own = self.owner[first[-1]]
            self.owner[node.name, unit] = own
            assert layer is not None
            if isinstance(node, Add | Pool):
                for read in reads:
                    if isinstance(node, Pool) or read[0] != first[0][0]:
                        self._need(read, layer, own)

    @property
    def deliveries(self) -> Counter[tuple[Unit, int, str, int]]:
        """(unit, source tile, layer, tile): what must arrive, each once."""
        moved = Counter[tuple[Unit, int, str, int]]()
        for unit, layer, tile in self.needs:
            source = self.owner.get(unit, -1)
            if source != tile or unit[0] == "input":
                moved[unit, source, layer, tile] += 1
        return moved


def delivered(blocks: tuple[Blocks, ...]) -> Counter[tuple[Unit, int, str, int]]:
    """The same, of the blocks."""
    found = Counter[tuple[Unit, int, str, int]]()
    for made in blocks:
        for block in range(len(made)):
            units = made.index[made.value_first[block] : made.value_first[block + 1]]
            assert len(units) == made.units[block]
            for place in range(made.first[block], made.first[block + 1]):
                target = made.labels[made.label[place]].target
                for unit in units.tolist():
                    found[(made.node, unit), int(made.source[block]), target, int(made.destination[place])] += 1
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_every_needed_unit_arrives_exactly_once(name: str) -> None:
    for mapping in mappings(name):
        blocks, slow = all_blocks(mapping), Enumerated(mapping)
        assert delivered(blocks) == slow.deliveries
        assert delivered(tuple(made.unicast() for made in blocks)) == slow.deliveries
        assert slow.deliveries


@pytest.mark.parametrize("name", NETWORKS)
def test_partial_sums_go_from_every_holder_to_the_owner(name: str) -> None:
    found = 0
    for mapping in mappings(name):
        made: Counter[tuple[str, int, int, int]] = Counter()
        for layer in mapping.layers:
            sums = layer_sums(mapping, layer)
            for row in zip(sums.copy, sums.source, sums.destination, sums.outputs, strict=True):
                copy, source, destination, outputs = (int(value) for value in row)
                made[layer, copy, source, destination] += outputs
        assert made == Enumerated(mapping).sums
        found += len(made)
    assert found


def test_flattened_outputs_go_to_the_rows_that_read_them() -> None:
    """Behind a flatten, a row block holds some pixels of some channels."""
    mapping = mappings("tiny")[0]
    assert isinstance(mapping.network.by_name["flat"], Flatten)
    flat = next(made for made in all_blocks(mapping) if made.node == "flat")
    assert set(flat.index.tolist()) == set(range(36))
    assert {label.kind for label in flat.labels} == {"spikes"}


def test_a_thousand_tiles_take_seconds() -> None:
    mapping = map_network(load_network("vgg16-cifar10"), load_hardware("rram_32nm", {"pe.crossbars": 6, "tile.pes": 1}))
    assert mapping.tiles > 900
    begin = time.process_time()
    blocks = all_blocks(mapping)
    pairs = [made.unicast() for made in blocks]
    assert time.process_time() - begin < 5  # 0.1 s on the author's machine
    for tree, copies in zip(blocks, pairs, strict=True):
        assert (tree.units * np.diff(tree.first)).sum() == copies.units.sum()


@pytest.mark.parametrize("rounds", [None, 12])
def test_layers_that_take_turns_keep_their_own_tiles_apart(rounds: int | None) -> None:
    """Where two layers have one tile in turn, what one sends the other is still sent."""
    fields = {"crossbar.rows": 64, "chip.max_tiles": rounds, "dram.kind": "lpddr4", "pe.crossbars": 4, "tile.pes": 4}
    whole = map_network(load_network("vgg9-cifar10"), load_hardware("rram_32nm", fields | {"chip.max_tiles": None}))
    chip = load_hardware("rram_32nm", fields | {"chip.max_tiles": max(p.tiles for p in whole.layers.values()) + 1})
    turns = map_network(load_network("vgg9-cifar10"), chip) if rounds else whole
    assert (np.asarray(turns.rounds) > 1) == bool(rounds)
    for one, other in zip(all_blocks(whole), all_blocks(turns), strict=True):
        assert one.unicast().units.sum() == other.unicast().units.sum()


def test_expected_transfers_are_the_blocks() -> None:
    """Dense traffic of a network: the bits of every pair of tiles in flits, with a header each."""
    network = mixed_network()
    mapping = map_network(network, load_hardware("rram_32nm", SMALL | {"tile.pes": 2}))
    activity = resolve_activity(0.1, tuple(node.name for node in network.layers), {}, 0.1)
    made = {(t.layer, t.target, t.kind): t for t in traffic(mapping, activity).transfers}
    for blocks in (tree.unicast() for tree in all_blocks(mapping)):
        for number, label in enumerate(blocks.labels):
            units = blocks.units[blocks.label == number]
            if units.size:
                flits = -(-units * blocks.bits // 64) + 1
                assert made[label].flits.sum() == flits.sum()
                assert made[label].packets.sum() == len(units)
