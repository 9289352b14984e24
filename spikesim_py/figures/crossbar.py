"""Inside a crossbar: conductances, what the wires leave of the read voltage, and what its converters meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from .._units import number
from .style import CATEGORIES, INK, MUTED, RULE, TEMPLATE, color_bar

if TYPE_CHECKING:
    from ..crossbar import Adc
    from ..inference.calibrate import ColumnSums

#: bars of a histogram of sums, at most
_BARS = 128


@dataclass(frozen=True)
class SumHistogram:
    """Conversions of a layer by the sum of ideal cells at the converter's input.

    Attributes:
        edges: (bars + 1,) in levels of one cell. inside, clipped: (bars,) conversions that have a code, and that were
            cut off. low, high: sums of the first and the last code. share: of conversions that are cut off.
    """

    edges: np.ndarray
    inside: np.ndarray
    clipped: np.ndarray
    low: float
    high: float
    share: float


def sum_histogram(sums: ColumnSums, adc: Adc) -> SumHistogram:
    """All column kinds of a layer together; a bar holds as many whole levels as keeps their number small."""
    kinds, size = sums.counts.shape
    levels = sums.low + np.arange(size)
    cut = np.zeros(size, np.int64)
    for kind in range(kinds):
        code = adc.code(levels, kind)
        cut += np.where((code < adc.low) | (code > adc.high), sums.counts[kind], 0)
    every = sums.counts.sum(0)
    met = np.flatnonzero(every)
    last = int(met[-1]) + 1 if met.size else 1
    first = int(met[0]) if met.size else 0
    width = -(-(last - first) // _BARS)
    starts = np.arange(first, last, width)
    edges = sums.low + np.append(starts, starts[-1] + width) - 0.5
    clipped = np.add.reduceat(cut, starts)
    span = max(adc.ranges) / adc.steps
    inside = np.add.reduceat(every, starts) - clipped
    return SumHistogram(edges, inside, clipped, adc.low * span, adc.high * span, sums.clip_share(adc))


def adc_figure(data: SumHistogram) -> go.Figure:
    """Bars on a logarithmic axis; what is cut off stands out, a line marks the last code."""
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "bargap": 0.04, "hovermode": "closest"})
    middle, width = (data.edges[1:] + data.edges[:-1]) / 2, np.diff(data.edges)
    total = float(data.inside.sum() + data.clipped.sum()) or 1.0
    spans = [
        f"{low + 0.5:g}" if high - low == 1 else f"{low + 0.5:g} to {high - 0.5:g}"
        for low, high in zip(data.edges[:-1], data.edges[1:], strict=True)
    ]
    for name, counts, color in (("converted", data.inside, CATEGORIES[0]), ("cut off", data.clipped, CATEGORIES[4])):
        if not counts.any():
            continue
        figure.add_bar(
            x=middle,
            y=100 * counts / total,
            width=width,
            name=name,
            marker={"color": color},
            customdata=[[span, f"{count:,}"] for span, count in zip(spans, counts, strict=True)],
            hovertemplate=f"sums of %{{customdata[0]}} levels<br><b>%{{customdata[1]}}</b> {name}<extra></extra>",
        )
    for which, end in (("first", data.low), ("last", data.high)):
        if data.edges[0] + 1 < end < data.edges[-1]:
            figure.add_vline(x=end, line={"color": INK, "width": 1.2, "dash": "dot"})
            text = f"{which} code: {number(end)}"
            figure.add_annotation(
                x=end,
                y=1.0,
                yref="paper",
                yanchor="bottom",
                text=text,
                showarrow=False,
                font={"size": 11, "color": MUTED},
            )
    figure.update_xaxes(title={"text": "sum at the converter (levels of one cell)"})
    figure.update_yaxes(title={"text": "share of conversions (%)"}, type="log", exponentformat="none", dtick=1)
    figure.update_layout(
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.12},
        margin={"t": 40},
        height=330,
        showlegend=True,
    )
    return figure


def conductance_figure(maps: Mapping[str, Any]) -> go.Figure:
    """Cells by place (takes the plain data of `CrossbarMaps.to_dict`); row 0 lies at the top."""
    return _map(maps, np.asarray(maps["siemens"]) * 1e6, "conductance", "µS", "Viridis")


def ir_drop_figure(maps: Mapping[str, Any]) -> go.Figure | None:
    """What wires and access transistors take of every cell's current, in %; None where there are none."""
    if maps["delivered"] is None:
        return None
    return _map(maps, 100 * (1 - np.asarray(maps["delivered"])), "lost in wires and transistor", "%", "Inferno")


def _map(maps: Mapping[str, Any], values: np.ndarray, name: str, unit: str, scale: str) -> go.Figure:
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest"})
    figure.add_heatmap(
        z=values.astype(np.float32),
        colorscale=scale,
        colorbar=color_bar(unit),
        hovertemplate=f"row %{{y}}, column %{{x}}<br>{name} <b>%{{z:.4g}} {unit}</b><extra></extra>",
        hoverongaps=False,
    )
    height, width = values.shape
    rows, columns = maps["rows"], maps["columns"]
    if (rows, columns) != (height, width):
        edge = {"line": {"color": MUTED, "width": 1, "dash": "dot"}, "layer": "above"}
        figure.add_shape(type="rect", x0=-0.5, y0=-0.5, x1=columns - 0.5, y1=rows - 0.5, **edge)
    plain = {"showgrid": False, "ticks": "", "constrain": "domain", "linecolor": RULE}
    figure.update_xaxes(**plain, title={"text": "column"}, range=[-0.5, width - 0.5])
    figure.update_yaxes(**plain, title={"text": "row"}, range=[height - 0.5, -0.5], scaleanchor="x")
    return figure.update_layout(margin={"t": 14, "r": 8}, height=430)
