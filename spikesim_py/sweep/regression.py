"""Least squares on axes as factors: contrasts that are orthonormal over the full factorial, and their products."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ..errors import InputError
from .factors import Factor

Floats = NDArray[np.float64]
Axes = tuple[str, ...]

#: designs per coefficient that a fit needs to have the terms of two axes
_ENOUGH = 3
#: rows that are held in memory at once
_BLOCK = 16_384
#: groups of designs that a bootstrap draws, at most and at least, and numbers that matrix or squares may hold
_GROUPS, _LEAST_GROUPS, _NUMBERS = 200, 50, 20_000_000


class Regression:
    """A constant, contrasts of each axis, and products of them up to an order of axes.

    Designs are held in groups, whose products of columns are summed once: a bootstrap over a few hundred groups costs
    little more than one fit, and tells the same spread as one over designs.

    Attributes:
        columns: set of axes -> its columns. size: how many columns there are.
    """

    def __init__(self, found: Sequence[Factor], order: int) -> None:
        self._found, self.columns, self.size = found, dict[Axes, slice](), 1
        self._kept: list[tuple[slice, Floats]] | None = None
        for size in range(1, order + 1):
            for chosen in itertools.combinations(found, size):
                count = math.prod(factor.levels.size - 1 for factor in chosen)
                self.columns[tuple(factor.name for factor in chosen)] = slice(self.size, self.size + count)
                self.size += count

    @staticmethod
    def of(found: Sequence[Factor]) -> Regression:
        """The terms of one axis and, if there are three times as many designs as coefficients, of two.

        Raises:
            InputError: there are too few designs for the terms of one.
        """
        first, second, designs = Regression(found, 1), Regression(found, 2), len(found[0].codes)
        if designs <= first.size:
            raise InputError(f"{designs} designs are too few: their axes have {first.size} levels to tell apart")
        return second if designs >= _ENOUGH * second.size else first

    def fit(self, y: Floats, times: Floats | None = None) -> tuple[Floats, float]:
        """Coefficients by least squares, the smallest where there are many; the variance left per degree of freedom.

        Args:
            y: (designs,). times: how often each group of designs counts, (groups,); once if not given.
        """
        weights = np.ones(len(self.squares)) if times is None else times
        counted = weights[self._group]
        right = sum(x.T @ (counted[at] * y[at]) for at, x in self._blocks())
        solved = _solved(np.tensordot(weights, self.squares, 1), np.asarray(right))
        left = sum(float((counted[at] * (y[at] - x @ solved) ** 2).sum()) for at, x in self._blocks())
        return solved, left / max(len(y) - self.size, 1)

    @cached_property
    def squares(self) -> Floats:
        """(groups, columns, columns): the products of columns, summed over each group's designs."""
        sums = np.zeros((int(self._group.max()) + 1, self.size, self.size))
        for at, x in self._blocks():
            for group in np.unique(self._group[at]):
                members = x[self._group[at] == group]
                sums[group] += members.T @ members
        return sums

    @cached_property
    def _group(self) -> NDArray[np.intp]:
        """Which group each design is in: as many groups as designs if memory allows, else at random."""
        designs = len(self._found[0].codes)
        groups = min(designs, max(_LEAST_GROUPS, min(_GROUPS, _NUMBERS // self.size**2)))
        return np.random.default_rng(0).permutation(designs) % groups

    def _blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Rows and their part of the matrix; kept where it is small, as every draw of a bootstrap needs it."""
        if self._kept is None:
            made = self._made()
            if len(self._found[0].codes) * self.size > _NUMBERS:
                yield from made
                return
            self._kept = list(made)
        yield from self._kept

    def _made(self) -> Iterator[tuple[slice, Floats]]:
        for start in range(0, len(self._found[0].codes), _BLOCK):
            at = slice(start, start + _BLOCK)
            by_name = {f.name: contrasts(f.levels.size)[f.codes[at]] for f in self._found}
            ones = np.ones((len(self._found[0].codes[at]), 1))
            yield at, np.hstack([ones, *(reduce(_products, map(by_name.__getitem__, axes)) for axes in self.columns)])


def _solved(square: Floats, right: Floats) -> Floats:
    """The solution of the normal equations; the smallest one where they leave some open."""
    try:
        factor, lower = cho_factor(square)
        diagonal = np.abs(np.diag(factor))
        if diagonal.min() > 1e-5 * diagonal.max():
            return np.asarray(cho_solve((factor, lower), right))
    except np.linalg.LinAlgError:
        pass
    return np.asarray(np.linalg.lstsq(square, right, rcond=1e-10)[0])


def _products(first: Floats, second: Floats) -> Floats:
    """Every column of the one with every column of the other, row by row."""
    return np.asarray((first[:, :, None] * second[:, None, :]).reshape(len(first), -1))


def contrasts(levels: int) -> Floats:
    """(levels, levels - 1): columns that sum to 0, have a mean square of 1, and are orthogonal (Helmert's)."""
    basis = np.tril(-np.ones((levels, levels - 1)), -1)
    basis = np.where(np.eye(levels, levels - 1) > 0, np.arange(levels - 1, 0, -1), basis)
    return np.asarray(basis / np.sqrt((basis**2).mean(axis=0)))
