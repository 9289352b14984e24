"""One lane of the neuron unit: adder, leak, comparator, reset, saturation; an action is one update of a unit.

Composition (ours): the sum needs one bit more than the wider of membrane and pre-activation. A leak by a power
of two is wiring, by another multiplier an array of adders, and rounding adds one adder. Resetting by subtraction
takes an adder, to zero a gate per bit (a quarter of a full adder). Saturation takes a comparison at the
membrane's width, wrapping nothing. Membrane, sum and threshold are registered.

What units have beyond that (ours too, all from the same adders, comparators and registers): a resting potential, an
adder before the leak and one behind it; a least membrane, a comparator; a reset to a level, or one step late, the same
gates as one to zero, and a late one by subtraction the adder; several spikes per step, a restoring division: an adder
per bit of the count; a refractory time, a counter; a synapse, an adder, a leak and a register of its own, and a gate
per bit where resets empty it. A `Li` has neither threshold nor reset. Multipliers that differ between units take an
array multiplier of their bits.
"""

from __future__ import annotations

from collections.abc import Collection

from ..._arrays import Real, maximum
from ...network import Leak, Lif, Membrane
from ..technology import Technology
from .base import Circuit
from .digital import adder, comparator, multiplier, register

#: a 2-input gate per bit against a full adder (a full adder takes about four such gates)
GATE = 0.25


def neuron_lane(tech: Technology, node: Membrane, input_bits: Real, arrays: Collection[str] = ()) -> Circuit:
    """A lane for units whose pre-activations have `input_bits` bits.

    Args:
        arrays: names of the numbers that units have of their own (`leak`, `v_leak`, ...).
    """
    driven = input_bits if node.synapse is None else maximum(input_bits, node.synapse.bits)
    width = maximum(node.membrane_bits + node.store_shift, driven) + 1
    lane = adder(tech, width)
    if isinstance(node, Lif):
        lane += comparator(tech, width)
    lane += leak_shifter(tech, node.leak, width, "leak" in arrays)
    if isinstance(node, Lif):
        lane += _fire(tech, node, width)
    if node.overflow == "saturate":
        lane += comparator(tech, node.membrane_bits)
    if node.v_leak or "v_leak" in arrays:
        lane += adder(tech, width).times(2)
    if node.v_min is not None or "v_min" in arrays:
        lane += comparator(tech, node.membrane_bits)
    if node.synapse is not None:
        own = driven + 1
        lane += adder(tech, own) + leak_shifter(tech, node.synapse.leak, own, "synapse" in arrays)
        lane += register(tech, 2 * own)
        if node.synapse.overflow == "saturate":
            lane += comparator(tech, node.synapse.bits)
        if node.synapse.resets:
            lane += adder(tech, node.synapse.bits * GATE)
    return lane + register(tech, (3 if isinstance(node, Lif) else 2) * width)


def _fire(tech: Technology, node: Lif, width: Real) -> Circuit:
    """Reset, spikes beyond the first, and waiting."""
    shares = {"subtract": 1.0, "zero": GATE, "none": 0.0}
    circuit = adder(tech, width * shares[node.reset])
    if node.max_spikes > 1:
        circuit += adder(tech, width).times(node.max_spikes.bit_length())
    if node.refractory:
        bits = node.refractory.bit_length()
        circuit += adder(tech, bits) + register(tech, bits)
    return circuit


def leak_shifter(tech: Technology, leak: Leak, width: Real, own: bool = False) -> Circuit:
    """The decay of a membrane of `width` bits: nothing, wiring, or a multiplier, and its rounding.

    Args:
        own: whether units have multipliers of their own, from 0 to 2^shift.
    """
    factor, shift = leak.multiplier, leak.shift
    power_of_two = factor in (0, 1) or (factor == int(factor) and int(factor) & (int(factor) - 1) == 0)
    bits = 1 if power_of_two else max(int(factor).bit_length(), 2)
    bits = shift + 1 if own else bits
    rounds = shift > 0 and leak.rounding != "floor"
    return multiplier(tech, width, bits) + adder(tech, width if rounds else 0)
