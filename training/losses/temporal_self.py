"""Temporal self-distillation: the time-steps of one network teach each other.

Ding et al., NeurIPS 2025, arXiv 2510.07924 (Strong2Weak and Weak2Strong). Its abstract states that each time-step is
taken as a submodel, ranked by the confidence of its output, that the strong teach the weak or the weak the strong,
and names three schemes: ensemble, simultaneous, cascade. The equations could not be read: *reconstruction*.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch

from spikesim_py.errors import InputError

from .logits import softened_kl

Tensor = torch.Tensor
Direction = Literal["strong_to_weak", "weak_to_strong"]
Scheme = Literal["simultaneous", "cascade", "ensemble"]


def temporal_self_distillation(
    logits: Tensor,
    temperature: float,
    direction: Direction = "strong_to_weak",
    scheme: Scheme = "simultaneous",
) -> Tensor:
    """Mean of ``tau^2 KL(softmax(teacher / tau) || softmax(student / tau))`` over samples and pupils (reconstruction).

    The time-steps of each sample are ranked by their largest probability. ``simultaneous``: the first of the ranking
    teaches all others. ``cascade``: each teaches the next. ``ensemble``: the mean logits of all but the last teach the
    last. Teachers carry no gradient. With two time-steps the three are one.

    Args:
        logits: (samples, T, classes), T at least 2.
    """
    if logits.ndim != 3 or logits.shape[1] < 2:
        raise InputError(f"logits: shape {tuple(logits.shape)}: must be (samples, T, classes), T at least 2")
    if direction not in get_args(Direction):
        raise InputError(f"direction = {direction!r}: must be strong_to_weak or weak_to_strong")
    confidence = logits.detach().softmax(-1).amax(-1)
    order = confidence.argsort(stable=True, dim=1, descending=direction == "strong_to_weak")
    ranked = logits.gather(1, order[..., None].expand_as(logits))
    teacher, pupils = _lesson(ranked, scheme)
    return softened_kl(pupils, teacher.detach().expand_as(pupils), temperature).mean()


def _lesson(ranked: Tensor, scheme: Scheme) -> tuple[Tensor, Tensor]:
    """Teachers and pupils, (samples, 1 or pupils, classes) and (samples, pupils, classes)."""
    if scheme == "simultaneous":
        return ranked[:, :1], ranked[:, 1:]
    if scheme == "cascade":
        return ranked[:, :-1], ranked[:, 1:]
    if scheme == "ensemble":
        return ranked[:, :-1].mean(1, keepdim=True), ranked[:, -1:]
    raise InputError(f"scheme = {scheme!r}: must be simultaneous, cascade or ensemble")
