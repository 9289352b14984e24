"""The crossbars of a layer and what is wired to each: cells, drivers, mux, ADCs, shift-add.

One read of a crossbar is one plane of one position. It has `mux` phases (times the crossbars that share an
ADC): drive or select, settle, convert, with NeuroSim's margin of 1.4 on the sum. Shift-add works on one phase
while the next is converted; its last one is seen once per pass.

Interleaved pairs have two word lines per input and half the columns. A line at -V is taken to cost what one at +V does
(assumed); its supply is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..mapping import code_bits
from .components import CellArray, Circuit, Converter, RowDriver, cell_array, column_circuits, converter, row_driver
from .components import input_shift_add as planes_circuit
from .components import shift_add as slices_circuit
from .components.array import cell_fj
from .components.base import weakest
from .parts import Layer, Part, placed
from .tree import Grade

#: mean level of the cells on active rows where it was not measured: the middle
MIDDLE_LEVEL = 0.5


@dataclass(frozen=True)
class Read:
    """The circuits of one crossbar and the timing of its reads."""

    array: CellArray
    driver: RowDriver
    columns: dict[str, Circuit]
    adc: Converter
    margin: float
    serial: int

    @property
    def select_ns(self) -> float:
        """Word line and column select at once: the slower counts."""
        return max(self.driver.drive_ns, self.columns["column_mux"].time_ns)

    @property
    def phase_ns(self) -> float:
        return self.margin * (self.select_ns + self.array.settle_ns + self.adc.time_ns)

    @property
    def read_ns(self) -> float:
        """All phases of one plane of one position."""
        return self.serial * self.phase_ns


def read_of(layer: Layer) -> Read:
    tech, hardware = layer.tech, layer.hardware
    array = cell_array(tech, hardware)
    if hardware.digital_crossbar:  # cells drive their gates: no bit line is precharged or settles
        array = replace(array, precharge_fj=0.0, settle_ns=0.0)
    return Read(
        array,
        row_driver(tech, hardware, array),
        column_circuits(tech, hardware),
        converter(tech, hardware, hardware.adc.bits_of(layer.name)),
        tech["process"]["sense_margin"],
        layer.plan.serial_conversions,
    )


def crossbar_parts(layer: Layer, read: Read) -> list[Part]:
    """Everything that belongs to a crossbar."""
    parts = [_cells(layer, read), _rows(layer, read), *_columns(layer, read), _adc(layer, read)]
    if layer.hardware.dummy_columns:
        parts.append(_dummy(layer, read))
    return parts + _shift_add(layer, read)


def _phases(layer: Layer, read: Read) -> float:
    """Mux phases of one pass over all positions and planes, in series."""
    return layer.plan.positions * layer.plan.input_bits * read.serial


def _crossbar_phases(layer: Layer) -> float:
    """Mux phases of one crossbar per inference."""
    return layer.plan.reads * layer.hardware.crossbar.mux


def _cells(layer: Layer, read: Read) -> Part:
    plan, array = layer.plan, read.array
    mean = MIDDLE_LEVEL if layer.activity.background is None else layer.activity.background
    # a column conducts only while it is selected: once per read
    crossings = layer.activity.rate * plan.rows * layer.hardware.word_lines * plan.columns * plan.groups
    current = crossings * cell_fj(layer.hardware, read.adc, mean)
    bit_lines = layer.awake * plan.groups * plan.columns * plan.row_blocks * array.bit_fj
    phases = layer.hardware.crossbar.mux
    lines = phases * (layer.active_lines * array.word_fj + layer.awake * plan.crossbars * array.precharge_fj)
    return Part(
        "crossbar",
        _graded(layer, array.grade),
        array.source,
        energy_pj=plan.reads * (current + bit_lines + lines) * 1e-3,
        area_um2=plan.crossbars * array.area_um2,
        leakage_pw=plan.crossbars * array.leakage_pw,
        read_ns=_phases(layer, read) * read.margin * array.settle_ns,
    )


def _dummy(layer: Layer, read: Read) -> Part:
    """A column of off cells per crossbar, connected in every phase; its area is part of the crossbar."""
    fj = cell_fj(layer.hardware, read.adc, 0.0)
    energy = _crossbar_phases(layer) * layer.active_lines * fj * 1e-3
    grade = _graded(layer, "sourced")
    return Part("dummy_column", grade, f"as a column of the crossbar: {read.adc.source}", energy_pj=energy)


def _graded(layer: Layer, circuit: Grade) -> Grade:
    """A cell's current is as good as its device's numbers, and as the level that its cells are known to hold."""
    known = layer.activity.background is not None
    sourced = layer.hardware.is_sourced("device.r_on_ohm", "device.on_off_ratio", "device.read_volt")
    return circuit if known and sourced else weakest(circuit, "assumed")


def _rows(layer: Layer, read: Read) -> Part:
    driver, crossbars = read.driver, layer.plan.crossbars
    per_phase = layer.awake * crossbars * driver.clock_fj + layer.active_lines * driver.active_fj
    time = _phases(layer, read) * read.margin * driver.drive_ns
    exposed = driver.drive_ns >= read.columns["column_mux"].time_ns
    return Part(
        "row_driver",
        driver.grade if layer.hardware.word_lines == 1 else weakest(driver.grade, "assumed"),
        driver.source,
        energy_pj=_crossbar_phases(layer) * per_phase * 1e-3,
        area_um2=crossbars * driver.area_um2,
        leakage_pw=crossbars * driver.leakage_pw,
        read_ns=time if exposed else 0.0,
        hidden_ns=0.0 if exposed else time * layer.plan.steps,
    )


def _columns(layer: Layer, read: Read) -> list[Part]:
    crossbars, parts = layer.plan.crossbars, []
    for name, circuit in read.columns.items():
        actions = _crossbar_phases(layer) * crossbars * layer.awake
        time = _phases(layer, read) * read.margin * circuit.time_ns
        exposed = circuit.time_ns > read.driver.drive_ns
        times = {"read_ns": time} if exposed else {"hidden_ns": time * layer.plan.steps}
        if circuit.area_um2:
            parts.append(placed(name, circuit, crossbars, actions, **times))
    return parts


def _adc(layer: Layer, read: Read) -> Part:
    adc, plan = read.adc, layer.plan
    return Part(
        "adc",
        adc.grade,
        adc.source,
        energy_pj=plan.conversions * layer.awake_conversions * adc.energy_fj * 1e-3,
        area_um2=plan.adcs * adc.area_um2,
        leakage_pw=plan.adcs * adc.leakage_pw,
        read_ns=_phases(layer, read) * read.margin * adc.time_ns,
    )


def _shift_add(layer: Layer, read: Read) -> list[Part]:
    plan, chip = layer.plan, layer.hardware
    conversions = plan.conversions * layer.awake_conversions
    join, bits = plan.conversions_per_output, code_bits(plan, chip)
    slices = slices_circuit(layer.tech, bits, join, chip.crossbar.mux)
    times = _overlapped(layer, read, slices.time_ns)
    parts = [placed("shift_add", slices, plan.adcs, conversions, **times)]
    if plan.input_bits > 1:
        planes = planes_circuit(layer.tech, bits, join, chip.crossbar.mux)
        times = _overlapped(layer, read, planes.time_ns)
        parts.append(placed("input_shift_add", planes, plan.adcs, conversions / join, **times))
    return parts


def _overlapped(layer: Layer, read: Read, time_ns: float) -> dict[str, float]:
    """Behind the next phase's conversion; exposed are the last one and whatever does not fit a phase."""
    phases = _phases(layer, read)
    exposed = time_ns + (phases - 1) * max(time_ns - read.phase_ns, 0.0)
    return {"read_ns": exposed, "hidden_ns": (phases * time_ns - exposed) * layer.plan.steps}
