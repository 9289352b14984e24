"""Why a design stands out, in sentences: its place among the others, what beats it, and where its cost goes.

Every number is of the study; nothing is said that the data do not bear out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._units import engineering
from ..report import METRICS
from ..sweep.fronts import front_mask, objectives
from ..sweep.nearest import nearest_front_design
from .breakdown import leaves
from .columns import Frame, measured, varying
from .limits import LIMITED

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Standing:
    """How one design stands among some.

    Attributes:
        row: its row. among: how many designs are compared, itself included.
        places: metric that differs among them -> (how many are better, how many others are as good).
        metrics: what the front is of. beaten_by: how many are nowhere worse in them, and better in one.
        nearest: of those on the front, the row that takes the fewest changes; None where it is on the front itself.
        next: metric -> the row on the front that is the next better in it; none where no design is.
    """

    row: int
    among: int
    places: Mapping[str, tuple[int, int]]
    metrics: tuple[str, ...]
    beaten_by: int
    nearest: int | None
    next: Mapping[str, int]


def standing(frame: Frame, row: int, metrics: Sequence[str], pool: Mask | None = None) -> Standing:
    """How a design stands among those of `pool` (all, if None), which it is one of.

    Args:
        metrics: of the front; those that the design has no value of are left out.
    """
    rows = np.arange(len(next(iter(frame.values())))) if pool is None else np.flatnonzero(pool)
    known = measured(frame)
    costs = {name: _costs(frame, name) for name in dict.fromkeys([*metrics, *LIMITED]) if name in known}
    costs = {name: values for name, values in costs.items() if np.isfinite(values[row])}
    places = {}
    for name, values in costs.items():
        kept, own = values[rows], values[row]
        as_good = int(np.count_nonzero(kept == own)) - 1
        if as_good + 1 < np.count_nonzero(np.isfinite(kept)):
            places[name] = (int(np.count_nonzero(kept < own)), as_good)
    metrics = tuple(name for name in metrics if name in costs)
    held = np.stack([costs[name][rows] for name in metrics], axis=1) if metrics else np.zeros((rows.size, 0))
    own = np.array([costs[name][row] for name in metrics])
    beating = (held <= own).all(axis=1) & (held < own).any(axis=1)
    best = front_mask(held, [False] * len(metrics)) if metrics else beating
    nearest = _nearest(frame, row, metrics, rows[best & beating]) if beating.any() else None
    following = {} if beating.any() else {name: _next(costs[name], rows[best], row) for name in metrics}
    found = {name: at for name, at in following.items() if at is not None}
    return Standing(row, rows.size, places, metrics, int(beating.sum()), nearest, found)


def _costs(frame: Frame, name: str) -> NDArray[np.float64]:
    """A metric as one to minimize."""
    values, (larger,) = objectives(frame, [name])
    return values[:, 0] * (-1.0 if larger else 1.0)


def _next(costs: NDArray[np.float64], front: NDArray[np.intp], row: int) -> int | None:
    better = front[costs[front] < costs[row]]
    return int(better[np.argmax(costs[better])]) if better.size else None


def _nearest(frame: Frame, row: int, metrics: Sequence[str], beating: NDArray[np.intp]) -> int:
    """Of front designs that beat it; the first where nothing but metrics is known, as of imported results."""
    few = np.append(beating, row)
    axes = _axes(frame, few)
    if not axes:
        return int(beating[0])
    taken = {name: np.asarray(frame[name])[few] for name in (*axes, *metrics)}
    return int(few[nearest_front_design(taken, few.size - 1, metrics, axes).target])


def _axes(frame: Frame, rows: NDArray[np.intp]) -> list[str]:
    """Networks, chips and their fields in which some designs differ."""
    found = varying({name: np.asarray(values)[rows] for name, values in frame.items()})
    return [name for name in found if "." in name or name in ("network", "chip")]


# ------------------------------------------------------------------------------------------------------- in sentences


def why(
    frame: Frame,
    row: int,
    metrics: Sequence[str],
    passing: Mask | None = None,
    asked: Sequence[str] = (),
    tree: Mapping[str, Any] | None = None,
) -> list[str]:
    """Why a design stands out, or does not.

    Args:
        metrics: of the front. passing: which designs meet all of `asked`, conditions in words; None asks nothing.
        tree: its costs, the plain data of `CostNode.to_dict`; None where nobody knows them.
    """
    passes = passing is None or bool(passing[row])
    found = standing(frame, row, metrics, passing if passes else None)
    told = [] if passes else [f"It does not pass what is asked ({'; '.join(asked)})."]
    who = f"the {found.among:,} designs that pass ({'; '.join(asked)})" if asked and passes else ""
    told += [_place(found, who or f"all {found.among:,} designs")] if found.among > 1 else []
    told += [_beaten(frame, found) if found.beaten_by else _unbeaten(frame, found)] if len(found.metrics) > 1 else []
    return [*filter(None, [*told, _parts(tree) if tree else ""])]


def _place(found: Standing, who: str) -> str:
    """In what it is the best, and its place in what else the front is of."""
    best = [_best(name, others) for name, (better, others) in found.places.items() if not better]
    rest = [name for name in found.metrics if found.places.get(name, (0, 0))[0]]
    places = [f"{_ordinal(found.places[name][0] + 1)} in {METRICS[name][0]}" for name in rest]
    if not found.places:
        return ""
    first = f"{len(best) or 'none'} of {len(found.places)} metrics{f' ({_joined(best)})' if best else ''}"
    return f"Of {who}, it is the best in {_joined([first, *places])}."


def _best(name: str, others: int) -> str:
    label, _, larger = METRICS[name]
    shared = f" with {others:,} other{'s' * (others != 1)}" if others else ""
    return f"{'highest' if larger else 'least'} {label}{shared}"


def _beaten(frame: Frame, found: Standing) -> str:
    both = _joined([METRICS[name][0] for name in found.metrics])
    assert found.nearest is not None
    told = [_against(frame, name, found.row, found.nearest) for name in found.metrics]
    pair = [found.nearest, found.row]
    changes = [f"{name} {' instead of '.join(_values(frame, name, pair))}" for name in _axes(frame, np.array(pair))]
    how = f", with {_joined(changes)}" if changes else ""
    count = f"{found.beaten_by:,} design{'s beat' if found.beaten_by > 1 else ' beats'} it in {both} together"
    return f"{count}: the nearest has {_joined([*filter(None, told)])}{how}."


def _values(frame: Frame, name: str, rows: Sequence[int]) -> list[str]:
    return ["none" if value != value else str(value) for value in np.asarray(frame[name])[list(rows)].tolist()]


def _unbeaten(frame: Frame, found: Standing) -> str:
    """What the next better one in each metric takes."""
    both = _joined([METRICS[name][0] for name in found.metrics])
    told = []
    for name, row in found.next.items():
        others = [_against(frame, other, found.row, row) for other in found.metrics if other != name]
        what = _against(frame, name, found.row, row)
        told.append(f"the next better in {METRICS[name][0]} has {what} at {_joined([*filter(None, others)])}")
    return f"None beats it in {both} together" + (f"; {_joined(told)}." if told else ".")


def _against(frame: Frame, name: str, row: int, other: int) -> str:
    """A metric of another design beside that of this one; empty where they are equal."""
    here, there = float(frame[name][row]), float(frame[name][other])
    label, unit, _ = METRICS[name]
    if here == there:
        return ""
    if unit != "-":
        return f"{there / here:.3g} times its {label}" if here else f"{engineering(there, unit, 3)} {label}"
    points = f"{100 * (there - here):+.2f} points".replace("-", "−")
    unsure = name == "accuracy" and _overlap(frame, row, other)
    return f"{there:.2%} {label} ({points}{', intervals overlap' if unsure else ''})"


def _overlap(frame: Frame, row: int, other: int) -> bool:
    if "accuracy_low" not in frame:
        return False
    low, high = (np.asarray(frame[f"accuracy_{end}"], float)[[row, other]] for end in ("low", "high"))
    return bool(low.max() <= high.min())  # never where one states none


def _parts(tree: Mapping[str, Any]) -> str:
    """The component that takes most of the energy, that of the area, and the layer that takes most of the time."""
    told = []
    for label, quantity, by_layer in (
        ("energy", "energy_pj", False),
        ("area", "area_um2", False),
        ("latency", "critical_ns", True),
    ):
        sums: dict[str, float] = {}
        for layer, leaf in leaves(tree):
            name = ("what layers share" if layer == "shared" else f"layer {layer}") if by_layer else leaf["name"]
            sums[name] = sums.get(name, 0.0) + leaf[quantity]
        if sums and tree[quantity]:
            most = max(sums, key=lambda name: sums[name])
            told.append(f"{most.replace('_', ' ')} ({sums[most] / tree[quantity]:.0%} of its {label})")
    return f"The largest parts of its cost are {_joined(told)}." if told else ""


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
