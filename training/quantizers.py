"""The two arithmetics a network trains in: float32, or the very integers that are exported.

Each says how a weight is stored, how a folded batch norm becomes an affine, and how a membrane leaks and is
stored. Integers are whole numbers held in float32 (all below 2^24, so exact), in the units of the exported
network; rounding passes the gradient straight through (Bengio et al. 2013, arXiv 1308.3432).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch

Tensor = torch.Tensor

#: membranes decay by half per time-step (MINT, arXiv 2305.09850): a shift by one bit in integers
LEAK = 0.5
_MAX_SHIFT = 16


class _Round(torch.autograd.Function):
    """Nearest whole number, halves to even as numpy does; the gradient passes unchanged."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Floor(torch.autograd.Function):
    """Largest whole number below; the gradient passes unchanged."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Sign(torch.autograd.Function):
    """+1 where x >= 0, else -1; the gradient passes unchanged."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


def ste_round(x: Tensor) -> Tensor:
    """Nearest whole number with a straight-through gradient."""
    return _Round.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def ste_floor(x: Tensor) -> Tensor:
    """Floor with a straight-through gradient."""
    return _Floor.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def ste_sign(x: Tensor) -> Tensor:
    """Sign (of 0: +1) with a straight-through gradient."""
    return _Sign.apply(x)  # type: ignore[no-any-return, no-untyped-call]


@dataclass(frozen=True)
class Folded:
    """A batch norm as the network file holds it: ``(a * multiplier + bias) >> shift``, per channel."""

    multiplier: Tensor
    bias: Tensor
    shift: int


class Arithmetic(ABC):
    """How numbers are stored. `theta` is the threshold, in membrane units."""

    theta: float

    @abstractmethod
    def weights(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """What is stored, and its scale: ``latent ~ scale * stored``."""

    @abstractmethod
    def fold(self, gain: Tensor, offset: Tensor) -> Folded:
        """``gain * a + offset``, in units of one threshold, as the exported affine in membrane units."""

    @abstractmethod
    def affine(self, a: Tensor, folded: Folded) -> Tensor:
        """The affine of `a` (..., channels, H, W)."""

    @abstractmethod
    def leak(self, v: Tensor) -> Tensor:
        """The membrane after one time-step's decay."""

    @abstractmethod
    def store(self, u: Tensor) -> Tensor:
        """The membrane as memory keeps it."""


@dataclass(frozen=True)
class Float(Arithmetic):
    """Full precision: float32 everywhere, thresholds of 1."""

    theta = 1.0

    def weights(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        return latent, latent.new_ones(())

    def fold(self, gain: Tensor, offset: Tensor) -> Folded:
        return Folded(gain, offset, 0)

    def affine(self, a: Tensor, folded: Folded) -> Tensor:
        return a * folded.multiplier.reshape(-1, 1, 1) + folded.bias.reshape(-1, 1, 1)

    def leak(self, v: Tensor) -> Tensor:
        return v * LEAK

    def store(self, u: Tensor) -> Tensor:
        return u


@dataclass(frozen=True)
class Integer(Arithmetic):
    """Fixed bit widths: weights, membranes and the batch norm's multipliers.

    The membrane's range is static: a signed word of `membrane_bits` holds minus two to two thresholds.
    """

    weight_bits: int
    membrane_bits: int
    multiplier_bits: int

    @property
    def theta(self) -> float:  # type: ignore[override]
        return float(2 ** (self.membrane_bits - 2))

    def weights(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """One scale per tensor, clipped beyond the largest code.

        One bit: the sign, scaled by mean|w| (XNOR-Net, Rastegari et al. 2016, eq. 6). More: symmetric codes
        up to ``top = 2^(b-1) - 1`` in steps of ``2 mean|w| / sqrt(top)``, LSQ's step (Esser et al. 2020,
        section 2.1, there an initial value), or of ``max|w| / top`` where that is smaller.
        """
        magnitude = latent.abs()
        if self.weight_bits == 1:
            scale = magnitude.mean()
            return ste_sign(latent / scale.detach()), scale
        top = 2 ** (self.weight_bits - 1) - 1
        scale = torch.minimum(2 * magnitude.mean() / math.sqrt(top), magnitude.max() / top)
        return ste_round(latent / scale.detach()).clamp(-top, top), scale

    def fold(self, gain: Tensor, offset: Tensor) -> Folded:
        """The largest shift that keeps every channel's multiplier within `multiplier_bits`, signed."""
        top = 2 ** (self.multiplier_bits - 1) - 1
        largest = float(gain.detach().abs().max()) * self.theta
        shift = min(max(math.floor(math.log2(top / max(largest, 1e-9))), 0), _MAX_SHIFT)
        unit = self.theta * 2**shift
        return Folded(ste_round(gain * unit).clamp(-top, top), ste_round(offset * unit), shift)

    def affine(self, a: Tensor, folded: Folded) -> Tensor:
        # float64: the product of a sum and a multiplier can pass 2^24, never 2^53
        multiplier, bias = (x.double().reshape(-1, 1, 1) for x in (folded.multiplier, folded.bias))
        return ste_floor((a.double() * multiplier + bias) / 2**folded.shift).float()

    def leak(self, v: Tensor) -> Tensor:
        return ste_floor(v * LEAK)

    def store(self, u: Tensor) -> Tensor:
        half = 2 ** (self.membrane_bits - 1)
        return u.clamp(-half, half - 1)
