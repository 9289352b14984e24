"""What training minimizes: the task, the teacher's answers, the teacher's membranes.

MD-SNN (Lee, Moitra, Kim, Yin and Panda, DATE 2026, arXiv 2512.04443) distils a full-precision spiking teacher
into a quantized student along two paths, logits and membrane potentials. Its abstract and public summaries
state that much; the text with the equations could not be obtained. What stands here is a *reconstruction*:
Hinton's form for the logits, and for the membranes the stage-wise squared error on pre-activations of the
overhaul distillation (Heo et al. 2019, arXiv 1904.01866), whose file names MD-SNN's code shares; a spiking
network's pre-activation is its membrane. Stage weights halve towards the input, as there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

Tensor = torch.Tensor


def task(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the time-averaged logits (samples, classes)."""
    return F.cross_entropy(logits, labels)


def logit_distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """``tau^2 KL(softmax(teacher / tau) || softmax(student / tau))`` (Hinton et al. 2015), mean over samples.

    Part of the MD-SNN reconstruction.
    """
    ours = F.log_softmax(student / temperature, dim=1)
    theirs = F.log_softmax(teacher / temperature, dim=1)
    return temperature**2 * F.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def membrane_distillation(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """``sum_l 2^-(n-l) mean_t MSE(u_student[l, t], u_teacher[l, t])``, l = 1..n stages (reconstruction).

    Membranes (samples, T, C, H, W) are taken before the reset and in units of one threshold, so that both
    arithmetics compare.
    """
    stages = len(student)
    terms = [
        2.0 ** (stage - stages) * F.mse_loss(ours, theirs)
        for stage, (ours, theirs) in enumerate(zip(student, teacher, strict=True), start=1)
    ]
    return torch.stack(terms).sum()
