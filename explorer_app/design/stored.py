"""What a design's stored report shows by itself: costs, limits, configuration, sources, numbers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import dash
import dash_ag_grid as dag  # type: ignore[import-untyped]
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import Input, Output, State, html, no_update

from spikesim_py._units import engineering, number
from spikesim_py.cost.roofline import COLUMNS, report_roofline, roofline_rows
from spikesim_py.cost.sources import constants
from spikesim_py.errors import SpikesimError
from spikesim_py.figures import build_up_figure, layer_activity_figure, roofline_figure, sunburst_figure, themed
from spikesim_py.figures.breakdown import By, Quantity
from spikesim_py.figures.reproduce import configuration_yaml
from spikesim_py.figures.trust import sources
from spikesim_py.rebuild import chip_of
from spikesim_py.report import METRICS

from .. import parts
from ..chosen import bare, reasons
from ..head import command_of, compare_button, design_head, find_report, metric_name
from ..pareto import Views
from ..reader import Reader
from ..shell import SCHEME, show_address

#: what a tab shows is made when it is opened: until then it is not on the page
_CHOSEN, _TAB = Input("selected", "data"), Input("tab", "value")


def register(app: dash.Dash, views: Views) -> None:
    """Bind the tabs that need the report alone."""
    reader = views.reader
    _head(app, views)
    _figures(app, reader)
    _texts(app, reader)


def _head(app: dash.Dash, views: Views) -> None:
    reader = views.reader

    @app.callback(
        Output("design-hint", "style"),
        Output("design-card", "style"),
        Output("design-page", "style"),
        Output("design-head", "children"),
        Output("design-command", "children"),
        _CHOSEN,
        _TAB,
    )
    def head(selected: str | None, tab: str) -> Any:
        hidden, report = {"display": "none"}, find_report(reader, selected)
        if report is not None:
            show_address("/design", urlencode({"design": selected, "tab": tab}))
            return hidden, {}, {}, design_head(report, compare_button(report)), command_of(report)
        known = bare(reader, selected)
        return (hidden, {}, hidden, known, None) if known else ({}, hidden, hidden, None, None)

    @app.callback(Output("design-why", "children"), _CHOSEN, State("view", "data"))
    def why(selected: str | None, asked: Any) -> Any:
        """Among those that pass what the Pareto page asks."""
        return reasons(views.recalled(asked), selected, find_report(reader, selected))


def _figures(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("sunburst", "figure"),
        Output("build-up", "figure"),
        Output("costs-note", "children"),
        _CHOSEN,
        _TAB,
        Input("design-quantity", "value"),
        Input("design-by", "value"),
        SCHEME,
    )
    def costs(selected: str | None, tab: str, quantity: Quantity, by: By, scheme: str) -> Any:
        report = find_report(reader, selected)
        if tab != "costs" or report is None:
            return [no_update] * 3
        figures = sunburst_figure(report["tree"], quantity), build_up_figure(report["tree"], quantity, by)
        return *[themed(figure, scheme) for figure in figures], _band(report, quantity)

    @app.callback(
        Output("roofline", "figure"),
        Output("roofline", "style"),
        Output("roofline-table", "children"),
        Output("activity", "figure"),
        Output("activity-note", "children"),
        _CHOSEN,
        _TAB,
        SCHEME,
    )
    def limits(selected: str | None, tab: str, scheme: str) -> Any:
        report = find_report(reader, selected)
        if tab != "limits" or report is None:
            return [no_update] * 5
        found = report_roofline(report)
        figure = roofline_figure(found)
        rows = parts.table(["layer", *COLUMNS], roofline_rows(found))
        seen, activity = report["activity"], layer_activity_figure(report["activity"]).update_layout(height=240)
        note = f"activity is {seen['origin']}" + (f" on {seen['samples']} samples" if seen["samples"] else "")
        height = {"height": f"{figure.layout.height}px"}
        return themed(figure, scheme), height, rows, themed(activity, scheme), note


def _band(report: dict[str, Any], quantity: Quantity) -> str:
    """The calibration band of a quantity, in words."""
    band, name = report.get("band"), "latency_ns" if quantity == "critical_ns" else quantity
    if not band:
        return "The constants are one published set: no band is stated."
    unit, found = METRICS[name][1], band[name]
    low, high = (engineering(found[end], unit, 3) for end in ("low", "high"))
    anchors = ", ".join(band["anchors"]) or "none"
    return (
        f"In 90 % of {band['draws']} draws of the calibrations {METRICS[name][0]} is {low} to {high} (ADC figures of "
        f"{anchors}; errors by grade)."
    )


def _texts(app: dash.Dash, reader: Reader) -> None:
    for name, made in (("configuration", configuration), ("sources", source_tables), ("numbers", numbers)):

        @app.callback(Output(name, "children"), _CHOSEN, _TAB)
        def text(selected: str | None, tab: str, name: str = name, made: Any = made) -> Any:
            report = find_report(reader, selected) if tab == name else None
            return no_update if report is None else made(report)


def configuration(report: dict[str, Any]) -> list[Any]:
    """The exact chip as YAML, and where its fields come from."""
    text = configuration_yaml(report)
    cited = [[html.Code(name), source] for name, source in report["hardware"].get("sources", {}).items()]
    yaml = html.Div([parts.copy(text, "copy the YAML"), html.Pre(text, className="yaml", id="yaml", tabIndex="0")])
    fields = [dmc.Title("Where its fields come from", order=4)]
    fields += [parts.table(["field", "source"], cited)] if cited else [html.P("No field cites a source.")]
    return [html.Div([yaml, html.Div(fields)], className="pair")]


def source_tables(report: dict[str, Any]) -> list[Any]:
    """Every component with grade and source; then every constant that its library may use."""
    found = [
        [s.component, parts.grade(s.grade), f"{s.energy_share:.1%}", f"{s.area_share:.1%}", s.source]
        for s in sources(report["tree"])
    ]
    tables: list[Any] = [parts.table(["component", "grade", "energy", "area", "source"], found)]
    try:
        rows = [
            {"name": c.name, "value": f"{number(c.value)} {c.unit}".removesuffix(" -"), "grade": c.grade}
            | {"file": c.file, "source": c.source, "about": parts.about_grade(c.grade)}
            for c in constants(chip_of(report))
        ]
    except SpikesimError as error:
        return [*tables, parts.problem(str(error), "The constants cannot be listed")]
    note = dmc.Text("Grades are explained on hover; every column can be searched.", size="sm", c="dimmed")
    return [*tables, dmc.Title(f"All {len(rows)} constants of its cost library", order=4), note, _constants(rows)]


def _constants(rows: list[dict[str, str]]) -> dag.AgGrid:
    """A grid, which draws the rows in sight only: some hundred Dash rows take the browser many seconds."""
    columns = [
        {"field": "name", "headerName": "constant", "minWidth": 210},
        {"field": "value", "headerName": "value", "minWidth": 130},
        {"field": "grade", "headerName": "grade", "minWidth": 130, "tooltipField": "about"},
        {"field": "file", "headerName": "file", "minWidth": 190, "tooltipField": "file"},
        {"field": "source", "headerName": "source", "flex": 3, "minWidth": 260, "tooltipField": "source"},
    ]
    return dag.AgGrid(
        id="constants",
        columnDefs=columns,
        rowData=rows,
        defaultColDef={"filter": True, "floatingFilter": True, "sortable": True, "flex": 1},
        dashGridOptions={
            "theme": {"function": parts.GRID_THEME},
            "enableCellTextSelection": True,
            "tooltipShowDelay": 300,
        },
        style={"height": "420px"},
    )


def numbers(report: dict[str, Any]) -> list[Any]:
    """Every metric as it reads best and as stored; notes, methods, and what it was run with."""
    rows = []
    for name, (_, unit, _) in METRICS.items():
        value = report["metrics"].get(name)
        if value is not None:
            rows.append([metric_name(name), engineering(value, unit), f"{value!r} {unit}".removesuffix(" -")])
    facts = [("report", report["report_hash"]), ("spikesim_py", report["version"])]
    if report["accuracy"]:
        facts += [("accuracy key", report["accuracy"]["key"]), ("data", report["accuracy"]["data"])]
        facts += [("simulated chips", ", ".join(f"{chip:.2%}" for chip in report["accuracy"]["chips"]))]
    notes = [dmc.Title("Notes", order=4), html.Ul([html.Li(note) for note in report["notes"]])] * bool(report["notes"])
    words = [*notes, dmc.Title("Methods", order=4), html.P(report["methods"]), parts.copy(report["methods"], "copy")]
    left = [parts.table(["number", "", "as stored"], rows), parts.definitions(facts)]
    return [html.Div([html.Div(left), html.Div(words)], className="pair")]
