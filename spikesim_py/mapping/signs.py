"""Signed weights as unsigned cell codes, and how the product is put together again.

Every scheme obeys one equation, exact for ideal cells and a lossless ADC::

    W . x = sum_k coefficient[k] * (codes[k] . x)  -  offset * sum(masked x)

where the sum over k runs over the columns of one output (slices and signs) and the mask is all
inputs, or only those that meet a negative weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MappingError
from ..hardware import SignMapping


@dataclass(frozen=True)
class Columns:
    """The columns of one output: their coefficients, slice numbers and signs, each (k,).

    Physical columns, but for interleaved pairs: the two signs of a slice share one.
    """

    coefficient: NDArray[np.int64]
    slice_index: NDArray[np.int64]
    sign: NDArray[np.int64]  # 0 positive or only, 1 negative or sign column

    @property
    def count(self) -> int:
        return len(self.coefficient)


@dataclass(frozen=True)
class SignedCodes:
    """Cell levels of a weight matrix.

    Attributes:
        columns: the columns of one output.
        levels: (k, *weight.shape) uint8, each below 2^cell_bits.
        offset: what to subtract per active (masked) input; 0 where no correction is needed.
        mask: None (every input counts) or bool of weight.shape (inputs that meet a negative weight count).
    """

    columns: Columns
    levels: NDArray[np.uint8]
    offset: int
    mask: NDArray[np.bool_] | None


def value_bits(signs: SignMapping, weight_bits: int, weight: NDArray[Any] | None) -> int:
    """Bits of the largest stored code; without weights, of the worst symmetric weights of that width."""
    if weight is None:
        top: int = max(2 ** (weight_bits - 1) - 1, 1)
        low, high = -top, top
    else:
        low, high = int(weight.min()), int(weight.max())
    if signs is SignMapping.DIFFERENTIAL:
        return max(1, max(-low, high).bit_length())
    if signs is SignMapping.TWOS_COMPLEMENT:
        return max(1, weight_bits - 1)
    if weight_bits == 1 and signs is SignMapping.OFFSET:
        return 1
    if signs is SignMapping.OFFSET:
        return max(1, weight_bits if weight is None else (high + 2 ** (weight_bits - 1)).bit_length())
    power: int = 2 ** negative_power(low)
    if weight is None:
        return max(1, max(high, power - 1).bit_length())
    negative = weight[weight < 0]
    stored = int(negative.max()) + power if negative.size else 0
    return max(1, max(high, stored, 0).bit_length())


def negative_power(low: int) -> int:
    """SpikeSim's p = ceil(log2 |min w|) (0 where no weight is negative)."""
    return (-low - 1).bit_length() if low < 0 else 0


def cells_per_weight(signs: SignMapping, slices: int, weight_bits: int) -> int:
    """Cells that one weight takes, each in a column of its own unless pairs are interleaved."""
    if signs is SignMapping.DIFFERENTIAL:
        return 2 * slices
    if signs is SignMapping.TWOS_COMPLEMENT and weight_bits > 1:
        return slices + 1
    return slices


def encode(signs: SignMapping, weight: NDArray[Any], weight_bits: int, cell_bits: int) -> SignedCodes:
    """Cell levels of integer weights; raises `MappingError` for a value that does not fit."""
    weight = weight.astype(np.int64)
    bits = value_bits(signs, weight_bits, weight)
    slices = -(-bits // cell_bits)
    if signs is SignMapping.DIFFERENTIAL:
        parts, scale, offset, mask = [np.maximum(weight, 0), np.maximum(-weight, 0)], 1, 0, None
    elif weight_bits == 1 and signs is not SignMapping.OFFSET_NEGATIVE:
        # c = (w + 1) / 2 and y = 2 sum(c x) - sum(x)
        parts, scale, offset, mask = [(weight + 1) // 2], 2, 1, None
    elif signs is SignMapping.OFFSET:
        offset = 2 ** (weight_bits - 1)
        parts, scale, mask = [weight + offset], 1, None
    elif signs is SignMapping.OFFSET_NEGATIVE:
        offset, mask = 2 ** negative_power(int(weight.min())), weight < 0
        parts, scale = [np.where(mask, weight + offset, weight)], 1
        if not mask.any():
            offset, mask = 0, None
    else:
        return _twos_complement(weight, weight_bits, cell_bits, slices)
    columns = _columns(slices, cell_bits, [scale, -scale][: len(parts)])
    levels = _interleave([_slice(part, slices, cell_bits) for part in parts])
    return SignedCodes(columns, levels, offset, mask)


def _twos_complement(weight: NDArray[np.int64], bits: int, cell_bits: int, slices: int) -> SignedCodes:
    top = 2 ** (bits - 1)
    negative = (weight < 0).astype(np.int64)
    value = _columns(slices, cell_bits, [1])
    columns = Columns(
        np.append(value.coefficient, -top), np.append(value.slice_index, slices), np.append(value.sign, 1)
    )
    levels = np.concatenate([_slice(weight + top * negative, slices, cell_bits), negative[None].astype(np.uint8)])
    return SignedCodes(columns, levels, 0, None)


def _columns(slices: int, cell_bits: int, scales: list[int]) -> Columns:
    """Slices from least to most significant; the columns of a differential pair lie side by side."""
    index = np.repeat(np.arange(slices), len(scales))
    sign = np.tile(np.arange(len(scales)), slices)
    return Columns(np.array(scales)[sign] << (index * cell_bits), index, sign)


def _slice(codes: NDArray[np.int64], slices: int, cell_bits: int) -> NDArray[np.uint8]:
    if codes.min() < 0 or int(codes.max()) >> (slices * cell_bits):
        raise MappingError(f"weight codes from {codes.min()} to {codes.max()} do not fit {slices} cells")
    shifts = (np.arange(slices) * cell_bits).reshape(-1, *([1] * codes.ndim))
    return np.asarray((codes[None] >> shifts) & (2**cell_bits - 1), dtype=np.uint8)


def _interleave(parts: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:])
