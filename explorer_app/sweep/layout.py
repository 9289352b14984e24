"""The Sweep page: the space at the left, what it comes to and what is at work at the right."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.sweep import sweeps

from .. import parts
from ..reader import Reader
from .draft import first
from .form import bundled_buttons, form

#: how often the page asks the job table
POLL_MS = 1000


def layout(reader: Reader, **asked: Any) -> html.Div:
    """The page with the space that an address holds, else with that of the newest sweep."""
    draft = first(reader, asked)
    names = sorted(sweeps(), key=lambda name: (name != "quickstart", name))
    build = html.Div(form(draft, reader.sources()), id="sweep-form")
    left = [
        dcc.Store(id="sweep-draft"),
        dcc.Store(id="jobs-seen", data=""),
        dcc.Interval(id="sweep-clock", interval=POLL_MS),
        parts.card("Space", build, "every combination of these values is a design", bundled_buttons(names)),
    ]
    right = [_size(), _jobs(), _front()]
    return html.Div(
        [html.Div(left, className="stack"), html.Div(right, className="stack right")], className="columns even"
    )


def _size() -> dmc.Card:
    run = dmc.Button("run it", id="sweep-run", size="sm", disabled=True)
    time = html.Div(parts.loading(html.Div(id="sweep-time", className="note")), className="sweep-time")
    body = [
        html.Div(id="sweep-problem", role="alert"),
        html.Div(id="sweep-size", className="sweep-size"),
        html.Div([run, time], className="accuracy-line"),
        html.Details([html.Summary("the same from the command line"), html.Div(id="sweep-same")], className="gap"),
    ]
    return parts.card("How much that is", body)


def _jobs() -> dmc.Card:
    return parts.card("Sweeps on this study", html.Div(id="jobs", className="jobs"), "also those of the command line")


def _front() -> dmc.Card:
    link = dcc.Link("choose among them →", href="/", className="button")
    return parts.card("The front so far", parts.graph("sweep-front", 360), html.Span(id="sweep-front-note"), link)
