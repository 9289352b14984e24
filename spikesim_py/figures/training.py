"""Training runs over their epochs, and what a student's units do beside its teacher's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .style import CATEGORIES, INK, MUTED, TEMPLATE

#: a run as plain data: `rows` (what `Epoch.row` says of each epoch), `seconds` of each, `best` epoch
Run = Mapping[str, Any]
#: panels of the curves, in order -> title of the vertical axis
PANELS = {"loss": "loss", "accuracy": "accuracy (%)", "rate": "learning rate", "time": "seconds per epoch"}
#: line styles of several curves of one run
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_COLUMNS = 3
_TEACHER, _STUDENT = CATEGORIES[1], CATEGORIES[0]


@dataclass(frozen=True)
class Curve:
    """One quantity of one run, per epoch."""

    run: str
    panel: str
    name: str
    x: tuple[int, ...]
    y: tuple[float, ...]


def training_curves(runs: Mapping[str, Run], losses: Sequence[str] = ()) -> list[Curve]:
    """Every curve of the runs.

    Args:
        losses: loss terms that are shown; all if empty.
    """
    found = []
    for run, data in runs.items():
        rows = data["rows"]
        columns = dict.fromkeys(name for row in rows for name in row)
        terms = [name for name in columns if name.endswith("_loss") and (not losses or name[:-5] in losses)]
        told = [("loss", name, name.removesuffix("_loss").replace("_", " "), 1.0) for name in terms]
        told += [("accuracy", "train_accuracy", "while training", 100.0)]
        told += [("accuracy", "search_accuracy", "search split", 100.0)] if "search_accuracy" in columns else []
        told += [("rate", "learning_rate", "learning rate", 1.0)]
        for panel, column, name, factor in told:
            known = [(int(row["epoch"]), factor * row[column]) for row in rows if column in row]
            found.append(_curve(run, panel, name, known))
        timed = [(at, second) for at, second in enumerate(data["seconds"], start=1) if np.isfinite(second)]
        found.append(_curve(run, "time", "seconds", timed))
    return [curve for curve in found if curve.x]


def _curve(run: str, panel: str, name: str, points: Sequence[tuple[int, float]]) -> Curve:
    return Curve(run, panel, name, tuple(x for x, _ in points), tuple(y for _, y in points))


def line_styles(curves: Sequence[Curve]) -> dict[str, dict[str, str]]:
    """Per panel with several quantities, the dash of each."""
    names: dict[str, dict[str, None]] = {}
    for curve in curves:
        names.setdefault(curve.panel, {})[curve.name] = None
    return {panel: dict(zip(own, _DASHES * len(own), strict=False)) for panel, own in names.items()}


def training_figure(runs: Mapping[str, Run], losses: Sequence[str] = ()) -> go.Figure:
    """Losses, accuracies, learning rate and seconds of each epoch, all runs over each other; a ring is the best epoch.

    A run has one colour; curves of a panel differ in their `line_styles`.
    """
    figure = make_subplots(2, 2, shared_xaxes="all", horizontal_spacing=0.13, vertical_spacing=0.1)
    colours = {run: CATEGORIES[place % len(CATEGORIES)] for place, run in enumerate(runs)}
    curves, named = training_curves(runs, losses), set[str]()
    dashes = line_styles(curves)
    for curve in curves:
        place = list(PANELS).index(curve.panel)
        run = escape(curve.run)
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            name=run,
            legendgroup=run,
            showlegend=run not in named,
            mode="lines+markers" if len(curve.x) == 1 else "lines",
            line={"color": colours[curve.run], "width": 1.6, "dash": dashes[curve.panel][curve.name]},
            hovertemplate=f"{run}<br>{escape(curve.name)} <b>%{{y:.4g}}</b> in epoch %{{x}}<extra></extra>",
            row=place // 2 + 1,
            col=place % 2 + 1,
        )
        named.add(run)
    for run, data in runs.items():
        _best(figure, run, data, colours[run])
    for place, title in enumerate(PANELS.values()):
        figure.update_yaxes(title={"text": title}, row=place // 2 + 1, col=place % 2 + 1)
    figure.update_yaxes(type="log", dtick=1, row=1, col=1)
    figure.update_yaxes(type="log", dtick=1, row=2, col=1)
    figure.update_yaxes(rangemode="tozero", row=2, col=2)
    figure.update_xaxes(title={"text": "epoch"}, row=2)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return figure.update_layout(
        template=TEMPLATE, hovermode="closest", height=560, margin={"t": 34}, legend=legend, showlegend=len(runs) > 1
    )


def _best(figure: go.Figure, run: str, data: Run, colour: str) -> None:
    """A ring around the best epoch's accuracy."""
    best = data.get("best")
    if not best or len(data["rows"]) < best:
        return
    row = data["rows"][best - 1]
    value = 100 * row.get("search_accuracy", row["train_accuracy"])
    figure.add_scatter(
        x=[best],
        y=[value],
        mode="markers",
        marker={"symbol": "circle-open", "size": 11, "color": colour, "line": {"width": 2}},
        name=escape(run),
        legendgroup=escape(run),
        showlegend=False,
        hovertemplate=f"{escape(run)}<br>best epoch %{{x}}: <b>%{{y:.2f}} %</b><extra></extra>",
        row=1,
        col=2,
    )


