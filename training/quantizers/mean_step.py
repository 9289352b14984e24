"""A step that follows the weights' mean magnitude."""

from __future__ import annotations

import math

import torch

from .base import WeightQuantizer

Tensor = torch.Tensor


class MeanStep(WeightQuantizer):
    """Codes in steps of ``2 mean|w| / sqrt(top)``, or of ``max|w| / top`` where that is smaller; clipped beyond `top`.

    The first is LSQ's initial step (Esser et al. 2020, arXiv 1902.08153, section 2.1), here taken anew in every pass.
    """

    def scale(self, values: Tensor) -> Tensor:
        magnitude = values.abs()
        return torch.minimum(2 * self.mean(magnitude) / math.sqrt(self.top), self.largest(magnitude) / self.top)
