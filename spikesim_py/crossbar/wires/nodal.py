"""The oracle: every circuit of a crossbar as a nodal matrix, solved by SciPy's sparse LU.

Written to be read, not to be fast; the solvers that are fast are held against it. Nodes of one crossbar:

- word(i, j) and bit(i, j), the two sides of cell (i, j). In `gated_1t1r` the word lines are gates and carry no
  current; there word(i, j) is the node of the *source line* of column j, which runs beside its bit line.
- entry(k), between driver and first segment of the k-th fed line, and feed(k), the ideal source behind the driver.
  A fed line is a row, or in `gated_1t1r` the source line of a column.
- exit(j), between last segment and sense resistance of column j, and sense(j), its virtual ground.

Segments: a fed line has one before its first cell and one between neighbours, a bit line has one between neighbours
and one after its last cell; the far end of both is open. Passive lines are fed from `drive_side`; a source line is
fed from the end opposite to `sense_side`. With `source_ohm` = 0 a source line is one node, so that every active cell
has the same supply (the ideal one if `driver_ohm` = 0 too).

Cells of both signs that are interleaved on one bit line are rows of their own, read at +V and -V.

Nodes joined by 0 ohm are merged and cells of 0 S left out, so both are exact. A part of the circuit without any path
to a source or a virtual ground carries no current; its voltage is undefined and given as 0 V.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from ...errors import InputError
from .circuit import Wires, cell_conductance

Floats = NDArray[np.float64]
Nodes = NDArray[np.intp]

#: what a branch is, for the power balance
KINDS = ("cell", "wire", "driver", "sense")


@dataclass(frozen=True)
class Solution:
    """Voltages, currents and powers of one read in one mux phase.

    Attributes:
        currents: (columns,) A, into the virtual ground of each column.
        word_volt, bit_volt: (rows, columns) V, at both sides of every cell; gated: source line, bit line.
        source_watt: delivered by the sources; the sum of the next four.
        cell_watt: in the cells, with their access transistors.
        wire_watt: in word, bit and source lines.
        driver_watt, sense_watt: in the resistances at the ends.
    """

    currents: Floats
    word_volt: Floats
    bit_volt: Floats
    source_watt: float
    cell_watt: float
    wire_watt: float
    driver_watt: float
    sense_watt: float


class Circuit:
    """Branches of one crossbar in one mux phase, as resistances between numbered nodes.

    Args:
        conductance: (rows, columns) S, with the access transistor.
        active: (rows,) rows that are read; matters where others float or gate their cells.

    Attributes:
        word, bit: (rows, columns) node numbers.
        conducting: (rows,) rows whose gates are on.
        feed, sense: node numbers of the sources and of the virtual grounds.
        one, other, ohm, kind: both ends, resistance (0 allowed) and index in KINDS of every branch.
    """

    def __init__(self, conductance: Floats, wires: Wires, active: NDArray[np.bool_], phase: int) -> None:
        rows, columns = conductance.shape
        gated = wires.topology == "gated_1t1r"
        lines = columns if gated else rows
        self._count = 0
        self.word, self.bit = self._new(rows, columns), self._new(rows, columns)
        self.entry, self.feed = self._new(lines), self._new(lines)
        self.exit, self.sense = self._new(columns), self._new(columns)

        upwards = wires.sense_side == "top"
        bit_lines = self.bit[::-1].T if upwards else self.bit.T
        if gated:
            fed_lines, segment = self.word[::-1].T if upwards else self.word.T, wires.source_ohm
        else:
            fed_lines, segment = self.word[:, ::-1] if wires.drive_side == "right" else self.word, wires.word_ohm
        driven = np.ones(lines, bool) if gated or wires.inactive_rows == "grounded" else active
        read = np.ones(columns, bool)
        if wires.unselected_columns == "floating":
            read = wires.read_in(np.arange(columns), phase)
        self.conducting = active if gated else np.ones(rows, bool)
        cells = np.where(self.conducting[:, None], conductance, 0.0)
        with np.errstate(divide="ignore"):
            cell_ohm = 1 / cells

        self._branches: list[tuple[Nodes, Nodes, Floats, int]] = []
        self._join("cell", self.word, self.bit, cell_ohm)
        self._join("driver", self.feed, self.entry, np.where(driven, wires.driver_ohm, np.inf))
        self._join("wire", self.entry, fed_lines[:, 0], segment)
        self._join("wire", fed_lines[:, :-1], fed_lines[:, 1:], segment)
        self._join("wire", bit_lines[:, :-1], bit_lines[:, 1:], wires.bit_ohm)
        self._join("wire", bit_lines[:, -1], self.exit, wires.bit_ohm)
        self._join("sense", self.exit, self.sense, np.where(read, wires.sense_ohm, np.inf))
        self.one, self.other, self.ohm, self.kind = (
            np.concatenate([np.broadcast_to(branch[i], branch[0].shape).ravel() for branch in self._branches])
            for i in range(4)
        )

    def _new(self, *shape: int) -> Nodes:
        first, self._count = self._count, self._count + int(np.prod(shape))
        return np.arange(first, self._count).reshape(shape)

    def _join(self, kind: str, one: Nodes, other: Nodes, ohm: ArrayLike) -> None:
        """Branches between the nodes of two arrays; infinite resistances are left out."""
        present = np.isfinite(np.broadcast_to(ohm, one.shape))
        there = np.broadcast_to(np.asarray(ohm, float), one.shape)[present]
        self._branches.append((one[present], other[present], there, KINDS.index(kind)))

    @cached_property
    def terminals(self) -> Nodes:
        """Nodes whose voltage is given: sources first, then virtual grounds."""
        return np.concatenate([self.feed, self.sense])

    @cached_property
    def merged(self) -> Nodes:
        """(nodes,) number of the merged node that each belongs to."""
        return _components(self._count, self.one, self.other, self.ohm == 0)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(merged nodes,) whether there is a path to a terminal."""
        part = _components(self._count, self.one, self.other, self.ohm >= 0)
        connected = np.zeros(self.merged.max() + 1, bool)
        connected[self.merged[np.isin(part, part[self.terminals])]] = True
        return connected

    @cached_property
    def laplacian(self) -> Any:
        """Nodal matrix over all merged nodes: currents leaving each = laplacian @ voltages."""
        real = self.ohm > 0
        a, b, siemens = self.merged[self.one[real]], self.merged[self.other[real]], 1 / self.ohm[real]
        where = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
        values = np.concatenate([siemens, siemens, -siemens, -siemens])
        return csc_array(coo_array((values, where), shape=2 * (self.merged.max() + 1,)))

    @cached_property
    def _solver(self) -> tuple[Nodes, Any]:
        """Merged nodes of unknown voltage, and the factors of their part of the nodal matrix."""
        unknown = self.known.copy()
        unknown[self.merged[self.terminals]] = False
        free = np.flatnonzero(unknown)
        block = self.laplacian[free][:, free].tocsc()
        options = {"SymmetricMode": True}
        return free, splu(
            block, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
        ) if free.size else None

    def voltages(self, given: Floats, corrections: int = 2) -> Floats:
        """Voltages of all nodes, (nodes, cases), for voltages (terminals, cases) of the terminals.

        The diagonal of the nodal matrix drowns a cell's conductance in that of the wire segments beside it; what
        that costs is regained by correcting the voltages for the currents that their differences leave over.
        """
        free, factors = self._solver
        fixed = self.merged[self.terminals]
        solved = np.zeros((self.known.size, given.shape[1]))
        solved[fixed] = given
        if factors is not None:
            solved[free] = factors.solve(-(self.laplacian[free][:, fixed] @ given))
            for _ in range(corrections):
                solved[free] -= factors.solve(self._leaving(solved[self.merged])[free])
        return solved[self.merged]

    def currents(self, volts: Floats) -> Floats:
        """Currents (terminals, cases) that leave the terminals into the circuit, for voltages (nodes, cases)."""
        return self._leaving(volts)[self.merged[self.terminals]]

    def _leaving(self, volts: Floats) -> Floats:
        """Currents (merged nodes, cases) that leave each node, summed from the voltage differences of its branches."""
        real = self.ohm > 0
        through = (volts[self.one[real]] - volts[self.other[real]]) / self.ohm[real, None]
        return np.asarray(self._incidence @ through)

    @cached_property
    def _incidence(self) -> Any:
        """(merged nodes, branches of more than 0 ohm): 1 where a branch starts, -1 where it ends."""
        real = self.ohm > 0
        ends = np.concatenate([self.merged[self.one[real]], self.merged[self.other[real]]])
        count = int(real.sum())
        signs, branches = np.repeat([1.0, -1.0], count), np.tile(np.arange(count), 2)
        return csc_array(coo_array((signs, (ends, branches)), shape=(self.known.size, count)))

    def watts(self, volts: Floats) -> Floats:
        """(KINDS,) power in the branches of each kind, for voltages (nodes,)."""
        real = self.ohm > 0
        power = (volts[self.one[real]] - volts[self.other[real]]) ** 2 / self.ohm[real]
        return np.asarray(np.bincount(self.kind[real], power, len(KINDS)), float)


