"""A step that fills the range: for cells whose error is a share of the range, however small the weight."""

from __future__ import annotations

import torch

from .base import WeightQuantizer

Tensor = torch.Tensor
#: where the range ends, in mean magnitudes: for normal weights, clipping and an independent error of a tenth of the
#: range's end have the least mean square together here (tests/test_training_quantizers.py)
_END = 2.4


class Filled(WeightQuantizer):
    """``round(w / s)``, ``s = 2.4 mean|w| / top``, taken anew in every pass; clipped beyond `top` (ours).

    `usual_step` spends the range on the rare large weights; at four bits its codes are less than half as large in the
    mean, and what cells add to them is more than twice as large beside them.
    """

    def scale(self, values: Tensor) -> Tensor:
        return _END * self.mean(values.abs()) / self.top
