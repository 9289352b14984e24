"""Weights to integers: scales that lose least, and rounding that makes up for its own errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
#: of a moment's mean diagonal, added to it: Frantar and Alistarh 2022, Optimal brain compression, use 0.01 too
_DAMPING = 0.01


def best_scales(weight: NDArray[Any], bits: int, per_channel: bool) -> _Floats:
    """Scales (channels,) for which ``scale round(weight / scale)`` is nearest to the weights.

    Of ``max|w| / k``, k from 1 to 2^(bits-1) - 1: weights that lie on such a grid keep their values exactly.
    """
    flat = np.asarray(weight, np.float64).reshape(len(weight), -1)
    top = 2 ** (bits - 1) - 1
    largest = np.abs(flat).max(1) if per_channel else np.full(len(flat), np.abs(flat).max())
    best = np.where(largest > 0, largest / top, 1.0)
    least = np.full(len(flat), np.inf)
    for k in range(top, 0, -1):
        scale = np.where(largest > 0, largest / k, 1.0)
        error = ((flat - scale[:, None] * np.round(flat / scale[:, None])) ** 2).sum(1)
        if not per_channel:
            error = np.full(len(flat), error.sum())
        better = error < least * (1 - 1e-9)
        best, least = np.where(better, scale, best), np.where(better, error, least)
    return best


def rounded(weight: NDArray[Any], scales: _Floats, bits: int) -> NDArray[np.int64]:
    """Nearest integers, within `bits`."""
    top = 2 ** (bits - 1) - 1
    shape = (-1, *(1,) * (weight.ndim - 1))
    return np.clip(np.round(weight / scales.reshape(shape)), -top, top).astype(np.int64)


def compensated(weight: NDArray[Any], scales: _Floats, bits: int, moment: _Floats) -> NDArray[np.int64]:
    """Integers that minimize ``(w - q) moment (w - q)^T`` greedily, weight after weight.

    Each weight's rounding error is made up for by the weights that are not rounded yet, by the inverse of the moment
    (optimal brain quantization, Frantar and Alistarh 2022, eq. 3, in the fixed order of GPTQ). With moments of decayed
    inputs the sum is that of squared errors of membranes between resets: a reconstruction of what OSBC (arXiv
    2506.03996) describes, whose code is not public.
    """
    top = 2 ** (bits - 1) - 1
    left = np.asarray(weight, np.float64).reshape(len(weight), -1).copy()
    damped = moment + np.eye(len(moment)) * (_DAMPING * np.mean(np.diag(moment)) or 1.0)
    order = np.argsort(-np.diag(damped), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    left = left[:, order]
    made = np.empty(left.shape, np.int64)
    for column in range(left.shape[1]):
        made[:, column] = np.clip(np.round(left[:, column] / scales), -top, top)
        error = (left[:, column] - made[:, column] * scales) / upper[column, column]
        left[:, column + 1 :] -= error[:, None] * upper[column, column + 1 :]
    restored = np.empty_like(made)
    restored[:, order] = made
    return restored.reshape(weight.shape)
