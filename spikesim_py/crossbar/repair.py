"""Known stuck cells, kept away from the weights that they hurt: rows change places, spare columns replace others.

A stuck cell that holds s where L levels are meant costs ``(coefficient (s - L))^2``, the square of its share in the
weight's error, with the coefficient of its slice and sign. Faults belong to places in a crossbar (by default those of
the weights that lie there), weights do not:

* *rows*: the inputs of a row block are permuted such that the cost of all its cells, over all column blocks and groups,
  is smallest: an assignment problem, solved exactly. There is one permutation per row block, so that one switch in
  front of the block's input lines makes it;
* *spare columns*, after that: in each crossbar those columns (or pairs that are subtracted before the converter) move
  to spares whose cost falls most, again as an assignment. Spares have faults of their own. What a spare replaces, and
  spares without use, are off.

Where nothing gets better, nothing moves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ..hardware import Device, Hardware, RowMapping, Subtract
from ..mapping import Cells
from .draws import stream, uniforms
from .faults import column_faults, stuck

#: which cells are stuck on and which off, of one shape
Faults = tuple[NDArray[np.bool_], NDArray[np.bool_]]
Floats = NDArray[np.float64]


def repaired(cells: Cells, hardware: Hardware, *, seed: int, chip: int) -> Cells:
    """The cells of a layer in the places that they have on one chip."""
    rule, device = hardware.mitigation, hardware.device
    if device.ideal or not (rule.permute_rows or rule.spare_columns):
        return cells
    costs = _costs(cells, device)
    if rule.permute_rows:
        cells = _permuted(cells, hardware, costs, _faults(cells, device, seed, chip))
    if rule.spare_columns:
        cells = _with_spares(cells, hardware, costs, seed, chip)
    return cells


def placed_faults(cells: Cells, column: int, device: Device, *, seed: int, chip: int) -> Faults:
    """Which cells of physical column `column` of every output are stuck: (groups, rows, outputs per group) each."""
    on, off = column_faults(cells, column, device, seed=seed, chip=chip)
    if any((np.diff(block) < 0).any() for block in cells.row_blocks):
        home = np.empty(cells.plan.rows, np.int64)
        for block in cells.row_blocks:
            home[block] = np.sort(block)  # by default the rows of a block lie in their order
        on, off = on[:, home], off[:, home]
    for index, used in enumerate(cells.spare if cells.spare is not None else ()):
        if (used >= 0).any():
            _take_spares(on, off, cells, column, index, _spare_faults(cells, device, index, used.shape[-1], seed, chip))
    return on, off


def _take_spares(
    on: NDArray[np.bool_], off: NDArray[np.bool_], cells: Cells, column: int, index: int, of_spares: Faults
) -> None:
    """Set the faults of the columns of row block `index` that lie on spares."""
    assert cells.spare is not None
    block, lines, count = cells.row_blocks[index], cells.word_lines, cells.columns.count
    for group, col_block, at in np.argwhere(cells.spare[index] >= 0).tolist():
        first = (col_block * cells.usable_columns + int(cells.spare[index, group, col_block, at])) * lines
        for line in range(lines):
            output, kind = divmod(first + line, count)
            if kind == column:
                there = group, col_block, slice(len(block)), at * lines + line
                on[group, block, output], off[group, block, output] = (faults[there] for faults in of_spares)


def swapped(crossbars: NDArray[Any], cells: Cells) -> NDArray[Any]:
    """Crossbars (row blocks, groups, column blocks, rows, columns) with spares and what they replace in each other's
    places: of where columns lie by default, of where they lie in fact; and back."""
    if cells.spare is None:
        return crossbars
    shape = (*crossbars.shape[:3], 1, crossbars.shape[-1])
    source = np.broadcast_to(np.arange(crossbars.shape[-1]), shape).copy()
    for *place, spare in np.argwhere(cells.spare >= 0):
        column, at = cells.spare[*place, spare], cells.usable_columns + spare
        source[*place, 0, [column, at]] = at, column
    return np.take_along_axis(crossbars, source, axis=-1)


def _costs(cells: Cells, device: Device) -> tuple[Floats, Floats]:
    """What each cell costs if it is stuck on, and off: (groups, rows, columns); whole numbers."""
    top, outputs = 2**device.cell_bits - 1, cells.levels.shape[-1] // cells.columns.count
    weight = np.tile(np.square(cells.columns.coefficient.astype(np.float64)), outputs)
    levels = cells.levels.astype(np.float64)
    return weight * np.square(top - levels), weight * np.square(levels)


def _faults(cells: Cells, device: Device, seed: int, chip: int) -> Faults:
    """Stuck cells where the weights lie, columns as in `Cells.levels`."""
    on, off = np.empty(cells.levels.shape, np.bool_), np.empty(cells.levels.shape, np.bool_)
    count = cells.columns.count
    for column in range(count):
        on[:, :, column::count], off[:, :, column::count] = placed_faults(cells, column, device, seed=seed, chip=chip)
    return on, off


def _permuted(cells: Cells, hardware: Hardware, costs: tuple[Floats, Floats], faults: Faults) -> Cells:
    blocks = []
    for block in cells.row_blocks:
        there = np.zeros((len(block), len(block)))  # cost of each row at each place
        for cost, stuck_there in zip(costs, faults, strict=True):
            for cost_of, stuck_of in zip(cost[:, block], stuck_there[:, block], strict=True):
                there += cost_of @ stuck_of.T
        rows, places = linear_sum_assignment(there)
        moved = block.copy()
        if there[rows, places].sum() < np.trace(there):
            moved[places] = block
        blocks.append(moved)
    # crossbars that a kernel position has of its own are read in the order of channels, wherever these lie
    read = tuple(blocks) if hardware.mapping.rows is RowMapping.UNROLLED else cells.conversion_blocks
    return replace(cells, row_blocks=tuple(blocks), conversion_blocks=read)


def _with_spares(cells: Cells, hardware: Hardware, costs: tuple[Floats, Floats], seed: int, chip: int) -> Cells:
    device, spares, plan = hardware.device, hardware.mitigation.spare_columns, cells.plan
    pair = 2 if hardware.mapping.subtract is Subtract.ANALOG else 1
    unit = pair * cells.word_lines  # columns of `Cells.levels` that move together
    width = cells.usable_columns * cells.word_lines
    faults = _faults(cells, device, seed, chip)
    spare = np.full((len(cells.row_blocks), plan.groups, plan.col_blocks, spares), -1)
    for index, block in enumerate(cells.row_blocks):
        of_spares = _spare_faults(cells, device, index, spares, seed, chip)
        for group, col_block in np.ndindex(plan.groups, plan.col_blocks):
            columns = slice(col_block * width, (col_block + 1) * width)
            saved: Any = 0.0
            for cost, here, there in zip(costs, faults, of_spares, strict=True):
                part = _by_unit(cost[group, block, columns], unit)
                own = (part * _by_unit(here[group, block, columns], unit)).sum(1)
                saved = saved + own[:, None] - part @ _by_unit(there[group, col_block, : len(block)], unit).T
            moved, places = linear_sum_assignment(np.maximum(saved, 0.0), maximize=True)
            for column, place in zip(moved, places, strict=True):
                if saved[column, place] > 0:
                    inside = np.arange(pair)
                    spare[index, group, col_block, place * pair + inside] = column * pair + inside
    return replace(cells, spare=spare)


def _by_unit(cells: NDArray[Any], unit: int) -> Floats:
    """(rows, columns) as (units, rows x columns of a unit)."""
    rows = len(cells)
    return cells.reshape(rows, -1, unit).transpose(1, 0, 2).reshape(-1, rows * unit).astype(np.float64)


def _spare_faults(cells: Cells, device: Device, index: int, spares: int, seed: int, chip: int) -> Faults:
    """Stuck cells of the spare columns of a row block: (groups, column blocks, rows, spares x word lines)."""
    plan, rows = cells.plan, max(len(block) for block in cells.row_blocks)
    shape = (plan.groups * plan.col_blocks, rows, spares * cells.word_lines)
    numbers = np.arange(np.prod(shape), dtype=np.uint64).reshape(shape)
    lot = uniforms(stream(seed, chip, plan.name, f"spares of row block {index}"), numbers)
    found = stuck(lot, device, stream(seed, chip, plan.name, f"spare clusters of row block {index}"))
    on, off = (faults.reshape(plan.groups, plan.col_blocks, *shape[1:]) for faults in found)
    return on, off
