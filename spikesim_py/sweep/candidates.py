"""The designs of a space in columns: which there are, what each costs, and which of them share an accuracy.

No design is an object here, so that a million fit in memory and cost a few passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batch import cost_batch
from ..errors import InputError, SpikesimError
from .resolve import Resolver
from .space import COSTS, Design, Space, Value

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
#: combinations that are looked at in one go
CHUNK = 2**18


@dataclass(frozen=True)
class Candidates:
    """Designs of a space.

    Attributes:
        space: theirs.
        codes: (designs, axes), place of the design's value in each axis; -1 where the axis is inactive.
        costs: metric to (designs,): exact, at the activity that the network stores or the chip assumes.
    """

    space: Space
    codes: Codes
    costs: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.codes)

    def axes(self, index: int) -> dict[str, Value]:
        """The values of one design's axes, without the inactive ones."""
        return values_of(self.space, self.codes[index])

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        return np.asarray(np.ravel_multi_index(tuple(np.maximum(self.codes, 0).T), self._shape), np.int64)

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.space.axes.values())

    def among(self, codes: Codes) -> Candidates:
        """Those of the given combinations that are in the list, like `costed`."""
        numbers = np.ravel_multi_index(tuple(np.maximum(codes, 0).T), self._shape)
        places = np.minimum(np.searchsorted(self._numbers, numbers), len(self) - 1)
        return self[np.unique(places[self._numbers[places] == numbers])]

    def place(self, point: Sequence[int]) -> int:
        """Which design has these codes; the designs must be in the order of the space."""
        number = np.ravel_multi_index(tuple(np.maximum(point, 0)), self._shape)
        return int(np.searchsorted(self._numbers, number))

    def __getitem__(self, mask: NDArray[Any]) -> Candidates:
        return Candidates(self.space, self.codes[mask], {name: values[mask] for name, values in self.costs.items()})


def values_of(space: Space, codes: NDArray[np.integer[Any]]) -> dict[str, Value]:
    """Axis to value, of one design's codes."""
    found = zip(space.axes.items(), codes.tolist(), strict=True)
    return {axis: values[code] for (axis, values), code in found if code >= 0}


def enumerate_space(resolver: Resolver, *, metrics: tuple[str, ...] = COSTS) -> Candidates:
    """Every design that the space's conditions and constraints allow, the last axis fastest.

    Args:
        metrics: costs to keep; none are computed where nothing asks for them.

    Raises:
        InputError: a design is impossible (it is named), or none is left.
    """
    space = resolver.space
    parts = [costed(resolver, codes, metrics) for codes in _combinations(space)]
    codes = np.concatenate([part.codes for part in parts])
    if not len(codes):
        raise InputError(f"sweep {space.name!r}: its constraints allow none of its {space.size} designs")
    costs = {name: np.concatenate([part.costs[name] for part in parts]) for name in parts[0].costs}
    return Candidates(space, codes, costs)


def costed(
    resolver: Resolver, codes: Codes, metrics: tuple[str, ...] = COSTS, *, activity: float | None = None
) -> Candidates:
    """Those of the given combinations that are allowed, with their costs.

    A combination gives an inactive axis its first value, once; others that differ there only are dropped.

    Args:
        activity: as for `cost_batch`.
    """
    space = resolver.space
    codes = _with_conditions(space, codes)
    limits = space.limits()
    early = [limit for limit in limits if not set(limit.names) & set(COSTS)]
    late = [limit for limit in limits if limit not in early]
    for limit in early:
        codes = codes[np.broadcast_to(limit.holds(columns(space, codes)), len(codes))]
    wanted = {*metrics, *(name for limit in late for name in limit.names if name in COSTS)}
    found = Candidates(space, codes, _costs(resolver, codes, sorted(wanted), activity) if wanted else {})
    for limit in late:
        found = found[np.broadcast_to(limit.holds(columns(space, found.codes) | dict(found.costs)), len(found))]
    return Candidates(space, found.codes, {name: found.costs[name] for name in metrics})


def designs(space: Space, resolver: Resolver | None = None) -> list[Design]:
    """Every design of a space, resolved, in the order of its axes, the last axis fastest.

    Raises:
        InputError: a design is impossible; the message names it. Nothing has run then.
    """
    resolver = resolver or Resolver(space)
    found = enumerate_space(resolver, metrics=())
    return [resolver.design(found.axes(index)) for index in range(len(found))]


