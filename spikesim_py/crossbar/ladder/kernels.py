"""Exact reads of `gated_1t1r` in one pass over the active rows; `reference.py` says the same in plain NumPy.

Columns are independent and run in SIMD. What lies between the supply and a point of the circuit is kept as the few
resistances or conductances that it amounts to, so that no step amplifies an earlier error: the recursions are stable
for any resistance and any number of rows. Losses are subtracted from conductances, rather than these divided, because
then a sum with little loss is rounded once per row, as a plain sum is: measured below 2e-6 of the sum of the active
cells for 1,024 rows.

Division by zero cannot occur (every divisor is positive); `error_model="numpy"` spares the test for it, which would
keep the loops scalar. Two-dimensional arrays are indexed directly: a row taken out as an array of its own would be
counted as a reference, at the cost of many columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import Array, divides
from .circuit import Ladder

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
#: conductance, in levels, of the bit line above the first active cell, which is open
_OPEN, _SHORT = np.float32(1e-12), np.float32(1e12)


@divides
def ladder_sums(
    cells: Array, active: Array, count: int, first: int, ladder: Ladder, sums: Array, scratch: Array
) -> None:
    """Currents of one read, per column: current / (read voltage x conductance of a level).

    Args:
        cells: (rows, >= columns) float32, levels with background and access transistor.
        active: (>= count,) int64, active rows of `cells`, ascending.
        first: row of `cells` that is row 0 of the crossbar.
        sums: (columns,) float32, filled.
        scratch: (>= 7, >= columns) float32; see `work_arrays`.
    """
    if count == 0:
        for j in range(sums.size):
            sums[j] = _ZERO
    elif ladder.source == 0:
        _one_supply(cells, active, count, first, ladder, sums)
    else:
        # typed, so that both callers share one compilation
        _stars(cells, active, count, first, ladder, np.int64(2), sums, scratch)


@divides
def ladder_reads(cells: Array, active: Array, ladder: Ladder, rows: Array, sums: Array, scratch: Array) -> None:
    """`ladder_sums` of many reads of one crossbar.

    Args:
        cells: (rows, columns) as there. active: (reads, rows) uint8.
        rows: (rows,) int64, scratch. sums: (reads, columns) float32, filled. scratch: as there.
    """
    for i in range(active.shape[0]):
        count = 0
        for k in range(active.shape[1]):
            if active[i, k]:
                rows[count] = k
                count += 1
        ladder_sums(cells, rows, count, 0, ladder, sums[i], scratch)


@divides
def _depth(row: int, first: int, ladder: Ladder) -> int:
    """Segments between the first row at the head and `row`."""
    return ladder.rows - 1 - (row - first) if ladder.mirrored else row - first


@divides
def _one_supply(cells: Array, active: Array, count: int, first: int, ladder: Ladder, sums: Array) -> None:
    """All cells on one supply: what lies above a point of the bit line is one conductance to that supply."""
    begin, step = (count - 1, -1) if ladder.mirrored else (0, 1)
    row = active[begin]
    for j in range(sums.size):
        sums[j] = cells[row, j]
    for i in range(1, count):
        last, row = row, active[begin + step * i]
        wire = np.float32(abs(row - last) * ladder.bit)
        for j in range(sums.size):
            sums[j] += cells[row, j] - sums[j] * (wire * sums[j] / (_ONE + wire * sums[j]))
    rest = np.float32((ladder.rows - _depth(row, first, ladder)) * ladder.bit + ladder.foot + ladder.head)
    for j in range(sums.size):
        sums[j] = sums[j] / (_ONE + rest * sums[j])


@divides
def _one_supply_noise(
    cells: Array, variances: Array, active: Array, count: int, first: int, ladder: Ladder, sums: Array, variance: Array
) -> None:
    """As `_one_supply`, with the variance: a segment passes on the square of what it leaves of a change."""
    begin, step = (count - 1, -1) if ladder.mirrored else (0, 1)
    row = active[begin]
    for j in range(sums.size):
        sums[j], variance[j] = cells[row, j], variances[row, j]
    for i in range(1, count):
        last, row = row, active[begin + step * i]
        wire = np.float32(abs(row - last) * ladder.bit)
        for j in range(sums.size):
            lost = wire * sums[j] / (_ONE + wire * sums[j])
            square = (_ONE - lost) * (_ONE - lost)
            variance[j] = variance[j] * (square * square) + variances[row, j]
            sums[j] += cells[row, j] - sums[j] * lost
    rest = np.float32((ladder.rows - _depth(row, first, ladder)) * ladder.bit + ladder.foot + ladder.head)
    for j in range(sums.size):
        square = (_ONE + rest * sums[j]) * (_ONE + rest * sums[j])
        variance[j] = variance[j] / (square * square)
        sums[j] = sums[j] / (_ONE + rest * sums[j])


@divides
def _stars(
    cells: Array, active: Array, count: int, first: int, ladder: Ladder, keep: Any, sums: Array, scratch: Array
) -> None:
    """Source line beside bit line: what lies above two neighbouring points of them is a star with three branches.

    They lead to the supply (resistance, row 0 of `scratch`), to the source line (resistance `left`) and to the bit
    line (conductance `right`). Segments lie in series with the latter two; a cell between both lines turns delta into
    star. `left` and `right` below the i-th cell from the head stay in rows 3 + 2 * (i % keep) and the next, those of
    the first star in the last two of these.
    """
    begin, step = (count - 1, -1) if ladder.mirrored else (0, 1)
    row, old = active[begin], 2 * keep + 1
    feed = np.float32((_depth(row, first, ladder) + 1) * ladder.source + ladder.head)
    for j in range(sums.size):
        scratch[0, j], scratch[old, j], scratch[old + 1, j] = feed, _ZERO, _OPEN
    for i in range(count):
        last, row = row, active[begin + step * i]
        source, bit = np.float32(abs(row - last) * ladder.source), np.float32(abs(row - last) * ladder.bit)
        new = 3 + 2 * (i % keep)
        for j in range(sums.size):
            cell, left, right = cells[row, j], scratch[old, j] + source, scratch[old + 1, j]
            right = min(max(right - right * (bit * right / (_ONE + bit * right)), _OPEN), _SHORT)
            more = right + (cell + cell * left * right)
            left /= more
            scratch[0, j] += cell * left
            scratch[new, j], scratch[new + 1, j] = left * right, more
        old = new
    rest = np.float32((ladder.rows - _depth(row, first, ladder)) * ladder.bit + ladder.foot)
    for j in range(sums.size):
        sums[j] = scratch[old + 1, j] / (_ONE + scratch[old + 1, j] * (scratch[0, j] + rest))


@divides
def ladder_noise(
    cells: Array,
    variances: Array,
    active: Array,
    count: int,
    first: int,
    ladder: Ladder,
    sums: Array,
    variance: Array,
    scratch: Array,
) -> None:
    """Currents of one read as `ladder_sums`, and their variance under read noise, exact to first order.

    A cell whose voltage is the share u of the read voltage changes the current by u^2 per level (Tellegen), so the
    variance is the sum of u^4 times the cell's. With a source line, a second pass from foot to head finds u from the
    currents of source line (row 1 of `scratch`) and bit line (row 2) below each cell.

    Args:
        variances: (rows, >= columns) float32, levels^2, of the cells as they stand in `cells`.
        variance: (columns,) float32, filled.
        scratch: (>= 5 + 2 * count, >= columns) float32; see `work_arrays`.
    """
    for j in range(sums.size):
        sums[j] = variance[j] = _ZERO
    if count == 0:
        return
    if ladder.source == 0:
        _one_supply_noise(cells, variances, active, count, first, ladder, sums, variance)
        return
    _stars(cells, active, count, first, ladder, count + 1, sums, scratch)
    for j in range(sums.size):
        scratch[1, j], scratch[2, j] = _ZERO, sums[j]
    begin, step = (0, 1) if ladder.mirrored else (count - 1, -1)
    star = 2 * count + 1
    for i in range(count):
        row, above = active[begin + step * i], active[begin + step * min(i + 1, count - 1)]
        source, bit = np.float32(abs(row - above) * ladder.source), np.float32(abs(row - above) * ladder.bit)
        up = star - 2 if i + 1 < count else 2 * count + 3
        for j in range(sums.size):
            share = scratch[2, j] / scratch[star + 1, j] - scratch[star, j] * scratch[1, j]
            current = scratch[1, j] + cells[row, j] * share
            scratch[0, j], scratch[1, j] = share, current
            # both lines carry the whole current; near the head the bit line's small part follows from its star
            conductance = scratch[up + 1, j] / (_ONE + bit * scratch[up + 1, j])
            part = (share + (scratch[up, j] + source) * current) * conductance
            scratch[2, j] = sums[j] - current if current < _HALF * sums[j] else part
        for j in range(sums.size):
            square = scratch[0, j] * scratch[0, j]
            variance[j] += square * square * variances[row, j]
        star = up
