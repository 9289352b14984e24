"""IM-Loss: layers whose membranes straddle the threshold say the most.

Guo et al., NeurIPS 2022. The paper's abstract states the aim, to maximize the information of the spikes; its equation
could not be read. *Reconstruction*, from that and the authors' code (class Distrloss_layer), as stated below.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spikesim_py.errors import InputError

Tensor = torch.Tensor

#: weight of the loss in the total: the code's 0.005, over 4 for our unit of membranes
WEIGHT = 1.25e-3


def information_maximization(membranes: Sequence[Tensor]) -> Tensor:
    """``mean_l (mean(u_l) - 1)^2``, membranes before the reset in units of one threshold.

    Where a layer's membranes are symmetric about their mean, half of them fire at the minimum: one bit per spike.
    The code has (mean(x) - 1/2)^2, or 1 / 2T in place of 1/2, of units that fire at x > 1/2: a quarter of this. There x
    is the input of a residual block's last unit, or the spikes of a unit outside blocks; layers but the first and the
    last are averaged; the weight is 0.005, `WEIGHT` in our units.

    Args:
        membranes: of each stage, any shape.
    """
    if not membranes:
        raise InputError("stages = 0: at least one stage must be given")
    return torch.stack([(u.mean() - 1).square() for u in membranes]).mean()
