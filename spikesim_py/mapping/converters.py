"""Converters with as many bits as their columns can need, and no more."""

from __future__ import annotations

from ..errors import MappingError
from ..hardware import Hardware, load_hardware
from ..network import Network
from .plan import lossless_bits, map_network

#: most bits that a converter can have
MOST_BITS = 12


def lossless_adc(network: Network, hardware: Hardware) -> Hardware:
    """The chip with the fewest bits per layer that give every sum a code, if all inputs of a column spike at once.

    Raises:
        MappingError: no layer has a converter, a column can carry more than 12 bits tell apart, or no number of bits
            of the circuit tells every sum.
    """
    plans = {name: plan for name, plan in map_network(network, hardware).layers.items() if not plan.digital}
    if hardware.digital_crossbar or not plans:
        raise MappingError(f"network {network.name!r} has no converters on chip {hardware.name!r}: no bits to choose")
    if not hardware.adc.uniform:
        raise MappingError(f"adc.kind = {hardware.adc.kind.value!r}: gives every sum a code at no number of bits")
    bits = {name: int(lossless_bits(plan, hardware)) for name, plan in plans.items()}
    for name, needed in bits.items():
        if needed > MOST_BITS:
            raise MappingError(
                f"layer {name!r}: its columns carry up to {plans[name].max_rows} cells of {hardware.device.cell_bits} "
                f"bits, which takes an ADC of {needed} bits; at most {MOST_BITS} are modeled (fewer rows or cell bits)"
            )
    made = load_hardware(hardware, {"adc.layer_bits": bits})
    source = f"derived: the largest sum of any column of {network.name} has a code"
    return made.model_copy(update={"sources": made.sources | {"adc.layer_bits": source}})
