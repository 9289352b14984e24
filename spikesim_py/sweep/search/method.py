"""What every way to search has in common: ask it for designs, tell it their accuracies.

A method knows what each design costs before it is measured; only accuracies are asked for. One accuracy often serves
many designs (see `keys`): where all designs can be listed, a method proposes accuracies, each once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...report import METRICS
from ..candidates import Candidates
from ..keys import Arms
from ..space import Space

Floats = NDArray[np.float64]
#: a design: the place of its value in every axis, -1 where the axis is inactive
Point = tuple[int, ...]


@dataclass(frozen=True)
class Told:
    """An accuracy that was measured.

    Attributes:
        point: a design that has it.
        accuracy: 0 to 1.
        error: its standard error, 0 where it has none.
    """

    point: Point
    accuracy: float
    error: float = 0.0


class Method(ABC):
    """A way to search; the same seed and the same answers give the same proposals."""

    @abstractmethod
    def __init__(self, field: Field, seed: int) -> None: ...

    @abstractmethod
    def ask(self, count: int) -> list[Point]:
        """Up to `count` designs to measure next, never one that it has proposed before; fewer when none are left."""

    def tell(self, told: Told) -> None:  # noqa: B027 - methods that do not learn need not listen
        """What was measured of a design that it proposed, or of another."""


@dataclass(frozen=True)
class Field:
    """Where a method searches.

    Attributes:
        space: the space.
        designs: all that it allows, None where they are too many to list.
        arms: which of them share an accuracy, None where they are not listed.
        costed: codes (n, axes) to the designs among them that the space allows, with their costs.
    """

    space: Space
    designs: Candidates | None
    arms: Arms | None
    costed: Callable[[NDArray[np.int32]], Candidates]

    def listed(self) -> tuple[Candidates, Arms]:
        """Designs and arms; only for methods that need them."""
        assert self.designs is not None
        assert self.arms is not None
        return self.designs, self.arms

    def point(self, arm: int) -> Point:
        """The design that stands for an accuracy: the first that has it."""
        designs, arms = self.listed()
        return tuple(designs.codes[arms.first[arm]].tolist())

    def arm(self, point: Point) -> int:
        """Which accuracy a design has."""
        designs, arms = self.listed()
        return int(arms.of[designs.place(point)])


def cost_names(space: Space) -> list[str]:
    """The objectives that are known beforehand."""
    return [name for name in space.objectives if name != "accuracy"]


def losses(designs: Candidates) -> Floats:
    """(designs, costs): objectives to be made small; logarithms, so that a factor counts alike at every size."""
    names = cost_names(designs.space)
    signs = [-1.0 if METRICS[name][2] else 1.0 for name in names]
    values: list[Any] = [np.log10(designs.costs[name]) * sign for name, sign in zip(names, signs, strict=True)]
    return np.stack(values, axis=1)


class Listed(Method):
    """Base of methods that propose from the list of accuracies."""

    def __init__(self, field: Field, seed: int) -> None:
        self.field = field
        self.open = np.ones(len(field.listed()[1]), dtype=bool)

    def take(self, arms: list[int]) -> list[Point]:
        """Proposals, which are not made again."""
        self.open[arms] = False
        return [self.field.point(arm) for arm in arms]

    def tell(self, told: Told) -> None:
        """An accuracy that is known needs no proposal."""
        self.open[self.field.arm(told.point)] = False
