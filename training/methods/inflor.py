"""InfLoR's membrane rectifier: less error when a membrane becomes a spike.

Guo et al., ECCV 2022, arXiv 2307.04356 (InfLoR-SNN). The method has two parts: soft reset (of the network) and this
rectifier, in training alone.
"""

from __future__ import annotations

import math

import torch

Tensor = torch.Tensor


def rectify(u: Tensor) -> Tensor:
    """The membrane, in units of one threshold, moved towards the spike that it becomes.

    From the authors' code, with ``x = u / 2`` (there a spike is 1 high and the threshold 1/2):
    ``x^(1/3)`` above 1; ``1 - (1 - x)^(1/3)`` below 0; ``1/2 + tanh(3 (x - 1/2)) / (2 tanh(3/2))`` between.

    It is continuous, rises, and keeps u = 0, 1 and 2 in place: no spike changes. The spike is taken from the rectified
    membrane, the reset acts on the membrane itself, so that inference needs none of this: what it changes is the
    spike's gradient alone, and recipes name it as a surrogate, `inflor`, with the triangle (ours).
    """
    x = u / 2
    # every branch sees its own range alone: a slope of infinity times 0 would be no number
    above = x.clamp(min=1) ** (1 / 3)
    below = 1 - (1 - x.clamp(max=0)) ** (1 / 3)
    between = 0.5 + torch.tanh(3 * (x.clamp(0, 1) - 0.5)) / (2 * math.tanh(1.5))
    return 2 * torch.where(x > 1, above, torch.where(x < 0, below, between))
