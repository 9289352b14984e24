"""How membranes are stored: the word, and what part of a threshold its unit is.

A stored membrane is a word of `bits` bits; the neuron's adder works in units `fraction` bits finer, so that what
drives a narrow membrane is not rounded with it. Two's complement, but for one bit, which is 0 or 1 (a sign alone could
hold no positive membrane). A *range* of r thresholds is what the word's positive values span: the threshold is then
``2^(positive bits + fraction) / r`` units, a whole number that does not depend on what the network sees.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from .straight import scaled_gradient, ste_round

Tensor = torch.Tensor
#: a threshold has 64 units or more, unless a learned range is wide: finer than the rounding of a membrane of 8 bits
_UNIT_BITS = 8


@dataclass(frozen=True)
class Word:
    """``v = clip(floor(u / step), low, high)``, step = 2^fraction, of which the neuron reads ``v * step`` again."""

    bits: int

    @property
    def signed(self) -> bool:
        return self.bits > 1

    @property
    def fraction(self) -> int:
        return max(0, _UNIT_BITS - self.bits)

    @property
    def step(self) -> int:
        return int(2**self.fraction)

    @property
    def high(self) -> int:
        return int(2 ** (self.bits - self.signed) - 1)

    @property
    def low(self) -> int:
        return -self.high - 1 if self.signed else 0

    @property
    def span(self) -> int:
        """Units of the range, low to high of the positive part."""
        return (self.high + 1) * self.step

    @property
    def usual_range(self) -> float:
        """Thresholds that the range is, where it is not learned: two; one where the word has few levels."""
        return 2.0 if self.bits >= 4 else 1.0


class Membrane(nn.Module, ABC):
    """Membranes that share a unit: those that one layer drives, and those that shortcuts join to it."""

    def __init__(self, word: Word) -> None:
        super().__init__()
        self.word = word

    @abstractmethod
    def theta(self) -> float | Tensor:
        """The threshold in units, whole."""


class FixedRange(Membrane):
    """The usual range: the threshold is a power of two."""

    def theta(self) -> float:
        return self.word.span / self.word.usual_range


class LearnedRange(Membrane):
    """A range that is learned as a step is in LSQ (Esser et al. 2020), by its logarithm; static once trained.

    The gradient comes through the clipping of what is stored and the unit of everything that is compared with it. It is
    scaled by ``1 / sqrt(units * levels)``, as LSQ's for activations, with `units` neurons.
    """

    def __init__(self, word: Word, units: int) -> None:
        super().__init__(word)
        self.exponent = nn.Parameter(torch.tensor(math.log2(word.usual_range)))
        self._gradient = 1 / math.sqrt(units * (word.high + 1))

    def theta(self) -> Tensor:
        exponent = scaled_gradient(self.exponent, self._gradient)
        return ste_round(self.word.span * torch.exp2(-exponent)).clamp(min=1)


class SharedRange(Membrane):
    """MINT's: the membranes' range is the weights' learned beta (arXiv 2305.09850), at its threshold of 1/2.

    Args:
        beta: gives the betas of the layers that drive these membranes; the mean counts.
    """

    def __init__(self, word: Word, beta: Callable[[], Tensor]) -> None:
        super().__init__(word)
        self._beta = beta

    def theta(self) -> Tensor:
        return ste_round(self.word.span / (2 * self._beta())).clamp(min=1)


class BatchRange(Membrane):
    """A range taken from the current batch, as Q-SNN publishes it (arXiv 2406.13672): the largest ``|u|`` of all.

    To compare with only: what a unit does depends on what else is in its batch, which no chip can do, and `export`
    refuses it. Membranes are floats; `store` rounds them.
    """

    def theta(self) -> float:
        return FixedRange(self.word).theta()

    def store(self, u: Tensor) -> Tensor:
        """``u`` rounded down to the levels of a word whose range is the largest ``|u|``."""
        largest = u.detach().abs().max().clamp(min=torch.finfo(u.dtype).tiny)
        unit = largest / (self.word.high + 1)
        levels = torch.floor(u.detach() / unit).clamp(self.word.low, self.word.high)
        return u + (levels * unit - u).detach()


#: how a membrane's range comes about: by name
RANGES = ("fixed", "learned", "shared", "batch")
