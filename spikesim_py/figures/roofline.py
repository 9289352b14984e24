"""What limits every layer: its time by resource, and the resource without which it would be fastest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from .._units import engineering
from ..cost.resources import RESOURCES, Resource, resource_label
from ..cost.roofline import Roof, Roofline
from .breakdown import label
from .style import COMPONENTS, INK, MUTED, PAPER, REST, TEMPLATE

_COLORS: dict[Resource, str] = dict(zip(RESOURCES, (*COMPONENTS, REST), strict=True))


@dataclass(frozen=True)
class Bars:
    """One bar per layer, and one for the chip: what is exposed of each resource, in % of the layer's time.

    `exposed` is (layers x resources), a row sums to 100. `busy` is the time that the limiter takes alone, in % too;
    it is longer than what is exposed of it where it works behind others. `notes` say what limits, and by how much.
    """

    layers: tuple[str, ...]
    resources: tuple[Resource, ...]
    exposed: np.ndarray
    busy: np.ndarray
    notes: tuple[str, ...]


def roofline_bars(found: Roofline) -> Bars:
    """The layers in their order, then the chip."""
    roofs = [roof for roof in (*found.layers, found.chip) if roof.time_ns]
    seen = {r.resource for roof in roofs for r in roof.resources}
    kinds = tuple(resource for resource in RESOURCES if resource in seen)
    exposed = np.zeros((len(roofs), len(kinds)))
    for row, roof in enumerate(roofs):
        for part in roof.resources:
            exposed[row, kinds.index(part.resource)] = 100.0 * part.exposed_ns / roof.time_ns
    busy = np.array([100.0 * roof.share for roof in roofs])
    return Bars(tuple(roof.name for roof in roofs), kinds, exposed, busy, tuple(map(_note, roofs)))


def _note(roof: Roof) -> str:
    bound = f"{resource_label(roof.limiter)}-bound" if roof.limiter else ""
    headroom = "" if roof.headroom is None else f" · headroom {roof.headroom:.2f}×"
    return f"{bound}{headroom} · {engineering(roof.time_ns, 'ns', 3)}"


def roofline_figure(found: Roofline) -> go.Figure:
    """Stacked bars per layer; a diamond marks how long the limiter is busy, its name stands behind the bar."""
    data = roofline_bars(found)
    names = [label(name) for name in data.layers]
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "hovermode": "closest"})
    for column, resource in enumerate(data.resources):
        title = resource_label(resource)
        figure.add_bar(
            x=data.exposed[:, column],
            y=names,
            orientation="h",
            name=title,
            marker={"color": _COLORS[resource], "line": {"width": 0.6, "color": PAPER}},
            hovertemplate=f"%{{y}} · {title}<br><b>%{{x:.1f}} %</b> of the layer's time<extra></extra>",
        )
    figure.add_scatter(
        x=data.busy,
        y=names,
        mode="markers",
        name="limiter busy",
        marker={"symbol": "diamond", "size": 8, "color": INK, "line": {"width": 1, "color": PAPER}},
        hovertemplate="%{y} · the limiter is busy for <b>%{x:.1f} %</b><extra></extra>",
    )
    figure.add_scatter(
        x=[101.0] * len(names),
        y=names,
        mode="text",
        text=data.notes,
        textposition="middle right",
        textfont={"size": 11, "color": MUTED},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    figure.update_xaxes(title={"text": "share of the layer's time on the critical path (%)"}, range=[0, 150])
    figure.update_xaxes(tickvals=[0, 20, 40, 60, 80, 100])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", type="category")
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        margin={"t": 10, "b": 46, "l": 10},
        height=150 + 27 * len(names),
    )
    return figure
