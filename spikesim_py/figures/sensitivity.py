"""Which axes a metric depends on: Sobol indices as bars, main effects as lines, both from `sweep.sensitivity`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .._units import number, scale_for
from ..report import METRICS
from ..sweep import MainEffect, Sensitivity
from .style import CATEGORIES, MUTED, TEMPLATE

#: bars: what an axis does by itself, and with others
_ALONE, _TOGETHER = CATEGORIES[0], CATEGORIES[5]


@dataclass(frozen=True)
class Bars:
    """What a figure of indices draws, the largest total first.

    Attributes:
        names: of the axes.
        first, total: indices in per cent, (axes,).
        first_ends, total_ends: (2, axes), low and high ends of their intervals in per cent.
    """

    names: tuple[str, ...]
    first: np.ndarray
    total: np.ndarray
    first_ends: np.ndarray
    total_ends: np.ndarray


def sensitivity_bars(found: Sensitivity) -> Bars:
    """The numbers of a figure of indices."""
    order = np.argsort(-found.total, kind="stable")
    low, high = 100 * found.low[:, order], 100 * found.high[:, order]
    return Bars(
        tuple(found.names[i] for i in order),
        100 * found.first[order],
        100 * found.total[order],
        np.stack([low[0], high[0]]),
        np.stack([low[1], high[1]]),
    )


def sensitivity_figure(found: Sensitivity, label: str) -> go.Figure:
    """Per axis its share of the variance of a metric, by itself and with its interactions, with 95 % intervals."""
    bars = sensitivity_bars(found)
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "overlay", "bargap": 0.4})
    for values, ends, name, color, width in (
        (bars.total, bars.total_ends, "with its interactions", _TOGETHER, 0.66),
        (bars.first, bars.first_ends, "by itself", _ALONE, 0.36),
    ):
        figure.add_bar(
            x=values,
            y=list(bars.names),
            orientation="h",
            name=name,
            width=width,
            marker={"color": color},
            error_x=_error(values, ends),
            text=[f"{value:.1f} % ({low:.1f} to {high:.1f})" for value, low, high in zip(values, *ends, strict=True)],
            textposition="none",
            hovertemplate=f"%{{y}} {name}: %{{text}}<extra></extra>",
        )
    figure.update_xaxes({"title": {"text": f"share of the variance of {label} (%)"}, "range": [0, 102]})
    figure.update_yaxes({"autorange": "reversed", "title": {"text": ""}})
    return figure.update_layout(
        height=130 + 44 * len(bars.names), legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    )


def _error(values: np.ndarray, ends: np.ndarray) -> dict[str, object] | None:
    """Bars to both ends; none where nothing is uncertain."""
    if not (ends[1] > ends[0]).any():
        return None
    reach = {"array": np.maximum(ends[1] - values, 0), "arrayminus": np.maximum(values - ends[0], 0)}
    return {"type": "data", "symmetric": False, "color": MUTED, "thickness": 1.2, "width": 3, **reach}


def main_effects_figure(effects: Sequence[MainEffect], metric: str, *, log: bool = False) -> go.Figure:
    """Per axis, side by side, the metric's mean at each level with all other axes averaged.

    Args:
        metric: of `METRICS`. log: whether the effects are those of the decimal logarithm: geometric means are drawn.
    """
    label, unit, _ = METRICS[metric]
    shown = [10**effect.means if log else effect.means for effect in effects]
    mean = 10 ** effects[0].mean if log else effects[0].mean
    scale = scale_for(mean, unit)
    figure = make_subplots(1, len(effects), shared_yaxes=True, horizontal_spacing=0.02)
    figure.update_layout(template=TEMPLATE, showlegend=False, height=300)
    for column, (effect, values) in enumerate(zip(effects, shown, strict=True), start=1):
        figure.add_scatter(
            x=[level_text(level) for level in effect.levels],
            y=values * scale.factor,
            mode="lines+markers",
            line={"color": _ALONE, "width": 1.6},
            marker={"size": 8, "color": _ALONE},
            hovertemplate=f"{effect.name} %{{x}}: %{{y:.4g}} {scale.unit}<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes({"type": "category", "title": {"text": effect.name}}, row=1, col=column)
    figure.add_hline(y=mean * scale.factor, line={"color": MUTED, "width": 1, "dash": "dot"})
    title = f"{'geometric mean of ' if log else 'mean '}{label}" + (f" ({scale.unit})" if scale.unit else "")
    figure.update_yaxes({"type": "log" if log else "linear"})
    return figure.update_yaxes({"title": {"text": title}}, row=1, col=1)


def level_text(level: np.generic) -> str:
    """A level of an axis, as text."""
    value = level.item()
    return number(value) if isinstance(value, float) else str(value)
