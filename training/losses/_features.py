"""What losses on features share: rates over time, and a convolution where teacher and student differ in channels."""

from __future__ import annotations

import torch
from torch import nn

from ._check import same_shape

Tensor = torch.Tensor


def over_time(features: Tensor) -> Tensor:
    """Features (samples, C, H, W): those of a spiking network, (samples, T, C, H, W), are averaged over time."""
    return features.mean(1) if features.ndim == 5 else features


def aligned(channels: int, teacher_channels: int) -> nn.Module:
    """A learned 1x1 convolution to the teacher's channels, or nothing where they are as many."""
    return nn.Identity() if channels == teacher_channels else nn.Conv2d(channels, teacher_channels, 1)


def sum_squares(what: str, student: Tensor, teacher: Tensor) -> Tensor:
    """``||student - teacher||^2`` over all but the samples, mean over samples."""
    same_shape(what, student, teacher)
    return (student - teacher).square().sum() / len(student)
