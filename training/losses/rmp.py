"""RMP-Loss: membranes are pulled to the spike they become.

Guo et al., ICCV 2023, arXiv 2308.06787. A spike o in {0, 1} stands for a membrane x; its error is |x - o|.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from spikesim_py.errors import InputError

from ._check import positive

Tensor = torch.Tensor

#: where these authors' units fire, in units of a spike's height: code of the same group fires at x > 0.5
THRESHOLD = 0.5


def rmp(membranes: Sequence[Tensor], threshold: float = THRESHOLD) -> Tensor:
    """``mean_l mean min(|x|, |1 - x|)^2`` with ``x = threshold * u``.

    The term stands, commented out, in the authors' IM-Loss code, where layers but the first and the last are averaged
    (the caller chooses the stages) and where it meets a unit's input; the paper's text says membranes.

    Our membranes u are in units of one threshold, theirs in units of a spike, with a threshold of 0.5: a unit that
    fires (u >= 1) is pulled to u = 2, one that does not to 0, away from the threshold on both sides. `threshold` = 1
    takes the formula at its word for a threshold of 1; it then pulls silent units above u = 1/2 up to the threshold.

    Args:
        membranes: of each stage, any shape, before the reset, in units of one threshold.
    """
    positive("threshold", threshold)
    if not membranes:
        raise InputError("stages = 0: at least one stage must be given")
    errors = []
    for u in membranes:
        x = threshold * u
        errors.append(torch.minimum(x.abs(), (1 - x).abs()).square().mean())
    return torch.stack(errors).mean()


def rmp_weight(epoch: int, epochs: int, top: float = 0.1) -> float:
    """The loss's weight in epoch 0..`epochs`: ``top (1 - cos(pi epoch / epochs)) / 2``, from 0 to `top`.

    Reconstruction: the paper lets the weight grow with the epoch; its formula could not be read. The authors' IM-Loss
    code has the same half cosine with 0.05 (1 + cos), turned around: `top` = 0.1.
    """
    if not 0 <= epoch <= epochs or epochs < 1:
        raise InputError(f"epoch = {epoch}: must be 0 to {epochs}, and epochs at least 1")
    return top * (1 - math.cos(math.pi * epoch / epochs)) / 2
