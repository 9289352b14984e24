"""Shift-add behind the ADC: over weight slices and signs, and over input planes where inputs have several bits.

Ripple adders and registers (`digital.py`). Over the slices of an output: b adders, b + slices registers; over the
planes: b + slices adders, b + slices + planes registers. They lie under the array: registers stand in rows as wide as
the array's columns, whole rows only, below one row of wiring; adders are narrow enough to fill theirs.
"""

from __future__ import annotations

from ..._arrays import Real, ceil_div, floor, maximum
from ...hardware import DeviceKind, Hardware
from ..technology import Technology
from .base import Circuit, weakest

#: bits of an input where a design does not say: NeuroSim's default
INPUT_BITS = 8
#: shift-adds side by side where a design does not say: 128 columns, 8 to a converter
LANES = 16


def shift_add(
    tech: Technology, adc_bits: Real, columns: Real, ways: Real, *, lanes: Real = LANES, pitch_um: Real | None = None
) -> Circuit:
    """Joins the `columns` conversions (slices and signs) of an output; an action is one conversion.

    `lanes` of them stand side by side under `ways` columns each of `pitch_um` (a 1T1R cell's if not given).
    """
    return _lane(tech, adc_bits, adc_bits + columns, ways, lanes, pitch_um)


def input_shift_add(
    tech: Technology,
    adc_bits: Real,
    columns: Real,
    ways: Real,
    *,
    lanes: Real = LANES,
    pitch_um: Real | None = None,
    input_bits: Real = INPUT_BITS,
) -> Circuit:
    """Joins the `input_bits` planes of an output; an action is one plane of one output."""
    bits = adc_bits + columns
    return _lane(tech, bits, bits + input_bits, ways, lanes, pitch_um)


def under_columns(tech: Technology, hardware: Hardware) -> dict[str, Real]:
    """`lanes` and `pitch_um` of the shift-adds of a crossbar."""
    cell = "cell_sram" if hardware.device.kind is DeviceKind.SRAM else "cell_rram"
    return {"lanes": hardware.crossbar.cols / hardware.crossbar.mux, "pitch_um": tech[cell]["pitch"]}


def _lane(tech: Technology, adders: Real, registers: Real, ways: Real, lanes: Real, pitch_um: Real | None) -> Circuit:
    law, logic = tech["shift_add"], tech["digital"]
    pitch = tech["cell_rram"]["pitch"] if pitch_um is None else pitch_um
    per_row = maximum(1, floor(lanes * ways * pitch / law["register_width"]))
    rows = 1 + ceil_div(lanes * registers, per_row)
    return Circuit(
        area_um2=adders * logic["adder_area"] + rows * ways * pitch * law["row_height"],
        leakage_pw=adders * logic["adder_leakage"] + registers * logic["register_leakage"],
        energy_fj=adders * logic["adder"] + registers * logic["register"] + law["energy_base"],
        time_ns=law["time_base"] + adders * logic["adder_time"],
        grade=weakest(law.grade, logic.grade),
        source=law.source,
    )
