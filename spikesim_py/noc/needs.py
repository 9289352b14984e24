"""What every tile needs of a node's output: the exact units, as channels x pixels.

A crossbar reads the input channels and kernel positions of its row block, at the positions of its copy. So a tile needs
of a channel the pixels that any of its (copy, kernel position) pairs of that channel reads; channels whose rows are cut
alike need alike, and make one class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..mapping import LayerPlan, Mapping
from ..mapping.cells import row_blocks
from ..network import Conv, Linear
from .fabric import Ints
from .holdings import Held, bands, read_pixels

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Needs:
    """Units of an edge (C channels of P pixels) that the tiles of a layer need.

    Attributes:
        tiles: (n,) tiles of the layer. channel_class: (C,) channels that are needed alike.
        masks: (m, P) sets of pixels.
        mask: (n, classes) which set a tile needs of the channels of a class.
    """

    tiles: Ints
    channel_class: Ints
    masks: Bools
    mask: Ints

    @property
    def by_value(self) -> Bools:
        """(n, C, P) whether a tile needs a value."""
        return self.masks[self.mask[:, self.channel_class]]

    def before(self, pixels: Ints, size: int) -> Needs:
        """The same of the input of a node that is computed where it is needed: `pixels` (outputs, taps) it reads."""
        masks = np.zeros((len(self.masks), size), bool)
        for made, mask in zip(masks, self.masks, strict=True):
            made[pixels[mask].ravel()] = True
        return Needs(self.tiles, self.channel_class, masks, self.mask)

    def unflattened(self, pixels: int) -> Needs:
        """The same of what is flattened: channels of so many pixels."""
        values = self.by_value.reshape(len(self.tiles), -1, pixels)
        sets = _Sets(pixels)
        mask = np.stack([sets.add(value) for value in values])
        return Needs(self.tiles, np.arange(values.shape[1]), sets.masks, mask)


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows of a layer's matrices its tiles hold.

    Attributes:
        parts: per tile, its distinct (copy, group, row block) triples, (k, 3). block: (rows,) row block of every row.
    """

    parts: tuple[Ints, ...]
    block: Ints


def held_rows(plan: LayerPlan, mapping: Mapping) -> Rows:
    """The rows of every tile of a layer; a digital layer's one tile has them all."""
    if plan.digital:
        group = np.arange(plan.groups)
        return Rows((np.stack([0 * group, group, 0 * group], 1),), np.zeros(plan.rows, np.int64))
    hardware = mapping.hardware
    block = np.empty(plan.rows, np.int64)
    for number, rows in enumerate(row_blocks(plan, hardware.input_rows, hardware.mapping.rows)):
        block[rows] = number
    column, place = np.divmod(np.arange(plan.crossbars), plan.row_blocks)
    channel_block, tap = np.divmod(place, plan.adc_sharing)  # kernel positions that share ADCs lie side by side
    index = tap * (plan.row_blocks // plan.adc_sharing) + channel_block
    copy, group = np.divmod(column // plan.col_blocks, plan.groups)
    triples = np.stack([copy, group, index], 1)
    cuts = np.arange(plan.per_tile, plan.crossbars, plan.per_tile)
    return Rows(tuple(np.unique(part, axis=0) for part in np.split(triples, cuts)), block)


def layer_needs(mapping: Mapping, node: Conv | Linear) -> Needs:
    """What the tiles of a layer need of its input."""
    plan, network = mapping.layers[node.name], mapping.network
    size = network.edges[node.inputs[0]].size // network.edges[node.inputs[0]].shape[0]
    read, rows = tap_masks(read_pixels(node, network), plan, size), held_rows(plan, mapping)
    cuts, inside = np.unique(rows.block.reshape(plan.channels, plan.taps), axis=0, return_inverse=True)
    inside = inside.reshape(-1)
    channel_class = (np.arange(plan.groups)[:, None] * len(cuts) + inside).ravel()
    sets = _Sets(size)
    known: dict[bytes, Ints] = {}
    mask = np.empty((plan.tiles, plan.groups * len(cuts)), np.int64)
    for tile, parts in enumerate(rows.parts):
        key = parts.tobytes()  # tiles that hold other columns of the same rows need the same
        if key not in known:
            pixels = np.zeros((plan.groups, len(cuts), size), bool)
            for copy, group in np.unique(parts[:, :2], axis=0):
                own = parts[(parts[:, 0] == copy) & (parts[:, 1] == group), 2]
                pixels[group] |= np.isin(cuts, own).astype(np.float32) @ read[copy] > 0
            known[key] = sets.add(pixels.reshape(-1, size))
        mask[tile] = known[key]
    return Needs(np.arange(plan.tiles), channel_class, sets.masks, mask)


def pointwise_needs(held: Held, pixels: Ints, size: int) -> Needs:
    """What the tiles that hold a node's output need of an input of as many channels: `pixels` (outputs, taps) of it."""
    found = tap_masks_of_bands(held.band, len(held.tile), pixels, size).any(1)
    tables, channel_class = np.unique(held.tile, axis=1, return_inverse=True)
    tiles = np.unique(held.tile)
    sets = _Sets(size)
    mask = np.stack([sets.add((tables == tile).T.astype(np.float32) @ found.astype(np.float32) > 0) for tile in tiles])
    return Needs(tiles, channel_class.reshape(-1), sets.masks, mask)


def whole_needs(channels: int, size: int) -> Needs:
    """All of an input of so many channels of `size` pixels, at the layer's first tile."""
    first = np.zeros(1, np.int64)
    return Needs(first, np.zeros(channels, np.int64), np.ones((1, size), bool), first[None])


def tap_masks(pixels: Ints, plan: LayerPlan, size: int) -> NDArray[np.float32]:
    """(copies, taps, size) 1 where a copy reads a pixel with a kernel position."""
    return tap_masks_of_bands(bands(plan.positions, plan.copies)[0], plan.copies, pixels, size).astype(np.float32)


def tap_masks_of_bands(band: Ints, count: int, pixels: Ints, size: int) -> Bools:
    """(bands, taps, size) whether any position of a band reads a pixel with a tap."""
    found = np.zeros((count, pixels.shape[1], size + 1), bool)  # the last place takes the padding, -1
    found[band[:, None], np.arange(pixels.shape[1]), pixels] = True
    return found[:, :, :size]


class _Sets:
    """Distinct sets of pixels, in the order in which they were met."""

    def __init__(self, size: int) -> None:
        self._size, self._index = size, dict[bytes, int]()

    def add(self, pixels: Bools) -> Ints:
        """(n,) numbers of (n, size) sets."""
        return np.array([self._index.setdefault(row.tobytes(), len(self._index)) for row in pixels], np.int64)

    @property
    def masks(self) -> Bools:
        return np.stack([np.frombuffer(key, bool) for key in self._index])
