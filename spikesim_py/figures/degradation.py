"""From the float network to the chip: what each group of effects takes of the accuracy, and in which layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from .breakdown import label
from .style import CATEGORIES, INK, MUTED, TEMPLATE, color_bar

if TYPE_CHECKING:
    from ..compare import Stage

#: a chain as plain data: the stages of `degradation`
Chain = Sequence[dict[str, Any]]
#: what the steps before the chip are called
_STEPS = {"float": "float network", "exact": "quantized network"}
_CAME = "the network came quantized: what its float network reaches is not known"


def chain_data(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """The stages of `degradation` as plain data, which can be kept and drawn."""
    return [
        {
            "name": stage.name,
            "accuracy": stage.accuracy,
            "interval": list(stage.accuracy_ci),
            "change": None if stage.change is None else asdict(stage.change),
            "quality": {layer: record.to_dict() for layer, record in stage.quality.items()},
        }
        for stage in stages
    ]


def degradation_figure(chain: Chain) -> go.Figure:
    """Accuracy after every step with its 95 % interval, and what the step changed, in points.

    Where no float network is known, the figure says that the network came quantized.
    """
    names = [_STEPS.get(stage["name"]) or label(stage["name"]) for stage in chain]
    values, low, high = (
        100 * np.array(column, float) for column in zip(*((s["accuracy"], *s["interval"]) for s in chain), strict=True)
    )
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest"})
    figure.add_scatter(
        x=names,
        y=values,
        mode="lines+markers+text",
        line={"color": MUTED, "width": 1.4, "shape": "hvh"},
        marker={"size": 10, "color": [CATEGORIES[4] if worse(stage) else CATEGORIES[0] for stage in chain]},
        error_y={"type": "data", "symmetric": False, "array": high - values, "arrayminus": values - low}
        | {"color": MUTED, "thickness": 1.1, "width": 5},
        text=[f"<b>{value:.2f} %</b><br>{_change(stage)}" for value, stage in zip(values, chain, strict=True)],
        textposition="middle right",
        textfont={"size": 11, "color": INK},
        hovertemplate="%{x}<br>%{text}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
    figure.update_yaxes(title={"text": "accuracy (%)"})
    figure.update_xaxes(type="category", showgrid=False, ticks="", range=[-0.4, len(names) - 0.3])
    if chain and chain[0]["name"] != "float":
        where = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        figure.add_annotation(text=_CAME, showarrow=False, font={"size": 11, "color": MUTED}, **where)
    return figure.update_layout(margin={"t": 24}, height=330)


def worse(stage: dict[str, Any]) -> bool:
    """Whether a step costs accuracy beyond doubt: the interval of its change lies below 0."""
    change = stage["change"]
    return change is not None and bool(change["interval"][1] < 0)


def _change(stage: dict[str, Any]) -> str:
    change = stage["change"]
    return "" if change is None else f"{100 * change['value']:+.2f} points".replace("-", "−")


def mismatch_table(chain: Chain) -> tuple[list[str], list[str], np.ndarray]:
    """Layers, steps, and (layers, steps) share of spikes that differ from the exact network; NaN where none follow."""
    steps = [stage for stage in chain if stage["quality"]]
    layers = list(dict.fromkeys(layer for stage in steps for layer in stage["quality"]))
    shares = [[stage["quality"].get(layer, {}).get("spike_mismatch") for stage in steps] for layer in layers]
    return layers, [stage["name"] for stage in steps], np.array(shares, float).reshape(len(layers), len(steps))


def layer_degradation_figure(chain: Chain) -> go.Figure:
    """Which layer's spikes go wrong at which step: all errors so far, layers from top to bottom."""
    layers, steps, shares = mismatch_table(chain)
    known = np.isfinite(shares).any(1)
    layers, shares = [layer for layer, keep in zip(layers, known, strict=True) if keep], 100 * shares[known]
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest"})
    figure.add_heatmap(
        z=shares,
        x=[label(step) for step in steps],
        y=[label(layer) for layer in layers],
        colorscale="YlOrRd",
        zmin=0,
        text=[[f"{value:.2g} %" for value in row] for row in shares],
        texttemplate="%{text}",
        colorbar=color_bar("%"),
        hovertemplate="%{y} · %{x}<br><b>%{z:.3g} %</b> of its spikes differ<extra></extra>",
    )
    figure.update_xaxes(type="category", showgrid=False, ticks="")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, ticks="")
    return figure.update_layout(margin={"t": 10, "l": 10}, height=110 + 34 * max(len(layers), 1))
