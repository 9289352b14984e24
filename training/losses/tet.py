"""Temporal efficient training: every time-step answers for itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from spikesim_py.errors import InputError

Tensor = torch.Tensor


def tet(logits: Tensor, labels: Tensor, weight: float = 0.05, target: float = 1.0) -> Tensor:
    """``(1 - weight) mean_t CE(logits[t], labels) + weight MSE(logits, target)``.

    Deng, Li, Zhang and Gu, ICLR 2022, arXiv 2202.11946. The second term keeps the outputs of single steps from
    running away. Form and defaults as in public copies of the authors' code: weight 0.05 for CIFAR, 0.001 for
    ImageNet, target 1.

    Args:
        logits: (samples, T, classes).
    """
    if logits.ndim != 3:
        raise InputError(f"logits: shape {tuple(logits.shape)}: must be (samples, T, classes)")
    if not 0 <= weight <= 1:
        raise InputError(f"weight = {weight}: must be 0 to 1")
    each = F.cross_entropy(logits.flatten(0, 1), labels.repeat_interleave(logits.shape[1]))
    return (1 - weight) * each + weight * (logits - target).square().mean()
