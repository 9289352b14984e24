"""DoReFa: weights pass through tanh and fill the range of codes."""

from __future__ import annotations

import torch

from .base import WeightQuantizer

Tensor = torch.Tensor


class DoReFa(WeightQuantizer):
    """``round(top * tanh(w) / max|tanh(w)|)`` (after Zhou et al. 2016, arXiv 1606.06160, eq. 9).

    The paper's ``2^bits`` levels are odd multiples of half a step: there is no zero, and two's complement does not hold
    them. These are symmetric with a zero, as in MINT's code of "plain" quantization (arXiv 2305.09850).
    """

    def compress(self, latent: Tensor) -> Tensor:
        return torch.tanh(latent)

    def scale(self, values: Tensor) -> Tensor:
        return self.largest(values.abs()) / self.top
