"""The chip's floor plan: tiles by layer, and how much every link between them carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from .style import CATEGORIES, COMPONENTS, MUTED, PAPER, REST, TEMPLATE, color_bar

_HALF = 0.31  # of a tile's side, in tile pitches
_LANE = 0.09  # a link's distance from the middle: its opposite runs beside it
_SHADES = 9
_SCALE = "YlOrRd"
_COLORS = (*CATEGORIES, *COMPONENTS)  # of layers


def mesh_figure(data: Mapping[str, Any], most: float | None = None) -> go.Figure:
    """Tiles and links of a mesh; the plain data of `NocReport.to_dict`.

    A link is drawn to the right of its direction; colour and width grow with its flits, the busiest is darkest.

    Args:
        most: flits of the darkest links, to compare figures; those of the busiest where None.
    """
    figure = go.Figure(layout={"template": TEMPLATE, "hovermode": "closest"})
    _add_links(figure, data["links"], most or max((link["flits"] for link in data["links"]), default=0.0))
    _add_tiles(figure, data["tiles"])
    width, height = data["mesh"]
    axis = {"showgrid": False, "showline": False, "ticks": "", "dtick": 1, "constrain": "domain"}
    figure.update_xaxes(**axis, range=[-0.75, width - 0.4], side="bottom", title={"text": "x"})
    figure.update_yaxes(**axis, range=[height - 0.4, -0.75], scaleanchor="x", title={"text": "y"})
    figure.add_annotation(x=0, y=-0.45, text="port", showarrow=False, font={"size": 10, "color": MUTED})
    figure.update_layout(
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"t": 10, "b": 10, "l": 10, "r": 10},
        height=min(140 + 74 * height, 760),
    )
    return figure


def mesh_steps_figure(data: Mapping[str, Any]) -> go.Figure:
    """Every time-step: cycles of computing, and what waiting for packets adds; data as for `mesh_figure`."""
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "stack", "hovermode": "closest"})
    steps = [f"t = {step['step'] + 1}" for step in data["steps"]]
    compute = [step["compute_cycles"] for step in data["steps"]]
    waits = [max(step["makespan_cycles"] - step["compute_cycles"], 0.0) for step in data["steps"]]
    for name, cycles, color in (("computing", compute, CATEGORIES[0]), ("waiting for the mesh", waits, CATEGORIES[1])):
        figure.add_bar(
            x=steps,
            y=cycles,
            name=name,
            marker={"color": color},
            hovertemplate=f"%{{x}}<br>{name} <b>%{{y:,.0f}} cycles</b><extra></extra>",
        )
    figure.update_yaxes(title={"text": f"cycles of {data['cycle_ns']:g} ns"}, rangemode="tozero")
    figure.update_xaxes(type="category", showgrid=False, ticks="")
    legend = {"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"}
    return figure.update_layout(legend=legend, margin={"t": 30, "r": 8}, height=260, showlegend=True)


def _add_links(figure: go.Figure, links: Sequence[Mapping[str, Any]], most: float) -> None:
    if not most:
        return
    shade = [min(int(link["flits"] / most * _SHADES), _SHADES - 1) for link in links]
    colors = sample_colorscale(_SCALE, [0.25 + 0.75 * index / (_SHADES - 1) for index in range(_SHADES)])
    for index, color in enumerate(colors):
        x, y = list[float | None](), list[float | None]()
        for link, own in zip(links, shade, strict=True):
            if own == index and link["flits"]:
                ends = _lane(link["from"], link["to"])
                x += [ends[0][0], ends[1][0], None]
                y += [ends[0][1], ends[1][1], None]
        if x:
            line = {"color": color, "width": 1.5 + 5.0 * (index + 1) / _SHADES}
            figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    middles = [_middle(*_lane(link["from"], link["to"])) for link in links]
    figure.add_scatter(
        x=[point[0] for point in middles],
        y=[point[1] for point in middles],
        mode="markers",
        marker={
            "size": 9,
            "opacity": 0,
            "color": [link["flits"] for link in links],
            "colorscale": colors,
            "cmin": 0,
            "cmax": most,
            "showscale": True,
            "colorbar": color_bar("flits per<br>inference", len=0.6),
        },
        text=[_told(link) for link in links],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _add_tiles(figure: go.Figure, tiles: Sequence[Mapping[str, Any]]) -> None:
    layers = list(dict.fromkeys(tile["layer"] for tile in tiles))
    for index, layer in enumerate(layers):
        color = _COLORS[index % len(_COLORS)] if layer else REST
        x, y = list[float | None](), list[float | None]()
        own = [tile for tile in tiles if tile["layer"] == layer]
        for tile in own:
            left, top = tile["x"] - _HALF, tile["y"] - _HALF
            right, bottom = tile["x"] + _HALF, tile["y"] + _HALF
            x += [left, right, right, left, left, None]
            y += [top, top, bottom, bottom, top, None]
        name = escape(layer or "no layer")
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            fill="toself",
            fillcolor=color,
            line={"color": PAPER, "width": 1},
            opacity=0.9,
            name=name,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[tile["x"] for tile in own],
            y=[tile["y"] for tile in own],
            mode="text",
            text=[name] * len(own),
            textfont={"size": 9, "color": PAPER},
            customdata=[[tile["index"], tile["x"], tile["y"]] for tile in own],
            hovertemplate=f"<b>{name}</b><br>tile %{{customdata[0]}} at (%{{customdata[1]}}, %{{customdata[2]}})"
            "<extra></extra>",
            showlegend=False,
        )


def _lane(start: Sequence[float], end: Sequence[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of a link's line: between two tiles, to the right of its direction (y grows downwards)."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    shift_x, shift_y = -dy * _LANE, dx * _LANE
    near = (start[0] + dx * _HALF + shift_x, start[1] + dy * _HALF + shift_y)
    return near, (end[0] - dx * _HALF + shift_x, end[1] - dy * _HALF + shift_y)


def _middle(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _told(link: Mapping[str, Any]) -> str:
    """What the pointer says over a link."""
    start, end = (f"({place[0]}, {place[1]})" for place in (link["from"], link["to"]))
    lines = [f"<b>{start} to {end}</b>", f"{link['flits']:,.0f} flits, busy {link['load']:.1%} of the time"]
    lines += [f"{escape(pair['layer'])} → {escape(pair['target'])}: {pair['share']:.1%}" for pair in link["pairs"][:4]]
    return "<br>".join(lines)
