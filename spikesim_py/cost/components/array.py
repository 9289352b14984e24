"""The cells: area, capacitance of the word and bit lines, settling, and the current of a read.

RRAM (1T1R, 12F x 4F; NeuroSim's geometry): a word line carries wire and gates, C = c_w + k / r_on per cell,
because the access transistor is sized to a quarter of r_on; it swings Vdd in every mux phase. A selected bit
line swings the read voltage. SRAM (6T): all bit lines are precharged in every mux phase.

The column current is V^2 G for the share of the conversion time in which the column is connected (`column_duty`
of the converter, fitted to NeuroSim's SAR power, which includes this current).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...hardware import DeviceKind, Hardware
from ..technology import Technology
from ..tree import Grade
from .adc import Converter


@dataclass(frozen=True)
class CellArray:
    """One crossbar of cells.

    Attributes:
        area_um2, leakage_pw: of all cells.
        word_fj: charging one active word line, per mux phase.
        precharge_fj: charging all bit lines, per mux phase (SRAM).
        bit_fj: charging one selected bit line, per read.
        settle_ns: until the column current is settled.
        word_ff: capacitance of a word line.
    """

    area_um2: float
    leakage_pw: float
    word_fj: float
    precharge_fj: float
    bit_fj: float
    settle_ns: float
    word_ff: float
    grade: Grade
    source: str


def cell_array(tech: Technology, hardware: Hardware) -> CellArray:
    """The cells of one crossbar."""
    rows, cols = hardware.crossbar.rows, hardware.crossbar.cols
    if hardware.device.kind is DeviceKind.SRAM:
        cell = tech["cell_sram"]
        return CellArray(
            area_um2=rows * cols * cell["area"],
            leakage_pw=rows * cols * cell["leakage"],
            word_fj=0.0,
            precharge_fj=rows * cols * cell["precharge"],
            bit_fj=0.0,
            settle_ns=rows * cell["settle_row"] + rows**2 * cell["settle_row_square"],
            word_ff=0.0,
            grade=cell.grade,
            source=cell.source,
        )
    cell = tech["cell_rram"]
    word_ff = cols * (cell["word_wire"] + cell["word_gate"] / hardware.device.r_on_ohm)
    return CellArray(
        area_um2=rows * cols * cell["area"],
        leakage_pw=0.0,
        word_fj=word_ff * tech.vdd_volt**2,
        precharge_fj=0.0,
        bit_fj=rows * cell["bit_line"] * hardware.device.read_volt**2,
        settle_ns=max(cell["settle_base"] + cell["settle_per_ohm"] * hardware.device.r_on_ohm, 0.0),
        word_ff=word_ff,
        grade=cell.grade,
        source=cell.source,
    )


def cell_siemens(hardware: Hardware, level: float) -> float:
    """Mean conductance of cells whose mean level is `level` (0 to 1 of the highest)."""
    on = 1.0 / hardware.device.r_on_ohm
    off = on / hardware.device.on_off_ratio
    return off + level * (on - off)


def current_fj(hardware: Hardware, adc: Converter, siemens: float) -> float:
    """Energy that one cell on an active row draws in one conversion of its column: V^2 G t."""
    return hardware.device.read_volt**2 * siemens * adc.connected_ns * 1e6
