"""Address events that share packets: as many addresses per flit as fit whole, behind one header per packet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..._arrays import Real, floor_div, minimum
from .base import Bools, Encoding, Sent, address_bits, some_active, streamed, whole_flits


@dataclass(frozen=True)
class PackedAer(Encoding):
    """k spikes of N units: ceil(k / a) flits of a = floor(W / ceil(log2 N)) addresses; nothing where k = 0."""

    name: ClassVar[str] = "packed_aer"

    def word_bits(self, units: Real) -> Real:
        return address_bits(units)

    def emits(self, active: Bools) -> Bools:
        return active

    def expected_words(self, units: Real, rate: Real) -> Real:
        return units * minimum(rate, 1.0)

    def expected(self, units: Real, rate: Real, flit_bits: Real, packet_flits: Real | None = None) -> Sent:
        words = self.expected_words(units, rate)
        return streamed(self, units, some_active(units, rate), words, flit_bits, packet_flits)

    def break_even_rate(self, units: Real, flit_bits: Real) -> Real:
        """p N / a = N / W; both have a header."""
        per_flit = floor_div(flit_bits, self.word_bits(units))
        return minimum(whole_flits(units, flit_bits) * per_flit / units, 1.0)
