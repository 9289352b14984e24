"""The page before any number is on it."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag  # type: ignore[import-untyped]
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.figures import GRAPH_CONFIG, QUIET
from spikesim_py.report import METRICS

#: how often the browser asks whether the study has grown
POLL_MS = 1500
GRID_THEME = (
    "themeQuartz.withParams({fontFamily: 'inherit', fontSize: 12.5, spacing: 5, headerFontSize: 11, "
    "headerFontWeight: 600, selectedRowBackgroundColor: '#fdeee2', borderColor: '#e4e9ee', "
    "accentColor: '#0072b2', wrapperBorderRadius: 6})"
)
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
THEME = {
    "fontFamily": "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "primaryColor": "blue",
    "defaultRadius": "md",
}


def page(name: str) -> dmc.MantineProvider:
    """The explorer of a study file of that name."""
    state = [
        dcc.Store(id="version", data=""),
        dcc.Store(id="selected", storage_type="session"),
        dcc.Store(id="drawn"),
        dcc.Interval(id="clock", interval=POLL_MS),
    ]
    columns = html.Main([html.Div([_cloud(), _table()], className="left"), _detail()], className="columns")
    return _provider([*state, _header(name), html.Div(id="problem"), columns])


def welcome() -> dmc.MantineProvider:
    """Without a study: which command makes one."""
    steps = [
        ("The whole tour on bundled input: sweep, table, report, this page.", "spikesim demo"),
        (
            "Or a sweep of your own, described in a YAML file or by a bundled name …",
            "spikesim sweep quickstart --store runs/quick.db",
        ),
        ("… which opens here, also while it is still running.", "spikesim explore runs/quick.db"),
    ]
    lines = [
        html.Li([dmc.Text(text, size="sm"), command_line(line, f"step-{i}")]) for i, (text, line) in enumerate(steps)
    ]
    card = dmc.Card(
        [
            dmc.Title("No study is open", order=2),
            dmc.Text("A study is a file of evaluated designs. These commands make and open one:", c="dimmed"),
            html.Ol(lines, className="steps"),
        ],
        withBorder=True,
        className="welcome",
        id="welcome",
    )
    return _provider([_header(None), card])


def copy(text: str, label: str) -> dmc.CopyButton:
    return dmc.CopyButton(label, copiedChildren="copied", value=text, size="compact-xs", variant="light", miw=60)


def command_line(text: str, name: str) -> html.Div:
    """A command to read and to copy."""
    return html.Div(
        [html.Code(text, className="command", id=name), copy(text, "copy")],
        className="command-line",
    )


def _provider(children: list[Any]) -> dmc.MantineProvider:
    return dmc.MantineProvider(html.Div(children, className="page"), theme=THEME, forceColorScheme="light")


def _header(name: str | None) -> html.Header:
    brand = [html.Span("spikesim", className="brand"), html.Span("explorer", className="brand-room")]
    right = [] if name is None else [html.Span(id="status"), dmc.Badge(name, variant="light", color="gray", tt="none")]
    return html.Header([html.Div(brand), html.Div(right, className="header-right")])


def _select(name: str, label: str, value: str) -> dmc.Select:
    choices = [{"value": key, "label": METRICS[key][0]} for key in METRICS] if name != "color" else []
    return dmc.Select(
        id=name,
        label=label,
        value=value,
        data=choices,
        size="xs",
        allowDeselect=False,
        searchable=True,
        persistence=True,
        persistence_type="session",
        comboboxProps={"shadow": "md"},
    )


def _cloud() -> dmc.Card:
    log = dmc.SegmentedControl(
        id="log",
        value="auto",
        size="xs",
        data=[
            {"value": "auto", "label": "auto"},
            {"value": "linear", "label": "linear"},
            {"value": "x", "label": "log x"},
            {"value": "both", "label": "log x, y"},
        ],
    )
    controls = [
        _select("y", "vertical", "accuracy"),
        _select("x", "horizontal", "edap"),
        _select("color", "colour", "weight_bits"),
        html.Div([dmc.Text("axes", size="xs", fw=500), log]),
    ]
    graph = dcc.Graph(id="pareto", config=GRAPH_CONFIG, style={"height": "480px"}, responsive=True)
    note = html.Span(id="cloud-note", className="note")
    head = html.Div([dmc.Title("Designs", order=3), note], className="card-head")
    return dmc.Card([head, html.Div(controls, className="controls"), graph], withBorder=True)


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
            "theme": {"function": GRID_THEME},
        },
        style={"height": "500px"},
        csvExportParams={"fileName": "designs.csv"},
    )
    search = dmc.TextInput(id="search", placeholder="find, e.g. w4", size="xs", w=150, debounce=False)
    export = dmc.Button("CSV", id="export", size="compact-xs", variant="light")
    head = html.Div(
        [dmc.Title("Table", order=3), html.Div([search, export], className="switches")],
        className="card-head middle",
    )
    return dmc.Card([head, grid], withBorder=True)


def _switch(name: str, choices: dict[str, str]) -> dmc.SegmentedControl:
    data = [{"value": value, "label": label} for value, label in choices.items()]
    return dmc.SegmentedControl(id=name, value=next(iter(choices)), data=data, size="xs")


#: tabs below a design: part of their ids -> title
TABS = {
    "command": "Reproduce",
    "numbers": "Numbers",
    "configuration": "Configuration",
    "trust": "Trust",
    "methods": "Methods",
}


def _detail() -> html.Section:
    quantity = _switch("quantity", {"energy_pj": "energy", "critical_ns": "latency", "area_um2": "area"})
    by = _switch("by", {"layer": "by layer", "component": "by component"})
    head = [dmc.Title("Where it goes", order=4), html.Div([by, quantity], className="switches")]
    more = dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(label, value=key) for key, label in TABS.items()]),
            *[dmc.TabsPanel(html.Div(id=f"detail-{key}", className="panel"), value=key) for key in TABS],
        ],
        value="command",
        id="more",
    )
    body = [
        html.Div(id="detail-head"),
        html.Div(head, className="card-head sub"),
        dcc.Graph(id="breakdown", config=QUIET, responsive=True),
        html.Div(
            [dmc.Title("What each layer saw", order=4), html.Span(id="activity-note", className="note")],
            className="card-head sub",
        ),
        dcc.Graph(id="activity", config=QUIET, responsive=True, style={"height": "215px"}),
        more,
    ]
    hint = [
        dmc.Title("One design", order=3),
        dmc.Text("Click a point or a row to see what it costs, why, and how to reproduce it.", c="dimmed", size="sm"),
    ]
    return html.Section(
        dmc.Card([html.Div(hint, id="hint"), html.Div(body, id="detail", style={"display": "none"})], withBorder=True),
        className="right",
    )
