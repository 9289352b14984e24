"""Read noise of cells that lie behind wires: the standard deviation of a column's current, to first order.

Each read sees every cell at its conductance plus an independent error of known standard deviation. Two estimates:

- *first order*, ``dT = dG T / G``: a cell's error is passed on as its conductance is. Ignores that one cell's error
  moves the voltages of the others; costs nothing beside the transfer matrix.
- *adjoint*: ``dI_j = sum over cells of u a_j dG`` with u the cell's voltage in this read and -a_j its voltage
  when 1 V drives the virtual ground of column j alone (Tellegen's theorem; Director and Rohrer, IEEE Trans. Circuit
  Theory 16, 1969). This is the derivative itself. Errors of one cell reach several columns, so that columns are
  slightly correlated; what is given here is the standard deviation of each.

For read noise of 5 % of the conductance, 32 x 32 cells, half of the rows active and a fifth of the current lost, the
error of a read is known to 43 % with ideal wires, 12 % to first order, 0.4 % by the adjoint (root mean square), and its
standard deviation is 40 % too large with ideal wires, 8 % to first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from .circuit import Wires
from .nodal import Circuit, Floats, circuit_of, phases

_TOGETHER = 64  # right-hand sides that are solved at once
_VALUES = 2**22  # cell voltages held at once when reads are weighed


def first_order_sigma(
    sigma_siemens: ArrayLike, conductance: ArrayLike, transfer: ArrayLike, *, access_ohm: float = 0.0
) -> Floats:
    """Standard deviation (rows, columns) S of every element of the transfer matrix, each on its own.

    Args:
        sigma_siemens, conductance: (rows, columns) S of the cells, without the access transistor.
        transfer: (rows, columns) S of the wires and these cells.
        access_ohm: access transistor in series with every cell.

    A cell without conductance has no ratio T / G; its error counts as with ideal wires.
    """
    cells, through = np.asarray(conductance, float), np.asarray(transfer, float)
    series = 1 + access_ohm * cells
    passed = np.divide(through * series, cells, out=np.ones_like(cells), where=cells > 0)
    return np.asarray(sigma_siemens * passed / series**2)


def adjoint_sigma(
    sigma_siemens: ArrayLike, conductance: ArrayLike, wires: Wires, volts: ArrayLike, *, active: ArrayLike | None = None
) -> Floats:
    """Standard deviation (columns,) A of the column currents of one read; any circuit.

    Args as for `nodal.solve`, and sigma_siemens: (rows, columns) S of the cells, without the access transistor.

    Raises:
        InputError: see `nodal.circuit_of`; a sigma of another shape.
    """
    sigma = _behind_access(sigma_siemens, conductance, wires)
    variance = np.zeros(sigma.shape[1])
    for phase in phases(wires):
        circuit, given = circuit_of(conductance, wires, volts, active, phase)
        read = _read(circuit, wires, phase)
        felt = (sigma * circuit.conducting[:, None]).ravel()
        squares = (_cell_volts(circuit, given[None]) * felt) ** 2
        variance[read] = squares[0] @ (_adjoint(circuit, read) ** 2).T
    return np.sqrt(variance)


@dataclass(frozen=True)
class ReadNoise:
    """What the standard deviations of any number of reads of one linear crossbar need, computed once.

    Attributes:
        columns: per mux phase whose circuit differs, the columns that it reads.
        drives: per such phase (rows, cells) float32, cell voltages per volt on each row.
        weights: per such phase (cells, its columns) float32 S^2, (adjoint voltage x sigma)^2.

    Memory: 4 bytes x cells x (rows + columns), times the mux phases where unselected columns float: 2 MB at 64 x 64
    cells, 134 MB at 256 x 256. A read costs as many multiplications.
    """

    columns: tuple[NDArray[np.intp], ...]
    drives: tuple[NDArray[np.float32], ...]
    weights: tuple[NDArray[np.float32], ...]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in (*self.drives, *self.weights))

    def sigma(self, volts: ArrayLike) -> NDArray[np.float32]:
        """(reads, columns) A for row voltages (reads, rows)."""
        given = np.asarray(volts, np.float32)
        variance = np.empty((len(given), sum(map(len, self.columns))), np.float32)
        step = max(1, _VALUES // self.drives[0].shape[1])
        for columns, drive, weight in zip(self.columns, self.drives, self.weights, strict=True):
            for start in range(0, len(given), step):
                squares = (given[start : start + step] @ drive) ** 2
                variance[start : start + step, columns] = squares @ weight
        return np.sqrt(variance)


def read_noise(sigma_siemens: ArrayLike, conductance: ArrayLike, wires: Wires) -> ReadNoise:
    """The adjoint estimate for many reads of one crossbar; arguments as for `adjoint_sigma`.

    Raises:
        InputError: a circuit that is not linear in the row voltages; a sigma of another shape.
    """
    if not wires.is_linear:
        raise InputError(f"{wires.topology} with {wires.inactive_rows} inactive rows: not linear; use adjoint_sigma")
    sigma = _behind_access(sigma_siemens, conductance, wires)
    rows = len(sigma)
    columns, drives, weights = [], [], []
    for phase in phases(wires):
        circuit, _ = circuit_of(conductance, wires, np.zeros(rows), None, phase)
        columns.append(_read(circuit, wires, phase))
        drives.append(_cell_volts(circuit, np.eye(rows, circuit.terminals.size)).astype(np.float32))
        weights.append(((_adjoint(circuit, columns[-1]) * sigma.ravel()).T ** 2).astype(np.float32))
    return ReadNoise(tuple(columns), tuple(drives), tuple(weights))


def _behind_access(sigma_siemens: ArrayLike, conductance: ArrayLike, wires: Wires) -> Floats:
    """Standard deviation of a cell with its access transistor: d(g / (1 + R g)) = dg / (1 + R g)^2."""
    sigma, cells = np.asarray(sigma_siemens, float), np.asarray(conductance, float)
    if sigma.shape != cells.shape or not (np.isfinite(sigma).all() and (sigma >= 0).all()):
        raise InputError(f"sigma of shape {sigma.shape}: must be {cells.shape}, finite and not negative")
    return np.asarray(sigma / (1 + wires.access_ohm * cells) ** 2)


def _read(circuit: Circuit, wires: Wires, phase: int) -> NDArray[np.intp]:
    """Columns that this phase's circuit is solved for."""
    columns = np.arange(circuit.sense.size)
    return columns[wires.read_in(columns, phase)] if len(phases(wires)) > 1 else columns


def _adjoint(circuit: Circuit, columns: NDArray[np.intp]) -> Floats:
    """(columns, cells) cell voltages when 1 V drives one column's virtual ground and every source is at 0 V."""
    return _cell_volts(circuit, np.eye(circuit.terminals.size)[circuit.feed.size + columns])


def _cell_volts(circuit: Circuit, given: Floats) -> Floats:
    """(cases, cells) voltages across the cells for voltages (cases, terminals)."""
    volts = np.empty((len(given), circuit.word.size))
    for start in range(0, len(given), _TOGETHER):
        nodes = circuit.voltages(given[start : start + _TOGETHER].T, corrections=0)
        volts[start : start + _TOGETHER] = (nodes[circuit.word.ravel()] - nodes[circuit.bit.ravel()]).T
    return volts
