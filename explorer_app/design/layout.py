"""The page of one design before any number is on it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from .. import parts

#: tab -> its title
TABS = {
    "costs": "Costs",
    "limits": "What limits it",
    "mesh": "Floor plan",
    "crossbar": "Crossbars",
    "accuracy": "Accuracy",
    "configuration": "Configuration",
    "sources": "Sources",
    "numbers": "Numbers",
}
#: what carries the currents on the maps of a crossbar -> its name
WIRES = {"": "as simulated", "gated_1t1r": "if gated 1T1R", "passive": "if passive"}
SAMPLES = {"50": "50 images", "200": "200", "600": "600"}


def layout(**asked: Any) -> html.Div:
    """The page, with the tab that an address asks for."""
    tab = asked.get("tab") if asked.get("tab") in TABS else next(iter(TABS))
    bodies = {
        "costs": _costs(),
        "limits": _limits(),
        "mesh": _mesh(),
        "crossbar": _crossbar(),
        "accuracy": _accuracy(),
        "configuration": html.Div(id="configuration"),
        "sources": html.Div(id="sources"),
        "numbers": html.Div(id="numbers"),
    }
    tabs = dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(title, value=key) for key, title in TABS.items()], className="tab-list"),
            *[dmc.TabsPanel(bodies[key], value=key, className="panel") for key in TABS],
        ],
        value=tab,
        id="tab",
        keepMounted=False,  # graphs that are drawn while their tabs are hidden can hang the page
    )
    link = dcc.Link("choose a design on the Pareto page →", href="/", className="button")
    teach = "This page takes one design apart: where its energy, time and area go, what limits it, what its mesh and "
    teach += "crossbars do, and what each error costs."
    hint = dmc.Card(parts.hint("No design is chosen", teach, link), withBorder=True)
    hidden = {"display": "none"}
    told = [html.Div(id=f"design-{name}") for name in ("head", "why", "command")]
    head = dmc.Card(told, withBorder=True, id="design-card", style=hidden)
    page = html.Div(dmc.Card(tabs, withBorder=True), id="design-page", style=hidden)
    return html.Div([html.Div(hint, id="design-hint"), head, page], className="stack")


def _costs() -> list[Any]:
    quantity = parts.switch("design-quantity", parts.QUANTITIES)
    by = parts.switch("design-by", parts.BY)
    graphs = [
        html.Div([dmc.Title("Every layer and component", order=4), parts.graph("sunburst", 520)]),
        html.Div(
            [
                dmc.Title("From nothing to the whole", order=4),
                parts.graph("build-up", 380),
                html.Div(id="costs-note", className="note"),
            ]
        ),
    ]
    return [html.Div([quantity, by], className="switches"), html.Div(graphs, className="pair gap")]


def _limits() -> list[Any]:
    note = (
        "Headroom: how much faster with an infinitely fast limiter. Slack: how much slower the next resource may get "
    )
    note += "before it limits. The limiter's TOPS: what it would allow if nothing else took time."
    return [
        parts.graph("roofline"),
        html.Div(id="roofline-table", className="scroll"),
        html.P(note, className="note"),
        html.Div(
            [dmc.Title("What each layer saw", order=4), html.Span(id="activity-note", className="note")],
            className="card-head sub",
        ),
        parts.graph("activity", 240),
    ]


def _mesh() -> list[Any]:
    graphs = [
        parts.loading(parts.graph("mesh")),
        html.Div(
            [
                dmc.Title("Time-steps", order=4),
                parts.graph("mesh-steps", 260),
                html.Div(id="mesh-links", className="scroll"),
            ]
        ),
    ]
    note = "Tiles by layer; a link is drawn to the right of its direction, darker and wider the more flits it carries."
    return [html.P(note, className="note"), html.Div(id="mesh-note"), html.Div(graphs, className="pair gap")]


def _crossbar() -> list[Any]:
    layer = dmc.Select(id="layer", label="layer", data=[], size="xs", w=180, allowDeselect=False)
    number = dmc.NumberInput(
        id="crossbar", label="crossbar", value=0, min=0, step=1, size="xs", w=110, allowDecimal=False
    )
    chip = dmc.NumberInput(
        id="instance", label="device instance", value=0, min=0, step=1, size="xs", w=130, allowDecimal=False
    )
    wires = parts.switch("wires", WIRES)
    maps = [
        html.Div([dmc.Title("Conductance", order=4), parts.loading(parts.graph("conductance", 430))]),
        html.Div([dmc.Title("IR drop", order=4), wires, parts.loading(html.Div(id="ir-drop"))]),
    ]
    title = [dmc.Title("What its converters meet", order=4), html.Span(id="adc-note", className="note")]
    sums = [html.Div(title, className="card-head sub"), parts.loading(parts.graph("adc", 330))]
    return [
        html.Div([layer, number, chip], className="switches low"),
        html.Div(id="crossbar-note", className="note"),
        html.Div(maps, className="pair gap"),
        *sums,
    ]


def _accuracy() -> list[Any]:
    note = "The same images on the float network, where it is known, on the quantized one in exact arithmetic, on the "
    note += "chip with ideal devices, then with one more group of its effects at a time. Orange: costs accuracy beyond "
    note += "doubt."
    samples = parts.switch("chain-samples", SAMPLES)
    run = dmc.Button("run the chain", id="run-chain", size="compact-sm")
    return [
        html.Div([run, samples, html.Span(id="chain-note", className="note")], className="switches"),
        html.P(note, className="note"),
        parts.loading(html.Div(id="chain")),
    ]
