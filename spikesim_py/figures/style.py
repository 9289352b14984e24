"""One design language for every figure: palettes that survive colour blindness, one template, one config."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

INK, MUTED, RULE, PAPER = "#1f2933", "#5f6c7b", "#e4e9ee", "#ffffff"
FRONT, SELECTED = INK, "#D55E00"
#: lines of axes; ground of legends; what must not draw the eye
AXIS, GLASS, VEIL = "#9aa5b1", "rgba(255,255,255,0.85)", "rgba(95,108,123,0.22)"
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
    "linecolor": AXIS,
    "gridcolor": RULE,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": AXIS,
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
            "bordercolor": AXIS,
            "font": {"family": FONT, "size": 12, "color": INK},
            "align": "left",
        },
        "legend": {"font": {"size": 12}, "itemsizing": "constant", "bgcolor": GLASS},
        "bargap": 0.35,
    }
)


def color_bar(title: str, **more: Any) -> dict[str, Any]:
    """A slim colour bar with its unit or name above it."""
    about = {"text": title, "side": "top", "font": {"size": 12}}
    return {"title": about, "thickness": 12, "outlinewidth": 0, "tickfont": {"size": 11}} | more


def ordered_colors(count: int) -> list[str]:
    """`count` steps of viridis without its pale end: dark is low, bright is high."""
    if count == 1:
        return [CATEGORIES[0]]
    return [str(c) for c in sample_colorscale("Viridis", [0.75 * i / (count - 1) for i in range(count)])]


#: dark theme: light colour -> what stands for it on a dark ground, palettes included (as bright as the ground is dark)
_DARK = {
    INK: "#e6eaef",
    MUTED: "#9aa7b5",
    RULE: "#2d3640",
    PAPER: "#171c22",
    GLASS: "rgba(23,28,34,0.85)",
    VEIL: "rgba(154,167,181,0.25)",
    AXIS: "#52606d",
    SELECTED: "#FF8A3D",
    **dict(
        zip(
            CATEGORIES,
            ("#4EA8DE", "#F0B429", "#2EC4A0", "#E3A2C6", "#FF8A3D", "#8CD0F5", "#B28AD1", "#9aa7b5"),
            strict=True,
        )
    ),
    **dict(
        zip(
            COMPONENTS,
            ("#8C84E8", "#88CCEE", "#DDCC77", "#E08A98", "#4FA86A", "#C77CC7", "#5FC4B4", "#B5B54F", "#B9577F"),
            strict=True,
        )
    ),
    REST: "#6b7785",
}
#: share of white below which a colour of a scale is lit up
_LEAST_LUMINANCE = 0.55


def themed(figure: go.Figure, theme: str | None) -> go.Figure:
    """A figure in a theme: as it is in `light`; in `dark` with every colour of ours replaced by its counterpart."""
    if theme != "dark":
        return figure
    traces = [_darkened(trace.to_plotly_json()) for trace in figure.data]
    return go.Figure(data=traces, layout=_darkened(figure.layout.to_plotly_json()))


def toned(color: str, theme: str | None) -> str:
    """A colour of ours in a theme."""
    return str(_darkened(color)) if theme == "dark" else color


def _darkened(part: Any) -> Any:
    if isinstance(part, str):
        return _DARK.get(part) or (_lit(part) if part.startswith("rgb(") else part)
    if isinstance(part, dict):
        return {key: _darkened(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_darkened(value) for value in part]
    return part


def _lit(color: str) -> str:
    """A colour of a scale, mixed with white if it is too dark to be seen on a dark ground."""
    red, green, blue = (float(part) for part in color[4:-1].split(","))
    luminance = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255  # of sRGB values (BT.709 weights)
    white = max(0.0, _LEAST_LUMINANCE - luminance)
    return "rgb({:.0f}, {:.0f}, {:.0f})".format(*(part + (255 - part) * white for part in (red, green, blue)))
