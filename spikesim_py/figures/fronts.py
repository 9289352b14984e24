"""How a search came to its front, and how sure a front is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from .columns import Frame
from .pareto import pareto_figure
from .style import CATEGORIES, TEMPLATE

#: of a design that is on the front in no draw
_FAINTEST = 0.06


def history_bands(histories: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, least and most of several runs after each evaluation; from (runs, evaluations) or (evaluations,)."""
    runs = np.atleast_2d(np.asarray(histories, float))
    return np.median(runs, axis=0), runs.min(axis=0), runs.max(axis=0)


def hypervolume_figure(histories: Mapping[str, np.ndarray], *, of: float | None = None) -> go.Figure:
    """Hypervolume after each evaluation, one line per method.

    Args:
        histories: method -> (evaluations,), or (runs, evaluations): then the line is the median, the band the range.
        of: hypervolume of the true front; given, shares of it are drawn in per cent.
    """
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "x unified"})
    scale = 1.0 if of is None else 100 / of
    for index, (name, given) in enumerate(histories.items()):
        color, (middle, low, high) = CATEGORIES[index % len(CATEGORIES)], history_bands(given)
        x = np.arange(1, len(middle) + 1)
        if np.ndim(given) > 1 and len(given) > 1:
            figure.add_scatter(
                x=np.concatenate([x, x[::-1]]),
                y=scale * np.concatenate([high, low[::-1]]),
                fill="toself",
                fillcolor=color,
                opacity=0.15,
                mode="none",
                hoverinfo="skip",
                legendgroup=name,
                showlegend=False,
            )
        line = {"shape": "hv", "color": color, "width": 1.8}
        figure.add_scatter(
            x=x,
            y=scale * middle,
            mode="lines",
            line=line,
            name=name,
            legendgroup=name,
            hovertemplate="%{y:.4g}" + (" %" if of is not None else "") + f"<extra>{name}</extra>",
        )
    figure.update_xaxes({"title": {"text": "evaluations"}})
    title = "hypervolume" if of is None else "hypervolume, share of the true front's (%)"
    return figure.update_yaxes({"title": {"text": title}})


def front_probability_figure(
    frame: Frame,
    probability: np.ndarray,
    x: str = "edap",
    y: str = "accuracy",
    color: str = "weight_bits",
    front: np.ndarray | None = None,
    **options: Any,
) -> go.Figure:
    """The Pareto scatter in which a point is as opaque as it is likely to be on the front.

    Args:
        probability: per row of the frame, from `sweep.front_probability`.
        front: per row, whether its measured values are on the front. options: as of `pareto_figure`.
    """
    figure = pareto_figure(frame, x, y, color, front, **options)
    names = [str(found) for found in frame["report_hash"]]
    by_hash = dict(zip(names, np.asarray(probability, float).tolist(), strict=True))
    for trace in figure.data:
        if trace.customdata is not None:
            shares = [by_hash[found] for found in trace.customdata]
            trace.marker.opacity = [_FAINTEST + (1 - _FAINTEST) * share for share in shares]
            trace.marker.size = 11
            trace.text = [
                f"{text}<br>on the front in <b>{share:.0%}</b> of draws"
                for text, share in zip(trace.text, shares, strict=True)
            ]
    return figure
