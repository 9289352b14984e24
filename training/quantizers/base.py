"""What every weight quantizer is: latent weights in, the stored integers and their scale out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import nn

from .straight import power_of_two, ste_round

Tensor = torch.Tensor


class WeightQuantizer(nn.Module, ABC):
    """``latent ~ scale * codes``: `codes` are the whole numbers that a file stores.

    Codes are symmetric, from ``-top`` to ``top = 2^(bits-1) - 1``; at one bit they are -1 and +1. What is quantized
    is `compress(latent)`, the latent weights themselves unless a method says otherwise. Where a batch norm follows,
    it takes a scale out again: scales then only say how finely weights are stored.

    Attributes:
        bits: of a stored weight.
        per_channel: one scale per output channel instead of one per tensor.
        power_of_two: scales are rounded to the nearest power of two.
        learned: whether codes pass a gradient to the scale.
        least, most: the bits that the method is defined for.
    """

    least, most = 2, 8
    learned = False
    #: whether codes are whole while training: what a chip can be trained through
    whole = True

    def __init__(self, bits: int, per_channel: bool = False, power_of_two: bool = False) -> None:
        super().__init__()
        self.bits, self.per_channel, self.power_of_two = bits, per_channel, power_of_two

    @property
    def top(self) -> int:
        """The largest code."""
        return int(max(2 ** (self.bits - 1) - 1, 1))

    def start(self, latent: Tensor) -> None:
        """Set what is learned from the weights that training, or quantization after a warm-up, starts with."""

    def _learn(self, name: str, value: Tensor) -> None:
        """A parameter of this value; the same one again where it is set anew, so that optimizers keep it."""
        if hasattr(self, name):
            getattr(self, name).data.copy_(value)
        else:
            self.register_parameter(name, nn.Parameter(value.clone()))

    def temper(self, progress: float) -> None:
        """Follow a schedule: `progress` of training, from 0 to 1."""

    def compress(self, latent: Tensor) -> Tensor:
        """The values that are quantized."""
        return latent

    @abstractmethod
    def scale(self, values: Tensor) -> Tensor:
        """Real value of one code: (), or (outputs, 1, ...) per channel."""

    def codes(self, values: Tensor, scale: Tensor) -> Tensor:
        """The stored integers."""
        return ste_round(values / scale).clamp(-self.top, self.top)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        values = self.compress(latent)
        scale = self.scale(values)
        if self.power_of_two:
            scale = power_of_two(scale)
        return self.codes(values, scale if self.learned else scale.detach()), scale

    def mean(self, values: Tensor) -> Tensor:
        """The mean in the shape of a scale."""
        return values.mean(tuple(range(1, values.dim())), keepdim=True) if self.per_channel else values.mean()

    def usual_step(self, values: Tensor) -> Tensor:
        """LSQ's initial step ``2 mean|w| / sqrt(top)`` (Esser et al. 2020, arXiv 1902.08153, section 2.1).

        Or ``max|w| / top`` where that is smaller: of 8-bit codes the first leaves most unused.
        """
        magnitude = values.abs()
        return torch.minimum(2 * self.mean(magnitude) / math.sqrt(self.top), self.largest(magnitude) / self.top)

    def largest(self, values: Tensor) -> Tensor:
        """The maximum in the shape of a scale."""
        return values.amax(tuple(range(1, values.dim())), keepdim=True) if self.per_channel else values.max()
