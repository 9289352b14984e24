"""SpikeSim's operating point in each library, and the networks that are put on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...hardware import Defects
from ...network import Network, build

NETWORK, CHIP = "vgg9-cifar10", "spikesim_released"

_FIXED = {f"cost.defects.{name}": False for name in Defects.model_fields}
_NO_FC = {"cost.defects.fc_layers_omitted": True}
#: the same crossbars, ADCs, mapping and clock on the circuits of the parametric library
PARAMETRIC: Mapping[str, Any] = {"cost.library": "parametric", "technology.node_nm": 65}
#: the chip as released, with its defects corrected, and on our circuits
DESIGNS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("released, as published: convolutions, memory of five", {}),
    ("released, memory of all seven (defect 6)", {"cost.defects.neuron_memory_first_five": False}),
    ("released, corrected, convolutions", _FIXED | _NO_FC),
    ("released, corrected, with the FC layers", _FIXED),
    ("parametric, 65 nm, with the FC layers", PARAMETRIC),
)

#: numbers of channels that replace those of VGG9
CHANNELS: Mapping[str, Callable[[int], int]] = {
    "as published": lambda channels: channels,
    "at most 192": lambda channels: min(channels, 192),
    "at most 128": lambda channels: min(channels, 128),
    "at most 64": lambda channels: min(channels, 64),
    "3/4": lambda channels: channels * 3 // 4,
    "1/2": lambda channels: channels // 2,
    "1/4": lambda channels: channels // 4,
}


def with_channels(network: Network, change: Callable[[int], int]) -> Network:
    """A shape-only VGG with other numbers of channels; the hidden units of its classifier stay."""
    model, outputs = network.model.model_dump(mode="python"), dict[int, int]()
    nodes, before = [], 0
    for node in model["nodes"]:
        made = node
        if node["op"] == "conv":
            made = node | {"out_channels": change(node["out_channels"])}
            made |= {"in_channels": outputs.get(before, node["in_channels"])}
            before = node["out_channels"]
            outputs[before] = made["out_channels"]
        elif node["op"] == "linear" and before:
            made = node | {"in_features": node["in_features"] // before * outputs[before]}
            before = 0
        nodes.append(made)
    return build(model | {"nodes": nodes}, {})


def four_bit_ann(network: Network, bits: int = 4) -> Network:
    """The ANN of a shape-only SNN: one time-step, activations of `bits` bits, no memory.

    A unit that emits up to 2^bits - 1 spikes in its one time-step is a quantizing ReLU; its membrane is one bit wide
    because it must be something. Crossbars read the activations bit plane after bit plane.
    """
    model = network.model.model_dump(mode="python")
    relu = {"leak": {"multiplier": 0, "shift": 0}, "reset": "none", "membrane_bits": 1, "signed": False}
    relu |= {"max_spikes": 2**bits - 1}
    nodes = [node | relu if node["op"] == "lif" else node for node in model["nodes"]]
    return build(model | {"nodes": nodes, "time_steps": 1, "name": f"{network.name} ({bits}-bit ANN)"}, {})
