"""What is sent: one block per source tile and destination set, of exactly the units that one holds and the others need.

Channels that are held and needed alike make a class, and so do pixels; every count is a sum over cells of the table
channel class x pixel class, so that a layer of a hundred thousand units on a thousand tiles takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MappingError
from ..mapping import Mapping, partial_sum_bits
from ..network import Add, Conv, Flatten, Linear, Pool, Product
from ..network.model import AnyNode
from .edges import Kind, Label, owners
from .fabric import Ints
from .holdings import Held, holders, holdings, lender, output_tiles, read_pixels
from .needs import Needs, layer_needs, pointwise_needs, whole_needs

Bools = NDArray[np.bool_]
#: beyond this, tables of pairs of tiles take gigabytes
MAX_TILES = 2048
#: the chip's port as a source, in the numbering of tiles
PORT = -1


@dataclass(frozen=True, eq=False)
class Blocks:
    """What is sent of one node's output in a time-step. Tiles are numbered over the chip; -1 is the port.

    Attributes:
        node: whose output. sender: the layer that holds it; None for the network's input. bits: of one value.
        steps: time-steps per inference in which it is sent. shape: (C, P) channels and pixels of the output.
        turn: (C or 1, P or 1) read of the sender's crossbars after which a value is ready.
        labels: one per reader. source: (n,) tile of every block. first: (n + 1,) where its destinations begin in
        destination: (m,) tiles, and label: (m,) for which reader each is.
        units: (n,) values in a block.
        channel_class, pixel_class: (C,), (P,). cell_first: (n + 1,) where a block's cells begin in
        cell: (k,) channel class x pixel classes + pixel class.
    """

    node: str
    sender: str | None
    bits: int
    steps: int
    shape: tuple[int, int]
    turn: Ints
    labels: tuple[Label, ...]
    source: Ints
    first: Ints
    destination: Ints
    label: Ints
    units: Ints
    channel_class: Ints
    pixel_class: Ints
    cell_first: Ints
    cell: Ints

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def index(self) -> Ints:
        """Values (channel x pixels + pixel) of all blocks, one block after the other, as they become ready."""
        pixels = int(self.pixel_class.max()) + 1
        of_cell = (self.channel_class[:, None] * pixels + self.pixel_class).ravel()
        order = np.argsort(of_cell, kind="stable")
        begin = np.searchsorted(of_cell[order], np.arange(of_cell.max() + 2))
        values = _gather(order, begin, self.cell)
        turn = np.broadcast_to(self.turn, self.shape).ravel()[values]
        block = np.repeat(np.arange(len(self)), self.units)
        return values[np.lexsort((values, turn, block))]

    @cached_property
    def value_first(self) -> Ints:
        """(n + 1,) where the values of a block begin in `index`."""
        return _offsets(self.units)

    def active(self, trains: NDArray[Any]) -> Ints:
        """(samples, T, n) values above 0 of every block, from (samples, T, C, H, W)."""
        flat = (trains.reshape(*trains.shape[:2], -1) != 0)[:, :, self.index]
        return np.add.reduceat(flat, self.value_first[:-1], axis=2, dtype=np.int64)

    def unicast(self) -> Blocks:
        """One block per source and destination instead of one per destination set."""
        copies = np.diff(self.first)
        block = np.repeat(np.arange(len(self)), copies)
        pair = np.stack([self.source[block], self.destination, self.label], 1)
        kept, group = np.unique(pair, axis=0, return_inverse=True)
        order = np.argsort(group.reshape(-1), kind="stable")
        cells = np.diff(self.cell_first)[block[order]]
        units = np.bincount(group.reshape(-1), self.units[block], len(kept)).astype(np.int64)
        return self._with(
            source=kept[:, 0],
            first=np.arange(len(kept) + 1),
            destination=kept[:, 1],
            label=kept[:, 2],
            units=units,
            cell=_gather(self.cell, self.cell_first, block[order]),
            cell_first=_offsets(np.bincount(group.reshape(-1)[order], cells, len(kept)).astype(np.int64)),
        )

    def _with(self, **changed: Any) -> Blocks:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Blocks(**(fields | changed))


@dataclass(frozen=True, eq=False)
class Sums:
    """Partial sums of a layer: from a tile that holds columns of outputs to the tile that the outputs belong to.

    Attributes:
        layer: whose. bits: of one sum. steps: time-steps per inference in which they are sent.
        source, destination: (n,) tiles. copy, group: (n,) of the layer. outputs: (n,) sums per position.
        phase: (n,) mux phase, from 0, in which the last of these outputs is converted.
    """

    layer: str
    bits: int
    steps: int
    source: Ints
    destination: Ints
    copy: Ints
    group: Ints
    outputs: Ints
    phase: Ints

    @property
    def label(self) -> Label:
        return Label(self.layer, self.layer, "partial_sums")


def all_blocks(mapping: Mapping) -> tuple[Blocks, ...]:
    """The blocks of every node whose output leaves its tile, one per source tile and destination set.

    Raises:
        MappingError: the chip takes too many tiles.
    """
    if mapping.tiles > MAX_TILES:
        raise MappingError(
            f"network {mapping.network.name!r} takes {mapping.tiles} tiles on chip {mapping.hardware.name!r}: the NoC "
            f"model takes at most {MAX_TILES}; use larger crossbars, pe.crossbars or tile.pes"
        )
    held = holdings(mapping)
    readers: dict[str, list[tuple[Label, Needs]]] = {}
    for node in mapping.network.nodes:
        for source, label, needs in _needs_of(mapping, held, node):
            readers.setdefault(source, []).append((label, needs))
    made = (_blocks(mapping, source, held.get(source), found) for source, found in readers.items())
    return tuple(blocks for blocks in made if len(blocks))


def _needs_of(mapping: Mapping, held: MappingType[str, Held], node: AnyNode) -> Iterator[tuple[str, Label, Needs]]:
    """The outputs that a node's tiles need, and what of each."""
    network, layer_of = mapping.network, owners(mapping.network)
    if isinstance(node, Conv | Linear):
        kind: Kind = "spikes" if network.edges[node.inputs[0]].bits == 1 else "graded"
        target = node.name
        wanted = [(node.inputs[0], kind, layer_needs(mapping, node))]
    elif isinstance(node, Product) and node.name in held:
        target = held[node.name].layer
        wanted = [
            (source, "shortcut", whole_needs(network.edges[source].shape[0], _pixels(mapping, source)))
            for source in dict.fromkeys(node.inputs)
        ]
    elif isinstance(node, Add | Pool) and node.name in held:
        kind = (
            "shortcut" if isinstance(node, Add) else "spikes" if network.edges[node.inputs[0]].bits == 1 else "graded"
        )
        target = held[node.name].layer
        own = lender(node, layer_of, held) if isinstance(node, Add) else None
        wanted = [
            (source, kind, pointwise_needs(held[node.name], read_pixels(node, network), _pixels(mapping, source)))
            for source in dict.fromkeys(node.inputs)
            if source != own
        ]
    else:
        return
    for source, made, needs in wanted:
        for origin, back in _from_port(mapping, held, source, needs):
            sender = held[origin].layer if origin in held else None
            sent: Kind = "input" if sender is None and made != "shortcut" else made
            yield origin, Label(sender or target, target, sent), back


