"""What tiles hold and need of a layer in closed form: parts of columns, shares of its outputs and of its inputs."""

from __future__ import annotations

import math

import numpy as np

from .._arrays import Real, ceil, ceil_div, floor_div, is_array, maximum, minimum, where
from ..activity import LayerActivity
from ..hardware import Hardware, RowMapping
from ..mapping import LayerPlan


def cut_columns(plan: LayerPlan) -> tuple[Real, Real]:
    """(column blocks that no tile holds whole, copies included; tiles that hold parts of one of them, on average).

    Tiles begin every `per_tile` crossbars, columns every `row_blocks`; where both begin, no column is cut.
    """
    columns = plan.copies * plan.groups * plan.col_blocks
    cuts = _cuts(plan, plan.row_blocks)
    cut = minimum(cuts, columns)
    return cut, 1.0 + cuts / maximum(cut, 1.0)


def parted_outputs(plan: LayerPlan, hardware: Hardware) -> Real:
    """Outputs of which two tiles hold columns although both hold whole blocks of them.

    An output ends with a block every (its columns) / gcd(these, columns of a block) blocks: the mean is taken.
    """
    between = _cuts(plan, plan.row_blocks * plan.col_blocks) - _cuts(plan, plan.row_blocks)
    return between * (1.0 - common(hardware.weight_columns, plan.columns_per_output) / plan.columns_per_output)


def _cuts(plan: LayerPlan, size: Real) -> Real:
    """Borders of tiles that do not fall between two sets of `size` crossbars; tiles begin every `per_tile` of them."""
    borders = plan.tiles - 1
    return borders - floor_div(borders * common(plan.per_tile, size), size)


def common(a: Real, b: Real) -> Real:
    """The greatest common divisor of whole numbers."""
    if is_array(a, b):
        return np.gcd(np.asarray(a, np.int64), np.asarray(b, np.int64)).astype(np.float64)
    return math.gcd(int(a), int(b))


def most_owned(plan: LayerPlan) -> Real:
    """Share of a layer's outputs that the tile with most of them owns: a full one, or one with parts of two columns."""
    if plan.digital:
        return 1.0
    full = minimum(plan.per_tile / plan.crossbars, 1.0)
    if not is_array(plan.tiles) and plan.tiles == 1:
        return full
    columns, (_, held) = plan.copies * plan.groups * plan.col_blocks, cut_columns(plan)
    parts = minimum(where(plan.row_blocks % plan.per_tile > 0, 2.0, 1.0), columns)
    return where(plan.row_blocks > plan.per_tile, maximum(full, parts / (held * columns)), full)


def idle_share(plan: LayerPlan, hardware: Hardware, record: LayerActivity) -> Real:
    """Share of (row block, read) pairs without an active row: measured, else (1 - rate)^rows."""
    if record.idle_reads is not None:
        return record.idle_reads
    size = hardware.input_rows
    total = plan.channels if hardware.mapping.rows is RowMapping.SPIKEFLOW else plan.rows
    blocks = ceil_div(total, size)
    quiet = (1.0 - record.rate) ** minimum(size, total)
    rest = (1.0 - record.rate) ** (total - size * (blocks - 1))
    return ((blocks - 1) * quiet + rest) / blocks


def needed_rows(plan: LayerPlan, hardware: Hardware) -> Real:
    """Share of the rows of a layer's matrix, and so of its inputs, that each of its tiles reads for a position."""
    if plan.digital:
        return 1.0
    spikeflow = hardware.mapping.rows is RowMapping.SPIKEFLOW  # kernel positions read the same channels
    pieces = plan.row_blocks / plan.taps if spikeflow else plan.row_blocks
    held = plan.per_tile if plan.adc_sharing == 1 else ceil(plan.per_tile / plan.adc_sharing)
    share = minimum(held / pieces, 1.0)
    if plan.groups == 1:
        return share
    held = (plan.copies * plan.groups + _cuts(plan, plan.row_blocks * plan.col_blocks)) / plan.tiles
    return share * minimum(held / plan.groups, 1.0)


def needed_share(plan: LayerPlan, hardware: Hardware) -> Real:
    """Share of a layer's input map that each of its tiles reads: its rows, of the bands that its copies work on."""
    share = needed_rows(plan, hardware)
    if not is_array(plan.copies) and plan.copies == 1:
        return share
    bands = (plan.copies + _cuts(plan, plan.read_crossbars)) / plan.tiles
    return share * minimum(bands / plan.copies + plan.band_halo, 1.0)
