"""Q-SNN's one bit: the sign of standardized weights, scaled by a power of two."""

from __future__ import annotations

import torch

from ..losses.qsnn import standardized
from .base import WeightQuantizer
from .straight import instead, power_of_two

Tensor = torch.Tensor
#: how steep the stand-in for the sign is, at the start and the end of training
_FIRST, _LAST = 0.1, 10.0


class QSnn(WeightQuantizer):
    """``sign(w')`` times ``2^round(log2 mean |w'|)``, w' the weights standardized (`losses.qsnn.standardized`).

    The weights' half of the dual regulation (Wei et al., ACM MM 2024, arXiv 2406.13672; the authors' code): signs are
    balanced. Backward, ``k t (1 - tanh^2(t w'))`` with ``k = max(1 / t, 1)``; t grows geometrically from 0.1 to 10. A
    single weight per output has no deviation, and is taken as it is. sign(0) = +1.
    """

    least, most = 1, 1

    def __init__(self, bits: int, per_channel: bool = False, power_of_two: bool = False) -> None:
        super().__init__(bits, per_channel, power_of_two)
        self.steepness = _FIRST

    def temper(self, progress: float) -> None:
        self.steepness = _FIRST * (_LAST / _FIRST) ** min(max(progress, 0.0), 1.0)

    def compress(self, latent: Tensor) -> Tensor:
        return standardized(latent) if latent[0].numel() > 1 else latent

    def scale(self, values: Tensor) -> Tensor:
        return power_of_two(self.mean(values.abs()))

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        t = self.steepness
        smooth = max(1 / t, 1.0) * torch.tanh(t * values)
        return instead(smooth, torch.where(values >= 0, 1.0, -1.0).to(values.dtype))
