"""LSQ: the step is learned."""

from __future__ import annotations

import math

import torch

from .base import WeightQuantizer
from .straight import scaled_gradient, ste_round

Tensor = torch.Tensor
#: steps do not fall below it: one that crossed zero would turn all codes round
_LEAST = 1e-6


class Lsq(WeightQuantizer):
    """``round(clip(w / s, -top, top))`` with a learned step s (Esser et al. 2020, arXiv 1902.08153).

    Its gradient (eq. 3) follows from the straight-through rounding, and is scaled by ``1 / sqrt(weights * top)``
    (section 2.2). The lowest code, -top - 1, is left out, so that codes are symmetric. It starts from `usual_step`.
    """

    learned = True
    step: Tensor

    def start(self, latent: Tensor) -> None:
        self._learn("step", self.usual_step(latent.detach()).clamp(min=_LEAST))

    def scale(self, values: Tensor) -> Tensor:
        weights = values.numel() / self.step.numel()
        return scaled_gradient(self.step, 1 / math.sqrt(weights * self.top)).clamp(min=_LEAST)

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        return ste_round((values / scale).clamp(-self.top, self.top))