def _components(count: int, one: Nodes, other: Nodes, chosen: NDArray[np.bool_]) -> Nodes:
    """(count,) number of the connected part that each node lies in, over the chosen branches."""
    ends = one[chosen], other[chosen]
    graph = coo_array((np.ones(ends[0].size, np.int8), ends), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.intp)


def circuit_of(
    conductance: ArrayLike, wires: Wires, volts: ArrayLike, active: ArrayLike | None, phase: int
) -> tuple[Circuit, Floats]:
    """The circuit of one read and the voltages (terminals,) of its sources and virtual grounds.

    Raises:
        InputError: shapes that do not fit, a conductance that is negative or not finite, a phase outside the mux,
            or voltages that differ between the active rows of `gated_1t1r`.
    """
    cells = _cells(conductance, wires)
    rows, columns = cells.shape
    row_volts = np.asarray(volts, float)
    if row_volts.shape != (rows,) or not np.isfinite(row_volts).all():
        raise InputError(f"volts of shape {row_volts.shape}: must be ({rows},), finite")
    on = row_volts != 0 if active is None else np.asarray(active)
    if on.shape != (rows,) or on.dtype != bool:
        raise InputError(f"active of shape {on.shape}, {on.dtype}: must be ({rows},), bool")
    if not 0 <= phase < wires.mux:
        raise InputError(f"phase = {phase}: must be in 0..{wires.mux - 1}")
    circuit = Circuit(cells, wires, on, phase)
    fed = np.where(on, row_volts, 0.0)
    if wires.topology == "gated_1t1r":
        supply = np.unique(row_volts[on])
        if supply.size > 1:
            raise InputError(
                f"volts = {supply[0]:g} and {supply[1]:g}: gated_1t1r reads its active rows at one voltage"
            )
        fed = np.full(columns, supply[0] if supply.size else 0.0)
    return circuit, np.concatenate([fed, np.zeros(columns)])


