"""What happens on a click, a choice, and a tick of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dash
import numpy as np
from dash import ClientsideFunction, Input, Output, Patch, State, ctx, no_update

from spikesim_py.errors import SpikesimError
from spikesim_py.figures import breakdown_figure, layer_activity_figure, pareto_figure
from spikesim_py.figures.breakdown import By, Quantity
from spikesim_py.figures.columns import measured
from spikesim_py.report import METRICS

from . import views
from .reader import Frame, Reader

#: the clock rests while anything that it started is at work, or slow answers would never arrive
_REST = [(Output("clock", "disabled"), True, False)]
_LOG = {"auto": (None, None), "linear": (False, False), "x": (True, False), "both": (True, True)}


def register(app: dash.Dash, reader: Reader) -> None:
    """Bind the page to a study."""
    _watch(app, reader)
    _draw(app, reader)
    _choose(app)
    _show(app, reader)


def _watch(app: dash.Dash, reader: Reader) -> None:
    @app.callback(Output("version", "data"), Input("clock", "n_intervals"), State("version", "data"), running=_REST)
    def tick(_: int | None, known: str) -> Any:
        version = reader.version()
        return no_update if version == known else version


def _draw(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("problem", "children"),
        Output("drawn", "data"),
        Output("status", "children"),
        Output("cloud-note", "children"),
        Input("version", "data"),
        Input("x", "value"),
        Input("y", "value"),
        Input("color", "value"),
        Input("log", "value"),
        Input("selected", "data"),
        running=_REST,
    )
    def cloud(_: str, x: str, y: str, color: str, log: str, selected: str | None) -> Any:
        found = _look(reader, x, y)
        if isinstance(found, str):
            return views.problem(found), no_update, "", ""
        if not found.frame:
            return None, views.waiting(), "no design yet", ""
        log_x, log_y = _LOG[log]
        color = color if color in found.frame else "edap"
        figure = pareto_figure(
            found.frame, found.x, found.y, color, found.front, selected=selected, log_x=log_x, log_y=log_y
        )
        return None, figure, views.status(found.frame), views.status(found.frame, found.front)

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "keepZoom"),
        Output("pareto", "figure"),
        Input("drawn", "data"),
        State("pareto", "figure"),
    )

    @app.callback(
        Output("designs", "rowData"),
        Output("designs", "columnDefs"),
        Output("x", "data"),
        Output("y", "data"),
        Output("color", "data"),
        Input("version", "data"),
        Input("x", "value"),
        Input("y", "value"),
        State("designs", "columnDefs"),
        running=_REST,
    )
    def table(_: str, x: str, y: str, known: list[dict[str, Any]]) -> Any:
        found = _look(reader, x, y)
        if isinstance(found, str) or not found.frame:
            return [], *[no_update] * 4
        numeric = views.axis_choices(found.frame, every_column=False)
        columns = views.table_columns(found.frame)
        rows = views.table_rows(found.frame, found.front)
        changed = no_update if columns == known else columns
        return rows, changed, numeric, numeric, views.axis_choices(found.frame, every_column=True)

    @app.callback(Output("designs", "dashGridOptions"), Input("search", "value"), prevent_initial_call=True)
    def search(text: str) -> Patch:
        options = Patch()
        options["quickFilterText"] = text
        return options

    @app.callback(Output("designs", "exportDataAsCsv"), Input("export", "n_clicks"), prevent_initial_call=True)
    def export(_: int) -> bool:
        return True


def _choose(app: dash.Dash) -> None:
    @app.callback(
        Output("selected", "data"),
        Input("pareto", "clickData"),
        Input("designs", "cellClicked"),
        prevent_initial_call=True,
    )
    def choose(click: dict[str, Any] | None, cell: dict[str, Any] | None) -> Any:
        if ctx.triggered_id == "designs" and cell:
            return cell["rowId"]
        point = click["points"][0] if click and click["points"] else {}
        return point.get("customdata", no_update)


def _show(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("hint", "style"),
        Output("detail", "style"),
        Output("detail-head", "children"),
        Output("activity", "figure"),
        Output("activity-note", "children"),
        Output("detail-command", "children"),
        Output("detail-numbers", "children"),
        Output("detail-configuration", "children"),
        Output("detail-trust", "children"),
        Output("detail-methods", "children"),
        Output("designs", "selectedRows"),
        Input("selected", "data"),
    )
    def design(selected: str | None) -> Any:
        report = _report(reader, selected)
        if report is None:
            return {}, {"display": "none"}, *[no_update] * 8, []
        return (
            {"display": "none"},
            {},
            views.design_head(report),
            layer_activity_figure(report["activity"]),
            views.activity_note(report),
            views.reproduce_tab(report),
            views.numbers_tab(report),
            views.configuration_tab(report),
            views.trust_tab(report),
            views.methods_tab(report),
            {"ids": [selected]},
        )

    @app.callback(
        Output("breakdown", "figure"),
        Output("breakdown", "style"),
        Input("selected", "data"),
        Input("quantity", "value"),
        Input("by", "value"),
    )
    def breakdown(selected: str | None, quantity: Quantity, by: By) -> Any:
        report = _report(reader, selected)
        if report is None:
            return no_update, no_update
        figure = breakdown_figure(report["tree"], quantity, by)
        return figure, {"height": f"{figure.layout.height}px"}


@dataclass(frozen=True)
class _Look:
    """A study along two axes; the frame is empty while there is no design."""

    frame: Frame
    x: str
    y: str
    front: np.ndarray | None


def _look(reader: Reader, x: str, y: str) -> _Look | str:
    """The study along the chosen axes, or along others if it lacks them; or what to tell the user instead."""
    try:
        frame = reader.frame()
        if not len(frame.get("report_hash", ())):
            return _Look({}, x, y, None)
        known = measured(frame)
        x = x if x in frame else "edap"
        y = y if y in known or (y in frame and y not in METRICS) else "tops_per_watt"
        return _Look(frame, x, y, reader.front(x, y))
    except SpikesimError as error:
        return str(error)


def _report(reader: Reader, selected: str | None) -> dict[str, Any] | None:
    """The chosen design, or None: nothing chosen, or chosen in another study by the same browser."""
    if not selected:
        return None
    try:
        return reader.report(selected)
    except SpikesimError:
        return None
