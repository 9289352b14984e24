"""The axes of a study as factors: which levels there are, and which of them each design has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, did_you_mean


@dataclass(frozen=True)
class Factor:
    """An axis.

    Attributes:
        name: of the axis; `a+b` for fields that move together.
        levels: its distinct values, in order.
        codes: (designs,), index of each design's level.
    """

    name: str
    levels: NDArray[Any]
    codes: NDArray[np.intp]


def factors(frame: Mapping[str, NDArray[Any]], axes: Sequence[str]) -> list[Factor]:
    """The axes that differ between the designs of a frame.

    Fields that move together (`crossbar.rows+crossbar.cols`) are one factor.

    Raises:
        InputError: the frame has no column of an axis, or no axis differs.
    """
    found = []
    for axis in axes:
        column = axis.split("+")[0]
        if column not in frame:
            raise InputError(f"axis {axis!r}: the study has no such column{did_you_mean(column, frame)}")
        levels, codes = np.unique(np.asarray(frame[column]), return_inverse=True)
        if levels.size > 1:
            found.append(Factor(axis, levels, codes.reshape(-1)))
    if not found:
        raise InputError("axes: no axis has two levels or more among the designs; there is nothing to compare")
    return found


def cells(found: Sequence[Factor]) -> NDArray[np.int64]:
    """(designs,): one number per combination of levels.

    Raises:
        InputError: there are more combinations than numbers.
    """
    shape = [factor.levels.size for factor in found]
    if math.prod(shape) >= 2**62:
        raise InputError(f"axes: {len(shape)} axes have {math.prod(shape):.1e} combinations; name fewer axes")
    index = np.ravel_multi_index(tuple(factor.codes for factor in found), shape)
    return np.asarray(index, dtype=np.int64)
