"""One lane of the neuron unit: adder, leak, comparator, reset, saturation; an action is one LIF update.

Composition (ours): the sum needs one bit more than the wider of membrane and pre-activation. A leak by a power
of two is wiring, by another multiplier an array of adders, and rounding adds one adder. Resetting by subtraction
takes an adder, to zero a gate per bit (a quarter of a full adder). Saturation takes a comparison at the
membrane's width, wrapping nothing. Membrane, sum and threshold are registered.
"""

from __future__ import annotations

from ..._arrays import Real, maximum
from ...network import Lif
from ..technology import Technology
from .base import Circuit
from .digital import adder, comparator, multiplier, register

#: a 2-input gate per bit against a full adder (a full adder takes about four such gates)
GATE = 0.25


def neuron_lane(tech: Technology, lif: Lif, input_bits: Real) -> Circuit:
    """A lane for `lif` units whose pre-activations have `input_bits` bits."""
    width = maximum(lif.membrane_bits + lif.store_shift, input_bits) + 1
    lane = adder(tech, width) + comparator(tech, width)
    lane += leak_shifter(tech, lif, width)
    lane += adder(tech, width * (1.0 if lif.reset == "subtract" else GATE))
    if lif.overflow == "saturate":
        lane += comparator(tech, lif.membrane_bits)
    return lane + register(tech, 3 * width)


def leak_shifter(tech: Technology, lif: Lif, width: Real) -> Circuit:
    """The decay of a membrane of `width` bits: nothing, wiring, or a multiplier, and its rounding."""
    factor, shift = lif.leak.multiplier, lif.leak.shift
    power_of_two = factor in (0, 1) or (factor == int(factor) and int(factor) & (int(factor) - 1) == 0)
    bits = 1 if power_of_two else max(int(factor).bit_length(), 2)
    rounds = shift > 0 and lif.leak.rounding != "floor"
    return multiplier(tech, width, bits) + adder(tech, width if rounds else 0)
