"""Least squares on axes as factors: contrasts that are orthonormal over the full factorial, and their products."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .factors import Factor

Floats = NDArray[np.float64]
Axes = tuple[str, ...]

#: designs per coefficient that a fit needs to have the terms of two axes
_ENOUGH = 2
#: rows that are held in memory at once
_BLOCK = 65_536


class Regression:
    """A constant, contrasts of each axis, and products of them up to an order of axes.

    Attributes:
        columns: set of axes -> its columns. size: how many columns there are.
    """

    def __init__(self, found: Sequence[Factor], order: int) -> None:
        self._found, self.columns, self.size = found, dict[Axes, slice](), 1
        for size in range(1, order + 1):
            for chosen in itertools.combinations(found, size):
                count = math.prod(factor.levels.size - 1 for factor in chosen)
                self.columns[tuple(factor.name for factor in chosen)] = slice(self.size, self.size + count)
                self.size += count

    @staticmethod
    def of(found: Sequence[Factor]) -> Regression:
        """The terms of one axis and, if there are twice as many designs as coefficients, of two.

        Raises:
            InputError: there are too few designs for the terms of one.
        """
        first, second, designs = Regression(found, 1), Regression(found, 2), len(found[0].codes)
        if designs <= first.size:
            raise InputError(f"{designs} designs are too few: their axes have {first.size} levels to tell apart")
        return second if designs >= _ENOUGH * second.size else first

    def _matrix(self, rows: NDArray[np.intp]) -> Floats:
        by_name = {f.name: contrasts(f.levels.size)[f.codes[rows]] for f in self._found}
        parts = [np.ones((len(rows), 1))]
        for axes in self.columns:
            parts.append(reduce(_products, (by_name[name] for name in axes)))
        return np.hstack(parts)

    def solve(self, y: Floats, rows: NDArray[np.intp]) -> Floats:
        """Coefficients by least squares, the smallest where there are many."""
        square, right = np.zeros((self.size, self.size)), np.zeros(self.size)
        for start in range(0, len(y), _BLOCK):
            x = self._matrix(rows[start : start + _BLOCK])
            square += x.T @ x
            right += x.T @ y[start : start + _BLOCK]
        return np.asarray(np.linalg.lstsq(square, right, rcond=1e-10)[0])

    def residual(self, y: Floats, rows: NDArray[np.intp], coefficients: Floats) -> float:
        """Variance that the fit leaves, per degree of freedom."""
        squares = sum(
            float(((y[at : at + _BLOCK] - self._matrix(rows[at : at + _BLOCK]) @ coefficients) ** 2).sum())
            for at in range(0, len(y), _BLOCK)
        )
        return squares / max(len(y) - self.size, 1)


def _products(first: Floats, second: Floats) -> Floats:
    """Every column of the one with every column of the other, row by row."""
    return np.asarray((first[:, :, None] * second[:, None, :]).reshape(len(first), -1))


def contrasts(levels: int) -> Floats:
    """(levels, levels - 1): columns that sum to 0, have a mean square of 1, and are orthogonal (Helmert's)."""
    basis = np.tril(-np.ones((levels, levels - 1)), -1)
    basis = np.where(np.eye(levels, levels - 1) > 0, np.arange(levels - 1, 0, -1), basis)
    return np.asarray(basis / np.sqrt((basis**2).mean(axis=0)))
