"""Address events: one packet of one flit per spike. Address and header share the flit.

Address-event representation: M. Mahowald, "VLSI analogs of neuronal visual processing", PhD thesis, Caltech, 1992.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..._arrays import Real, minimum
from .base import Bools, Encoding, Sent, address_bits, whole_flits


@dataclass(frozen=True)
class Aer(Encoding):
    """k spikes: k flits, k packets; k = p N on average, whatever the flits' width."""

    name: ClassVar[str] = "aer"
    headers: ClassVar[int] = 0

    def word_bits(self, units: Real) -> Real:
        return address_bits(units)

    def emits(self, active: Bools) -> Bools:
        return active

    def expected_words(self, units: Real, rate: Real) -> Real:
        return units * minimum(rate, 1.0)

    def expected(self, units: Real, rate: Real, flit_bits: Real, packet_flits: Real | None = None) -> Sent:
        events = self.expected_words(units, rate)
        return Sent(events, events)

    def word_limit(self, units: Real, flit_bits: Real, packet_flits: Real) -> Real:
        return 1

    def break_even_rate(self, units: Real, flit_bits: Real) -> Real:
        """p N = N / W + 1."""
        return minimum((whole_flits(units, flit_bits) + 1) / units, 1.0)
