"""Adders, registers and what is built of them: trees, counters, comparators, multipliers.

A ripple adder and a register are linear in their bits. A tree of n inputs of b bits has n/2 adders of b bits,
n/4 of b + 1, and so on (NeuroSim's adder tree: 2, 4, 8, 16 inputs of 8 bits at 32 nm take 23.5, 73.5, 176.5
and 385.4 um2). A population count of n inputs takes n full adders. A multiplier of n by m bits is an array
of n (m - 1) full adders. A selector of two bits takes the 6 transistors of two transmission gates and an inverter,
where a full adder has 28 (Weste and Harris, CMOS VLSI Design), and as much less of its area, energy, time and leakage.

A permutation network of n lines, n a power of two, has 2 log2(n) - 1 columns of n / 2 switches (V. E. Benes, Bell
System Technical Journal 43, 1964); a switch is two selectors and a bit that says whether it crosses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..._arrays import Real, bit_length, ceil_div, exp2, floor_div, maximum, where
from ..technology import Technology
from .base import Circuit, weakest

#: transistors of a selector over those of a full adder
_SELECTOR_SHARE = 6 / 28


def adder(tech: Technology, bits: Real) -> Circuit:
    """Ripple adder; an action is one addition."""
    law = tech["digital"]
    return Circuit(
        bits * law["adder_area"],
        bits * law["adder_leakage"],
        bits * law["adder"],
        bits * law["adder_time"],
        law.grade,
        law.source,
    )


def register(tech: Technology, bits: Real) -> Circuit:
    """Flip-flops; an action is one clock."""
    law = tech["digital"]
    return Circuit(
        bits * law["register_area"],
        bits * law["register_leakage"],
        bits * law["register"],
        0.0,
        law.grade,
        law.source,
    )


def comparator(tech: Technology, bits: Real) -> Circuit:
    """A comparison is a subtraction whose sign is kept."""
    return adder(tech, bits)


def adder_tree(tech: Technology, inputs: Real, bits: Real) -> Circuit:
    """Sum of `inputs` values of `bits` bits; an action is one sum."""
    full_adders, depth, count = 0.0 * bits, 0.0 * bits, inputs
    most = int(inputs.max()) if isinstance(inputs, np.ndarray) else inputs
    for level in range(bit_length(most - 1) if most > 1 else 0):
        full_adders = full_adders + floor_div(count, 2) * (bits + level)
        depth = depth + where(count > 1, bits + level, 0)
        count = ceil_div(count, 2)
    law = tech["digital"]
    return Circuit(
        full_adders * law["adder_area"],
        full_adders * law["adder_leakage"],
        full_adders * law["adder"],
        depth * law["adder_time"],
        law.grade,
        law.source,
    )


def counter(tech: Technology, inputs: Real) -> Circuit:
    """Population count of `inputs` one-bit values; an action is one count."""
    full = adder(tech, maximum(inputs, 1))
    depth = adder_tree(tech, maximum(inputs, 2), 1)
    return Circuit(full.area_um2, full.leakage_pw, full.energy_fj, depth.time_ns, full.grade, full.source)


def multiplier(tech: Technology, a_bits: float, b_bits: Real) -> Circuit:
    """Array multiplier; an action is one product. A factor of one bit needs no adder."""
    one = adder(tech, 1)
    count = a_bits * maximum(b_bits - 1, 0)
    return Circuit(
        one.area_um2 * count,
        one.leakage_pw * count,
        one.energy_fj * count,
        one.time_ns * (a_bits + b_bits),
        one.grade,
        one.source,
    )


def selector(tech: Technology, bits: Real) -> Circuit:
    """One of two words; an action is one word."""
    law, one = tech["digital"], adder(tech, _SELECTOR_SHARE * bits)
    return replace(one, time_ns=_SELECTOR_SHARE * law["adder_time"], grade=weakest(one.grade, "assumed"))


def permutation(tech: Technology, lines: Real) -> Circuit:
    """Any permutation of one-bit lines, set once; an action is one line that is active."""
    stages = bit_length(lines - 1)
    depth = maximum(2 * stages - 1, 0)
    switches, one = depth * exp2(stages) / 2, selector(tech, 1)
    held = register(tech, switches)
    return replace(
        one,
        area_um2=2 * switches * one.area_um2 + held.area_um2,
        leakage_pw=2 * switches * one.leakage_pw + held.leakage_pw,
        energy_fj=depth * one.energy_fj,
        time_ns=depth * one.time_ns,
    )