def _cells(conductance: ArrayLike, wires: Wires) -> Floats:
    """(rows, columns) S of the cells with their access transistors, or InputError."""
    cells = cell_conductance(conductance, wires)
    if cells.ndim != 2:
        raise InputError(f"conductance of shape {cells.shape}: must be (rows, columns)")
    return cells


def solve(
    conductance: ArrayLike, wires: Wires, volts: ArrayLike, *, active: ArrayLike | None = None, phase: int = 0
) -> Solution:
    """One read of one crossbar in one mux phase.

    Args:
        conductance: (rows, columns) S, without the access transistor.
        volts: (rows,) V; rows that are not active are at 0 V or open, as `wires.inactive_rows` says.
        active: (rows,) bool; by default the rows whose voltage is not 0.
        phase: mux phase; matters only where unselected columns float.

    Raises:
        InputError: see `circuit_of`.
    """
    circuit, given = circuit_of(conductance, wires, volts, active, phase)
    nodes = circuit.voltages(given[:, None])
    leaving = circuit.currents(nodes)[:, 0]
    cell, wire, driver, sense = circuit.watts(nodes[:, 0])
    return Solution(
        currents=-leaving[circuit.feed.size :],
        word_volt=nodes[circuit.word, 0],
        bit_volt=nodes[circuit.bit, 0],
        source_watt=float(leaving @ given),
        cell_watt=float(cell),
        wire_watt=float(wire),
        driver_watt=float(driver),
        sense_watt=float(sense),
    )


def column_currents(
    conductance: ArrayLike, wires: Wires, volts: ArrayLike, *, active: ArrayLike | None = None
) -> Floats:
    """(columns,) A: every column in the mux phase that reads it. Arguments as for `solve`."""
    currents = [solve(conductance, wires, volts, active=active, phase=phase).currents for phase in phases(wires)]
    return np.asarray(np.sum(currents, axis=0))  # an open column carries no current


def nodal_transfer_matrix(conductance: ArrayLike, wires: Wires, *, corrections: int = 2) -> Floats:
    """(rows, columns) S: column currents = volts @ T, with one factorisation per mux phase.

    Without `corrections` (see `Circuit.voltages`) this is SciPy's LU as it is: three times faster, less exact.

    Raises:
        InputError: a circuit that is not linear in the row voltages (`gated_1t1r`, floating inactive rows).
    """
    if not wires.is_linear:
        raise InputError(f"{wires.topology} with {wires.inactive_rows} inactive rows: not linear in the row voltages")
    cells = _cells(conductance, wires)
    transfer = np.zeros(cells.shape)
    for phase in phases(wires):
        circuit = Circuit(cells, wires, np.ones(len(cells), bool), phase)
        given = np.eye(circuit.terminals.size, len(cells))
        transfer -= circuit.currents(circuit.voltages(given, corrections))[len(cells) :].T
    return transfer


def phases(wires: Wires) -> range:
    """The mux phases whose circuits differ."""
    return range(wires.mux if wires.unselected_columns == "floating" else 1)
