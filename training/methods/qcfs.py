"""ANN-to-SNN conversion: an activation that an integrate-and-fire unit reproduces exactly.

Bu et al., ICLR 2022, arXiv 2303.04347: quantization clip-floor-shift; activation, gradient and conversion rule as in
the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from spikesim_py.errors import InputError

from ..quantizers import ste_floor

Tensor = torch.Tensor


class QCFS(nn.Module):
    """``h = lambda floor(clip(z / lambda, 0, 1) L + 1/2) / L``, straight through the floor; lambda is learned.

    Args:
        levels: L, the steps of the activation (4 is assumed; the code asks for it).
        threshold: initial lambda (4 in the code).
    """

    def __init__(self, levels: int = 4, threshold: float = 4.0) -> None:
        super().__init__()
        if levels < 1 or not threshold > 0:
            raise InputError(f"levels = {levels}, threshold = {threshold}: must be at least 1, and above 0")
        self.levels = levels
        self.threshold = nn.Parameter(torch.tensor(threshold))

    def forward(self, z: Tensor) -> Tensor:
        clipped = (z / self.threshold).clamp(0, 1)  # first, as in the code: no slope outside
        return ste_floor(clipped * self.levels + 0.5) / self.levels * self.threshold


@dataclass(frozen=True)
class Converted:
    """The integrate-and-fire unit of a trained activation: no leak, reset by subtraction.

    Attributes:
        threshold: lambda. initial_membrane: lambda / 2. spike: what the next layer receives, lambda; it folds into
            that layer's weights.
    """

    threshold: float
    initial_membrane: float
    spike: float


def convert(activation: QCFS) -> Converted:
    """The unit that takes the activation's place: with the same input at every one of L time-steps, its mean output
    is the activation's."""
    threshold = float(activation.threshold.detach())
    return Converted(threshold, threshold / 2, threshold)


def spike_train(unit: Converted, z: Tensor, time_steps: int) -> Tensor:
    """Spikes (0 or 1) of a unit that receives `z` (samples, ...) at each of `time_steps`, (samples, T, ...)."""
    membrane, spikes = torch.full_like(z, unit.initial_membrane), []
    for _ in range(time_steps):
        membrane = membrane + z
        fired = (membrane >= unit.threshold).to(z.dtype)
        membrane = membrane - unit.threshold * fired
        spikes.append(fired)
    return torch.stack(spikes, 1)
