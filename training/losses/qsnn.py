"""Q-SNN's weight-spike dual regulation: binary weights and spikes that carry the most information.

Wei et al., ACM MM 2024, arXiv 2406.13672; the authors' code. The entropy of a sign is largest where half of the
weights are positive: weights are standardized before the sign is taken. That of a spike is largest at a rate of one
half: rates are pulled there. Their whole loss is the mean cross-entropy of the time-steps (`tet` with weight 0) plus
`WEIGHT` times `spike_regulation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from spikesim_py.errors import InputError

Tensor = torch.Tensor

#: weight of `spike_regulation` in the total (the code's default)
WEIGHT = 5e-3


def spike_regulation(spikes: Sequence[Tensor]) -> Tensor:
    """``mean_l (rate_l - 1/2)^2``, rate_l over all samples, time-steps and units of a stage.

    The code leaves the first and the last stage out: so does the caller who wants the same.
    """
    if not spikes:
        raise InputError("stages = 0: at least one stage must be given")
    return torch.stack([(stage.mean() - 0.5).square() for stage in spikes]).mean()


def standardized(weight: Tensor) -> Tensor:
    """``(w - mean) / std`` of every output channel: its sign is balanced. Weights (outputs, ...)."""
    flat = weight.flatten(1)
    if flat.shape[1] < 2:
        raise InputError(f"weight: shape {tuple(weight.shape)}: one weight per output has no standard deviation")
    tiny = torch.finfo(weight.dtype).tiny
    return ((flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True).clamp(min=tiny)).view_as(weight)


def sign_entropy_bits(weight: Tensor) -> Tensor:
    """Entropy of the signs of a layer's weights, in bits per weight, mean over output channels; 0 to 1, no gradient."""
    positive = (weight.detach().flatten(1) >= 0).to(weight.dtype).mean(1)
    both = torch.stack([positive, 1 - positive])
    bits: Tensor = torch.special.entr(both).sum(0).mean() / math.log(2)
    return bits
