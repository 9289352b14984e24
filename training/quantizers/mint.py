"""MINT: one learned scale for a layer's weights and, if so asked, its membranes."""

from __future__ import annotations

import torch

from .base import WeightQuantizer
from .straight import ste_round

Tensor = torch.Tensor
_LEAST = 1e-4


class Mint(WeightQuantizer):
    """``round(top * clip(tanh(w) / beta, -1, 1))`` with a learned beta, one per tensor (Yin et al., arXiv 2305.09850).

    Initially ``beta = top * usual_step``. At 2 bits that is ``2 mean|tanh w|``, as in the authors' code; theirs divides
    it by sqrt(top), which at 8 bits clips nearly all weights. `membranes: shared` gives the layer's membranes the same
    beta (`membrane.SharedRange`). Its gradient is that of the clipping and, through the rounding, that of the division;
    it is not scaled.
    """

    learned = True
    beta: Tensor

    def start(self, latent: Tensor) -> None:
        values = self.compress(latent.detach())
        self._learn("beta", (self.top * self.usual_step(values)).clamp(min=_LEAST))

    def compress(self, latent: Tensor) -> Tensor:
        return torch.tanh(latent)

    def scale(self, values: Tensor) -> Tensor:
        return self.beta.clamp(min=_LEAST) / self.top

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        return ste_round((values / scale).clamp(-self.top, self.top))
