"""Answers of a teacher, softened."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ._check import positive, same_shape

Tensor = torch.Tensor


def logit_distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``tau^2 KL(softmax(teacher / tau) || softmax(student / tau))``, mean over samples.

    Hinton, Vinyals and Dean 2015, arXiv 1503.02531; part of the MD-SNN reconstruction (`membrane.py`).

    Args:
        student, teacher: (samples, classes), averaged over time.
    """
    return softened_kl(student, teacher, temperature).mean()


def focal_logit_distillation(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float = 2.0) -> Tensor:
    """``mean_i w_i tau^2 KL_i`` with ``w = 1 - exp(-CE(student) / CE(teacher))``: hard samples weigh more.

    BKDSNN (Xu et al., ECCV 2024, arXiv 2407.09083), from the authors' code, which takes the soft cross-entropy in
    place of KL. As w carries no gradient, the two have the same gradient; KL is 0 where the student is the teacher.
    Temperature 2 and a weight of 1 in the total are the code's for CIFAR10-DVS.

    Args:
        student, teacher: (samples, classes), averaged over time.
    """
    with torch.no_grad():
        ours, theirs = (F.cross_entropy(logits, labels, reduction="none") for logits in (student, teacher))
        weight = 1 - torch.exp(-ours / (theirs + 1e-7))  # 1e-7: the authors' guard against a perfect teacher
    return (weight * softened_kl(student, teacher, temperature)).mean()


def softened_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``tau^2 KL(softmax(teacher / tau) || softmax(student / tau))`` over the last axis, one for each answer."""
    same_shape("logits", student, teacher)
    positive("temperature", temperature)
    ours, theirs = (F.log_softmax(logits / temperature, dim=-1) for logits in (student, teacher))
    return temperature**2 * F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
