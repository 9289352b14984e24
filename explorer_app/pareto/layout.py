"""The Pareto page before any number is on it."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag  # type: ignore[import-untyped]
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.figures.limits import LIMITED
from spikesim_py.report import METRICS

from .. import parts
from .brushes import from_text

#: the view without a query: what the selectors say
DEFAULTS = {"y": "accuracy", "x": "edap", "third": "", "color": "weight_bits", "size": "", "log": "auto"}
DEFAULTS |= {"of": "measured", "where": "", "brush": "", "below": "table", "axes": "", "matrix": ""}
LABELS = {"y": "vertical", "x": "horizontal", "third": "third objective", "color": "colour", "size": "size"}
OF = {"measured": "measured", "costed": "costed"}
BELOW = {
    "table": "Table",
    "lines": "Parallel coordinates",
    "matrix": "Scatter matrix",
    "sure": "How sure is it",
}
LOG = {"auto": "auto", "linear": "linear", "x": "log x", "both": "log x, y"}
COLUMN = {
    "sortable": True,
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
    stores = [
        dcc.Store(id="asked", data=limits),
        dcc.Store(id="brush", data=from_text(view["brush"])),
        *[dcc.Store(id=name) for name in ("drawn", "drawn-key", "zoom", "lines", "table-key")],
        dcc.Download(id="table-file"),
    ]
    return html.Div(
        [html.Div([*stores, _cloud(view), _below(view)], className="left"), _preview()], className="columns"
    )


def _select(name: str, value: str) -> dmc.Select:
    metrics = [{"value": key, "label": METRICS[key][0]} for key in METRICS]
    return dmc.Select(
        id=name,
        label=LABELS[name],
        value=value,
        data=metrics if name in ("x", "y", "third") else [],
        size="xs",
        allowDeselect=False,
        searchable=True,
        comboboxProps={"shadow": "md"},
    )


def _cloud(view: dict[str, str]) -> dmc.Card:
    log = html.Div([dmc.Text("axes", size="xs", fw=500), parts.switch("log", LOG, view["log"])])
    controls = [*[_select(name, view[name]) for name in LABELS], log]
    kinds = html.Div(parts.switch("of", OF, view["of"]), id="of-place", style={"display": "none"})
    body = [
        html.Div(controls, className="controls six"),
        html.Div(id="limits", className="limits"),
        parts.graph("pareto", 480, quiet=False),
        html.Div(id="picks", className="picks"),
    ]
    return parts.card("Designs", body, html.Span(id="cloud-note"), kinds, className="first")


def _below(view: dict[str, str]) -> dmc.Card:
    """The same designs once more: as rows, as lines, as pairs of axes; all follow the same ranges and filter."""
    search = dmc.TextInput(
        id="search",
        value=view["where"],
        placeholder="filter, e.g. accuracy >= 95 % and area <= 2 mm2  ( / )",
        size="xs",
        debounce=100,
        className="filter",
        **{"aria-label": "filter of the designs"},
    )
    clear = dmc.Button("clear ranges", id="unbrush", size="compact-xs", variant="light", style={"display": "none"})
    tabs = dmc.TabsList([dmc.TabsTab(label, value=name) for name, label in BELOW.items()], className="tab-list")
    panels = {
        "table": _table(),
        "lines": _drawn("lines-axes", "parallel", view["axes"], "axes", _LINES),
        "matrix": _drawn("matrix-axes", "matrix", view["matrix"], "sides", _MATRIX),
        "sure": _sure(),
    }
    body = [
        tabs,
        html.Div([search, clear], className="filter-line"),
        html.Div(id="filter-problem", role="alert"),
        *[dmc.TabsPanel(panel, value=name) for name, panel in panels.items()],
    ]
    opened = view["below"] if view["below"] in BELOW else "table"
    return dmc.Card(dmc.Tabs(body, id="below", value=opened, keepMounted=True), withBorder=True)


_LINES = (
    "A line is a design. Drag along an axis to keep a range, double-click it for all; drag a name to move its axis. "
    "By keyboard: the fields below an axis, and ← → on its name."
)
_MATRIX = "A point is a design. Drag a box to keep what lies in it; double-click for all."


def _drawn(selector: str, place: str, asked: str, label: str, teach: str) -> html.Div:
    """A canvas that the browser draws, with the choice of its axes."""
    axes = dmc.MultiSelect(
        id=selector,
        value=[name for name in asked.split(",") if name],
        data=[],
        size="xs",
        searchable=True,
        hidePickedOptions=True,
        placeholder=f"add {label}",
        maxValues=5 if place == "matrix" else None,
        **{"aria-label": label},
    )
    note = html.Div([html.Span(id=f"{place}-note"), " ", teach], className="note gap")
    return html.Div([html.Div(axes, className="gap"), html.Div(id=place, className="canvas-plot"), note])


def _sure() -> html.Div:
    return html.Div(
        [
            html.Div(id="sure-note", className="note gap"),
            parts.loading(parts.graph("sure", 380)),
            dmc.Title("How soon the front was found", order=4, className="gap"),
            parts.graph("history", 280),
        ],
        id="sure-place",
    )


def _table() -> html.Div:
    grid = dag.AgGrid(
        id="designs",
        rowModelType="infinite",
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
            "cacheBlockSize": 100,
            "maxBlocksInCache": 10,
            "theme": {"function": parts.GRID_THEME},
        },
        eventListeners={"cellKeyDown": [ENTER]},
        style={"height": "500px"},
    )
    export = dmc.Button("CSV", id="export", size="compact-xs", variant="light")
    head = html.Div([html.Span(id="table-note", className="note"), export], className="card-head middle")
    return html.Div([head, grid])


def _preview() -> html.Section:
    quantity = parts.switch("quantity", parts.QUANTITIES)
    by = parts.switch("by", parts.BY, "layer")
    step = [
        dmc.Button("‹", id="previous", size="compact-sm", variant="light", **{"aria-label": "previous on the front"}),
        dmc.Button("›", id="next", size="compact-sm", variant="light", **{"aria-label": "next on the front"}),
    ]
    link = dcc.Link("everything about this design →", id="more", href="/design", className="button")
    walk = html.Div([dmc.Text("along the front", size="xs", c="dimmed"), *step], className="switches")
    report = [
        html.Div(
            [dmc.Title("Where it goes", order=4), html.Div([by, quantity], className="switches")],
            className="card-head sub",
        ),
        parts.graph("breakdown"),
        html.Div(dmc.Title("Evaluate it again", order=4), className="card-head sub"),
        html.Div(id="detail-command"),
    ]
    body = [
        html.Div(id="detail-head"),
        html.Div(id="detail-why"),
        html.Div([link, walk], className="card-head middle"),
        html.Div(report, id="detail-report"),
    ]
    teach = "Click a point, a row, or a name below the graph to see what it costs and why. "
    teach += "Keys: / finds, Enter chooses."
    hint = html.Div(parts.hint("One design", teach), id="hint")
    detail = html.Div(body, id="detail", style={"display": "none"})
    return html.Section(dmc.Card([hint, detail], withBorder=True), className="right")
