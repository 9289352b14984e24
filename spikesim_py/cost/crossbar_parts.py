"""The crossbars of a layer and what is wired to each: cells, drivers, mux, ADCs, shift-add.

One read of a crossbar is one plane of one position. It has `mux` phases (times the crossbars that share an
ADC): drive or select, settle, convert, with NeuroSim's margin of 1.4 on the sum. Shift-add works on one phase
while the next is converted; its last one is seen once per pass.

A column conducts while it is selected, once per read; in a cross-point array and where all gates are on, unselected
columns that are grounded conduct in every mux phase too. With `crossbar.row_gating` drivers of rows without a spike are
not clocked. With `adc.zero_skip` a conversion whose column carries nothing ends after its first comparison; how often
that is follows from the activity as if rows were independent.

Interleaved pairs have two word lines per input and half the columns. A line at -V is taken to cost what one at +V does
(assumed); its supply is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .._arrays import Real, exp2, is_array, maximum, minimum, where
from ..hardware import Topology
from ..mapping import code_bits
from .components import (
    CellArray,
    Circuit,
    Converter,
    RowDriver,
    adder,
    cell_array,
    column_circuits,
    converter,
    row_driver,
)
from .components import input_shift_add as planes_circuit
from .components import shift_add as slices_circuit
from .components.array import cell_fj
from .components.base import weakest
from .components.neuron import GATE
from .components.shift_add import under_columns
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
    serial: Real

    @property
    def select_ns(self) -> Real:
        """Word line and column select at once: the slower counts."""
        return maximum(self.driver.drive_ns, self.columns["column_mux"].time_ns)

    @property
    def phase_ns(self) -> Real:
        return self.margin * (self.select_ns + self.array.settle_ns + self.adc.time_ns)

    @property
    def read_ns(self) -> Real:
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
    parts = [_cells(layer, read), _rows(layer, read), *_gating(layer), *_columns(layer, read), _adc(layer, read)]
    if layer.hardware.dummy_columns:
        parts.append(_dummy(layer, read))
    return parts + _shift_add(layer, read)


def pass_ns(layer: Layer, read: Read) -> Real:
    """Reads of one pass over all positions, if nothing waits for anything else."""
    return _phases(layer, read) * read.phase_ns


def _phases(layer: Layer, read: Read) -> Real:
    """Mux phases of one pass over all positions and planes, in series."""
    return layer.plan.turns * layer.plan.input_bits * read.serial


def _crossbar_phases(layer: Layer) -> Real:
    """Mux phases of the crossbars that a position reads, per inference."""
    return layer.plan.reads * layer.hardware.crossbar.mux


def mean_level(layer: Layer) -> Real:
    """Mean level of the cells on active rows over the highest: measured, else assumed."""
    return MIDDLE_LEVEL if layer.activity.background is None else layer.activity.background


def _conducting_phases(layer: Layer) -> Real:
    """Mux phases in which a column conducts."""
    wires, open_gates = layer.hardware.wires, (Topology.PASSIVE, Topology.PSEUDO_1T1R)
    grounded = wires.topology in open_gates and wires.unselected_columns == "grounded"
    return layer.hardware.crossbar.mux if grounded else 1


def _cells(layer: Layer, read: Read) -> Part:
    plan, array = layer.plan, read.array
    crossings = layer.activity.rate * plan.rows * layer.hardware.word_lines * plan.columns * plan.groups
    current = _conducting_phases(layer) * crossings * cell_fj(layer.hardware, read.adc, mean_level(layer))
    bit_lines = layer.awake * plan.groups * plan.columns * plan.row_blocks * array.bit_fj
    phases = layer.hardware.crossbar.mux
    lines = phases * (layer.active_lines * array.word_fj + layer.awake * plan.read_crossbars * array.precharge_fj)
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
    clocked = layer.awake * layer.plan.read_crossbars
    if layer.hardware.crossbar.row_gating:
        clocked = minimum(layer.active_lines / layer.hardware.crossbar.rows, clocked)
    per_phase = clocked * driver.clock_fj + layer.active_lines * driver.active_fj
    time = _phases(layer, read) * read.margin * driver.drive_ns
    exposed = driver.drive_ns >= read.columns["column_mux"].time_ns
    return Part(
        "row_driver",
        driver.grade if layer.hardware.word_lines == 1 else weakest(driver.grade, "assumed"),
        driver.source,
        energy_pj=_crossbar_phases(layer) * per_phase * 1e-3,
        area_um2=crossbars * driver.area_um2,
        leakage_pw=crossbars * driver.leakage_pw,
        read_ns=where(exposed, time, 0.0),
        hidden_ns=where(exposed, 0.0, time * layer.plan.steps),
    )


def _gating(layer: Layer) -> list[Part]:
    """What tells idle rows and crossbars: a gate per row that holds its clock, and one in a chain that finds any spike.

    A gate is a quarter of a full adder, as in the neuron unit; it switches with its row's spikes (assumed).
    """
    chosen, plan = layer.hardware.crossbar, layer.plan
    kinds = int(chosen.row_gating) + int(chosen.event_driven)
    if not kinds:
        return []
    gate = adder(layer.tech, GATE)
    gate = replace(gate, time_ns=0.0, grade=weakest(gate.grade, "assumed"))
    return [placed("gating", gate, kinds * plan.crossbars * chosen.rows, kinds * layer.active_lines * plan.reads)]


def _columns(layer: Layer, read: Read) -> list[Part]:
    plan, parts = layer.plan, []
    actions = _crossbar_phases(layer) * plan.read_crossbars * layer.awake
    for name, circuit in read.columns.items():
        time = _phases(layer, read) * read.margin * circuit.time_ns
        exposed = circuit.time_ns > read.driver.drive_ns
        times = {"read_ns": where(exposed, time, 0.0), "hidden_ns": where(exposed, 0.0, time * plan.steps)}
        if is_array(circuit.area_um2) or circuit.area_um2:
            parts.append(placed(name, circuit, plan.crossbars, actions, **times))
    return parts


def _adc(layer: Layer, read: Read) -> Part:
    adc, plan = read.adc, layer.plan
    made = layer.awake_conversions
    if layer.hardware.adc.zero_skip:
        bits = layer.hardware.adc.bits_of(layer.name)
        idle = maximum(idle_columns(layer) - (1.0 - made), 0.0)  # of the columns that are read at all
        made = made - idle * bits / (bits + 1.0)
    return Part(
        "adc",
        adc.grade,
        adc.source,
        energy_pj=plan.conversions * made * adc.energy_fj * 1e-3,
        area_um2=plan.adcs * adc.area_um2,
        leakage_pw=plan.adcs * adc.leakage_pw,
        read_ns=_phases(layer, read) * read.margin * adc.time_ns,
    )


def idle_columns(layer: Layer) -> Real:
    """Share of conversions whose column carries nothing: no active row meets a cell above level 0.

    Levels above 0 are taken as equally frequent, so that a mean level m means a share m 2 (2^c - 1) / 2^c of cells.
    """
    plan, levels = layer.plan, exp2(layer.hardware.device.cell_bits)
    filled = minimum(mean_level(layer) * 2.0 * (levels - 1.0) / levels, 1.0)
    pair = 2 if layer.hardware.signed_sums else 1  # both cells of a weight enter one conversion
    return (1.0 - layer.activity.rate * filled) ** (pair * plan.rows / plan.conversion_blocks)


def _shift_add(layer: Layer, read: Read) -> list[Part]:
    plan, chip = layer.plan, layer.hardware
    conversions = plan.conversions * layer.awake_conversions
    join, bits = plan.conversions_per_output, code_bits(plan, chip)
    place = under_columns(layer.tech, chip)
    slices = slices_circuit(layer.tech, bits, join, chip.crossbar.mux, **place)
    parts = [placed("shift_add", slices, plan.adcs, conversions, **_behind(layer, read, slices.time_ns))]
    if plan.input_bits > 1:
        planes = planes_circuit(layer.tech, bits, join, chip.crossbar.mux, input_bits=plan.input_bits, **place)
        times = _behind(layer, read, planes.time_ns)
        parts.append(placed("input_shift_add", planes, plan.adcs, conversions / join, **times))
    return parts


def _behind(layer: Layer, read: Read, time_ns: Real) -> dict[str, Real]:
    """Behind the next phase's conversion; the last one is seen once per pass."""
    return {"read_ns": time_ns, "beside_ns": (_phases(layer, read) - 1) * time_ns}
