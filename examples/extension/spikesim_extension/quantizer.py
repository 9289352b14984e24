"""Weights as sums of two powers of two, so that at most two cells of a weight conduct.

Additive powers of two (Y. Li, X. Dong and W. Wang, ICLR 2020, arXiv 1909.13144), with two terms: the codes whose
magnitude has at most two ones in binary, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, ... Of 5-bit magnitudes there are 16, as
many as a uniform code of 4 bits has, with more of them where weights are small.
"""

from __future__ import annotations

import torch

from training.quantizers import WeightQuantizer, instead

Tensor = torch.Tensor


class Apot(WeightQuantizer):
    """Weights as sums of two powers of two.

    The nearest such code of ``w / s``; the step s is `usual_step`. The gradient passes where nothing is clipped.
    """

    least, most = 3, 8

    def scale(self, values: Tensor) -> Tensor:
        return self.usual_step(values)

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        x = (values / scale).clamp(-self.top, self.top)
        made = torch.tensor([float(n) for n in range(self.top + 1) if n.bit_count() <= 2], device=x.device)
        made = made[made <= self.top]
        nearest = made[torch.bucketize(x.detach().abs(), (made[:-1] + made[1:]) / 2)]
        return instead(x, nearest * torch.sign(x.detach()))
