"""Ramp (single slope): a counter runs until a rising reference passes the input.

The finite output resistance of its current source bends the ramp: to first order a parabola that is 0 at both
ends, ``level(p) = ideal + 4 inl p (1 - p)`` at p from 0 to 1 (Razavi, Principles of Data Conversion System Design,
1995). The count stops where the ramp first passes the input, so a ramp that falls again is as good as its running
maximum.
"""

from __future__ import annotations

import numpy as np

from ...hardware.adc import Adc
from .base import Circuit, Floats, ideal_thresholds


class Ramp(Circuit):
    """Reads `inl_lsb`, `comparator_sigma_lsb` and `gain_sigma`."""

    def draws(self, bits: int) -> int:
        return 2  # reference and comparator

    def thresholds(self, low: int, bits: int, errors: Adc, drawn: Floats) -> Floats:
        p = (0.5 + np.arange(2**bits - 1)) / (2**bits - 1)
        ramp = np.maximum.accumulate(ideal_thresholds(low, bits) + 4 * errors.inl_lsb * p * (1 - p))
        gain = 1 + errors.gain_sigma * drawn[:, :1]
        return np.asarray(gain * ramp + errors.comparator_sigma_lsb * drawn[:, 1:2])
