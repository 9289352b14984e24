"""IM-Loss: layers whose membranes straddle the threshold say the most.

Guo et al., NeurIPS 2022; the form of a public copy of the authors' layer (class Distrloss_layer).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spikesim_py.errors import InputError

Tensor = torch.Tensor


def information_maximization(membranes: Sequence[Tensor]) -> Tensor:
    """``mean_l (mean(u_l) - 1)^2``, membranes before the reset in units of one threshold.

    Where a layer's membranes are symmetric about their mean, half of them fire at the minimum: one bit per spike.
    The code has (mean(x) - 1/2)^2 with units that fire at x > 1/2, a quarter of this for each layer. Its weight and
    whether layers are summed or averaged could not be read (here: averaged).

    Args:
        membranes: of each stage, any shape.
    """
    if not membranes:
        raise InputError("stages = 0: at least one stage must be given")
    return torch.stack([(u.mean() - 1).square() for u in membranes]).mean()
