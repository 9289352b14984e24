"""KDSNN: an artificial network teaches a spiking one, by its answers and by its features.

Xu et al., CVPR 2023, arXiv 2304.05627. Summaries state the two ways; the form of the feature loss is the one that
BKDSNN's authors compare with (class KDSNNLoss of their code). Weights and temperature could not be read:
*reconstruction*.
"""

from __future__ import annotations

import torch
from torch import nn

from spikesim_py.errors import InputError

from ._features import aligned, over_time, sum_squares
from .cross_entropy import task
from .logits import logit_distillation

Tensor = torch.Tensor


def response_distillation(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, share: float) -> Tensor:
    """``share tau^2 KL(teacher || student) + (1 - share) CE(student, labels)``: the whole loss (reconstruction).

    Args:
        student, teacher: (samples, classes), the student's averaged over time.
    """
    if not 0 <= share <= 1:
        raise InputError(f"share = {share}: must be 0 to 1")
    return share * logit_distillation(student, teacher, temperature) + (1 - share) * task(student, labels)


class RateFeature(nn.Module):
    """``||align(mean_t s[t]) - f||^2``, mean over samples: firing rates s against an artificial network's f.

    Args:
        channels, teacher_channels: where they differ, a learned 1x1 convolution aligns them.
    """

    def __init__(self, channels: int, teacher_channels: int) -> None:
        super().__init__()
        self.align = aligned(channels, teacher_channels)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Student (samples, T, C, H, W); teacher (samples, C, H, W)."""
        return sum_squares("features", self.align(over_time(student)), over_time(teacher))
