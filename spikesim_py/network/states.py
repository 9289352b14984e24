"""What units remember after every time-step: their membranes and synaptic currents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from . import reference
from .model import Network
from .units import Membrane

if TYPE_CHECKING:
    from .integer import Units as IntegerUnits

Tensor = torch.Tensor


def units_of(network: Network, node: Membrane, samples: int) -> reference.Units | IntegerUnits:
    """Units from their first time-step on, compiled where the network is of integers."""
    if network.arithmetic != "integer":
        return reference.Units(network, node, samples)
    from .integer import Units  # here: costs run no network, and need not wait for Numba

    return Units(network, node, samples)


def stored_states(network: Network, node: Membrane, drive: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Membranes and synaptic currents after one time-step after the other, (samples, C, H, W) each.

    Args:
        drive: what the node reads, (samples, 1 or T, C, H, W); one step stands for all.
    """
    units = units_of(network, node, len(drive))
    for step in range(network.time_steps):
        units.run(drive[:, min(step, drive.shape[1] - 1)][:, None], 1)
        membrane, current = units.stored
        yield membrane.clone(), current.clone()
