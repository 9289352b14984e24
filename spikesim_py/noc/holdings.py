"""Which tile holds every value of a node's output, and when in a pass it is ready.

A layer's crossbars fill its tiles in the plan's order: copies outside, then groups, column blocks, row blocks. The
columns of an output lie in consecutive column blocks, so that a run of tiles holds them. Outputs that the same tiles
hold are shared out among them in equal contiguous parts: each tile reduces the partial sums of its part, keeps
those membranes and sends those spikes. Copies work on equal contiguous bands of the positions, row by row.

Nodes behind a layer are computed where their inputs are held; a pooled value where the last of its inputs is.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace

import numpy as np

from ..hardware import Hardware
from ..mapping import LayerPlan, Mapping
from ..network import Conv, Flatten, Network, Pool, Product
from ..network.model import AnyNode
from .edges import owners
from .fabric import Ints


@dataclass(frozen=True, eq=False)
class Held:
    """Where the values of a node's output (C channels of P pixels) are.

    Attributes:
        layer: whose tiles hold them. tile: (bands, C) tile of the layer. band: (P,) band of every pixel.
        turn: (C or 1, P or 1) read of the layer's crossbars, from 0, after which a value is ready.
    """

    layer: str
    tile: Ints
    band: Ints
    turn: Ints

    @property
    def by_value(self) -> Ints:
        """(C, P) tile of every value."""
        return np.ascontiguousarray(self.tile[self.band].T)


def holders(plan: LayerPlan, hardware: Hardware) -> tuple[Ints, Ints]:
    """(first, last) tile that holds columns of an output, (copies, outputs) each."""
    if plan.digital:
        zeros = np.zeros((1, plan.outputs), np.int64)
        return zeros, zeros
    group, output = np.divmod(np.arange(plan.outputs), plan.outputs // plan.groups)
    begin = output * plan.columns_per_output // hardware.weight_columns
    end = ((output + 1) * plan.columns_per_output - 1) // hardware.weight_columns
    column = (np.arange(plan.copies)[:, None] * plan.groups + group) * plan.col_blocks
    first = (column + begin) * plan.row_blocks // plan.per_tile
    last = ((column + end + 1) * plan.row_blocks - 1) // plan.per_tile
    return first, last


def output_tiles(plan: LayerPlan, hardware: Hardware) -> Ints:
    """(copies, outputs) the tile of the layer that every output belongs to."""
    first, last = holders(plan, hardware)
    found = np.empty_like(first)
    for copy in range(len(first)):
        changes = np.flatnonzero((np.diff(first[copy]) != 0) | (np.diff(last[copy]) != 0)) + 1
        for run in np.split(np.arange(plan.outputs), changes):
            low, count = first[copy, run[0]], last[copy, run[0]] - first[copy, run[0]] + 1
            found[copy, run] = low + np.arange(len(run)) * count // len(run)
    return found


def bands(positions: int, copies: int) -> tuple[Ints, Ints]:
    """(band, turn) of every position: equal contiguous parts, one per copy, read one after the other."""
    band = np.arange(positions) * copies // positions
    first = -(-np.arange(copies) * positions // copies)
    return band, np.arange(positions) - first[band]


def read_pixels(node: AnyNode, network: Network) -> Ints:
    """(output pixels, taps) which pixel of its input every tap of a node's window reads; -1 in the padding."""
    if not isinstance(node, Conv | Pool):
        return np.arange(network.edges[node.name].size // network.edges[node.name].shape[0])[:, None]
    _, height, width = network.edges[node.inputs[0]].shape
    _, rows, cols = network.edges[node.name].shape
    (step_y, step_x), (pad_y, pad_x) = (node.step, (0, 0)) if isinstance(node, Pool) else (node.stride, node.padding)
    y = (np.arange(rows) * step_y - pad_y)[:, None] + np.arange(node.kernel[0])
    x = (np.arange(cols) * step_x - pad_x)[:, None] + np.arange(node.kernel[1])
    y, x = y[:, None, :, None], x[None, :, None, :]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    return np.where(inside, y * width + x, -1).reshape(rows * cols, -1)


def holdings(mapping: Mapping) -> MappingType[str, Held]:
    """Every node's output that the tiles of a layer hold; what is made of the input alone is held by none."""
    network, layer_of = mapping.network, owners(mapping.network)
    found: dict[str, Held] = {}
    for name, plan in mapping.layers.items():
        band, turn = bands(plan.positions, plan.copies)
        found[name] = Held(name, output_tiles(plan, mapping.hardware), band, turn[None])
    known = 0
    while known < len(found):  # twice, but for delays that read ahead
        known = len(found)
        for node in network.nodes:
            if node.name not in found and (source := lender(node, layer_of, found)):
                found[node.name] = _behind(node, network, found[source])
    return found


def lender(node: AnyNode, layer_of: MappingType[str, str | None], held: MappingType[str, Held]) -> str | None:
    """The input of a node whose tiles compute it: the first of its layer; None for what is made of the input alone."""
    sources = [source for source in node.inputs if source in held]
    return next((source for source in sources if layer_of[source] == layer_of[node.name]), None)


def _behind(node: AnyNode, network: Network, held: Held) -> Held:
    """What a node without a matrix makes of what is held."""
    if isinstance(node, Flatten):
        channels, height, width = network.edges[node.inputs[0]].shape
        turn = np.broadcast_to(held.turn, (channels, height * width)).reshape(-1, 1)
        return Held(held.layer, held.by_value.reshape(1, -1), np.zeros(1, np.int64), turn)
    if isinstance(node, Product):  # one unit of the layer multiplies, once all operands are there
        channels, height, width = network.edges[node.name].shape
        last = np.full((1, 1), int(held.turn.max()))
        return Held(held.layer, np.zeros((1, channels), np.int64), np.zeros(height * width, np.int64), last)
    if isinstance(node, Pool):
        read = read_pixels(node, network)
        turn = np.broadcast_to(held.turn, (len(held.turn), len(held.band)))
        return replace(held, band=held.band[read.max(1)], turn=turn[:, read].max(2))
    return held
