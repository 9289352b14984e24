"""Pieces of the Pareto page that show data: sliders, picks, notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc  # type: ignore[import-untyped]
import numpy as np
import plotly.graph_objects as go
from dash import dcc, html

from spikesim_py._units import engineering
from spikesim_py.figures.columns import Column, Frame, column
from spikesim_py.figures.limits import STEP, Limit
from spikesim_py.figures.style import MUTED, TEMPLATE
from spikesim_py.report import METRICS

from .. import parts
from ..head import SHORT
from .data import View
from .facts import Facts
from .layout import DEFAULTS


def sliders(facts: Facts, asked: Mapping[str, float]) -> list[html.Div]:
    """One slider per metric, at the limit that is asked for."""
    return [_slider(limit, facts.column(limit.name), asked.get(limit.name)) for limit in facts.limits]


def _slider(limit: Limit, about: Column, asked: float | None) -> html.Div:
    scale = {"byError": limit.by_error, "factor": about.factor, "unit": about.unit}
    place = limit.loosest if asked is None else limit.place(asked)
    name = SHORT.get(limit.name, METRICS[limit.name][0])
    slider = dmc.Slider(
        id={"limit": limit.name},
        min=limit.low,
        max=limit.high,
        step=STEP,
        value=place,
        inverted=limit.at_least,
        label={"function": "limit", "options": scale},  # where it would be, while it is dragged
        size="sm",
        color="blue",
        updatemode="mouseup",
        thumbLabel=f"limit of {name}",
        attributes=spoken(limit, place),
    )
    said = limit.words(limit.value(place))
    told = html.Span(said, id={"limit-words": limit.name}, className="limit-words", role="status")
    return html.Div([html.Div([html.Span(name), told], className="limit-head"), slider], className="limit")


def spoken(limit: Limit, place: float) -> dict[str, dict[str, Any]]:
    """What a slider's thumb says of itself to who cannot see it: values in the metric's own unit, no places."""
    values = {"now": limit.at(place), "min": limit.at(limit.low), "max": limit.at(limit.high)}
    told = {f"aria-value{name}": value for name, value in values.items()}
    return {"thumb": told | {"aria-valuetext": limit.words(limit.value(place))}}


def picks(view: View, selected: str | None) -> list[Any]:
    """Buttons that lead to the designs worth a first look."""
    frame, found = view.frame, view.picks
    if not found:
        return []
    buttons = []
    names = view.designs.names(np.array(list(found.values())))
    for (reason, row), design in zip(found.items(), names, strict=True):
        about = " · ".join(_short(frame, name, row) for name in ("accuracy", "edap") if name in frame)
        style = "filled" if design == selected else "light"
        label = [f"{reason} ", html.Span(about, className="pick-numbers")]
        buttons.append(dmc.Button(label, id={"pick": design}, size="compact-xs", variant=style))
    return [dmc.Text("worth a look (cheap: of small EDAP)", size="xs", c="dimmed"), *buttons]


def _short(frame: Frame, name: str, row: int) -> str:
    value = float(frame[name][row])
    return engineering(value, METRICS[name][1], 3) if np.isfinite(value) else "–"


def query(view: Mapping[str, str | None], limits: Mapping[str, float], selected: str | None) -> str:
    """The view as an address holds it: what differs from the page as it opens."""
    said = {name: view[name] for name, value in DEFAULTS.items() if view.get(name) not in (None, value)}
    said |= {name: f"{value:g}" for name, value in limits.items()}
    return urlencode(said | ({"design": selected} if selected else {}))


def waiting() -> go.Figure:
    """Before the first design: an empty graph that says so."""
    note = {"text": "waiting for the first design", "showarrow": False, "font": {"size": 15, "color": MUTED}}
    hidden = {"visible": False}
    return go.Figure(layout={"template": TEMPLATE, "annotations": [note], "xaxis": hidden, "yaxis": hidden})


def first_sweep() -> html.Div:
    """What to do about a study without designs."""
    text = "A study holds evaluated designs: networks on chips. They appear here as soon as a sweep has finished them."
    link = dcc.Link(dmc.Button("build a first sweep", size="sm"), href="/sweep", id="first-sweep")
    return parts.hint("No design yet", text, html.Div(link, className="gap"))


def summary(
    total: int, front: np.ndarray | None, passing: int | None = None, why: str = "pass", drawn: int | None = None
) -> str:
    """How much of a study the graph tells."""
    parts = [f"{total:,} design{'s' * (total != 1)}"]
    parts += [] if passing is None else [f"{passing:,} {why}"]
    parts += [] if front is None else [f"{int(front.sum()):,} on the front"]
    parts += [] if drawn is None or drawn >= total else [f"{drawn:,} drawn, more on zooming in"]
    return ", ".join(parts)


def why(view: View) -> str:
    """What those that pass have passed."""
    asked = view.asked
    if asked.limits and not asked.brush and view.passes_filter is None:
        return "within the limits"
    return "pass"


def size_note(frame: Frame, name: str) -> str:
    """What the size of a marker says."""
    values, about = np.asarray(frame[name], float), column(frame, name)
    unit = METRICS[name][1] if name in METRICS else ""
    low, high = (engineering(float(end(values)), unit, 3) for end in (np.nanmin, np.nanmax))
    return f" · size: {about.label}, {low} to {high}"
