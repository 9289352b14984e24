"""Row drivers: the word-line switch matrix, clocked in every mux phase.

1T1R: time = t0 + C (R + r cols), the driver's and the wire's resistance into the word line's capacitance. SRAM: pass
gates as wide as a short word line allows (w ~ 1/cols), so that their area and charge are per row / cols, and the
line's time goes with cols squared.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real
from ...hardware import DeviceKind, Hardware
from ..technology import Technology
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
            area_um2=rows * (law["area"] + law["area_gate"] / cols),
            leakage_pw=rows * law["leakage"],
            clock_fj=rows * law["clock"],
            active_fj=law["active"] + law["active_gate"] / cols,
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
