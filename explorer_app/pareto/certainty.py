"""How likely each design is to be on the front, and how the front came about."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim_py.errors import InputError
from spikesim_py.figures import front_probability_figure, hypervolume_figure
from spikesim_py.figures.thin import spaced
from spikesim_py.sweep import REFERENCE, UnitBox, by_logarithm, front_probability, hypervolume_history, objectives

from ..reader import Reader
from .data import View

#: draws of every accuracy: a probability errs by at most 0.025
DRAWS = 400
#: evaluations that are drawn of a history
STEPS = 2000


def sure(view: View, color: str, selected: str | None) -> tuple[Any, str]:
    """The cloud with every point as opaque as it is likely to be on the front.

    Raises:
        InputError: there is nothing to be unsure of.
    """
    if "accuracy" not in view.metrics or "accuracy_key" not in view.frame:
        raise InputError(
            "Costs of a design are exact, accuracies are measured on few samples: choose accuracy as an axis of "
            "measured designs to see how likely each one is to be on the front."
        )
    rows = np.arange(len(view.designs)) if view.passing is None else np.flatnonzero(view.passing)
    frame = view.designs.taken(rows)
    probability = front_probability(frame, view.metrics, draws=DRAWS)
    front = None if view.front is None else view.front[rows]
    shade = view.facts.color(color)
    figure = front_probability_figure(frame, probability, view.x, view.y, shade, front, selected=selected)
    likely = int((probability >= 0.5).sum())
    note = f"Accuracies drawn {DRAWS} times from their intervals: {likely:,} designs are on the front in half of the "
    return figure, note + f"draws or more, {int((probability > 0).sum()):,} in any. The fainter a point, the rarer."


def history(view: View, reader: Reader) -> Any:
    """The volume that the front dominates after each evaluation, in the order in which designs were finished."""
    frame = reader.study().frame(by_time=True)
    values, larger = objectives(frame, view.metrics)
    log = by_logarithm(view.metrics)
    known = values[np.isfinite(values).all(axis=1)]
    box = UnitBox.around(known, larger, log)
    count = len(view.metrics)
    volumes = hypervolume_history(box.place(known), [False] * count, [REFERENCE] * count)
    steps = spaced(np.arange(len(volumes)), STEPS)
    figure = hypervolume_figure({" and ".join(view.metrics): volumes}, of=float(volumes[-1]) or None)
    for trace in figure.data:
        trace.update(x=steps + 1, y=np.asarray(trace.y)[steps])
    return figure.update_yaxes(title_text="share of its hypervolume (%)")
