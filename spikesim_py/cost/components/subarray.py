"""One crossbar with everything around it, reading one bit-plane: what a row of NeuroSim's component table tells.

All columns are converted, `mux` phases one after the other. A phase takes the sense margin times (row driver or mux
with decoder, whichever is slower, then settling and converting); both shift-adds follow the last phase. Energy is
that of one plane at the share `row_activity` of rows driven; every column conducts 1 / `column_ohm` while it is
converted. (A column without any current costs NeuroSim 1 uW, less than its idle converter; here it costs the latter.
Its shift-add over planes costs nothing where a converter has fewer columns than an output; here it works all the
same.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..._arrays import Real, ceil_div, maximum
from ...hardware import AdcKind, DeviceKind, Hardware
from ..technology import Technology
from ..tree import Grade
from .adc import converter, encoder
from .array import CellArray, cell_array
from .base import Circuit, weakest
from .columns import decoder, level_shifter, pass_gates, precharger, source_driver, write_driver
from .rows import RowDriver, row_driver
from .shift_add import INPUT_BITS, input_shift_add, shift_add, under_columns


@dataclass(frozen=True)
class Block:
    """All instances of one circuit of a sub-array: energy of one plane, latency of one action."""

    area_um2: Real
    latency_ns: Real
    energy_pj: Real
    leakage_uw: Real
    grade: Grade
    source: str


def subarray(
    tech: Technology,
    hardware: Hardware,
    *,
    row_activity: Real,
    column_ohm: Real,
    input_bits: int = INPUT_BITS,
    weight_bits: int = 8,
) -> dict[str, Block]:
    """The blocks of one crossbar by name, and their `total`."""
    box, sram = hardware.crossbar, hardware.device.kind is DeviceKind.SRAM
    rows, cols, mux, bits = box.rows, box.cols, box.mux, hardware.adc.bits
    array, adc = cell_array(tech, hardware), converter(tech, hardware, bits)
    if hardware.adc.kind is AdcKind.ADDER_TREE:  # cells drive their gates: no bit line is charged or settles
        array = replace(array, precharge_fj=0.0, precharge_ns=0.0, settle_ns=0.0)
    driver = row_driver(tech, hardware, array)
    active, lanes = rows * row_activity, cols / mux
    slices = ceil_div(weight_bits, hardware.device.cell_bits)
    join = under_columns(tech, hardware)
    conversion_fj = adc.energy_fj + adc.column_fj(hardware.device.read_volt, 1.0 / column_ohm)
    lines_fj = mux * active * array.word_fj + cols * array.bit_fj
    driver_fj = mux * (driver.clock_fj + active * driver.active_fj)
    blocks = {
        "array": _block(array, array.settle_ns - array.precharge_ns, lines_fj),
        "row_driver": _block(driver, driver.drive_ns, driver_fj),
        "column_mux": _acting(pass_gates(tech, hardware), mux),
        "decoder": _acting(decoder(tech, hardware), mux),
    }
    if sram:
        circuit = precharger(tech, hardware)
        blocks["precharger"] = _block(circuit, array.precharge_ns, mux * array.precharge_fj)
        blocks["write_driver"] = _acting(write_driver(tech, hardware), 0)
    else:
        blocks["source_driver"] = _acting(source_driver(tech, hardware), 0)
        blocks["level_shifter"] = _acting(level_shifter(tech, rows + 2 * cols), 0)
    blocks["adc"] = Block(
        lanes * adc.area_um2,
        adc.time_ns,
        cols * conversion_fj * 1e-3,
        lanes * adc.leakage_pw * 1e-6,
        adc.grade,
        adc.source,
    )
    if hardware.adc.kind is AdcKind.FLASH:  # sense amplifiers and encoder apart
        code = _acting(encoder(tech, bits).times(lanes), mux)
        blocks |= {"adc": _less(blocks["adc"], code), "encoder": code}
    blocks["shift_add"] = _acting(shift_add(tech, bits, slices, mux, **join).times(lanes), mux)
    if input_bits > 1:
        planes = input_shift_add(tech, bits, slices, mux, input_bits=input_bits, **join)
        blocks["input_shift_add"] = _acting(planes.times(lanes), mux / slices)
    return blocks | {"total": _total(blocks, mux, tech["process"]["sense_margin"])}


def _block(circuit: CellArray | RowDriver | Circuit, latency_ns: Real, energy_fj: Real) -> Block:
    return Block(
        circuit.area_um2, latency_ns, energy_fj * 1e-3, circuit.leakage_pw * 1e-6, circuit.grade, circuit.source
    )


def _acting(circuit: Circuit, actions: Real) -> Block:
    return _block(circuit, circuit.time_ns, circuit.energy_fj * actions)


def _less(whole: Block, part: Block) -> Block:
    return Block(
        whole.area_um2 - part.area_um2,
        whole.latency_ns - part.latency_ns,
        whole.energy_pj - part.energy_pj,
        whole.leakage_uw - part.leakage_uw,
        whole.grade,
        whole.source,
    )


def _total(blocks: dict[str, Block], mux: Real, margin: float) -> Block:
    def ns(*names: str) -> Real:
        return sum(blocks[name].latency_ns for name in names if name in blocks)

    select = maximum(ns("row_driver"), ns("column_mux", "decoder"))
    phase = select + ns("precharger", "array", "adc", "encoder")
    parts = blocks.values()
    return Block(
        sum(part.area_um2 for part in parts),
        mux * margin * phase + ns("shift_add", "input_shift_add"),
        sum(part.energy_pj for part in parts),
        sum(part.leakage_uw for part in parts),
        weakest(*(part.grade for part in parts)),
        "sum of its blocks",
    )
