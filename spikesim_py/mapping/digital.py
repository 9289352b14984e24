"""Layers declared digital: computed exactly by multiply-accumulators beside the crossbars, not in cells."""

from __future__ import annotations

from ..errors import MappingError, did_you_mean
from ..hardware import Hardware
from ..network import Network


def digital_layers(network: Network, hardware: Hardware) -> frozenset[str]:
    """Names of the layers without crossbars: those of `mapping.digital_layers`; all of a float network.

    Raises:
        MappingError: a name is not a layer of the network; `first` where no single layer reads the input.
    """
    layers = [node.name for node in network.layers]
    if network.arithmetic == "float":
        return frozenset(layers)
    declared = hardware.mapping.digital_layers
    for name in declared:
        if name not in (*layers, "first"):
            raise MappingError(
                f"mapping.digital_layers = {name!r}: is not a layer of network {network.name!r}"
                f"{did_you_mean(name, layers)} (layers: {', '.join(layers)})"
            )
    return frozenset(_first(network) if name == "first" and name not in layers else name for name in declared)


def _first(network: Network) -> str:
    if network.first_layer is None:
        raise MappingError(
            f"mapping.digital_layers = 'first': no single layer of network {network.name!r} reads its input; name them"
        )
    return network.first_layer
