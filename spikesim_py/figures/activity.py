"""What each layer saw: spikes at its input and output, conversions at the end of the ADC's range."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import plotly.graph_objects as go

from .style import CATEGORIES, MUTED, TEMPLATE

#: field of a layer's record -> what it is called
RATES = {
    "rate": "input activity",
    "output_rate": "output spike rate",
    "clip_rate": "ADC clipping",
    "idle_reads": "idle crossbar reads",
}


def activity_rates(activity: Mapping[str, Any]) -> dict[str, list[tuple[str, float]]]:
    """Per measured rate, (layer, per cent) of every layer that has it."""
    series = {}
    for field in RATES:
        known = [(name, rec[field]) for name, rec in activity["layers"].items() if rec.get(field) is not None]
        if known:
            series[field] = [(name, 100.0 * value) for name, value in known]
    return series


def layer_activity_figure(activity: Mapping[str, Any]) -> go.Figure:
    """Grouped bars per layer, in per cent (the plain data of `Activity.to_dict`)."""
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "group", "bargap": 0.3, "hovermode": "closest"})
    for index, (field, series) in enumerate(activity_rates(activity).items()):
        names, values = zip(*series, strict=True)
        figure.add_bar(
            x=[escape(name) for name in names],
            y=values,
            name=RATES[field],
            marker={"color": CATEGORIES[index]},
            text=[f"{value:.2g}" for value in values],
            textposition="outside",
            textfont={"size": 10, "color": MUTED},
            cliponaxis=False,
            hovertemplate=f"%{{x}}<br>{RATES[field]} <b>%{{y:.3g}} %</b><extra></extra>",
        )
    figure.update_yaxes(title={"text": "share (%)"}, rangemode="tozero")
    figure.update_xaxes(type="category", showgrid=False, ticks="")
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"},
        margin={"t": 30, "b": 28, "r": 4},
        height=215,
        showlegend=True,
    )
    return figure
