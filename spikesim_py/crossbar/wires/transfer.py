"""Transfer matrices: the exact product of a crossbar with resistive wires, ``currents = volts @ T``.

Ideal sources and linear cells make a linear network, so one matrix per crossbar holds all that its wires do. Element
(i, j) is, by reciprocity, the current into driver i for 1 V at the sense end of column j and 0 V at all other
sources. It is found by alternating line relaxation: exact word lines for given bit lines, exact bit lines for those
word lines, and so on, for many columns at once (`kernels.py`).

How far it is known. The word lines W = w(b) of bit-line voltages b violate Kirchhoff's current law by nothing but
G (b' - b), where b' are the next bit-line voltages, and the voltages rise from sweep to sweep (all coefficients are
positive), so b' >= b. A current injected at a node leaves in parts between 0 and 1 through the sources. Row currents
that follow from b' miss what leaves after a detour: from the word line through a cell to a bit line and back. The
share that makes this detour is at most m = (W + G)^-1 G (B + G)^-1 G 1, with B and W the nodal matrices of the lines
and G the cells, so that no current is wrong by more than ``sum of m G (b' - b)``. This bound needs no guess of a rate
of convergence, and a slow relaxation cannot pass it by small steps.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import EvaluationError, InputError
from .circuit import Wires, cell_conductance
from .kernels import Aim, relax
from .lanes import LANES, aligned
from .reference import Grid, block_tridiagonal

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

#: `accuracy: fast`
FAST_SWEEPS = 2
#: resistance between the drivers of a row without cells and everything else, in place of an infinite one
_ISOLATED_OHM = 1e30
#: elimination costs as much as 160 to 230 sweeps (measured at 64, 128 and 256 columns), and more for more columns
_MOST_SWEEPS = 200
_ELIMINATION_BYTES = 2**31
_CACHE_BYTES = 2**28
_ANY_ERROR = 1e100


@dataclass(frozen=True)
class Transfer:
    """A transfer matrix and how far it is known.

    Attributes:
        matrix: (rows, columns) siemens: column currents = row voltages @ matrix. Read-only.
        error: bound of the error of any element, as a share of the largest, rounding included.
        sweeps: of the relaxation, the most that any column needed.
        direct: whether columns were solved by elimination because the relaxation was too slow.
    """

    matrix: Floats
    error: float
    sweeps: int
    direct: bool


def solve_transfer(
    conductance_siemens: ArrayLike, wires: Wires, *, tolerance: float = 1e-9, sweeps: int | None = None
) -> Transfer:
    """The transfer matrix of a crossbar, with a bound of its error.

    Args:
        conductance_siemens: (rows, columns), 0 allowed; without access transistors.
        wires: the circuit. Where unselected columns float, each column is taken from the mux phase that reads it.
        tolerance: largest error of any element, as a share of the largest element.
        sweeps: make this many sweeps instead, whatever the error (2: the setting `fast`).

    Raises:
        InputError: conductances that are negative or not finite, a circuit that is not linear in the row voltages
            (`gated_1t1r`, floating inactive rows), or a tolerance below rounding.
        EvaluationError: neither relaxation nor elimination reached the tolerance.
    """
    _check_linear(wires)
    grid, turn = _grid(conductance_siemens, wires)
    aim = _aim(grid, tolerance, sweeps)
    columns = np.arange(len(grid.sense_ohm))
    if wires.unselected_columns == "floating" and wires.mux > 1:
        parts = [_solve(*_phase(grid, wires.read_in(columns[turn[1]], k)), aim) for k in range(wires.mux)]
        matrix = np.sum([part.matrix for part in parts], axis=0)
    elif len(columns) > len(grid.cells):
        parts = [_solve(grid.transposed, np.arange(len(grid.cells)), aim)]
        matrix = parts[0].matrix.T
    else:
        parts = [_solve(grid, columns, aim)]
        matrix = parts[0].matrix
    matrix = np.ascontiguousarray(matrix[turn])
    matrix.flags.writeable = False
    error = max(part.error for part in parts) / max(matrix.max(), np.finfo(float).tiny)
    sweeps_made, direct = max(part.sweeps for part in parts), any(part.direct for part in parts)
    return Transfer(matrix, error + _rounding(grid), sweeps_made, direct)


def transfer_matrix(
    conductance_siemens: ArrayLike, wires: Wires, *, tolerance: float = 1e-9, sweeps: int | None = None
) -> Floats:
    """(rows, columns) siemens: ``current_A = volts @ T``. Arguments and errors as for `solve_transfer`."""
    return solve_transfer(conductance_siemens, wires, tolerance=tolerance, sweeps=sweeps).matrix


def transfer_matrices(
    conductances_siemens: ArrayLike,
    wires: Wires,
    *,
    tolerance: float = 1e-9,
    sweeps: int | None = None,
    threads: int | None = None,
) -> Floats:
    """Transfer matrices of many crossbars, (arrays, rows, columns), read-only.

    Solved in parallel by `threads` (None: `NUMBA_NUM_THREADS`), with the same result for any number of them, and
    kept for the next call with equal cells, circuit and accuracy; see `forget`.

    Raises:
        InputError, EvaluationError: as for `solve_transfer`.
    """
    solved = solve_transfers(conductances_siemens, wires, tolerance=tolerance, sweeps=sweeps, threads=threads)
    stacked = np.stack([one.matrix for one in solved])
    stacked.flags.writeable = False
    return stacked


def solve_transfers(
    conductances_siemens: ArrayLike,
    wires: Wires,
    *,
    tolerance: float = 1e-9,
    sweeps: int | None = None,
    threads: int | None = None,
) -> list[Transfer]:
    """As `transfer_matrices`, with how far each is known."""
    cells = np.asarray(conductances_siemens, np.float64)
    if cells.ndim != 3 or not len(cells):
        raise InputError(f"conductances of shape {cells.shape}: must be (arrays, rows, columns), not empty")

    def one(array: Floats) -> Transfer:
        key = hashlib.blake2b(array.tobytes(), digest_size=20)
        key.update(repr((array.shape, wires, tolerance, sweeps)).encode())
        known = _CACHE.get(key.digest())
        if known is None:
            known = solve_transfer(array, wires, tolerance=tolerance, sweeps=sweeps)
            _CACHE.put(key.digest(), known)
        return known

    workers = min(len(cells), threads or numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if workers == 1:
        return [one(array) for array in cells]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, cells))


def interleaved(
    plus_siemens: ArrayLike,
    minus_siemens: ArrayLike,
    wires: Wires,
    *,
    tolerance: float = 1e-9,
    sweeps: int | None = None,
    threads: int | None = None,
) -> Floats:
    """Effective matrices of crossbars that subtract on the bit line: ``current_A = volts @ (T_plus - T_minus)``.

    Every input has two word lines, at +V and -V, one above the other (plus first), with both cells of a pair on one
    bit line; so a crossbar has twice as many physical rows.

    Args:
        plus_siemens, minus_siemens: (arrays, rows, columns), cells at +V and at -V.

    Returns:
        (arrays, rows, columns); may be negative. The tolerance is a share of the largest element before subtraction.

    Raises:
        InputError, EvaluationError: as for `solve_transfer`.
    """
    plus, minus = np.asarray(plus_siemens, np.float64), np.asarray(minus_siemens, np.float64)
    if plus.shape != minus.shape or plus.ndim != 3:
        raise InputError(f"cells of shapes {plus.shape} and {minus.shape}: must be equal, (arrays, rows, columns)")
    arrays, rows, columns = plus.shape
    physical = np.stack([plus, minus], axis=2).reshape(arrays, 2 * rows, columns)
    both = transfer_matrices(physical, wires, tolerance=tolerance, sweeps=sweeps, threads=threads)
    return both[:, 0::2] - both[:, 1::2]


def driver_admittance(conductance_siemens: ArrayLike, wires: Wires, *, tolerance: float = 1e-11) -> Floats:
    """(rows, rows) siemens, symmetric: driver currents = volts @ Y, and the power of the sources = volts @ Y @ volts.

    Elements off the diagonal are negative, what a driver takes from the others; the diagonal is set to what leaves, so
    that every current that enters also leaves.

    Args:
        tolerance: of Y and T, as a share of the largest element of either.

    Raises:
        InputError: floating unselected columns (each mux phase has a matrix of its own), and as for `solve_transfer`.
        EvaluationError: as for `solve_transfer`.
    """
    return _driven(conductance_siemens, wires, tolerance)[0]


def floating_operators(
    conductance_siemens: ArrayLike, wires: Wires, *, tolerance: float = 1e-11
) -> tuple[Floats, Floats]:
    """What gives every read of a crossbar whose inactive rows float: drivers disconnected, not at 0 V.

    The circuit is linear for a fixed set A of active rows, in the currents i that enter at their drivers::

        Z_AA i = volts_A,      column currents = i @ K_A

    with Z the impedances between the drivers of open rows and K the shares in which a row's current leaves through
    the columns. Both follow from the driven crossbar: ``Z = Y^-1, K = Z T``. The rows of K sum to 1.

    Args:
        conductance_siemens: (rows, columns); without access transistors.
        wires: the circuit; `wires.inactive_rows` is not looked at.
        tolerance: as for `driver_admittance`.

    Returns:
        Z (rows, rows) ohm and K (rows, columns). A row without cells has 1e30 ohm and shares of 0.

    Raises:
        InputError, EvaluationError: as for `driver_admittance`.
    """
    admittance, matrix = _driven(conductance_siemens, replace(wires, inactive_rows="grounded"), tolerance)
    joined = admittance.diagonal() > 0
    impedance = np.diag(np.where(joined, 0.0, _ISOLATED_OHM))
    impedance[np.ix_(joined, joined)] = np.linalg.inv(admittance[np.ix_(joined, joined)])
    return impedance, np.where(joined[:, None], impedance, 0.0) @ matrix


def _driven(conductance: ArrayLike, wires: Wires, tolerance: float) -> tuple[Floats, Floats]:
    """Driver admittance and transfer matrix, from 1 V at every driver in turn."""
    _check_linear(wires)
    if wires.unselected_columns == "floating" and wires.mux > 1:
        raise InputError("unselected_columns = floating: driver currents differ between the phases of the mux")
    grid, turn = _grid(conductance, wires)
    rows = np.arange(len(grid.cells))
    solved = _solve(grid.transposed, rows, _aim(grid, tolerance, None)._replace(stride=2))
    matrix = solved.matrix.T[turn]
    taken = (solved.ends * (1 - np.eye(len(rows))))[turn[0], turn[0]]
    taken = (taken + taken.T) / 2
    return np.diag(matrix.sum(1) + taken.sum(1)) - taken, matrix


@dataclass(frozen=True)
class _Solved:
    """Currents for 1 V at some columns: (rows, columns) into the drivers, (columns, columns) into the sense ends.

    Columns that were not asked for hold 0. `error` bounds the error of a current into a driver, in A.
    """

    matrix: Floats
    ends: Floats
    error: float
    sweeps: int
    direct: bool


def _check_linear(wires: Wires) -> None:
    if not wires.is_linear:
        raise InputError(
            f"topology = {wires.topology.value} with {wires.inactive_rows} inactive rows: column currents are not "
            "linear in the row voltages, so there is no transfer matrix"
        )


def _grid(conductance: ArrayLike, wires: Wires) -> tuple[Grid, tuple[slice, slice]]:
    """The crossbar turned so that it is driven from the right and sensed at the bottom, and how to turn it back."""
    cells = cell_conductance(conductance, wires)
    if cells.ndim != 2:
        raise InputError(f"conductance of shape {cells.shape}: must be (rows, columns)")
    turn = (
        slice(None, None, -1 if wires.sense_side == "top" else 1),
        slice(None, None, -1 if wires.drive_side == "left" else 1),
    )
    rows, columns = cells.shape
    drive, sense = np.full(rows, wires.driver_ohm + wires.word_ohm), np.full(columns, wires.sense_ohm + wires.bit_ohm)
    return Grid(np.ascontiguousarray(cells[turn]), wires.word_ohm, wires.bit_ohm, drive, sense), turn


def _phase(grid: Grid, selected: NDArray[np.bool_]) -> tuple[Grid, Indices]:
    """The crossbar while some columns are read and the others are open."""
    return replace(grid, sense_ohm=np.where(selected, grid.sense_ohm, np.inf)), np.flatnonzero(selected)


def _rounding(grid: Grid) -> float:
    """Bound of the rounding of a current: every step along a row and a column rounds a few times; all terms are
    positive, so shares just add."""
    return 8 * float(np.finfo(float).eps) * sum(grid.cells.shape)


def _aim(grid: Grid, tolerance: float, sweeps: int | None) -> Aim:
    if sweeps is not None:
        if sweeps < 1:
            raise InputError(f"sweeps = {sweeps}: must be at least 1")
        return Aim(_ANY_ERROR, sweeps, sweeps, 1)
    if not _rounding(grid) < tolerance <= 1:
        raise InputError(f"tolerance = {tolerance:g}: must be above {_rounding(grid):.1e} (rounding) and at most 1")
    return Aim(tolerance - _rounding(grid), 1, max(_MOST_SWEEPS, *grid.cells.shape), 1)


def _solve(grid: Grid, read: Indices, aim: Aim) -> _Solved:
    """Relaxation, or where that is too slow, elimination."""
    rows, columns = grid.cells.shape
    matrix, ends = np.zeros((rows, columns)), np.zeros((columns, columns))
    circuit = grid.cells, grid.word_ohm, grid.bit_ohm, grid.drive_ohm, grid.sense_ohm
    scratch, out = aligned(rows + 4, columns, LANES), aligned(rows, LANES)
    sweeps, error, reached = relax(*circuit, read, aim, scratch, out, matrix, ends)
    return _Solved(matrix, ends, error, sweeps, False) if reached else _eliminate(grid, read, aim, sweeps)


def _eliminate(grid: Grid, read: Indices, aim: Aim, made: int) -> _Solved:
    rows, columns = grid.cells.shape
    needed = 8 * rows * columns**2
    if needed > _ELIMINATION_BYTES:
        raise EvaluationError(
            f"wires of {rows} x {columns} cells: the relaxation needs more than {aim.most} sweeps, elimination "
            f"{needed / 2**30:.1f} GiB; lines this resistive carry no signal to the far cells"
        )
    currents, sensed, bounds = block_tridiagonal(grid, read)
    error, largest = float(bounds.max()), float(currents.max())
    if not error <= aim.goal * largest:
        raise EvaluationError(
            f"wires of {rows} x {columns} cells: relaxation too slow, and elimination leaves an error of "
            f"{error / largest:.1e} of the largest current; raise the tolerance"
        )
    matrix, ends = np.zeros((rows, columns)), np.zeros((columns, columns))
    matrix[:, read], ends[:, read] = currents, sensed
    return _Solved(matrix, ends, error, made, True)


class _Cache:
    """Least recently used matrices, by key, up to a number of bytes."""

    def __init__(self, budget: int) -> None:
        self.budget, self.used = budget, 0
        self._arrays: OrderedDict[bytes, Transfer] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes) -> Transfer | None:
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: bytes, array: Transfer) -> None:
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self.used += array.matrix.nbytes
            while self.used > self.budget:
                self.used -= self._arrays.popitem(last=False)[1].matrix.nbytes

    def clear(self) -> None:
        with self._lock:
            self._arrays.clear()
            self.used = 0


_CACHE = _Cache(_CACHE_BYTES)


def forget() -> None:
    """Empty the store of `transfer_matrices`."""
    _CACHE.clear()
