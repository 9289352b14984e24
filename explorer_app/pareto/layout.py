"""The Pareto page before any number is on it."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag  # type: ignore[import-untyped]
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.figures.limits import LIMITED
from spikesim_py.report import METRICS

from .. import parts

#: the view without a query: what the selectors say
DEFAULTS = {"y": "accuracy", "x": "edap", "color": "weight_bits", "size": "", "log": "auto"}
LABELS = {"y": "vertical", "x": "horizontal", "color": "colour", "size": "size"}
LOG = {"auto": "auto", "linear": "linear", "x": "log x", "both": "log x, y"}
COLUMN = {
    "sortable": True,
    "filter": True,
    "resizable": True,
    "suppressHeaderMenuButton": True,
    "suppressHeaderFilterButton": True,
    "wrapHeaderText": True,
    "flex": 1,
    "minWidth": 58,
}
#: Enter on a row is a click on it
ENTER = "params.event.key === 'Enter' ? setEventData({row: params.node.id}) : null"


def layout(**asked: Any) -> html.Div:
    """The page in the view that an address asks for."""
    view = {name: str(asked.get(name, value)) for name, value in DEFAULTS.items()}
    limits = {name: asked[name] for name in LIMITED if name in asked}
    left = [dcc.Store(id="asked", data=limits), dcc.Store(id="drawn"), _cloud(view), _table()]
    return html.Div([html.Div(left, className="left"), _preview()], className="columns")


def _select(name: str, value: str) -> dmc.Select:
    metrics = [{"value": key, "label": METRICS[key][0]} for key in METRICS]
    return dmc.Select(
        id=name,
        label=LABELS[name],
        value=value,
        data=metrics if name in ("x", "y") else [],
        size="xs",
        allowDeselect=False,
        searchable=True,
        comboboxProps={"shadow": "md"},
    )


def _cloud(view: dict[str, str]) -> dmc.Card:
    log = html.Div([dmc.Text("axes", size="xs", fw=500), parts.switch("log", LOG, view["log"])])
    controls = [*[_select(name, view[name]) for name in LABELS], log]
    graph = parts.graph("pareto", 480, quiet=False)
    body = [
        html.Div(controls, className="controls"),
        html.Div(id="limits", className="limits"),
        graph,
        html.Div(id="picks", className="picks"),
    ]
    return parts.card("Designs", body, html.Span(id="cloud-note"), className="first")


def _table() -> dmc.Card:
    grid = dag.AgGrid(
        id="designs",
        rowData=[],
        columnDefs=[],
        getRowId="params.data.report_hash",
        defaultColDef=COLUMN,
        dashGridOptions={
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "animateRows": False,
            "rowHeight": 30,
            "headerHeight": 50,
            "tooltipShowDelay": 300,
            "suppressFieldDotNotation": True,
            "theme": {"function": parts.GRID_THEME},
        },
        eventListeners={"cellKeyDown": [ENTER]},
        style={"height": "500px"},
        csvExportParams={"fileName": "designs.csv"},
    )
    search = dmc.TextInput(id="search", placeholder="find, e.g. w4  ( / )", size="xs", w=160, debounce=False)
    export = dmc.Button("CSV", id="export", size="compact-xs", variant="light")
    return parts.card("Table", grid, html.Span(id="table-note"), [search, export])


def _preview() -> html.Section:
    quantity = parts.switch("quantity", {"energy_pj": "energy", "critical_ns": "latency", "area_um2": "area"})
    by = parts.switch("by", {"layer": "by layer", "component": "by component"})
    step = [
        dmc.Button("‹", id="previous", size="compact-sm", variant="light", **{"aria-label": "previous on the front"}),
        dmc.Button("›", id="next", size="compact-sm", variant="light", **{"aria-label": "next on the front"}),
    ]
    link = dcc.Link("everything about this design →", id="more", href="/design", className="button")
    walk = html.Div([dmc.Text("along the front", size="xs", c="dimmed"), *step], className="switches")
    body = [
        html.Div(id="detail-head"),
        html.Div([link, walk], className="card-head middle"),
        html.Div(
            [dmc.Title("Where it goes", order=4), html.Div([by, quantity], className="switches")],
            className="card-head sub",
        ),
        parts.graph("breakdown"),
        html.Div(dmc.Title("Evaluate it again", order=4), className="card-head sub"),
        html.Div(id="detail-command"),
    ]
    teach = "Click a point, a row, or a name below the graph to see what it costs and why. "
    teach += "Keys: / finds, Enter chooses."
    hint = html.Div(parts.hint("One design", teach), id="hint")
    detail = html.Div(body, id="detail", style={"display": "none"})
    return html.Section(dmc.Card([hint, detail], withBorder=True), className="right")