def _from_port(
    mapping: Mapping, held: MappingType[str, Held], source: str, needs: Needs
) -> Iterator[tuple[str, Needs]]:
    """What no tile holds is computed, from the input, wherever it is needed."""
    if source == "input" or source in held:
        yield source, needs
        return
    node = mapping.network.by_name[source]
    for before in dict.fromkeys(node.inputs):
        if isinstance(node, Flatten):
            yield from _from_port(mapping, held, before, needs.unflattened(_pixels(mapping, before)))
            continue
        made = needs.before(read_pixels(node, mapping.network), _pixels(mapping, before))
        yield from _from_port(mapping, held, before, made)


def _pixels(mapping: Mapping, node: str) -> int:
    edge = mapping.network.edges[node]
    return edge.size // edge.shape[0]


def _blocks(mapping: Mapping, node: str, held: Held | None, readers: Sequence[tuple[Label, Needs]]) -> Blocks:
    """The blocks of one node's output for all its readers."""
    edge = mapping.network.edges[node]
    channels, pixels = edge.shape[0], edge.size // edge.shape[0]
    tile = np.full((1, channels), PORT) if held is None else held.tile + mapping.layers[held.layer].first_tile
    band = np.zeros(pixels, np.int64) if held is None else held.band
    channel_class, channel = _classes([*tile, *(needs.channel_class for _, needs in readers)])
    pixel_class, pixel = _classes([band, *(mask for _, needs in readers for mask in needs.masks)])
    holder = tile[:, channel][band[pixel]].T  # (channel classes, pixel classes)
    served: dict[tuple[str, int], Bools] = {}  # what a tile of a layer is sent
    sent, destination, label = [], [], []
    for number, (reader, needs) in enumerate(readers):
        first = mapping.layers[reader.target].first_tile
        tables = needs.masks[:, pixel][needs.mask[:, needs.channel_class[channel]]]
        for local, table in zip(needs.tiles.tolist(), tables, strict=True):
            has = served.get((reader.target, local), np.zeros_like(table))
            if held is not None and held.layer == reader.target:
                has = has | (holder == first + local)
            served[reader.target, local] = has | table
            if (wanted := table & ~has).any():
                sent.append(wanted.ravel())
                destination.append(first + local)
                label.append(number)
    if not sent:
        sent = [np.zeros(holder.size, bool)]
    needed = np.stack(sent)  # (deliveries, cells)
    used = np.flatnonzero(needed.any(0))
    _, group = np.unique(_keys(holder.ravel()[used], needed[:, used]), return_inverse=True)
    order = np.argsort(group, kind="stable")
    cell, sizes = used[order], np.bincount(group)
    cell_first = _offsets(sizes)
    lead = cell[cell_first[:-1]]  # one cell of every block
    block, delivery = np.nonzero(needed[:, lead].T)
    values = (np.bincount(channel_class)[:, None] * np.bincount(pixel_class)).ravel()
    return Blocks(
        node=node,
        sender=None if held is None else held.layer,
        bits=mapping.network.model.input.bits if node == "input" else edge.bits,
        steps=1 if mapping.network.constant(node) else mapping.network.time_steps,
        shape=(channels, pixels),
        turn=np.zeros((1, 1), np.int64) if held is None else held.turn,
        labels=tuple(reader for reader, _ in readers),
        source=holder.ravel()[lead],
        first=_offsets(np.bincount(block, minlength=len(lead))),
        destination=np.array(destination, np.int64)[delivery],
        label=np.array(label, np.int64)[delivery],
        units=np.bincount(group, values[used], len(lead)).astype(np.int64),
        channel_class=channel_class,
        pixel_class=pixel_class,
        cell_first=cell_first,
        cell=cell,
    )


