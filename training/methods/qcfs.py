"""ANN-to-SNN conversion: an activation that an integrate-and-fire unit reproduces.

Bu et al., ICLR 2022, arXiv 2303.04347: quantization clip-floor-shift; activation, gradient and conversion rule as in
the authors' code. Theirs learns a threshold lambda for each layer; here it is 1, as the batch norm in front scales its
input, and the layer behind its output, by whatever is best.
"""

from __future__ import annotations

import torch

from spikesim_py.errors import InputError
from spikesim_py.network import Lif, Network, Pool, Product

from ..quantizers import ste_floor

Tensor = torch.Tensor
#: a converted unit's first membrane, in thresholds: its mean error over inputs is then 0 (theorem 2)
START = 0.5


def clip_floor_shift(z: Tensor, levels: int) -> Tensor:
    """``floor(clip(z, 0, 1) L + 1/2) / L`` with L `levels`, z in thresholds; straight through the floor.

    The rate of an integrate-and-fire unit that starts at `START`, loses a threshold with each spike and receives z at
    each of L time-steps.
    """
    return ste_floor(z.clamp(0, 1) * levels + 0.5) / levels  # clipped first, as in the code: no slope outside


def started(a: Tensor, time_steps: int) -> Tensor:
    """Drives (samples, T, ...), in thresholds, after which units that start empty are those that start at `START`."""
    drives = a.expand(-1, time_steps, *a.shape[2:]).clone()
    drives[:, 0] += START
    return drives


def check_convertible(network: Network) -> None:
    """Raise `InputError` where the mean over time of what a node makes is not what it makes of means."""
    if network.model.input.coding != "direct":
        raise InputError("conversion: input.coding = 'events': a unit needs the same input at every time-step")
    for node in network.nodes:
        if isinstance(node, Lif) and (node.reset != "subtract" or node.leak.multiplier != 1):
            raise InputError(
                f"conversion: node {node.name!r}: leak = {node.leak.multiplier:g}, reset = {node.reset!r}: must be 1 "
                f"and 'subtract'"
            )
        if isinstance(node, Product) or (isinstance(node, Pool) and node.kind == "max"):
            raise InputError(f"conversion: node {node.name!r}: products and maxima of spikes do not convert, sums do")
