"""The resistances of a column of `gated_1t1r`, counted as the kernels count: in units of one level's resistance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..aligned import aligned
from ..wires.circuit import Wires

_LINE = 16  # float32 values of a cache line; rows that start at one are read and written fastest


class Ladder(NamedTuple):
    """One column: a source line fed at its head, a bit line sensed at its foot, cells of active rows between them.

    Every resistance is multiplied by the conductance of one level, so that currents come in levels. Row r lies
    r segments below the head (`mirrored`: rows - 1 - r). One source-line segment lies before the first cell and
    between neighbours, one bit-line segment between neighbours and after the last cell.
    """

    rows: int  # physical rows of the crossbar
    bit: float  # one bit-line segment
    foot: float  # sense resistance
    source: float  # one source-line segment; 0: every active cell hangs on the same supply node
    head: float  # resistance of the source line's driver
    mirrored: bool  # sensed at the top


def ladder_of(wires: Wires, rows: int, unit_siemens: float) -> Ladder:
    """The ladder of a crossbar of `rows` physical rows whose levels are `unit_siemens` apart.

    Access transistors belong to the cells: a cell of conductance c levels behind `access_ohm` counts as
    c / (1 + access_ohm * unit_siemens * c) levels.

    Raises:
        InputError: a topology whose columns are coupled.
    """
    if wires.topology != "gated_1t1r":
        raise InputError(f"topology {wires.topology}: only the columns of gated_1t1r are ladders of their own")
    return Ladder(
        rows=rows,
        bit=wires.bit_ohm * unit_siemens,
        foot=wires.sense_ohm * unit_siemens,
        source=wires.source_ohm * unit_siemens,
        head=wires.driver_ohm * unit_siemens,
        mirrored=wires.sense_side == "top",
    )


def work_arrays(columns: int, rows: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """`sums` (columns,), `variance` (columns,) and `scratch` for reads of up to `columns` columns.

    `ladder_noise` needs the most rows that can be active in one read; `ladder_sums` does not. Every row of these
    arrays starts at a cache line.
    """
    width = -(-columns // _LINE) * _LINE
    arrays = aligned(np.zeros((7 + 2 * max(rows, 1), width), np.float32), np.float32)
    return arrays[0, :columns], arrays[1, :columns], arrays[2:]
