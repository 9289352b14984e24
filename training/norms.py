"""Batch norms of a spiking network, all starting at one threshold: over all time-steps, or with parameters for each.

In training mode they normalize by the batch; `mean` and `variance` are those of the last batch seen. `settle` (see
`SpikingNetwork`) makes that batch a whole split, because an average over the last few batches cost a 1-bit network more
than two points. Sum pooling's 1/k^2 and a layer's weight scale need no place of their own: normalization takes out any
constant factor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import nn

Tensor = torch.Tensor
NORM_EPSILON = 1e-5  # batch norm's usual guard against a channel that never varies


class Norm(nn.Module, ABC):
    """``gain * a + offset`` in units of one threshold, per channel.

    Attributes:
        per_step: whether every time-step has its own gain and offset: such an affine is never folded into weights.
    """

    per_step = False
    mean: Tensor
    variance: Tensor

    @abstractmethod
    def normalized(self, a: Tensor, unit: float | Tensor) -> Tensor:
        """What training computes of `a` (samples, steps, C, H, W), in units of ``1 / unit``; notes its statistics."""

    @abstractmethod
    def affine(self) -> tuple[Tensor, Tensor]:
        """Gain and offset by the stored statistics, (C,) or (T, C): what is exported."""

    def _notes(self, *shape: int) -> None:
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))


def _by_batch(a: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor | None) -> Tensor:
    """Batch norm of (samples, C, H, W) by its own statistics, which are written to `mean` and `variance`."""
    seen = torch.zeros_like(mean), torch.zeros_like(variance)  # torch keeps them for its backward pass
    made = F.batch_norm(a, *seen, gamma, beta, True, 1.0, NORM_EPSILON)
    count = a.numel() // a.shape[1]
    mean.copy_(seen[0])
    variance.copy_(seen[1] * ((count - 1) / count))  # torch keeps the unbiased one, and normalizes by the other
    return made


class TdBn(Norm):
    """Over samples, time-steps and pixels together (tdBN, Zheng et al. 2021, arXiv 2011.05280, eq. 4 to 7, alpha 1)."""

    def __init__(self, channels: int, time_steps: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self._notes(channels)

    def normalized(self, a: Tensor, unit: float | Tensor) -> Tensor:
        made = _by_batch(a.flatten(0, 1), self.mean, self.variance, self.gamma * unit, self.beta * unit)
        return made.reshape(a.shape)

    def affine(self) -> tuple[Tensor, Tensor]:
        gain = self.gamma * torch.rsqrt(self.variance + NORM_EPSILON)
        return gain, self.beta - self.mean * gain


class Bntt(Norm):
    """Every time-step by itself, scaled and not shifted (BNTT, Kim and Panda 2021, arXiv 2010.01729, eq. 8)."""

    per_step = True

    def __init__(self, channels: int, time_steps: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(time_steps, channels))
        self._notes(time_steps, channels)

    def normalized(self, a: Tensor, unit: float | Tensor) -> Tensor:
        last = a.shape[1] - 1
        notes = zip(self.mean, self.variance, self.gamma * unit, strict=True)
        return torch.stack([_by_batch(a[:, min(t, last)], *note, None) for t, note in enumerate(notes)], 1)

    def affine(self) -> tuple[Tensor, Tensor]:
        gain = self.gamma * torch.rsqrt(self.variance + NORM_EPSILON)
        return gain, -self.mean * gain


class Tebn(TdBn):
    """tdBN, scaled as a whole in every time-step (TEBN, Duan et al., NeurIPS 2022): ``p[t] * tdBN(a)``, p from 1 on."""

    per_step = True

    def __init__(self, channels: int, time_steps: int) -> None:
        super().__init__(channels, time_steps)
        self.p = nn.Parameter(torch.ones(time_steps))

    def normalized(self, a: Tensor, unit: float | Tensor) -> Tensor:
        return super().normalized(a, unit) * self.p[:, None, None, None]

    def affine(self) -> tuple[Tensor, Tensor]:
        gain, offset = super().affine()
        return self.p[:, None] * gain, self.p[:, None] * offset


#: batch norms by the name that recipes call them
NORMS: dict[str, type[Norm]] = {"tdbn": TdBn, "bntt": Bntt, "tebn": Tebn}
