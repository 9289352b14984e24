"""LaSNN: layer by layer, a spiking student looks where its artificial teacher looks.

Hong, Shen, Qi and Wang, arXiv 2304.09101. Its abstract states layer-wise distillation from an artificial network,
bridged by attention; the equations could not be read. *Reconstruction*: attention transfer (Zagoruyko and Komodakis,
ICLR 2017, arXiv 1612.03928, eqs. 1 and 2 with p = 2) between firing rates and activations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ._check import pairs, same_shape
from ._features import over_time

Tensor = torch.Tensor


def attention_distillation(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """``sum_l ||Q_student / ||Q_student|| - Q_teacher / ||Q_teacher|| ||^2``, mean over samples (reconstruction).

    ``Q = sum_c |A_c|^2`` is a map of rows and columns: channels need not agree in number, nor in scale. At most 2
    for each stage. A stage that never fires has no attention, and a loss of 1.

    Args:
        student: spikes of each stage, (samples, T, C, H, W), averaged over time.
        teacher: activations of each stage, (samples, C', H, W).
    """
    errors = []
    for stage, (ours, theirs) in enumerate(pairs(student, teacher), start=1):
        first, second = attention(ours), attention(theirs)
        same_shape(f"attention of stage {stage}", first, second)
        errors.append((first - second).square().sum(1).mean())
    return torch.stack(errors).sum()


def attention(features: Tensor) -> Tensor:
    """Normalized attention, (samples, H * W), of features (samples, C, H, W) or, averaged, (samples, T, C, H, W)."""
    return F.normalize(over_time(features).square().sum(1).flatten(1), dim=1)
