"""Shift-add behind the ADC: over weight slices and signs, and over input planes where inputs have several bits."""

from __future__ import annotations

from ..._arrays import maximum
from ..technology import Group, Technology
from .base import Circuit


def shift_add(tech: Technology, adc_bits: int, columns: int, ways: int) -> Circuit:
    """Joins the `columns` conversions (slices and signs) of an output; an action is one conversion."""
    return _law(tech["shift_add"], adc_bits, columns, ways)


def input_shift_add(tech: Technology, adc_bits: int, columns: int, ways: int) -> Circuit:
    """Joins the planes of an output; an action is one plane of one output (fitted at 8-bit inputs)."""
    return _law(tech["input_shift_add"], adc_bits, columns, ways)


def _law(law: Group, bits: int, columns: int, ways: int) -> Circuit:
    area = law["area_base"] + bits * law["area_bit"] + columns * law["area_slice"] + ways * law["area_way"]
    return Circuit(
        # at least the adder and register of the converter's bits
        area_um2=maximum(area, bits * law["area_bit"]),
        leakage_pw=law["leakage_base"] + bits * law["leakage_bit"],
        energy_fj=law["energy_base"] + bits * law["energy_bit"] + columns * law["energy_slice"],
        time_ns=law["time_base"] + bits * law["time_bit"],
        grade=law.grade,
        source=law.source,
    )
