"""One design language for every figure: palettes that survive colour blindness, one template, one config."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

INK, MUTED, RULE, PAPER = "#1f2933", "#5f6c7b", "#e4e9ee", "#ffffff"
FRONT, SELECTED = "#1f2933", "#D55E00"
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

#: categories without order: Okabe and Ito, "Color Universal Design" (2008)
CATEGORIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7A5195", "#5f6c7b")
#: components of a breakdown: Paul Tol, "Colour Schemes" (SRON/EPS/TN/09-002, issue 3.2, 2021), scheme muted
COMPONENTS = (
    "#332288",
    "#88CCEE",
    "#DDCC77",
    "#CC6677",
    "#117733",
    "#AA4499",
    "#44AA99",
    "#999933",
    "#882255",
)
REST = "#BBBBBB"
#: marker shapes, so that colour never carries a category alone
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "pentagon", "triangle-down", "star")

#: of every graph, here and in the app: nothing may offer to send a figure to another host
GRAPH_CONFIG: Any = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "spikesim"},
}

#: of small figures whose buttons would cover what they show
QUIET: Any = GRAPH_CONFIG | {"displayModeBar": False}

_AXIS = {
    "showline": True,
    "linecolor": "#9aa5b1",
    "gridcolor": RULE,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": "#9aa5b1",
    "ticklen": 4,
    "tickfont": {"size": 12, "color": MUTED},
    "title": {"font": {"size": 13, "color": INK}, "standoff": 10},
    "exponentformat": "power",
    "automargin": True,
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "colorway": CATEGORIES,
        "margin": {"l": 64, "r": 16, "t": 16, "b": 52},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hoverlabel": {
            "bgcolor": PAPER,
            "bordercolor": "#9aa5b1",
            "font": {"family": FONT, "size": 12, "color": INK},
            "align": "left",
        },
        "legend": {"font": {"size": 12}, "itemsizing": "constant", "bgcolor": "rgba(255,255,255,0.85)"},
        "bargap": 0.35,
    }
)


def ordered_colors(count: int) -> list[str]:
    """`count` steps of viridis without its pale end: dark is low, bright is high."""
    if count == 1:
        return [CATEGORIES[0]]
    return [str(c) for c in sample_colorscale("Viridis", [0.75 * i / (count - 1) for i in range(count)])]