def columns(space: Space, codes: Codes) -> dict[str, NDArray[Any]]:
    """Field to its value in each design: numbers as floats (NaN where inactive), others as objects (None there)."""
    made: dict[str, NDArray[Any]] = {}
    for place, (axis, values) in enumerate(space.axes.items()):
        numeric = all(isinstance(value, int | float) for value in values)
        table = np.array([*values, np.nan if numeric else None], dtype=float if numeric else object)
        made |= dict.fromkeys(axis.split("+"), table[codes[:, place]])  # -1 is the last
    return made


def _combinations(space: Space) -> Iterator[Codes]:
    """All codes, chunk by chunk."""
    shape = tuple(len(values) for values in space.axes.values())
    for start in range(0, space.size, CHUNK):
        index = np.arange(start, min(start + CHUNK, space.size))
        yield decoded(shape, index)


def decoded(shape: tuple[int, ...], index: NDArray[np.int64]) -> Codes:
    """Codes of combinations by their number, the last axis fastest."""
    if not shape:
        return np.zeros((len(index), 0), np.int32)
    return np.stack(np.unravel_index(index, shape), axis=1).astype(np.int32)


def _with_conditions(space: Space, codes: Codes) -> Codes:
    order = list(space.axes)
    conditions = space.conditions()
    for axis in order:
        if axis not in conditions:
            continue
        place = order.index(axis)
        active = np.broadcast_to(conditions[axis].holds(columns(space, codes)), len(codes))
        codes = codes[active | (codes[:, place] <= 0)]
        active = np.broadcast_to(conditions[axis].holds(columns(space, codes)), len(codes))
        codes[:, place] = np.where(active, codes[:, place], -1)
    return codes


def _costs(resolver: Resolver, codes: Codes, metrics: list[str], activity: float | None) -> dict[str, Floats]:
    """One pass per network and chip; `cost_batch` makes more where no formula takes a field as an array."""
    costs = {name: np.empty(len(codes)) for name in metrics}
    for members in structural_groups(resolver.space, codes):
        first = values_of(resolver.space, codes[members[0]])
        try:
            source, chip, fields = resolver.parts(first)
            network = resolver.network(source)
        except SpikesimError as error:
            raise resolver.named(first, error) from None
        try:
            axes = _batch_axes(resolver.space, codes[members], fields) or _same(chip)
            found = cost_batch(network, chip, axes, activity=activity)
        except InputError as error:
            place = re.match(r"design (\d+) of the batch: ", str(error))
            culprit = values_of(resolver.space, codes[members[int(place[1])]]) if place else first
            told = str(error)[place.end() :] if place else str(error)
            raise resolver.named(culprit, told) from None
        for name in metrics:
            costs[name][members] = getattr(found, name)
    return costs


def is_structural(axis: str) -> bool:
    """Whether an axis changes the network, or takes whole parts of chips."""
    return any("." not in field or field.startswith("network.") for field in axis.split("+"))


def structural_groups(space: Space, codes: Codes) -> Iterator[NDArray[np.int64]]:
    """Places of the designs that share network and chip, and have the same axes active."""
    structural = np.array([is_structural(axis) for axis in space.axes], dtype=bool)
    yield from groups(np.where(structural, codes, np.minimum(codes, 0)))


def groups(rows: NDArray[np.integer[Any]]) -> list[NDArray[np.int64]]:
    """Places of equal rows, in the order in which they first appear."""
    label = first_labels(rows)
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(label) else []


def first_labels(rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """A number per row, the same for equal rows, counted up in the order in which they first appear."""
    label = np.zeros(len(rows), np.int64)
    for column in rows.T:  # one number at a time: unique rows of a matrix are sorted slowly
        low = int(column.min(initial=0))
        label = label * (int(column.max(initial=0)) - low + 1) + (column - low)
        label = np.unique(label, return_inverse=True)[1]
    first = np.unique(label, return_index=True)[1]
    return np.argsort(np.argsort(first))[label]


def _batch_axes(space: Space, codes: Codes, fields: Mapping[str, Value]) -> dict[str, Any]:
    """What `cost_batch` takes: values that all designs share, and arrays of those of the axes."""
    found: dict[str, Any] = dict(fields)
    for place, (axis, values) in enumerate(space.axes.items()):
        if not is_structural(axis) and codes[0, place] >= 0:
            kinds = {type(value) for value in values}
            table = np.array(values, dtype=None if len(kinds) == 1 or kinds == {int, float} else object)
            found |= dict.fromkeys(axis.split("+"), table[codes[:, place]])
    return found


def _same(chip: Any) -> dict[str, Any]:
    """One field as the chip has it: a batch needs an axis."""
    return {"technology.node_nm": chip.technology.node_nm}
