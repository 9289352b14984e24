"""The circuit that the cells of a crossbar lie in, in ohms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from ...hardware import Hardware, Subtract, Topology

Side = Literal["left", "right"]
End = Literal["bottom", "top"]
Idle = Literal["grounded", "floating"]

#: relative change of a copper wire's resistance per kelvin, about `_REFERENCE_K` (NeuroSim V1.4, Param.cpp)
_PER_KELVIN = 0.00451
_REFERENCE_K = 300.0


@dataclass(frozen=True)
class Wires:
    """Resistances and boundary conditions of one crossbar.

    Attributes:
        topology: passive, pseudo_1t1r or gated_1t1r.
        word_ohm: one word-line segment; one lies before the first cell of a row and between neighbours.
        bit_ohm: one bit-line segment; one lies between neighbours of a column and after its last cell.
        driver_ohm: in series with the driver of a row (gated: of a column's source line).
        sense_ohm: in series with the sensing end of a column, a virtual ground.
        source_ohm: gated only: one segment of the source line beside the bit line; 0: the line is one node.
        access_ohm: access transistor in series with every cell (pseudo, gated).
        drive_side: end of the word lines that is driven; the other is open.
        sense_side: end of the bit lines that is sensed; the other is open.
        inactive_rows: driven to 0 V, or not driven.
        unselected_columns: columns that the mux does not read: held at 0 V as the others, or open.
        mux: neighbouring columns (or pairs) that share a converter. pair: columns that are read together, because
            they are subtracted before it. Column j is read in phase (j // pair) % mux, together with the columns in the
            same place of every other converter.

    Raises:
        InputError: a resistance that is negative or not finite, an unknown word, or one without effect here.
    """

    topology: Topology = Topology.PASSIVE
    word_ohm: float = 1.0
    bit_ohm: float = 1.0
    driver_ohm: float = 0.0
    sense_ohm: float = 0.0
    source_ohm: float = 0.0
    access_ohm: float = 0.0
    drive_side: Side = "left"
    sense_side: End = "bottom"
    inactive_rows: Idle = "grounded"
    unselected_columns: Idle = "grounded"
    mux: int = 1
    pair: int = 1

    def read_in(self, columns: NDArray[np.int64], phase: int) -> NDArray[np.bool_]:
        """Which of these columns (numbers) are read in a phase of the mux."""
        return np.asarray((columns // self.pair) % self.mux == phase)

    def __post_init__(self) -> None:
        circuits = [topology.value for topology in Topology if topology is not Topology.NONE]
        _one_of("topology", self.topology, circuits)
        object.__setattr__(self, "topology", Topology(self.topology))
        for name in ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm", "source_ohm", "access_ohm"):
            ohm = float(getattr(self, name))
            if not (math.isfinite(ohm) and ohm >= 0):
                raise InputError(f"{name} = {ohm}: must be finite and not negative")
            object.__setattr__(self, name, ohm)
        _one_of("drive_side", self.drive_side, get_args(Side))
        _one_of("sense_side", self.sense_side, get_args(End))
        _one_of("inactive_rows", self.inactive_rows, get_args(Idle))
        _one_of("unselected_columns", self.unselected_columns, get_args(Idle))
        for name in ("mux", "pair"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must be at least 1")
        if self.topology is Topology.PASSIVE and self.access_ohm:
            raise InputError(f"access_ohm = {self.access_ohm:g}: a passive crossbar has no access transistors")
        if self.topology is not Topology.GATED_1T1R and self.source_ohm:
            raise InputError(f"source_ohm = {self.source_ohm:g}: only gated_1t1r has source lines")

    @property
    def is_linear(self) -> bool:
        """Whether column currents are linear in the row voltages: whether there is a transfer matrix."""
        return self.topology is not Topology.GATED_1T1R and self.inactive_rows == "grounded"


def _one_of(name: str, value: Any, allowed: Any) -> None:
    if value not in allowed:
        raise InputError(f"{name} = {value!r}: must be one of {', '.join(allowed)}")


def at_temperature(ohm: float, kelvin: float) -> float:
    """Resistance of a wire that has `ohm` at 300 K: ``ohm (1 + 0.00451 (kelvin - 300))``.

    Linear with the coefficient that NeuroSim V1.4 uses (Param.cpp); signed, so that a cold wire conducts better.

    Raises:
        InputError: below 100 K, where the line would be far from any metal and soon negative (limit assumed).
    """
    if not kelvin >= 100:
        raise InputError(f"kelvin = {kelvin:g}: must be at least 100")
    return ohm * (1 + _PER_KELVIN * (kelvin - _REFERENCE_K))


def circuit(hardware: Hardware) -> Wires | None:
    """The circuit of a chip's crossbars at its temperature; None where wires have no resistance.

    Wire segments grow with temperature; drivers, sensing ends and access transistors are given as they are.
    """
    wires = hardware.wires
    if wires.topology is Topology.NONE:
        return None
    kelvin = hardware.technology.temperature_k
    return Wires(
        topology=wires.topology,
        word_ohm=at_temperature(wires.word_ohm, kelvin),
        bit_ohm=at_temperature(wires.bit_ohm, kelvin),
        driver_ohm=wires.driver_ohm,
        sense_ohm=wires.sense_ohm,
        source_ohm=at_temperature(wires.source_ohm, kelvin),
        access_ohm=0.0 if wires.topology is Topology.PASSIVE else hardware.device.access_ohm,
        drive_side=wires.drive_side,
        sense_side=wires.sense_side,
        inactive_rows=wires.inactive_rows,
        unselected_columns=wires.unselected_columns,
        mux=hardware.crossbar.mux,
        pair=2 if hardware.mapping.subtract is Subtract.ANALOG else 1,
    )


def cell_conductance(conductance: ArrayLike, wires: Wires) -> NDArray[np.float64]:
    """Conductance of every cell with its access transistor, contiguous float64 of the same shape.

    Raises:
        InputError: a conductance that is negative or not finite, or no cells.
    """
    cells = np.asarray(conductance, np.float64)
    if cells.ndim < 2 or not cells.size:
        raise InputError(f"conductance of shape {cells.shape}: must be (rows, columns), not empty")
    if not (np.isfinite(cells).all() and (cells >= 0).all()):
        raise InputError(f"conductance between {cells.min():g} and {cells.max():g} S: must be finite and not negative")
    return np.ascontiguousarray(cells / (1 + wires.access_ohm * cells))
