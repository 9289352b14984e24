"""A single-slope converter whose ramp grows exponentially: fine steps where sums are small, coarse ones above.

Companding (B. Smith, Bell System Technical Journal 36, 1957): at the share p of the ramp it stands at
``((1 + mu)^p - 1) / mu`` of the full scale. Of the 2^bits codes that leave the converter a quarter is ever made, so
that it counts a quarter of the clocks of a straight ramp of the same full scale and LSB. A sum gets the nearest of
the codes that are made: its threshold is halfway between two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim_py.extending import AdcModel, Converter, Technology, ramp
from spikesim_py.hardware import Hardware
from spikesim_py.hardware.adc import Adc

Floats = NDArray[np.float64]
#: curvature of the ramp; the telephone's (ITU-T G.711) is 255, at far more codes than a column has
MU = 15.0
#: bits of the code that the counter does not have
SAVED_BITS = 2


def codes(low: int, bits: int) -> NDArray[np.int64]:
    """The codes that are made, ascending, from `low` to ``low + 2^bits - 1``; symmetric where `low` is negative."""
    high = low + 2**bits - 1
    share = np.linspace(0, 1, 2 ** (bits - SAVED_BITS - (low < 0)))
    size = np.rint(max(high, -low) * np.expm1(share * np.log1p(MU)) / MU).astype(np.int64)
    both = size if low >= 0 else np.concatenate([-size, size])
    return np.unique(np.clip(both, low, high))


class CompandedRamp(AdcModel):
    about = "single slope, exponential ramp: a quarter of the clocks"
    source = "B. Smith, Bell System Technical Journal 36, 1957 (companding); circuits as the built-in ramp's"
    grade = "assumed"
    constants = (
        ("mu", MU, "-", "assumed", "companding law of Smith 1957, with few codes in mind"),
        ("saved_bits", SAVED_BITS, "bit", "assumed", "a quarter of the codes is made"),
    )
    reads = frozenset({"comparator_sigma_lsb", "gain_sigma"})
    uniform = False
    least, most = SAVED_BITS + 2, 12

    def draws(self, bits: int) -> int:
        return 2  # reference and comparator

    def thresholds(self, low: int, bits: int, errors: Adc, drawn: Floats) -> Floats:
        made = codes(low, bits)
        halfway = (made[:-1] + made[1:]) / 2
        # the code jumps over those that are not made: they share a threshold
        table = halfway[np.searchsorted(made, np.arange(low + 1, low + 2**bits)) - 1]
        gain = 1 + errors.gain_sigma * drawn[:, :1]
        return np.asarray(gain * table + errors.comparator_sigma_lsb * drawn[:, 1:2])

    def cost(self, tech: Technology, hardware: Hardware, bits: Any) -> Converter:
        """Comparator and counter of the built-in ramp, with as many clocks as codes are made."""
        return ramp(tech, bits - SAVED_BITS, 1e3 / hardware.technology.clock_mhz)


RAMP = CompandedRamp()
