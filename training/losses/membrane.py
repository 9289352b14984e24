"""MD-SNN: membranes of a quantized student are pulled to those of a full-precision teacher.

Lee, Moitra, Kim, Yin and Panda, DATE 2026, arXiv 2512.04443. Its abstract and public summaries state that it
distils a full-precision spiking teacher along two paths, logits (`logits.py`) and membranes; the text with the
equations could not be obtained. This is a *reconstruction*: the stage-wise squared error on pre-activations of the
overhaul distillation (Heo et al. 2019, arXiv 1904.01866), whose file names MD-SNN's code shares; a spiking network's
pre-activation is its membrane. Stage weights halve towards the input, as there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ._check import pairs, same_shape
from .steps import Matching, match_steps

Tensor = torch.Tensor


def membrane_distillation(student: Sequence[Tensor], teacher: Sequence[Tensor], matching: Matching = "first") -> Tensor:
    """``sum_l 2^-(n-l) mean_t MSE(u_student[l, t], u_teacher[l, t])``, l = 1..n stages (reconstruction).

    Membranes (samples, T, C, H, W) are taken before the reset and in units of one threshold, so that both
    arithmetics compare. A teacher may have more time-steps: see `match_steps`.
    """
    errors = stage_errors(student, teacher, matching)
    last = len(errors) - 1
    return torch.stack([2.0 ** (stage - last) * error for stage, error in enumerate(errors)]).sum()


def stage_errors(student: Sequence[Tensor], teacher: Sequence[Tensor], matching: Matching = "first") -> list[Tensor]:
    """Mean squared difference of the membranes of each stage, input first.

    Raises:
        InputError: a stage of the teacher has another shape, or fewer time-steps.
        ValueError: one has more stages than the other.
    """
    errors = []
    for stage, (ours, theirs) in enumerate(pairs(student, teacher), start=1):
        matched = match_steps(theirs, ours.shape[1], matching)
        same_shape(f"membranes of stage {stage}", ours, matched)
        errors.append((ours - matched).square().mean())
    return errors
