"""Distilling spikes: a student fires when and as often as its teacher does, seen through sliding windows.

Kushawaha, Kumar, Banerjee and Velmurugan, ICPR 2020, arXiv 2005.00288. Its abstract states that spikes of a larger
spiking network are distilled into a smaller one with new losses, in several stages by way of an intermediate
network; the equations could not be read. This is a *reconstruction*: squared difference of the firing rates in
windows that slide over time and, at will, space. One time-step as window compares the trains themselves, T compares
the rates alone. The stages teacher -> assistant -> student are the trainer's: each is one run with this loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F

from spikesim_py.errors import InputError

from ._check import pairs, same_shape
from .steps import Matching, match_steps

Tensor = torch.Tensor
Channels = Literal["each", "mean"]


def spike_distillation(
    student: Sequence[Tensor],
    teacher: Sequence[Tensor],
    window: int = 2,
    stride: int = 1,
    spatial: int = 1,
    channels: Channels = "each",
    matching: Matching = "first",
) -> Tensor:
    """Mean over stages, windows and units of ``(rate_student - rate_teacher)^2`` (reconstruction).

    Args:
        student, teacher: spikes of each stage, (samples, T, C, H, W) or (samples, T, classes).
        window, stride: length and advance of the window in time-steps; a window is cut to T.
        spatial: side of the window in rows and columns, advancing by one.
        channels: ``each`` compares channel by channel; ``mean`` the channels' mean, for a student that is narrower.
        matching: which of a teacher's time-steps count, where it has more: see `match_steps`.

    Raises:
        InputError: shapes differ, or a window is below 1 or larger than the map.
    """
    for name, value in (("window", window), ("stride", stride), ("spatial", spatial)):
        if value < 1:
            raise InputError(f"{name} = {value}: must be at least 1")
    errors = []
    for stage, (ours, theirs) in enumerate(pairs(student, teacher), start=1):
        theirs = match_steps(theirs, ours.shape[1], matching)
        first, second = (_windows(spikes, window, stride, spatial, channels) for spikes in (ours, theirs))
        same_shape(f"spikes of stage {stage}", first, second)
        errors.append((first - second).square().mean())
    return torch.stack(errors).mean()


def _windows(spikes: Tensor, window: int, stride: int, spatial: int, channels: Channels) -> Tensor:
    """Firing rates in every window, (samples, C, windows, H', W')."""
    maps = spikes if spikes.ndim == 5 else spikes[..., None, None]
    if channels == "mean":
        maps = maps.mean(2, keepdim=True)
    if spatial > min(maps.shape[3:]):
        raise InputError(f"spatial = {spatial}: larger than a map of {tuple(maps.shape[3:])}")
    length = min(window, maps.shape[1])
    return F.avg_pool3d(maps.transpose(1, 2), (length, spatial, spatial), (stride, 1, 1))
