"""S2NN's membrane-potential feature distillation; its sub-bit weights are in `training.quantizers.sub_bit`.

Wei et al., NeurIPS 2025, arXiv 2509.24266. Its abstract states that membranes of a teacher guide the student more
precisely than spikes do; the equation could not be read. *Reconstruction*: the squared error of MD-SNN's
(`membrane.py`), here with every stage of one weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .membrane import stage_errors
from .steps import Matching

Tensor = torch.Tensor


def membrane_features(student: Sequence[Tensor], teacher: Sequence[Tensor], matching: Matching = "first") -> Tensor:
    """``mean_l mean_t MSE(u_student[l, t], u_teacher[l, t])``, membranes as for `membrane_distillation`."""
    return torch.stack(stage_errors(student, teacher, matching)).mean()
