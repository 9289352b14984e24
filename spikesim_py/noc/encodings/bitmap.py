"""Every unit in its place, active or not: the cheapest code of busy layers, and the only one of values of many bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._arrays import Real
from .base import Bools, Encoding, Sent, dense


@dataclass(frozen=True)
class Bitmap(Encoding):
    """N values of `bits` bits: ceil(N bits / W) flits of W bits, and a header per packet."""

    bits: int = 1

    name: ClassVar[str] = "bitmap"
    whole: ClassVar[bool] = False

    def word_bits(self, units: Real) -> Real:
        return self.bits

    def emits(self, active: Bools) -> Bools:
        return np.ones_like(active)

    def expected_words(self, units: Real, rate: Real) -> Real:
        return units

    def expected(self, units: Real, rate: Real, flit_bits: Real, packet_flits: Real | None = None) -> Sent:
        return dense(units, self.bits, flit_bits, packet_flits)

    def break_even_rate(self, units: Real, flit_bits: Real) -> Real:
        """Never cheaper than itself."""
        return 0.0 * units
