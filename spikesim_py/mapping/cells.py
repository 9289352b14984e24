"""The cells: which part of which weight lies in which cell of which crossbar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..hardware import RowMapping, TapSum
from .plan import LayerPlan, Mapping
from .signs import Columns, encode


@dataclass(frozen=True)
class Cells:
    """A layer's matrix as cells. Rows are in im2col order, channel * taps + tap.

    Attributes:
        levels: (groups, rows, columns) uint8; columns = outputs per group x cells per weight, output-major.
        columns: the columns of one output: coefficients, slices, signs.
        row_blocks: for every crossbar along the rows, the matrix rows that it holds, in their order.
        conversion_blocks: the same for every sum that is converted apart.
        offset: what to subtract per active (masked) input value.
        mask: None (every input counts) or (groups, rows, outputs per group) bool.
        spare: (row blocks, groups, column blocks, spare columns) which column of its crossbar each spare column, behind
            the `usable_columns`, replaces; -1: none. None: there are no spare columns in use.
    """

    plan: LayerPlan
    usable_columns: int
    levels: NDArray[np.uint8]
    columns: Columns
    row_blocks: tuple[NDArray[np.int64], ...]
    conversion_blocks: tuple[NDArray[np.int64], ...]
    offset: int
    mask: NDArray[np.bool_] | None
    spare: NDArray[np.int64] | None = None

    @property
    def word_lines(self) -> int:
        """Word lines of one input: that of a pair's positive cell and, below it, that of its negative one; or one."""
        return self.columns.count // self.plan.columns_per_output

    def place(self, group: int, row: int, column: int) -> tuple[int, int, int]:
        """(crossbar of the layer, row in it, column in it) of a cell of the matrix."""
        plan, joined = self.plan, self.plan.adc_sharing
        for block, rows in enumerate(self.row_blocks):
            hit = np.flatnonzero(rows == row)
            if hit.size:
                line, below = divmod(column, self.word_lines)
                col_block, at = divmod(line, self.usable_columns)
                if self.spare is not None and at in (found := self.spare[block, group, col_block].tolist()):
                    at = self.usable_columns + found.index(at)
                # crossbars that share ADCs (the kernel positions of a channel block) lie side by side
                tap, channel_block = divmod(block, plan.row_blocks // joined)
                outer = (group * plan.col_blocks + col_block) * (plan.row_blocks // joined) + channel_block
                return outer * joined + tap, int(hit[0]) * self.word_lines + below, at
        raise IndexError(f"row {row} is not a row of layer {self.plan.name!r}")


def layer_cells(mapping: Mapping, layer: str) -> Cells:
    """The cells of a layer; raises `NetworkError` for a workload without weights."""
    plan, hardware = mapping.layers[layer], mapping.hardware
    weight = mapping.network.weight(layer)
    matrix = weight.reshape(plan.groups, plan.outputs // plan.groups, plan.rows)
    codes = encode(hardware.mapping.signs, matrix, plan.weight_bits, hardware.device.cell_bits)
    # (k, groups, outputs, rows) -> (groups, rows, outputs * k)
    levels = np.ascontiguousarray(codes.levels.transpose(1, 3, 2, 0)).reshape(plan.groups, plan.rows, -1)
    mask = None if codes.mask is None else np.ascontiguousarray(codes.mask.transpose(0, 2, 1))
    blocks = row_blocks(plan, hardware.input_rows, hardware.mapping.rows)
    merged = merge_taps(blocks, plan) if hardware.mapping.tap_sum is TapSum.ANALOG_SUM else blocks
    return Cells(plan, hardware.weight_columns, levels, codes.columns, blocks, merged, codes.offset, mask)


def row_blocks(plan: LayerPlan, size: int, rule: RowMapping) -> tuple[NDArray[np.int64], ...]:
    """The matrix rows of every crossbar along the rows of one group, at most `size` each."""
    if rule is RowMapping.UNROLLED:
        return tuple(np.arange(start, min(start + size, plan.rows)) for start in range(0, plan.rows, size))
    channel_blocks = [np.arange(start, min(start + size, plan.channels)) for start in range(0, plan.channels, size)]
    return tuple(channels * plan.taps + tap for tap in range(plan.taps) for channels in channel_blocks)


def merge_taps(blocks: tuple[NDArray[np.int64], ...], plan: LayerPlan) -> tuple[NDArray[np.int64], ...]:
    """The crossbars of all kernel positions of one channel block, as one sum."""
    stride = len(blocks) // plan.taps
    return tuple(np.concatenate(blocks[first::stride]) for first in range(stride))
