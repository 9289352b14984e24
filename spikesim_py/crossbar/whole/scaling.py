"""The converter behind ideal columns, in integers: exact for every sum that can occur."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..adc import Adc
from ..kernels import Array


class Scaling(NamedTuple):
    """The converter behind ideal columns of whole sums, and the digital circuit behind it.

    ``code_k(x) = min(max((x * scale[k] + half[k]) >> shift, low), high)``, exact for every sum that can occur.
    """

    scale: Array  # (kinds,) int64
    half: Array  # (kinds,) int64
    shift: int
    low: int
    high: int
    cuts: bool  # whether a sum can occur whose code is beyond low..high
    factor: Array  # (kinds,) int64: weight of a code in the digital sum, in unit/steps levels


def exact_scaling(adc: Adc, weights: NDArray[np.int64]) -> Scaling:
    """The conversion in integers: ``floor(x steps / range + 1/2)`` as a product and a shift.

    The product is up to x / 2^shift too large, and sums over the range are multiples of 1 / (2 range) away from
    ties: with 2^shift at least 8 times range x full scale and a quarter of that distance added, no sum is misread.
    """
    ranges = np.array(adc.ranges, np.int64)
    shift = int(8 * ranges.max() * max(1, adc.full_scale)).bit_length()
    scale = -(-(adc.steps << shift) // ranges)
    half = (1 << (shift - 1)) + (1 << shift) // (4 * ranges)
    largest = (adc.full_scale * scale + half) >> shift
    cuts = bool((largest > adc.high).any()) or adc.low < 0
    return Scaling(scale, half, shift, adc.low, adc.high, cuts, weights)
