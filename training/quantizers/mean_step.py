"""A step that follows the weights' mean magnitude."""

from __future__ import annotations

import torch

from .base import WeightQuantizer

Tensor = torch.Tensor


class MeanStep(WeightQuantizer):
    """Codes in LSQ's initial step (`usual_step`), taken anew in every pass; clipped beyond `top`."""

    def scale(self, values: Tensor) -> Tensor:
        return self.usual_step(values)
