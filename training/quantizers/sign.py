"""One bit: the sign, scaled by the mean magnitude."""

from __future__ import annotations

import torch

from .base import WeightQuantizer
from .straight import ste_sign

Tensor = torch.Tensor


class Sign(WeightQuantizer):
    """``sign(w)`` times ``mean |w|`` (XNOR-Net, Rastegari et al. 2016, arXiv 1603.05279, eq. 6); sign(0) = +1."""

    least, most = 1, 1

    def scale(self, values: Tensor) -> Tensor:
        return self.mean(values.abs())

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        return ste_sign(values / scale)
