"""The kernel's twin in plain NumPy, bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..draws import GOLDEN, mixed

_STEP = np.uint64(GOLDEN)


def noise(state: np.uint64, counter: int, size: int) -> NDArray[np.float32]:
    """As `kernels.noise`."""
    f = np.float32
    with np.errstate(over="ignore"):
        key = mixed(np.array([state + np.uint64(counter) * _STEP], np.uint64))
        word = mixed(key + np.arange(size // 2, dtype=np.uint64) * _STEP)
    u = (word >> np.uint64(32)).astype(f) + f(0.5)
    bits = u.view(np.int32) - np.int32(0x3F400000)
    m = ((bits & np.int32(0x7FFFFF)) + np.int32(0x3F400000)).view(f) - f(1)
    s = m / (f(2) + m)
    z = s * s
    log = f(2) * s * (f(1) + z * (f(1 / 3) + z * (f(1 / 5) + z * (f(1 / 7) + z * f(1 / 9)))))
    log = log + ((bits >> np.int32(23)).astype(f) - f(32)) * f(np.log(2))
    radius = np.sqrt(np.maximum(f(-2) * log, f(0)))
    turn = (word & np.uint64(0xFFFFFFFF)).astype(np.int64)
    quadrant = turn >> 30
    a = (((turn & 0x3FFFFFFF) - 0x20000000).astype(f) + f(0.5)) * f(np.pi / 2**31)
    b = a * a
    sine = a * (f(1) + b * (f(-1 / 6) + b * (f(1 / 120) + b * f(-1 / 5040))))
    cosine = f(1) + b * (f(-1 / 2) + b * (f(1 / 24) + b * (f(-1 / 720) + b * f(1 / 40320))))
    swap, minus = (quadrant & 1) == 1, (quadrant & 2) == 2
    x, y = np.where(swap, cosine, sine), np.where(swap, sine, cosine)
    drawn = radius * np.where(minus, -x, x), radius * np.where(swap != minus, -y, y)
    return np.concatenate(drawn).astype(f)
