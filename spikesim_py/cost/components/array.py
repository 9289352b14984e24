"""The cells: area, capacitance of the word and bit lines, settling, and the current of a read.

RRAM (1T1R, 12F x 4F; NeuroSim's geometry): a word line carries wire and gates, C = c_w + k / r_on per cell,
because the access transistor is sized to a quarter of r_on; it swings Vdd in every mux phase. A selected bit
line swings the read voltage and settles with r_on (c_bit + c_drain): the drain is wire and side walls, plus a part
that goes with the transistor's width, hence with 1/r_on; a transistor wider than the cell is folded, and every
second finger adds a drain. The column's resistance goes with 1/rows and its capacitance with rows, so that the
settling time knows no rows. Other resistive cells (PCM, FeFET, MRAM, flash) are charged as RRAM of their
resistance, as NeuroSim does. SRAM (6T): all bit lines are precharged in every mux phase; bit-line times are a base,
a cell's part per row and a wire's part per row squared.

The column current is V^2 G for the share of the conversion time in which the column is connected (`column_duty`
of the converter, fitted to NeuroSim's SAR power, which includes this current). In the charge domain a cell that is
on and driven charges its capacitor instead: C V^2.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real, ceil, floor
from ...hardware import DeviceKind, Hardware
from ...hardware.device import ReadModel
from ..technology import Group, Technology
from ..tree import Grade
from .adc import Converter
from .base import weakest


@dataclass(frozen=True)
class CellArray:
    """One crossbar of cells.

    Attributes:
        area_um2, leakage_pw: of all cells.
        word_fj: charging one active word line, per mux phase.
        precharge_fj: charging all bit lines, per mux phase (SRAM).
        bit_fj: charging one selected bit line, per read.
        settle_ns: until the column current is settled, `precharge_ns` (SRAM) included.
        word_ff: capacitance of a word line.
    """

    area_um2: Real
    leakage_pw: Real
    word_fj: Real
    precharge_fj: Real
    bit_fj: Real
    settle_ns: Real
    word_ff: Real
    grade: Grade
    source: str
    precharge_ns: Real = 0.0


def cell_array(tech: Technology, hardware: Hardware) -> CellArray:
    """The cells of one crossbar."""
    rows, cols = hardware.crossbar.rows, hardware.crossbar.cols
    if hardware.device.kind is DeviceKind.SRAM:
        cell = tech["cell_sram"]
        precharge_ns = _line_ns(cell, "charge", rows)
        return CellArray(
            area_um2=rows * cols * _cell_area_um2(cell, hardware),
            leakage_pw=rows * cols * cell["leakage"],
            word_fj=0.0,
            precharge_fj=rows * cols * cell["precharge"],
            bit_fj=0.0,
            settle_ns=precharge_ns + _line_ns(cell, "settle", rows),
            word_ff=0.0,
            grade=_grade(cell, hardware),
            source=cell.source,
            precharge_ns=precharge_ns,
        )
    cell = tech["cell_rram"]
    word_ff = cols * (cell["word_wire"] + cell["word_gate"] / hardware.device.r_on_ohm)
    return CellArray(
        area_um2=rows * cols * _cell_area_um2(cell, hardware),
        leakage_pw=0.0,
        word_fj=word_ff * tech.vdd_volt**2,
        precharge_fj=0.0,
        bit_fj=rows * cell["bit_line"] * hardware.device.read_volt**2,
        settle_ns=_settle_ns(cell, hardware.device.r_on_ohm),
        word_ff=word_ff,
        grade=_grade(cell, hardware),
        source=cell.source,
    )


def _line_ns(cell: Group, kind: str, rows: Real) -> Real:
    return cell[f"{kind}_base"] + rows * cell[f"{kind}_row"] + rows**2 * cell[f"{kind}_row_square"]


def _settle_ns(cell: Group, r_on_ohm: Real) -> Real:
    """Bit line of 1T1R cells; the access transistor has `fold_ohm` / r_on fingers, two to a drain."""
    drains = floor((ceil(cell["fold_ohm"] / r_on_ohm) + 1) / 2)
    return cell["settle_access"] + r_on_ohm * (cell["settle_per_ohm"] + (drains - 1) * cell["settle_drain"])


def _cell_area_um2(cell: Group, hardware: Hardware) -> Real:
    given = hardware.device.cell_area_um2
    return cell["area"] if given is None else given


def _grade(cell: Group, hardware: Hardware) -> Grade:
    """A circuit that was run for RRAM or SRAM is merely assumed for other cells, and an area may be a guess."""
    device = hardware.device
    like = device.kind in (DeviceKind.RRAM, DeviceKind.SRAM) and device.read_model is ReadModel.CURRENT
    known = device.cell_area_um2 is None or hardware.is_sourced("device.cell_area_um2")
    return cell.grade if like and known else weakest(cell.grade, "assumed")


def cell_fj(hardware: Hardware, adc: Converter, level: Real) -> Real:
    """Energy of one conversion in a cell on an active row that holds `level` (0 to 1 of the highest).

    ``V^2 G t`` while its column is connected, or ``level C V^2`` in the charge domain.
    """
    device = hardware.device
    if device.read_model is ReadModel.CHARGE:
        return level * device.unit_cap_ff * device.read_volt**2
    return device.read_volt**2 * mean_siemens(hardware, level) * adc.connected_ns * 1e6


def mean_siemens(hardware: Hardware, level: Real) -> Real:
    """Conductance of a cell of `level`; cells that carry charge, and ideal ones, have no background."""
    device = hardware.device
    dark = device.ideal or device.read_model is ReadModel.CHARGE
    off = 0.0 if dark else 1.0 / device.on_off_ratio
    return (off + level * (1.0 - off)) / device.r_on_ohm
