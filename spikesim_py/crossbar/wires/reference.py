"""The solvers of `transfer.py` in plain NumPy: the relaxation to be read, and the direct solver it falls back on.

Both take the circuit in the form that `transfer.py` brings it to: word lines are driven behind their last column, bit
lines are sensed after their last row, the other ends are open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: columns that a solution is checked for at once
_CASES = 32
#: rows whose admittances are found at once
_ROWS = 16


@dataclass(frozen=True)
class Grid:
    """A crossbar between its sources.

    Attributes:
        cells: (rows, columns) siemens, with access transistors.
        word_ohm, bit_ohm: one segment between neighbours.
        drive_ohm: (rows,) between a row's last cell and its source. sense_ohm: (columns,) between a column's last
            cell and its source; infinite where it is open.
    """

    cells: Floats
    word_ohm: float
    bit_ohm: float
    drive_ohm: Floats
    sense_ohm: Floats

    @property
    def transposed(self) -> Grid:
        """The same circuit with rows and columns exchanged; its transfer matrix is the transpose (reciprocity)."""
        cells = np.ascontiguousarray(self.cells.T)
        return Grid(cells, self.bit_ohm, self.word_ohm, self.sense_ohm, self.drive_ohm)


def ladder(cells: Floats, segment: float, end: Floats, across: Floats, source: Floats) -> tuple[Floats, Floats]:
    """Voltages along parallel lines, and the currents that reach their ends.

    Args:
        cells: (nodes, lines) siemens. segment: ohm between neighbours. end: (lines,) ohm between the last node and
            its source; infinite where the line is open.
        across: (nodes, lines, cases) V at the other side of the cells. source: (lines, cases) V.

    Returns:
        (nodes, lines, cases) V, and (lines, cases) A that flow into the source where that is at 0 V.
    """
    short = np.empty_like(across)  # current of all nodes up to this one into a short circuit, before its segment
    seen = np.empty_like(cells)  # conductance of all nodes up to this one
    behind, inward = np.zeros_like(source), np.zeros(cells.shape[1])
    for i in range(len(cells)):
        short[i] = cells[i, :, None] * across[i] + behind
        seen[i] = cells[i] + inward
        kept = 1 / (1 + segment * seen[i])
        behind, inward = kept[:, None] * short[i], kept * seen[i]
    volts = np.empty_like(across)
    is_open = np.isinf(end)
    ohm = np.where(is_open, 0.0, end)
    kept = 1 / (1 + ohm * seen[-1])
    volts[-1] = kept[:, None] * (source + ohm[:, None] * short[-1])
    alone = np.divide(1.0, seen[-1], out=np.zeros_like(kept), where=seen[-1] > 0)
    volts[-1, is_open] = (alone[:, None] * short[-1])[is_open]
    delivered = np.where(is_open, 0.0, kept)[:, None] * short[-1]
    for i in range(len(cells) - 2, -1, -1):
        volts[i] = (volts[i + 1] + segment * short[i]) / (1 + segment * seen[i])[:, None]
    return volts, delivered


def sweep(grid: Grid, bit_volt: Floats, source: Floats) -> tuple[Floats, Floats, Floats]:
    """Exact word lines for given bit lines, then exact bit lines for those word lines.

    Args:
        bit_volt: (rows, columns, cases). source: (columns, cases) V at the sense ends; drivers are at 0 V.

    Returns:
        new bit-line voltages, (rows, cases) currents into the drivers, and (columns, cases) currents that the new
        bit lines would deliver into sense ends at 0 V.
    """
    grounded = np.zeros((len(grid.cells), source.shape[1]))
    word_volt, currents = ladder(grid.cells.T, grid.word_ohm, grid.drive_ohm, bit_volt.transpose(1, 0, 2), grounded)
    new, ends = ladder(grid.cells, grid.bit_ohm, grid.sense_ohm, word_volt.transpose(1, 0, 2), source)
    return new, currents, ends


def relaxed(grid: Grid, read: NDArray[np.int64], sweeps: int) -> tuple[Floats, Floats]:
    """What `kernels.relax` computes in some sweeps from word lines at 0 V.

    Args:
        read: columns that have 1 V at their sense end, one after the other.

    Returns:
        (rows, read) currents into the drivers, and (read,) bounds of their error; see `transfer.py`.
    """
    source = np.eye(len(grid.sense_ohm))[:, read]
    old = np.zeros((*grid.cells.shape, len(read)))
    bit_volt, _ = ladder(grid.cells, grid.bit_ohm, grid.sense_ohm, old, source)
    for _ in range(sweeps - 1):
        old = bit_volt
        bit_volt, _, _ = sweep(grid, old, source)
    _, currents, _ = sweep(grid, bit_volt, source)
    everywhere = np.ones((*grid.cells.shape, 1))
    detour, _ = ladder(grid.cells, grid.bit_ohm, grid.sense_ohm, everywhere, np.zeros((len(grid.sense_ohm), 1)))
    detour, _ = ladder(
        grid.cells.T, grid.word_ohm, grid.drive_ohm, detour.transpose(1, 0, 2), np.zeros((len(grid.cells), 1))
    )
    return currents, np.einsum("ij,jix,ijk->k", grid.cells, detour, bit_volt - old)


def block_tridiagonal(grid: Grid, read: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """The same currents by elimination of one row of cells after the other, with no iteration.

    The part of the crossbar above a bit-line segment is an n-port whose admittance Y follows from the row above::

        Y_i = C_i + Y_(i-1) (1 + r Y_(i-1))^-1,     C_i = admittance of word line i with its cells, driver at 0 V

    and the bit-line voltages follow on the way back, ``b_(i-1) = (1 + r Y_(i-1))^-1 b_i``. r may be 0.

    Returns:
        (rows, read) currents into the drivers, (columns, read) into sense ends at 0 V, and (read,) bounds of their
        error: one further sweep shows by how much Kirchhoff's current law was violated at every cell, and a current
        that is injected somewhere leaves through the sources in parts between 0 and 1.
    """
    rows, columns = grid.cells.shape
    source, is_open = np.eye(columns)[:, read], np.isinf(grid.sense_ohm)
    backward = np.empty((rows, columns, columns))
    above = np.zeros((columns, columns))
    for i in range(rows):
        if i % _ROWS == 0:
            own = _row_admittances(grid, slice(i, i + _ROWS))
        admittance = above + own[i % _ROWS]
        backward[i] = np.linalg.inv(np.eye(columns) + grid.bit_ohm * admittance)
        above = admittance @ backward[i]
        above = (above + above.T) / 2
    foot = np.where(is_open, 0.0, grid.sense_ohm)[:, None] * admittance + np.eye(columns)
    foot[is_open] = admittance[is_open]
    empty = is_open & (grid.cells == 0).all(0)
    foot[empty, empty] = 1.0
    volts = np.linalg.solve(foot, source)
    bit_volt = backward[:, :, : len(read)]
    bit_volt[-1] = volts
    for i in range(rows - 2, -1, -1):
        volts = backward[i] @ volts
        bit_volt[i] = volts
    currents, ends, bounds = np.empty((rows, len(read))), np.empty((columns, len(read))), np.empty(len(read))
    for first in range(0, len(read), _CASES):
        part = slice(first, first + _CASES)
        old = bit_volt[:, :, part]
        new, currents[:, part], ends[:, part] = sweep(grid, old, source[:, part])
        bounds[part] = np.einsum("ij,ijk->k", grid.cells, np.abs(new - old))
    return currents, ends, bounds


def _row_admittances(grid: Grid, rows: slice) -> Floats:
    """(rows, columns, columns) S between the bit-line sides of a row's cells, its driver at 0 V.

    Off the diagonal by unit voltages, on it by what leaves the row, so that nothing is subtracted.
    """
    cells, columns = grid.cells[rows], grid.cells.shape[1]
    across = np.zeros((columns, len(cells), columns + 1))
    across[:, :, :columns] = np.eye(columns)[:, None, :]
    source = np.zeros((len(cells), columns + 1))
    source[:, columns] = 1.0  # the last case: 1 V at the driver, all bit lines at 0 V
    volts, _ = ladder(cells.T, grid.word_ohm, grid.drive_ohm[rows], across, source)
    currents = cells[:, :, None] * volts.transpose(1, 0, 2)
    diagonal = np.arange(columns)
    currents[:, diagonal, diagonal] = 0.0
    admittances: Floats = -currents[:, :, :columns]
    admittances[:, diagonal, diagonal] = currents.sum(2)
    return admittances
