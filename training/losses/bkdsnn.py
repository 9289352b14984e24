"""BKDSNN: a student's features, blurred by a mask, must still let a small network paint the teacher's.

Xu et al., ECCV 2024, arXiv 2407.09083; the authors' code (class BRDLoss).
"""

from __future__ import annotations

import torch
from torch import nn

from spikesim_py.errors import InputError

from ._features import aligned, over_time, sum_squares

Tensor = torch.Tensor

#: weight of the loss in the total: the code's default; its CIFAR recipes take 2e-3
WEIGHT = 7e-5


class BlurredFeature(nn.Module):
    """``||G(mask * align(f_student)) - f_teacher max(f_student) / max(f_teacher)||^2``, mean over samples.

    G is conv3x3 - ReLU - conv3x3; the mask drops whole channels, drawn for every sample. All of this is learned with
    the student and then thrown away.

    Args:
        channels, teacher_channels: of the two features; where they differ, a 1x1 convolution aligns them.
        drop: probability that a channel is dropped (0.15 in the code).
    """

    def __init__(self, channels: int, teacher_channels: int, drop: float = 0.15) -> None:
        super().__init__()
        if not 0 <= drop < 1:
            raise InputError(f"drop = {drop}: must be at least 0 and below 1")
        self.drop = drop
        self.align = aligned(channels, teacher_channels)
        self.generate = nn.Sequential(
            nn.Conv2d(teacher_channels, teacher_channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(teacher_channels, teacher_channels, 3, padding=1),
        )

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The loss, before its weight. Features (samples, T, C, H, W), averaged over time, or (samples, C, H, W)."""
        ours, theirs = self.align(over_time(student)), over_time(teacher)
        kept = (torch.rand(*ours.shape[:2], 1, 1, device=ours.device) >= self.drop).to(ours.dtype)
        tiny = torch.finfo(theirs.dtype).tiny
        target = theirs * (ours.max() / theirs.max().clamp(min=tiny))
        return sum_squares("features", self.generate(kept * ours), target)
