"""How an axis places values: evenly, by their logarithm, or, for accuracies, by the logarithm of the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .columns import Column
from .style import RULE

#: a logarithmic axis is the default where the values span more than this
_SPAN = 8.0
#: error in per cent at which an interval that reaches 100 % accuracy ends on an error axis
_LEAST_ERROR = 0.05
_ERROR_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 90)


@dataclass(frozen=True)
class Placing:
    """One axis: `place` turns shown values into coordinates, `axis` is its layout."""

    about: Column
    kind: Literal["linear", "log", "error"]
    wide: bool

    def place(self, values: np.ndarray) -> np.ndarray:
        return np.maximum(100.0 - values, _LEAST_ERROR) if self.kind == "error" else values

    def axis(self) -> dict[str, object]:
        """The arrow points to larger coordinates on the page: right, or up along the turned title."""
        arrow = {True: "  →  better", False: "  ←  better", None: ""}[self.about.larger_is_better]
        spacing = ", spaced by log error" if self.kind == "error" else ""
        axis: dict[str, object] = {"title": {"text": self.about.title + spacing + arrow}}
        if self.kind == "linear":
            return axis | {"type": "linear"}
        if self.kind == "log":
            ticks = {"dtick": 1, "minor": {"gridcolor": RULE}} if self.wide else {"dtick": "D2", "tickformat": ",~g"}
            return axis | {"type": "log"} | ticks
        named = [f"{100 - tick:g}" for tick in _ERROR_TICKS]
        return axis | {"type": "log", "autorange": "reversed", "tickvals": _ERROR_TICKS, "ticktext": named}


def placing(values: np.ndarray, about: Column, log: bool | None) -> Placing:
    """The placing of a column's shown values; None asks for what suits them.

    A logarithmic axis needs positive values, an error axis accuracies below 100 %; else the axis is linear.
    """
    distance = 100.0 - values if about.name == "accuracy" else values
    possible = bool(values.size and distance.min() > 0)
    span = distance.max() / distance.min() if possible else 1.0
    suits = span > _SPAN and (about.name == "accuracy" or (about.larger_is_better is not None and about.unit != "%"))
    if not possible or not (suits if log is None else log):
        return Placing(about, "linear", False)
    return Placing(about, "error" if about.name == "accuracy" else "log", span >= 1000)
