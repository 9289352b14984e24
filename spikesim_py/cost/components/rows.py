"""Row drivers: the word-line switch matrix, clocked in every mux phase.

1T1R: time = t0 + C (R + r cols), the driver's and the wire's resistance into the word line's capacitance. SRAM: beside
the array stand columns of registers and of pass gates, in whole fingers, that are wide where word lines are short
(w ~ 1/cols), so that their charge goes with 1/cols, and the line's time with cols squared.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real, ceil, ceil_div, floor, maximum
from ...hardware import DeviceKind, Hardware
from ..technology import Group, Technology
from ..tree import Grade
from .array import CellArray


@dataclass(frozen=True)
class RowDriver:
    """Drivers of one crossbar.

    Attributes:
        area_um2, leakage_pw: of all rows.
        clock_fj: per mux phase, whatever is active. active_fj: per active row and mux phase, on top.
        drive_ns: from clock to settled word line.
    """

    area_um2: Real
    leakage_pw: Real
    clock_fj: Real
    active_fj: Real
    drive_ns: Real
    grade: Grade
    source: str


def row_driver(tech: Technology, hardware: Hardware, array: CellArray) -> RowDriver:
    """The drivers of one crossbar's rows."""
    rows, cols = hardware.crossbar.rows, hardware.crossbar.cols
    if hardware.device.kind is DeviceKind.SRAM:
        law = tech["row_driver_sram"]
        return RowDriver(
            area_um2=_beside_um2(law, rows, cols),
            leakage_pw=rows * law["leakage"],
            clock_fj=rows * law["clock"],
            active_fj=law["active_gate"] / cols,
            drive_ns=law["drive_base"] + cols**2 * law["drive"],
            grade=law.grade,
            source=law.source,
        )
    law = tech["row_driver_rram"]
    return RowDriver(
        area_um2=rows * law["area"],
        leakage_pw=rows * law["leakage"],
        clock_fj=rows * law["clock"],
        active_fj=law["active"],
        drive_ns=law["drive_base"] + array.word_ff * (law["drive"] + cols * law["drive_wire"]),
        grade=law.grade,
        source=law.source,
    )


def _beside_um2(law: Group, rows: Real, cols: Real) -> Real:
    """Columns of whole circuits over the height of the array."""
    height = rows * law["line_height"]
    columns = ceil_div(rows, maximum(1, floor(height / law["row_height"])))
    return height * columns * (law["register_width"] + law["gate_width"] * ceil(law["gate_cols"] / cols))
