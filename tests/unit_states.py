"""Membranes and currents of every unit over time, for comparing them with what other frameworks expose."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from spikesim_py.network import Network
from spikesim_py.network.reference import Units
from spikesim_py.network.units import Membrane


def unit_states(network: Network, x: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of every unit (samples, T, C, H, W) membranes and synaptic currents after each time-step, in their order.

    Each unit is driven, step by step, by what it reads in a run of the whole network, and makes the same spikes again.
    """
    seen: dict[str, torch.Tensor] = {}
    network.run(x, observer=lambda name, value: seen.setdefault(name, value))
    made = {}
    for node in network.nodes:
        if isinstance(node, Membrane):
            drive, units = seen[node.inputs[0]], Units(network, node, len(x))
            steps = [(units.run(drive[:, t : t + 1], 1)[:, 0], *units.stored) for t in range(network.time_steps)]
            spikes, v, i = (torch.stack(part, 1).numpy() for part in zip(*steps, strict=True))
            np.testing.assert_array_equal(spikes, seen[node.name].numpy())
            made[node.name] = (v, i)
    return made
