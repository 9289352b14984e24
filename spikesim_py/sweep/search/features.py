"""Axes as numbers that a model can measure distances in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..candidates import Candidates
from ..keys import Arms
from ..space import Value

Floats = NDArray[np.float64]
#: an axis whose largest value is so many times its smallest is measured by its logarithm
_LOG = 4.0


def features(designs: Candidates, arms: Arms) -> Floats:
    """(accuracies, columns) from 0 to 1, of the axes that an accuracy may depend on.

    Numbers lie where they are, or where their logarithms are; other values have a column each. An inactive axis lies
    in the middle, with a column that says so.
    """
    codes = designs.codes[arms.first]
    values = list(designs.space.axes.values())
    columns = [column for place in arms.axes for column in _columns(values[place], codes[:, place])]
    return np.stack(columns, axis=1) if columns else np.zeros((len(codes), 0))


def _columns(values: Sequence[Value], codes: NDArray[np.int32]) -> list[Floats]:
    active = codes >= 0
    made = [np.where(active, column[codes], 0.5) for column in _scaled(values)]
    return made if active.all() else [*made, active.astype(float)]


def _scaled(values: Sequence[Value]) -> list[Floats]:
    if len(values) == 1:
        return []
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, dtype=float)
        if numbers.min() > 0 and numbers.max() >= _LOG * numbers.min():
            numbers = np.log(numbers)
        return [(numbers - numbers.min()) / np.ptp(numbers)]
    if len(values) == 2:
        return [np.array([0.0, 1.0])]
    return list(np.eye(len(values)))
