"""A differentiable quantization function: a sum of sigmoids that harden into steps."""

from __future__ import annotations

import torch

from .mean_step import MeanStep

Tensor = torch.Tensor
#: temperatures at the start and the end of training: at the last, a step is a fortieth of a code wide
_FIRST, _LAST = 5.0, 100.0
#: borders on either side that count: sigmoids beyond are 0 or 1 to 3e-8
_NEAR = 4


class SigmoidSum(MeanStep):
    """``sum_i sigmoid(tau (w / s - b_i)) - top`` over the borders ``b_i = i - 1/2``, i = 1 - top .. top.

    Quantization Networks (Yang et al. 2019, arXiv 1911.09464, eq. 5), with `MeanStep`'s step s. The sum is what
    training computes with; the temperature tau grows geometrically from 5 to 100 (the paper's is linear in the epoch,
    with a factor to choose), and in eval mode the steps are exact: `codes` are then those of rounding.
    """

    whole = False

    def __init__(self, bits: int, per_channel: bool = False, power_of_two: bool = False) -> None:
        super().__init__(bits, per_channel, power_of_two)
        self.temperature = _FIRST

    def temper(self, progress: float) -> None:
        self.temperature = _FIRST * (_LAST / _FIRST) ** min(max(progress, 0.0), 1.0)

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        if not self.training:
            return super().codes(values, scale)
        x = values / scale
        first = x.detach().floor() - _NEAR  # borders stand half above the whole numbers from -top to top - 1
        total = (first + self.top).clamp(0, 2 * self.top) - self.top
        for number in (first + offset for offset in range(2 * _NEAR)):
            inside = (number >= -self.top) & (number < self.top)
            total = total + inside * torch.sigmoid(self.temperature * (x - number - 0.5))
        return total
