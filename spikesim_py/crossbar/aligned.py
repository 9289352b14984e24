"""Arrays that start at a cache line: a vector that crosses from one line into the next is read at half the speed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LINE_BYTES = 64


def aligned(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """The array with elements of `dtype`, contiguous from a cache line on; itself where it is so already."""
    if array.dtype == dtype and array.flags.c_contiguous and array.ctypes.data % _LINE_BYTES == 0:
        return array
    size = array.size * np.dtype(dtype).itemsize
    raw = np.empty(size + _LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % _LINE_BYTES
    found = raw[start : start + size].view(dtype).reshape(array.shape)
    found[...] = array
    return found
