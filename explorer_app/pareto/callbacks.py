"""What happens on the Pareto page on a click, a choice, and a tick of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dash
import numpy as np
from dash import ALL, ClientsideFunction, Input, Output, Patch, State, ctx, no_update

from spikesim_py.errors import SpikesimError
from spikesim_py.figures import breakdown_figure, pareto_figure
from spikesim_py.figures.breakdown import By, Quantity
from spikesim_py.figures.columns import is_number, measured
from spikesim_py.figures.limits import Limit, limits, meets
from spikesim_py.figures.pareto import pareto_points
from spikesim_py.figures.picks import best_designs
from spikesim_py.figures.style import themed
from spikesim_py.report import METRICS

from ..head import command_of, compare_button, design_head, find_report
from ..reader import Frame, Reader
from ..shell import REST, SCHEME, show_address
from . import views
from .table import axis_choices, table_columns, table_rows

_LOG = {"auto": (None, None), "linear": (False, False), "x": (True, False), "both": (True, True)}
_AXES = (Input("x", "value"), Input("y", "value"))
_LIMITS = (Input({"limit": ALL}, "value"), State({"limit": ALL}, "id"))


@dataclass(frozen=True)
class View:
    """A study along two axes; the frame is empty while there is no design. `meets` is None without limits."""

    frame: Frame
    x: str
    y: str
    front: np.ndarray | None
    limits: dict[str, float]
    meets: np.ndarray | None


def find_view(reader: Reader, x: str, y: str, places: list[float], ids: list[dict[str, str]]) -> View | str:
    """The study along the chosen axes, or along others if it lacks them; or what to tell the user instead."""
    try:
        frame = reader.frame()
        if not len(frame.get("report_hash", ())):
            return View({}, x, y, None, {}, None)
        known, asked = measured(frame), _asked(frame, places, ids)
        x = x if x in frame else "edap"
        y = y if y in known or (y in frame and y not in METRICS) else "tops_per_watt"
        return View(frame, x, y, reader.front(x, y, asked), asked, meets(frame, asked) if asked else None)
    except SpikesimError as error:
        return str(error)


def _asked(frame: Frame, places: list[float], ids: list[dict[str, str]]) -> dict[str, float]:
    """Limits that sliders ask for, in the units of the metrics."""
    known: dict[str, Limit] = {limit.name: limit for limit in limits(frame)}
    pairs = [(known[own["limit"]], place) for own, place in zip(ids, places, strict=True) if own["limit"] in known]
    values = {limit.name: limit.value(place) for limit, place in pairs}
    return {name: value for name, value in values.items() if value is not None}


def register(app: dash.Dash, reader: Reader) -> None:
    """Bind the page to a study."""
    _draw(app, reader)
    _tabulate(app, reader)
    _limit(app, reader)
    _choose(app, reader)
    _show(app, reader)


def _draw(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("drawn", "data"),
        Output("cloud-note", "children"),
        Output("picks", "children"),
        Input("version", "data"),
        *_AXES,
        Input("color", "value"),
        Input("size", "value"),
        Input("log", "value"),
        Input("selected", "data"),
        SCHEME,
        *_LIMITS,
        running=REST,
    )
    def cloud(
        _: str,
        x: str,
        y: str,
        color: str,
        size: str,
        log: str,
        selected: str | None,
        scheme: str,
        places: Any,
        ids: Any,
    ) -> Any:
        found = find_view(reader, x, y, places, ids)
        if isinstance(found, str):
            return no_update, "", []
        if not found.frame:
            return themed(views.waiting(), scheme), "", views.first_sweep()
        frame = found.frame
        sized = size if size in frame and is_number(frame, size) else None
        figure = pareto_figure(
            frame,
            found.x,
            found.y,
            color if color in frame else "edap",
            found.front,
            size=sized,
            meets=found.meets,
            selected=selected,
            log_x=_LOG[log][0],
            log_y=_LOG[log][1],
        )
        note = views.summary(frame, found.front, found.meets) + (views.size_note(frame, sized) if sized else "")
        view = {"x": x, "y": y, "color": color, "size": size, "log": log}
        show_address("/", views.query(view, found.limits, selected))
        picked = views.picks(frame, _best(reader, found), selected)
        return themed(figure, scheme), note, picked

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "keepZoom"),
        Output("pareto", "figure"),
        Input("drawn", "data"),
        State("pareto", "figure"),
    )


def _best(reader: Reader, found: View) -> dict[str, int]:
    front = reader.front("edap", "accuracy" if "accuracy" in measured(found.frame) else "area_um2", found.limits)
    return {} if front is None or not front.any() else best_designs(found.frame, front)


def _tabulate(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("designs", "rowData"),
        Output("designs", "columnDefs"),
        Output("x", "data"),
        Output("y", "data"),
        Output("color", "data"),
        Output("size", "data"),
        Input("version", "data"),
        *_AXES,
        *_LIMITS,
        State("designs", "columnDefs"),
        running=REST,
    )
    def table(_: str, x: str, y: str, places: Any, ids: Any, known: list[dict[str, Any]]) -> Any:
        found = find_view(reader, x, y, places, ids)
        if isinstance(found, str) or not found.frame:
            return [], *[no_update] * 5
        numeric = axis_choices(found.frame, every_column=False)
        columns = table_columns(found.frame)
        rows = table_rows(found.frame, found.front, found.meets)
        sizes = [{"value": "", "label": "all alike"}, *numeric]
        changed = no_update if columns == known else columns
        return rows, changed, numeric, numeric, axis_choices(found.frame, every_column=True), sizes

    @app.callback(Output("designs", "dashGridOptions"), Input("search", "value"), prevent_initial_call=True)
    def search(text: str) -> Patch:
        options = Patch()
        options["quickFilterText"] = text
        return options

    @app.callback(Output("designs", "exportDataAsCsv"), Input("export", "n_clicks"), prevent_initial_call=True)
    def export(_: int) -> bool:
        return True


def _limit(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("limits", "children"),
        Input("version", "data"),
        State("asked", "data"),
        State({"limit": ALL}, "value"),
        State({"limit": ALL}, "id"),
        State({"limit": ALL}, "min"),
        State({"limit": ALL}, "max"),
        running=REST,
    )
    def rebuild(_: str, first: dict[str, str], places: Any, ids: Any, lows: Any, highs: Any) -> Any:
        """Sliders over what the study holds now; limits that were set stay."""
        try:
            found = limits(reader.frame())
        except SpikesimError:
            return no_update
        before = [Limit(own["limit"], low, high) for own, low, high in zip(ids, lows, highs, strict=True)]
        if found == before:
            return no_update
        asked = {limit.name: limit.value(place) for limit, place in zip(before, places, strict=True)}
        return views.sliders(found, {k: v for k, v in (asked or _numbers(first)).items() if v is not None})

    @app.callback(
        Output({"limit-words": ALL}, "children"), *_LIMITS, State({"limit": ALL}, "min"), State({"limit": ALL}, "max")
    )
    def say(places: Any, ids: Any, lows: Any, highs: Any) -> Any:
        made = [Limit(own["limit"], low, high) for own, low, high in zip(ids, lows, highs, strict=True)]
        return [limit.words(limit.value(place)) for limit, place in zip(made, places, strict=True)]


def _numbers(asked: dict[str, str]) -> dict[str, float]:
    """What of an address is a number."""
    found = {}
    for name, text in asked.items():
        try:
            found[name] = float(text)
        except (TypeError, ValueError):
            continue
    return {name: value for name, value in found.items() if 0 < value < float("inf")}


def _choose(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("selected", "data", allow_duplicate=True),
        Input("pareto", "clickData"),
        Input("designs", "cellClicked"),
        Input("designs", "eventData"),
        Input({"pick": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def choose(click: Any, cell: Any, key: Any, picks: list[int | None]) -> Any:
        cause = ctx.triggered[0]["prop_id"]
        if isinstance(ctx.triggered_id, dict) and any(picks):
            return ctx.triggered_id["pick"]
        if cause == "designs.eventData" and key:
            return key["data"]["row"]
        if cause == "designs.cellClicked" and cell:
            return cell["rowId"]
        if cause == "pareto.clickData" and click and click["points"]:
            return click["points"][0].get("customdata", no_update)
        return no_update  # the page has just appeared

    @app.callback(
        Output("selected", "data", allow_duplicate=True),
        Input("previous", "n_clicks"),
        Input("next", "n_clicks"),
        State("selected", "data"),
        State("x", "value"),
        State("y", "value"),
        State({"limit": ALL}, "value"),
        State({"limit": ALL}, "id"),
        prevent_initial_call=True,
    )
    def step(back: int | None, on: int | None, selected: str, x: str, y: str, places: Any, ids: Any) -> Any:
        """The neighbour along the front, in the order of x; from a dominated design, the nearest one in x."""
        if not (back or on):
            return no_update  # the page has just appeared
        found = find_view(reader, x, y, places, ids)
        if isinstance(found, str) or found.front is None or not found.front.any():
            return no_update
        here = np.flatnonzero(found.frame["report_hash"].astype(str) == selected)
        points = pareto_points(found.frame, found.x, found.y, found.front)
        order = points.rows[np.flatnonzero(points.front)[np.argsort(points.x[points.front], kind="stable")]]
        values = np.asarray(found.frame[found.x], float)
        at = int(np.abs(values[order] - values[here[0]]).argmin()) if here.size else 0
        if here.size and order[at] == here[0]:
            at = min(max(at + (1 if ctx.triggered_id == "next" else -1), 0), len(order) - 1)
        return str(found.frame["report_hash"][order[at]])


def _show(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("hint", "style"),
        Output("detail", "style"),
        Output("detail-head", "children"),
        Output("detail-command", "children"),
        Output("more", "href"),
        Output("designs", "selectedRows"),
        Input("selected", "data"),
    )
    def design(selected: str | None) -> Any:
        report = find_report(reader, selected)
        if report is None:
            return {}, {"display": "none"}, *[no_update] * 3, []
        shown = design_head(report, compare_button(report)), command_of(report), f"/design?design={selected}"
        return {"display": "none"}, {}, *shown, {"ids": [selected]}

    @app.callback(
        Output("breakdown", "figure"),
        Output("breakdown", "style"),
        Input("selected", "data"),
        Input("quantity", "value"),
        Input("by", "value"),
        SCHEME,
    )
    def breakdown(selected: str | None, quantity: Quantity, by: By, scheme: str) -> Any:
        report = find_report(reader, selected)
        if report is None:
            return no_update, no_update
        figure = breakdown_figure(report["tree"], quantity, by)
        return themed(figure, scheme), {"height": f"{figure.layout.height}px"}
