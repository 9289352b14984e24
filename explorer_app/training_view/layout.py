"""The page of training runs before any number is on it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from .. import parts

#: how often the page looks for runs that have changed
POLL_MS = 1500


def layout(folder: str | None, **asked: Any) -> html.Div:
    """The page with the runs that an address asks for."""
    chosen = [name for name in str(asked.get("runs", "")).split(",") if name]
    stores = [
        dcc.Store(id="training-seen"),
        dcc.Store(id="training-known", data=[]),
        dcc.Store(id="training-asked", data={"runs": chosen, "run": asked.get("run", "")}),
        dcc.Interval(id="training-clock", interval=POLL_MS, disabled=folder is None),
    ]
    left = html.Div([_runs(folder), _curves()], className="stack")
    shown = html.Div([left, html.Div(_inside(), className="stack")], className="columns even", id="training-page")
    hidden = html.Div(shown, id="training-shown", style={"display": "none"})
    return html.Div([*stores, html.Div(id="training-problem", role="alert"), empty(folder), hidden])


def empty(folder: str | None) -> html.Div:
    """What to do while there is no run."""
    place = folder or "runs"
    lines = [
        (
            "Train the bundled 4-bit student of a float teacher; it takes about a minute.",
            f"spikesim train digits-w4 -o {place}/digits-w4.safetensors",
        ),
        ("It shows here from its first epoch on.", f"spikesim explore --runs {place}"),
    ]
    steps = [
        html.Li([dmc.Text(text, size="sm"), parts.command_line(line, f"training-step-{at}")])
        for at, (text, line) in enumerate(lines if folder is None else lines[:1])
    ]
    teach = (
        "This page shows how runs learn: losses, accuracies, learning rate and time of every epoch, several runs over "
    )
    teach += "each other; and what a student's units do beside its teacher's."
    title = "No training run is here" if folder is None else f"No training run is in {folder}"
    card = dmc.Card(
        [dmc.Title(title, order=2), dmc.Text(teach, c="dimmed", size="sm"), html.Ol(steps, className="steps")],
        withBorder=True,
        className="welcome",
    )
    return html.Div(card, id="training-empty")


def _runs(folder: str | None) -> dmc.Card:
    group = html.Div(dmc.CheckboxGroup(id="training-chosen", children=[], value=[]), className="jobs")
    return parts.card("Runs", group, f"in {folder}; ticked ones are drawn")


def _curves() -> dmc.Card:
    terms = dmc.MultiSelect(
        id="training-terms",
        data=[],
        value=[],
        placeholder="all loss terms",
        size="xs",
        clearable=True,
        miw=200,
        **{"aria-label": "loss terms"},
    )
    body = [html.Div(id="training-styles", className="note"), parts.graph("training-curves", 560, quiet=False)]
    return parts.card("Curves", body, "losses before their weights; a ring is the best epoch", terms)


def _inside() -> dmc.Card:
    run = dmc.Select(
        id="training-run", data=[], value=None, size="xs", w=220, allowDeselect=False, **{"aria-label": "run"}
    )
    look = dmc.Button("look inside", id="training-look", size="compact-sm")
    body = [
        html.Div(id="training-inside-problem", role="alert"),
        html.Div(id="training-inside-note", className="note gap"),
        parts.loading(html.Div(id="training-inside")),
    ]
    return parts.card("What its units do", body, "teacher and student on the same images", [run, look])
