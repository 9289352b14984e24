"""Converters: SAR and flash (multi-level sense amplifiers with an encoder), without the column's current.

SAR, b bits: area = a0 + a1 b; power = p0 + p1 b; time = (b + 1) ns at every node. Flash: 2^b - 1 comparators,
an encoder whose area grows with 4^b; energy with 2^b; time = t0 + t1 2^b.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...hardware import AdcKind, Hardware
from ..technology import Technology
from ..tree import Grade

#: resolutions at which the reference circuits were run
FITTED_BITS = (3, 8)


@dataclass(frozen=True)
class Converter:
    """One converter: `connected_ns` of each conversion its column carries current."""

    area_um2: float
    leakage_pw: float
    energy_fj: float
    time_ns: float
    connected_ns: float
    grade: Grade
    source: str


def converter(tech: Technology, hardware: Hardware) -> Converter:
    """The converter that a chip declares."""
    bits = hardware.adc.bits
    return sar(tech, bits) if hardware.adc.kind is AdcKind.SAR else flash(tech, bits)


def sar(tech: Technology, bits: int) -> Converter:
    """Successive approximation with `bits` bits."""
    law = tech["sar_adc"]
    time_ns = (bits + 1) * law["time_bit"]
    return Converter(
        area_um2=law["area_base"] + bits * law["area_bit"],
        leakage_pw=0.0,
        energy_fj=(law["power_base"] + bits * law["power_bit"]) * time_ns,
        time_ns=time_ns,
        connected_ns=law["column_duty"] * time_ns,
        grade=law.grade,
        source=law.source,
    )


def flash(tech: Technology, bits: int) -> Converter:
    """2^bits - 1 sense amplifiers and an encoder."""
    law, levels = tech["flash_adc"], 2**bits
    encoder = law["encoder_base"] + law["encoder_square"] * levels**2
    return Converter(
        area_um2=law["comparator_area"] * (levels - 1) + encoder,
        leakage_pw=law["leakage"] * levels,
        energy_fj=law["level"] * levels,
        time_ns=law["time_base"] + law["time_level"] * levels,
        connected_ns=law["column_duty"] * law["sense_time"],
        grade=law.grade,
        source=law.source,
    )