def membranes_figure(membranes: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """Stage by stage, the distribution of membranes before the reset, in thresholds; units fire right of the line.

    Takes the plain data of `training.behaviour.Histogram`, by stage.
    """
    count = max(len(membranes), 1)
    rows = -(-count // _COLUMNS)
    titles = [escape(name) for name in membranes]
    figure = make_subplots(rows, min(count, _COLUMNS), subplot_titles=titles, horizontal_spacing=0.07)
    for place, data in enumerate(membranes.values()):
        row, col = place // _COLUMNS + 1, place % _COLUMNS + 1
        for who, colour in (("teacher", _TEACHER), ("student", _STUDENT)):
            if data[who] is not None:
                figure.add_trace(_steps(data, who, colour, first=not place), row=row, col=col)
        figure.add_vline(x=1, line={"color": MUTED, "width": 1, "dash": "dot"}, row=row, col=col)
        figure.update_xaxes(title={"text": "membrane (thresholds)"} if row == rows else None, row=row, col=col)
    figure.update_yaxes(title={"text": "share (%)"}, col=1)
    figure.update_annotations(font={"size": 12, "color": INK})
    legend = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "yref": "container"}
    figure.update_layout(
        template=TEMPLATE, hovermode="closest", height=90 + 210 * rows, margin={"t": 56}, legend=legend
    )
    return figure.update_layout(legend={"y": 0.995, "yanchor": "top"})


def _steps(data: Mapping[str, Any], who: str, colour: str, first: bool) -> go.Scatter:
    edges = np.linspace(data["low"], data["high"], len(data[who]) + 1)
    return go.Scatter(
        x=(edges[1:] + edges[:-1]) / 2,
        y=100 * np.array(data[who]),
        name=who,
        legendgroup=who,
        showlegend=first,
        mode="lines",
        line={"color": colour, "width": 1.6, "shape": "hvh", "dash": "solid" if who == "student" else "dash"},
        hovertemplate=f"{who}<br><b>%{{y:.2f}} %</b> near %{{x:.2f}} thresholds<extra></extra>",
    )


def firing_rates_figure(rates: Mapping[str, Sequence[float | None]]) -> go.Figure:
    """Spikes per unit and time-step of every stage: of the student, and of its teacher if there is one."""
    figure = go.Figure(layout={"template": TEMPLATE, "barmode": "group", "hovermode": "closest"})
    for place, (who, colour) in enumerate((("student", _STUDENT), ("teacher", _TEACHER))):
        known = [(escape(stage), pair[place]) for stage, pair in rates.items() if pair[place] is not None]
        if known:
            names, values = zip(*known, strict=True)
            figure.add_bar(
                x=names,
                y=values,
                name=who,
                marker={"color": colour},
                text=[f"{value:.3f}" for value in values],
                textposition="outside",
                textfont={"size": 10, "color": MUTED},
                cliponaxis=False,
                hovertemplate=f"%{{x}}, {who}<br><b>%{{y:.4f}}</b> spikes per unit and time-step<extra></extra>",
            )
    figure.update_yaxes(title={"text": "spikes per unit and step"}, rangemode="tozero")
    figure.update_xaxes(type="category", showgrid=False, ticks="")
    legend = {"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"}
    return figure.update_layout(height=260, margin={"t": 30, "b": 28}, legend=legend, showlegend=True)
