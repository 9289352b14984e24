"""What must be stored to run a network: its numbers, and what it remembers between time-steps; to the bit.

A number counts unless it changes nothing: multipliers that are all 1, biases that are all 0, and what units leave at
its default (no decay, no resting level ...). Shifts are wires. A float is 32 bits; an integer takes as many as the
largest of its array, sign included, a weight its layer's `weight_bits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cost import digital, neuron_parts
from .network import Affine, Delay, Edge, Lif, Membrane, Network
from .network.model import AnyNode
from .network.units import replaced_by_arrays

Kind = Literal["weights", "affines", "units", "membranes", "delays"]
#: what the parts of a footprint are
KINDS: dict[Kind, str] = {
    "weights": "of all layers",
    "affines": "biases and multipliers",
    "units": "thresholds, decays, and other numbers of units",
    "membranes": "of all units, with synaptic currents, counters and late spikes",
    "delays": "values on their way",
}


class Numbers(NamedTuple):
    """Parameters that are stored alike: `size` of them, `bits` each."""

    kind: Kind
    size: int
    bits: int

    @property
    def nbytes(self) -> int:
        """In the smallest of 1, 2 and 4 bytes that holds one."""
        return self.size * (1 if self.bits <= 8 else 2 if self.bits <= 16 else 4)


def parameters(network: Network) -> Iterator[Numbers]:
    """All numbers of a network with weights that are the same in every inference."""
    for node in network.nodes:
        for kind, array in _arrays(network, node):
            yield Numbers(kind, array.size, _bits(network, node, array))


def footprint_bits(network: Network) -> dict[Kind, int]:
    """Bits of the parts of a network with weights; they sum to what one inference needs."""
    found = dict.fromkeys(KINDS, 0)
    for numbers in parameters(network):
        found[numbers.kind] += numbers.size * numbers.bits
    library = digital if network.arithmetic == "float" else neuron_parts
    for node in network.nodes:
        if isinstance(node, Membrane):
            found["membranes"] += library.membrane_bits(network, node)
        elif isinstance(node, Delay):
            found["delays"] += round(library.delay_bits(network, node))
    return found


def _arrays(network: Network, node: AnyNode) -> Iterator[tuple[Kind, NDArray[np.generic]]]:
    def array(name: str) -> NDArray[np.generic] | None:
        return network.arrays.get(f"{node.name}.{name}")

    if (weight := array("weight")) is not None:
        yield "weights", weight
    if isinstance(node, Affine):
        for name, neutral in (("multiplier", 1), ("bias", 0)):
            values = network.arrays[f"{node.name}.{name}"]
            if (values != neutral).any():
                yield "affines", values
    if isinstance(node, Delay) and (steps := array("steps")) is not None:
        yield "delays", steps
    if isinstance(node, Lif):
        yield "units", network.arrays[f"{node.name}.theta"]
    if isinstance(node, Membrane):
        for name, default in replaced_by_arrays(node).items():
            if (own := array(name)) is not None:
                yield "units", own
            elif not default:
                yield "units", np.array([_number(node, name)])


def _number(node: Membrane, name: str) -> float:
    """The one that an array of this name would replace."""
    if name == "leak":
        return node.leak.multiplier
    if name == "synapse" and node.synapse:
        return node.synapse.leak.multiplier
    return float(getattr(node, name))


def _bits(network: Network, node: AnyNode, array: NDArray[np.generic]) -> int:
    if network.arithmetic == "float" and not isinstance(node, Delay):
        return digital.FLOAT_BITS
    stated = getattr(node, "weight_bits", None)
    return stated or Edge((1, 1, 1), int(array.min()), int(array.max())).bits
