"""What every encoding answers: which units of a block put a word on the wire, and how words fill flits and packets.

A block is what one source tile sends in one time-step to one destination (or one tree of them): `units` values in
the order in which they are produced. Words fill the flits of a packet, up to `packet_flits`; every packet begins with
one header flit. Formulas of expectation take numbers, or arrays with one element per design.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._arrays import Real, bit_length, ceil, floor_div, maximum, minimum, where

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Sent:
    """Flits, headers included, and packets of a block."""

    flits: Real
    packets: Real


@dataclass(frozen=True)
class Encoding(ABC):
    """How a block of units becomes words of `word_bits` bits.

    Attributes:
        headers: flits per packet beside the words' own. whole: whether a word lies in one flit, or may span two.
    """

    name: ClassVar[str]
    headers: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    @abstractmethod
    def word_bits(self, units: Real) -> Real:
        """Bits of a word of a block of so many units."""

    @abstractmethod
    def emits(self, active: Bools) -> Bools:
        """Whether a word is ready after each unit, (..., units) from which units are active."""

    @abstractmethod
    def expected_words(self, units: Real, rate: Real) -> Real:
        """Mean number of words if every unit is active with probability `rate`, independently."""

    @abstractmethod
    def expected(self, units: Real, rate: Real, flit_bits: Real, packet_flits: Real | None = None) -> Sent:
        """Mean flits and packets of a block, as `expected_words`."""

    @abstractmethod
    def break_even_rate(self, units: Real, flit_bits: Real) -> Real:
        """The rate below which it sends fewer flits than a bitmap in one packet; nothing is rounded but the bitmap."""

    def word_limit(self, units: Real, flit_bits: Real, packet_flits: Real) -> Real:
        """Words that one packet takes, one at least."""
        bits = self.word_bits(units)
        found = floor_div(flit_bits, bits) * packet_flits if self.whole else floor_div(flit_bits * packet_flits, bits)
        return maximum(found, 1)

    def payload_flits(self, words: Real, units: Real, flit_bits: Real) -> Real:
        """Flits of so many words in one packet."""
        bits = self.word_bits(units)
        if self.whole:
            return ceil(words / maximum(floor_div(flit_bits, bits), 1))
        return whole_flits(words * bits, flit_bits)

    def payload_bits(self, active: Bools) -> NDArray[np.int64]:
        """Bits of all words of a block, (...) from (..., units) active."""
        words = np.count_nonzero(self.emits(active), axis=-1)
        return np.asarray(words * int(self.word_bits(active.shape[-1])), np.int64)


def whole_flits(bits: Real, flit_bits: Real) -> Real:
    """Flits of so many bits; the small share guards against a flit from rounding."""
    return ceil(bits * (1 - 1e-12) / flit_bits)


def address_bits(units: Real) -> Real:
    """Bits that name one of so many units, 1 at least."""
    return maximum(bit_length(ceil(units) - 1), 1)


def mean_groups(mean: Real, some: Real, size: Real) -> Real:
    """About how many groups of `size` a stream of `mean` things takes that is not empty with probability `some`.

    The last group is half full on average; there is one at least where there is anything. Within half a group.
    """
    return maximum(some, mean / size + some * 0.5 * (1.0 - 1.0 / size))


def streamed(encoding: Encoding, units: Real, some: Real, words: Real, flit_bits: Real, limit: Real | None) -> Sent:
    """Mean flits and packets of a random number of words: see `mean_groups`."""
    bits = encoding.word_bits(units)
    per_flit = maximum(floor_div(flit_bits, bits), 1) if encoding.whole else maximum(flit_bits / bits, 1.0)
    flits = mean_groups(words, some, per_flit)
    packets: Any = some if limit is None else mean_groups(words, some, encoding.word_limit(units, flit_bits, limit))
    return Sent(flits + encoding.headers * packets, packets)


def some_active(units: Real, rate: Real) -> Real:
    """Probability that any unit is active."""
    return 1.0 - (1.0 - minimum(rate, 1.0)) ** units


def dense(units: Real, bits: Real, flit_bits: Real, packet_flits: Real | None) -> Sent:
    """Every value, `bits` bits each: exact; nothing where there are no units."""
    if packet_flits is None:
        packets = where(units > 0, 1, 0)
        return Sent(whole_flits(units * bits, flit_bits) + packets, packets)
    limit = maximum(floor_div(flit_bits * packet_flits, bits), 1)
    full = floor_div(units, limit)
    rest = units - full * limit
    packets = full + where(rest > 0, 1, 0)
    payload = full * whole_flits(limit * bits, flit_bits) + whole_flits(rest * bits, flit_bits)
    return Sent(payload + packets, packets)
