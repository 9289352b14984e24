"""Zero runs in counters of a fixed width: c bits tell how many quiet units lie before the next spike.

The largest count M = 2^c - 1 is an escape: M quiet units and no spike yet. Quiet units after the last word are not
sent: the packet's end says it. This is the run code of Eyeriss (Chen, Krishna, Emer, Sze, IEEE JSSC 52(1), 2017,
"RLC": 5-bit runs) without levels, since a spike has none.

Words of k spikes with gaps g_i and quiet tail g: k + sum floor(g_i / M) + floor(g / M). For independent spikes of rate
p = 1 - q, an escape ends at unit n where the quiet run is exactly j M long: q^(jM), times p if a spike lies before the
run, or 1 if the block begins with it. Summed over n <= N and j, with J = floor(N / M) and r = q^M::

    E[words] = p N + sum_{j=1..J} r^j (1 + p (N - j M))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._arrays import Real, floor_div, is_array, maximum, minimum, where
from .base import Bools, Encoding, Sent, some_active, streamed

#: widths of the counter to choose from
WIDTHS = range(1, 9)


@dataclass(frozen=True)
class RunLength(Encoding):
    """Zero runs in counters of `width` bits; words may span flits."""

    width: int = 5

    name: ClassVar[str] = "run_length"
    whole: ClassVar[bool] = False

    @classmethod
    def at(cls, rate: float) -> RunLength:
        """The width that sends fewest bits of a long block."""
        return cls(min(WIDTHS, key=lambda width: cls(width).bits_per_unit(rate)))

    @property
    def longest(self) -> int:
        """M, the escape."""
        return (1 << self.width) - 1

    def bits_per_unit(self, rate: Real) -> Real:
        """Mean bits per unit of a long block: c over the mean length of a word, (1 - q^M) / p; c / M without spikes."""
        rate = minimum(rate, 1.0)
        ends = 1.0 - (1.0 - rate) ** self.longest
        return self.width * where(ends > 0, rate / where(ends > 0, ends, 1.0), 1.0 / self.longest)

    def word_bits(self, units: Real) -> Real:
        return self.width

    def emits(self, active: Bools) -> Bools:
        index = np.arange(1, active.shape[-1] + 1)
        last = np.maximum.accumulate(np.where(active, index, 0), axis=-1)  # the latest spike, itself included
        quiet = index - last
        return np.asarray(active | ((quiet > 0) & (quiet % self.longest == 0)), bool)

    def expected_words(self, units: Real, rate: Real) -> Real:
        rate = minimum(rate, 1.0)
        most, runs = self.longest, floor_div(units, self.longest)
        ratio = (1.0 - rate) ** most
        spikes = rate * units
        quiet = rate <= 1e-9  # the series below cancels here; its limit is one escape per run
        below = where(quiet, 0.5, ratio)
        power = below**runs
        first = below * (1.0 - power) / (1.0 - below)
        weighted = below * (1.0 - (runs + 1.0) * power + runs * power * below) / (1.0 - below) ** 2
        escapes = (1.0 + spikes) * first - rate * most * weighted
        return spikes + where(quiet, runs, maximum(escapes, 0.0))

    def expected(self, units: Real, rate: Real, flit_bits: Real, packet_flits: Real | None = None) -> Sent:
        some = where(units >= self.longest, 1.0, some_active(units, rate))
        return streamed(self, units, some, self.expected_words(units, rate), flit_bits, packet_flits)

    def break_even_rate(self, units: Real, flit_bits: Real) -> Real:
        """c p / (1 - q^M) = 1 bit per unit, by bisection; a long block is taken."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.bits_per_unit(middle) < 1.0 else (low, middle)
        return low + 0.0 * units


def best_run_length(units: Real, rate: Real, flit_bits: Real, packet_flits: Real | None = None) -> Sent:
    """Mean flits and packets with the best width at each rate: of many designs at once, each its own."""
    if not is_array(units, rate, flit_bits, packet_flits):
        return RunLength.at(rate).expected(units, rate, flit_bits, packet_flits)
    codes = [RunLength(width) for width in WIDTHS]
    best = np.argmin([code.bits_per_unit(np.asarray(rate, np.float64)) for code in codes], axis=0)
    flits = packets = 0.0
    for index, code in enumerate(codes):
        sent, here = code.expected(units, rate, flit_bits, packet_flits), best == index
        flits, packets = flits + here * sent.flits, packets + here * sent.packets
    return Sent(flits, packets)
