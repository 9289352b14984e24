"""Who computes every node of a network, and how active the edges between layers are."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import Literal, NamedTuple

from .._arrays import Real
from ..activity import Activity
from ..mapping import Mapping
from ..network import Conv, Delay, Lif, Linear, Network, Product

Kind = Literal["input", "spikes", "graded", "partial_sums", "shortcut"]


class Label(NamedTuple):
    """What a transfer is: the layer that sends (for `input`, the one that reads), the one that receives, and what.

    Spikes are values of one bit, graded ones (pooled sums, several spikes) of more; sums and pre-activations that are
    added are shortcuts, whatever their bits.
    """

    layer: str
    target: str
    kind: Kind


def owners(network: Network) -> MappingType[str, str | None]:
    """The layer that every node follows: itself, or the latest layer upstream; None for the input.

    Nodes before any layer (a pool on the input) belong to the first layer; what a delay reads ahead of, in a loop, does
    not count as upstream.
    """
    order = {node.name: index for index, node in enumerate(network.layers)}
    first = network.layers[0].name if network.layers else None
    found: dict[str, str | None] = {"input": None} | {name: name for name in order}
    left = [node for node in network.nodes if node.name not in found]
    while left:  # once, but for delays that read ahead
        for node in left:
            known = [found[source] for source in node.inputs if source in found]
            if known:
                above = [layer for layer in known if layer is not None]
                found[node.name] = max(above, key=order.__getitem__) if above else first
        left = [node for node in left if node.name not in found]
    return found


def from_port(network: Network, layer: str, sender: str | None) -> bool:
    """Whether what a layer reads comes from the chip's port: not through another layer, nor around a loop."""
    return sender is None or (sender == layer and layer not in network.looped)


def gathered(network: Network) -> frozenset[str]:
    """Nodes whose output lies on the first tile of their layer: products, and what follows them there."""
    layer_of, found = owners(network), set[str]()
    for node in network.nodes:
        if isinstance(node, Conv | Linear):
            continue
        lent = next((source for source in node.inputs if layer_of[source] == layer_of[node.name]), None)
        if isinstance(node, Product) or lent in found:
            found.add(node.name)
    return frozenset(found)


def spike_rate(mapping: Mapping, activity: Activity, node: Conv | Linear, sender: str) -> Real:
    """Events per value that a layer reads: the sender's spikes where measured, else the reader's input rate."""
    source = node.inputs[0]
    while isinstance(delay := mapping.network.by_name[source], Delay):
        source = delay.inputs[0]
    measured = activity.layers[sender].output_rate
    if isinstance(mapping.network.by_name[source], Lif) and measured is not None:
        return measured
    return activity.layers[node.name].rate * mapping.network.edges[source].bits


def shortcut_rate(mapping: Mapping, activity: Activity, sender: str | None) -> Real:
    """Events per value of an edge that is added: the sender's spikes where measured, else the chip's assumed rate."""
    measured = None if sender is None else activity.layers[sender].output_rate
    return mapping.hardware.cost.assumed_activity if measured is None else measured