def layer_sums(mapping: Mapping, layer: str) -> Sums:
    """The partial sums of a layer; none where every output's columns lie in one tile."""
    plan, hardware = mapping.layers[layer], mapping.hardware
    first, last = holders(plan, hardware)
    owner = output_tiles(plan, hardware)
    found: list[tuple[int, ...]] = []  # copy, group, from, to, phase
    for copy, output in np.argwhere(last > first).tolist():
        to, (group, inside) = int(owner[copy, output]), divmod(output, plan.outputs // plan.groups)
        column = ((inside + 1) * plan.columns_per_output - 1) % hardware.weight_columns
        phase, holding = column % hardware.crossbar.mux, range(first[copy, output], last[copy, output] + 1)
        found += [(copy, group, tile, to, phase) for tile in holding if tile != to]
    table = np.array(found, np.int64).reshape(-1, 5)
    pairs, pair = np.unique(table[:, :4], axis=0, return_inverse=True)
    latest = np.zeros(len(pairs), np.int64)
    np.maximum.at(latest, pair.reshape(-1), table[:, 4])
    return Sums(
        layer=layer,
        bits=partial_sum_bits(plan, hardware),
        steps=plan.steps,
        source=pairs[:, 2] + plan.first_tile,
        destination=pairs[:, 3] + plan.first_tile,
        copy=pairs[:, 0],
        group=pairs[:, 1],
        outputs=np.bincount(pair.reshape(-1), minlength=len(pairs)),
        phase=latest,
    )


def _classes(keys: Sequence[Ints | Bools]) -> tuple[Ints, Ints]:
    """(class of every element, one element of every class): elements with equal keys are one class."""
    rows = np.ascontiguousarray(np.stack([np.asarray(key, np.int32) for key in keys], 1))
    _, index, inverse = np.unique(rows.view(f"V{rows.shape[1] * 4}").ravel(), return_index=True, return_inverse=True)
    return inverse.reshape(-1), index


def _keys(holder: Ints, needed: Bools) -> NDArray[np.void]:
    """One key per cell: who holds it and who needs it."""
    rows = np.concatenate([holder.astype("<i4")[:, None].view(np.uint8), np.packbits(needed, axis=0).T], 1)
    rows = np.ascontiguousarray(rows)
    return rows.view(f"V{rows.shape[1]}").ravel()


def _offsets(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)])


def _gather(values: Ints, first: Ints, rows: Ints) -> Ints:
    """Those rows of ragged `values`, one after the other."""
    sizes = np.diff(first)[rows]
    start = np.repeat(first[rows] - _offsets(sizes)[:-1], sizes)
    found: Ints = values[start + np.arange(sizes.sum())]
    return found
