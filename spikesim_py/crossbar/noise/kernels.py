"""Standard normal numbers as vector loops; `reference.py` says the same in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..draws import GOLDEN
from ..kernels import Array, divides, kernel
from ..simd import bits_of, float_of

_STEP = np.uint64(GOLDEN)


@kernel
def noise(state: Any, counter: int, drawn: Array) -> None:
    """Standard normal numbers of one conversion, float32, into `drawn` (an even number of them).

    Box and Muller (Annals of Mathematical Statistics 29, 1958) on the two halves of a SplitMix64 word per pair:
    number i and number i + n/2 share one. Logarithm, sine and cosine are polynomials of our own, good to 3e-7, so
    that the loop is a vector loop and the bits do not depend on a library; the largest number is 6.7.
    """
    half = drawn.size // 2
    _box_muller(_mix(state + np.uint64(counter) * _STEP), drawn[:half], drawn[half:])


@kernel
def _mix(word: Any) -> Any:
    """SplitMix64's finalizer, as in `draws`."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@divides
def _box_muller(key: Any, first: Array, second: Array) -> None:
    for i in range(first.size):
        word = _mix(key + np.uint64(i) * _STEP)
        u = np.float32(np.int64(word >> np.uint64(32))) + np.float32(0.5)  # 2^32 times a uniform number, not 0
        # ln(u / 2^32) = (exponent - 32) ln 2 + ln(mantissa), mantissa in 0.75..1.5
        bits = bits_of(u) - np.int32(0x3F400000)
        exponent = np.float32(np.int32(bits >> np.int32(23)))
        f = float_of(np.int32((bits & np.int32(0x7FFFFF)) + np.int32(0x3F400000))) - np.float32(1)
        s = f / (np.float32(2) + f)
        z = s * s
        log = np.float32(2) * s * (
            np.float32(1)
            + z * (np.float32(1 / 3) + z * (np.float32(1 / 5) + z * (np.float32(1 / 7) + z * np.float32(1 / 9))))
        )  # fmt: skip
        log = log + (exponent - np.float32(32)) * np.float32(np.log(2))
        square = np.float32(-2) * log
        radius = np.sqrt(square if square > np.float32(0) else np.float32(0))
        # angle in -pi/4..pi/4 and one of four quadrants
        turn = np.int32(np.int32(word & np.uint64(0x3FFFFFFF)) - np.int32(0x20000000))
        quadrant = np.int32((word >> np.uint64(30)) & np.uint64(3))
        a = (np.float32(turn) + np.float32(0.5)) * np.float32(np.pi / 2**31)
        b = a * a
        sine = a * (
            np.float32(1)
            + b * (np.float32(-1 / 6) + b * (np.float32(1 / 120) + b * np.float32(-1 / 5040)))
        )  # fmt: skip
        cosine = np.float32(1) + b * (
            np.float32(-1 / 2) + b * (np.float32(1 / 24) + b * (np.float32(-1 / 720) + b * np.float32(1 / 40320)))
        )
        swap, minus = (quadrant & np.int32(1)) == np.int32(1), (quadrant & np.int32(2)) == np.int32(2)
        x, y = (cosine if swap else sine), (sine if swap else cosine)
        first[i] = radius * (-x if minus else x)
        second[i] = radius * (-y if swap != minus else y)
