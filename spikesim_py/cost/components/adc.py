"""Converters, without the column's current: SAR, flash, ramp, and what a digital crossbar has instead.

SAR, b bits: area = a0 + a1 b; power = p0 + p1 b; time = (b + 1) ns at every node. Flash: L - 1 multi-level sense
amplifiers, L = 2^b, and an encoder: L - 1 rows of gates, wider by a fold for every 48 levels; its charge and leakage
are those of b output gates of L inputs, c0 b + c1 L + c2 L b, its time t0 + t1 L + t2 b.

A column's current costs V^2 G per ns for the share `column_duty` of the conversion; NeuroSim's fits go with
G^a, a within 0.3 % of 1 (`Converter.column_fj`).

Ramp: one of the flash converter's comparators and a b-bit counter of adders and flip-flops; 2^b clocks, in each of
which the comparator decides, the flip-flops are clocked and two bits of the adder switch (a count changes
1 + 1/2 + 1/4 + ... bits). The ramp generator, one for many columns, is not counted.

Adder tree (Chih et al., ISSCC 2021, 16.4: a NOR gate at every cell and a tree of adders per column): a product gate
per row, of 4 transistors where a full adder has 28 (Weste and Harris, CMOS VLSI Design), and the tree, one bit
wider at every level; all of them are taken to switch in every read.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real, ceil_div, exp2, maximum
from ...errors import ConfigError
from ...hardware import AdcKind, Hardware
from ..technology import Technology
from ..tree import Grade
from .anchors import anchored
from .base import Circuit, weakest
from .digital import adder, adder_tree, register

#: resolutions at which the reference circuits were run
FITTED_BITS = (3, 8)
#: transistors of a product gate (NOR) over those of a full adder
_GATE_SHARE = 4 / 28


@dataclass(frozen=True)
class Converter:
    """One converter: `connected_ns` of each conversion its column carries current (at 1 mS, if that depends)."""

    area_um2: Real
    leakage_pw: Real
    energy_fj: Real
    time_ns: Real
    connected_ns: Real
    grade: Grade
    source: str
    column_power: float = 1.0

    def column_fj(self, read_volt: Real, siemens: Real) -> Real:
        """Current of a column of conductance `siemens` during one conversion."""
        return read_volt**2 * 1e-3 * (1e3 * siemens) ** self.column_power * self.connected_ns * 1e6


def converter(tech: Technology, hardware: Hardware, bits: Real) -> Converter:
    """The converter that a chip declares, with `bits` bits, in the figures of the chip's `cost.adc_anchor`."""
    return anchored(_own(tech, hardware, bits), tech, hardware, bits)


def _own(tech: Technology, hardware: Hardware, bits: Real) -> Converter:
    """The library's own converter; for an adder tree `bits` does not matter."""
    kind, model = hardware.adc.kind, hardware.adc.model
    if model is not None:
        made = model.cost(tech, hardware, bits)
        if not isinstance(made, Converter):
            raise ConfigError(f"adc.kind = {kind.value!r}: its cost is {made!r}: must be a Converter")
        return made
    if kind is AdcKind.ADDER_TREE:
        return digital_sum(tech, hardware.crossbar.rows)
    if kind is AdcKind.RAMP:
        return ramp(tech, bits, 1e3 / hardware.technology.clock_mhz)
    return sar(tech, bits) if kind is AdcKind.SAR else flash(tech, bits)


def sar(tech: Technology, bits: Real) -> Converter:
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
        column_power=law["column_power"],
    )


def flash(tech: Technology, bits: Real) -> Converter:
    """Sense amplifiers and their encoder."""
    law, code = tech["flash_adc"], encoder(tech, bits)
    comparators = exp2(bits) - 1
    return Converter(
        area_um2=comparators * law["comparator_area"] + code.area_um2,
        leakage_pw=code.leakage_pw,
        energy_fj=comparators * law["level"] + code.energy_fj,
        time_ns=law["sense_time"] + code.time_ns,
        connected_ns=law["column_duty"] * law["sense_time"],
        grade=weakest(law.grade, code.grade),
        source=law.source,
    )


def encoder(tech: Technology, bits: Real) -> Circuit:
    """From 2^bits - 1 comparators to a code; an action is one conversion."""
    law, levels = tech["flash_encoder"], exp2(bits)

    def gates(kind: str) -> Real:
        return bits * law[f"{kind}_bit"] + levels * (law[f"{kind}_level"] + bits * law[f"{kind}_input"])

    return Circuit(
        area_um2=law["row"] * (levels - 1) * ceil_div(levels, law["fold"]),
        leakage_pw=gates("leakage"),
        energy_fj=gates("energy"),
        time_ns=law["time_base"] + levels * law["time_level"] + bits * law["time_bit"],
        grade=law.grade,
        source=law.source,
    )


def ramp(tech: Technology, bits: Real, clock_ns: Real) -> Converter:
    """A comparator and a counter; the column is held after one sense time."""
    law, count, held = tech["flash_adc"], adder(tech, bits), register(tech, bits)
    step_ns = maximum(maximum(clock_ns, law["sense_time"]), count.time_ns)
    step_fj = law["level"] + held.energy_fj + adder(tech, 2).energy_fj
    return Converter(
        area_um2=law["comparator_area"] + count.area_um2 + held.area_um2,
        leakage_pw=count.leakage_pw + held.leakage_pw,
        energy_fj=exp2(bits) * step_fj,
        time_ns=exp2(bits) * step_ns,
        connected_ns=law["sense_time"],
        grade=weakest(law.grade, count.grade, "assumed"),
        source=f"{law.source}; {count.source}",
    )


def digital_sum(tech: Technology, rows: Real) -> Converter:
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
