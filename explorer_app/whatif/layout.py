"""The What-if page before any number is on it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.hardware import presets
from spikesim_py.network.files import workloads, zoo

from .. import parts

#: where the page starts without a chosen design
NETWORK, CHIP = "digits-w4", "rram_32nm"
#: keys of an address that are no changes of fields
START = {"design": "the chosen design", "names": "a network on a chip"}


def layout(**asked: Any) -> html.Div:
    """The page with the changes that an address asks for."""
    changes = {key: value for key, value in asked.items() if "." in key and isinstance(value, str)}
    names = [("network", sorted(zoo() | workloads()), NETWORK), ("chip", sorted(presets()), CHIP)]
    choices = [
        dmc.Select(
            id=f"what-{name}",
            label=name,
            data=data,
            value=asked.get(name) if asked.get(name) in data else default,
            size="xs",
            allowDeselect=False,
            searchable=True,
        )
        for name, data, default in names
    ]
    start = [html.Div(id="what-base"), html.Div(choices, id="what-names", className="pair tight")]
    label = {"aria-label": "find a parameter"}
    find = dmc.TextInput(id="what-find", placeholder="find a parameter  ( e.g. sigma )", size="xs", w=230, **label)
    reset = dmc.Button("back to the start", id="what-reset", size="compact-xs", variant="light")
    knobs = html.Div(id="knobs", className="knobs")
    left = html.Div(
        [
            dcc.Store(id="what-asked", data=changes),
            dcc.Store(id="what-stops", data=[]),
            dcc.Store(id="what-places", data={}),
            dcc.Store(id="what-measured", data=0),
            parts.card("Start from", start, None, parts.switch("what-start", START, asked.get("start"))),
            parts.card("Parameters", knobs, html.Span(id="what-count"), [find, reset]),
        ],
        className="stack",
    )
    return html.Div([left, _answer()], className="columns even")


def _answer() -> html.Section:
    switches = [parts.switch("what-by", parts.BY), parts.switch("what-quantity", parts.QUANTITIES)]
    run = dmc.Button("run it", id="what-run", size="compact-sm", style={"display": "none"})
    body = [
        html.Div(id="what-problem", role="alert"),
        html.Div(id="what-tiles"),
        html.Div([parts.loading(html.Div(id="what-accuracy")), run], className="accuracy-line"),
        html.Div(
            [dmc.Title("What changes", order=4), html.Div(switches, className="switches")], className="card-head sub"
        ),
        parts.graph("what-waterfall", 380),
        html.Div(dmc.Title("The same from the command line", order=4), className="card-head sub"),
        html.Div(id="what-command"),
        html.Div(id="what-time", className="note"),
    ]
    return html.Section(parts.card("What if", body, html.Span(id="what-changes")), className="right sticky")
