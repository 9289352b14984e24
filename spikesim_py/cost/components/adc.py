"""Converters, without the column's current: SAR, flash, ramp, and what a digital crossbar has instead.

SAR, b bits: area = a0 + a1 b; power = p0 + p1 b; time = (b + 1) ns at every node. Flash (multi-level sense
amplifiers with an encoder): 2^b - 1 comparators, an encoder whose area grows with 4^b; energy with 2^b;
time = t0 + t1 2^b.

Ramp: one of the flash converter's comparators and a b-bit counter of adders and flip-flops; 2^b clocks, in each of
which the comparator decides, the flip-flops are clocked and two bits of the adder switch (a count changes
1 + 1/2 + 1/4 + ... bits). The ramp generator, one for many columns, is not counted.

Adder tree (Chih et al., ISSCC 2021, 16.4: a NOR gate at every cell and a tree of adders per column): a product gate
per row, of 4 transistors where a full adder has 28 (Weste and Harris, CMOS VLSI Design), and the tree, one bit
wider at every level; all of them are taken to switch in every read.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...hardware import AdcKind, Hardware
from ..technology import Technology
from ..tree import Grade
from .anchors import anchored
from .base import weakest
from .digital import adder, adder_tree, register

#: resolutions at which the reference circuits were run
FITTED_BITS = (3, 8)
#: transistors of a product gate (NOR) over those of a full adder
_GATE_SHARE = 4 / 28


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


def converter(tech: Technology, hardware: Hardware, bits: int) -> Converter:
    """The converter that a chip declares, with `bits` bits, in the figures of the chip's `cost.adc_anchor`."""
    return anchored(_own(tech, hardware, bits), tech, hardware, bits)


def _own(tech: Technology, hardware: Hardware, bits: int) -> Converter:
    """The library's own converter; for an adder tree `bits` does not matter."""
    kind = hardware.adc.kind
    if kind is AdcKind.ADDER_TREE:
        return digital_sum(tech, hardware.crossbar.rows)
    if kind is AdcKind.RAMP:
        return ramp(tech, bits, 1e3 / hardware.technology.clock_mhz)
    return sar(tech, bits) if kind is AdcKind.SAR else flash(tech, bits)


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


def ramp(tech: Technology, bits: int, clock_ns: float) -> Converter:
    """A comparator and a counter; the column is held after one sense time."""
    law, count, held = tech["flash_adc"], adder(tech, bits), register(tech, bits)
    step_ns = max(clock_ns, law["sense_time"], count.time_ns)
    step_fj = law["level"] + held.energy_fj + adder(tech, 2).energy_fj
    return Converter(
        area_um2=law["comparator_area"] + count.area_um2 + held.area_um2,
        leakage_pw=law["leakage"] + count.leakage_pw + held.leakage_pw,
        energy_fj=2**bits * step_fj,
        time_ns=2**bits * step_ns,
        connected_ns=law["sense_time"],
        grade=weakest(law.grade, count.grade, "assumed"),
        source=f"{law.source}; {count.source}",
    )


def digital_sum(tech: Technology, rows: int) -> Converter:
    """Product gates and adder tree of one column; it carries no current."""
    tree, gates = adder_tree(tech, rows, 1), adder(tech, _GATE_SHARE * rows)
    return Converter(
        area_um2=tree.area_um2 + gates.area_um2,
        leakage_pw=tree.leakage_pw + gates.leakage_pw,
        energy_fj=tree.energy_fj + gates.energy_fj,
        time_ns=tree.time_ns,
        connected_ns=0.0,
        grade=weakest(tree.grade, "assumed"),
        source=f"{tree.source}; a product gate as {_GATE_SHARE:.3f} of a full adder (Chih et al., ISSCC 2021, 16.4)",
    )
