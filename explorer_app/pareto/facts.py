"""What is true of the designs of a study, whatever is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from spikesim_py.figures.axes import Placing, placing
from spikesim_py.figures.columns import Column, column, is_number, measured, varying
from spikesim_py.figures.limits import Limit, limits
from spikesim_py.figures.lines import LineAxis, line_axis
from spikesim_py.report import METRICS

from ..reader import Designs
from ..workshop import Workshop


class Facts:
    """What is true of designs whatever is asked of them; each is found out once."""

    def __init__(self, designs: Designs) -> None:
        self.designs = designs
        self._made = Workshop()

    @cached_property
    def varying(self) -> list[str]:
        return varying(self.designs.frame)

    @cached_property
    def measured(self) -> list[str]:
        return measured(self.designs.frame)

    def known(self, name: str) -> bool:
        """Whether a design has a value in a column."""
        return name in self.measured or (name in self.designs.frame and name not in METRICS)

    def color(self, name: str) -> str:
        """The column to colour by: the chosen one if it tells designs apart, else a field that does, else a metric."""
        usual = (name, "weight_bits", "adc.bits", "crossbar.rows", *self.varying)
        telling = {*self.varying, *self.measured}
        return next((one for one in usual if one in telling), next(iter(self.measured), "edap"))

    @cached_property
    def limits(self) -> list[Limit]:
        return limits(self.designs.frame)

    def axis(self, name: str) -> LineAxis | None:
        """The column's axis among parallel ones."""
        made: LineAxis | None = self._made.get(("axis", name), lambda: line_axis(self.designs.frame, name))
        return made

    def column(self, name: str) -> Column:
        made: Column = self._made.get(("column", name), lambda: column(self.designs.frame, name))
        return made

    def placed(self, name: str, log: bool | None) -> np.ndarray:
        made: np.ndarray = self._made.get(("placed", name, log), lambda: self._placed(name, log))
        return made

    def _placed(self, name: str, log: bool | None) -> np.ndarray:
        if not is_number(self.designs.frame, name):
            return np.zeros(len(self.designs))
        about = self.column(name)
        shown = self.designs.frame[name] * np.float32(about.factor)
        known = shown[np.isfinite(shown)]
        found: Placing = placing(known, about, log)
        if found.kind == "linear":
            return np.asarray(shown)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.log10(found.place(shown)))

    def wanted(self, places: Sequence[Any], ids: Sequence[Mapping[str, str]]) -> dict[str, float]:
        """Limits that sliders ask for, in the units of the metrics."""
        known = {limit.name: limit for limit in self.limits}
        pairs = [(known[own["limit"]], place) for own, place in zip(ids, places, strict=True) if own["limit"] in known]
        values = {limit.name: limit.value(place) for limit, place in pairs}
        return {name: value for name, value in values.items() if value is not None}
