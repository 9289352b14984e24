"""Flash: a comparator per threshold, all at once; the code is the number of comparators that say yes.

Comparator j compares with the reference ``j + 1/2`` and has an offset of its own (Razavi, Principles of Data
Conversion System Design, 1995, ch. 6). Counting ones makes the outcome monotone whatever the offsets: its
thresholds are the comparators' in ascending order.
"""

from __future__ import annotations

import numpy as np

from ...hardware.adc import Adc
from .base import Circuit, Floats, ideal_thresholds


class Flash(Circuit):
    """Reads `comparator_sigma_lsb` and `gain_sigma`."""

    def draws(self, bits: int) -> int:
        return 1 << bits  # reference and comparators

    def thresholds(self, low: int, bits: int, errors: Adc, drawn: Floats) -> Floats:
        gain = 1 + errors.gain_sigma * drawn[:, :1]
        return np.sort(gain * ideal_thresholds(low, bits) + errors.comparator_sigma_lsb * drawn[:, 1:], axis=1)
