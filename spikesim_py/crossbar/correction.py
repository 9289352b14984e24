"""What is done to a layer's sums behind the shift-add: a factor and a bias per output channel, in fixed point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Correction:
    """``y = (a * multiplier + bias) >> shift`` per channel, saturated to int32.

    Attributes:
        multiplier, bias: (channels,) int64, or (1,) for all channels; half of ``2^shift``, which rounds, is in bias.
    """

    multiplier: NDArray[np.int64]
    bias: NDArray[np.int64]
    shift: int

    def apply(self, values: NDArray[np.int32]) -> NDArray[np.int32]:
        """Corrected sums, (reads, C, H, W)."""
        multiplier, bias = (part[:, None, None] for part in (self.multiplier, self.bias))
        exact = (values * multiplier + bias) >> self.shift
        return np.asarray(np.clip(exact, -(2**31), 2**31 - 1), np.int32)


def fixed_point(gain: Any, bits: int) -> Correction:
    """The nearest factors of `bits` bits to `gain` (channels,), at least 0, with the finest step that holds them all.

    1 is exact as long as the largest gain rounds to less than 2.
    """
    gains = np.maximum(np.atleast_1d(np.asarray(gain, np.float64)), 0.0)
    shift = bits - 1
    while shift and np.rint(gains.max() * 2**shift) >= 2**bits:
        shift -= 1
    multiplier = np.minimum(np.rint(gains * 2**shift), 2**bits - 1).astype(np.int64)
    return Correction(multiplier, np.full(len(gains), (1 << shift) >> 1, np.int64), shift)
