"""Membranes and currents of every unit over time, for comparing them with what other frameworks expose."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spikesim_py.network import Membrane, Network
from spikesim_py.network.states import stored_states


def unit_states(network: Network, x: Any) -> dict[str, list[np.ndarray]]:
    """Of every unit (samples, T, C, H, W) membranes and synaptic currents after each time-step, in their order.

    Each unit is driven by what it reads in a run of the whole network.
    """
    seen: dict[str, torch.Tensor] = {}
    network.run(x, observer=seen.__setitem__)
    units = [node for node in network.nodes if isinstance(node, Membrane)]
    stored = {node.name: zip(*stored_states(network, node, seen[node.inputs[0]]), strict=True) for node in units}
    return {name: [torch.stack(part, 1).numpy() for part in parts] for name, parts in stored.items()}
