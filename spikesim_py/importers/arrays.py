"""Parameters by unit, as few numbers as say the same; kernels as hardware holds them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .graph import Values

#: numbers that an array may grow to where a file says fewer: parameters spread over units, dilated kernels
MAX_SPREAD = 2**22


def is_number(values: Values, wanted: float) -> bool:
    """Whether an array is that number everywhere."""
    return bool((values == wanted).all())


def compact(values: Any, shape: tuple[int, int, int]) -> Values:
    """() where all are equal, (C, 1, 1) where channels are uniform, else (C, H, W).

    Raises:
        ValueError: the array fits neither channels nor units, or would be spread over more than `MAX_SPREAD`.
    """
    array = np.asarray(values, np.float64)
    if array.size and (array == array.flat[0]).all():
        return np.asarray(array.flat[0], np.float64)
    sizes = [n for n in array.shape if n != 1] or [1]
    kept = [n for n in shape if n != 1] or [1]
    if sizes == kept:
        full = array.reshape(shape)
    elif array.size == shape[0]:
        return array.reshape(-1, 1, 1)
    else:
        full = _spread(array, shape)
    if (full == full[:, :1, :1]).all():
        return np.array(full[:, :1, :1])
    return np.array(full)


def flattened(values: Values, shape: tuple[int, int, int]) -> Values:
    """A parameter of (C, H, W) after the flattening of its units."""
    if values.ndim == 0:
        return values
    return compact(_spread(values, shape).reshape(-1), (math.prod(shape), 1, 1))


def _spread(values: Values, shape: tuple[int, int, int]) -> Values:
    if values.size < math.prod(shape) > MAX_SPREAD:
        raise ValueError(f"{values.size} numbers for {math.prod(shape)} units: at most {MAX_SPREAD} are spread")
    return np.broadcast_to(values, shape)


def per_part(arrays: Mapping[str, Values], shape: tuple[int, int, int]) -> list[str]:
    """Names of the arrays that differ within a channel of maps: hardware with a register per channel lacks them."""
    return [name for name, array in arrays.items() if array.ndim == 3 and array.shape[1:] != (1, 1) != shape[1:]]


def expanded_kernel(
    weight: Values, dilation: tuple[int, int], size: tuple[int, ...], error: Callable[[str], Exception]
) -> Values:
    """A kernel with the zeros that its dilation leaves between its taps."""
    if dilation == (1, 1):
        return weight
    spans = tuple((k - 1) * step + 1 for k, step in zip(weight.shape[2:], dilation, strict=True))
    large = math.prod(weight.shape[:2]) * math.prod(spans) > max(MAX_SPREAD, 16 * weight.size)
    if large or any(span > 4 * n + 4096 for span, n in zip(spans, size, strict=True)):
        raise error(f"its kernel {weight.shape} with dilation {dilation} spans {spans}: its input has {size}")
    full = np.zeros((*weight.shape[:2], *spans))
    full[:, :, :: dilation[0], :: dilation[1]] = weight
    return full


def same_padding(weight: Values) -> tuple[Values, tuple[int, int]]:
    """The kernel, and the padding that keeps the size of its input; even kernels get a first line of zeros.

    PyTorch pads an even kernel by one more at the end; with a zero line in front both sides are padded alike.
    """
    front = [(1 - k % 2, 0) for k in weight.shape[2:]]
    odd = np.pad(weight, [(0, 0), (0, 0), *front])
    return odd, (odd.shape[2] // 2, odd.shape[3] // 2)
