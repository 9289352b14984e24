"""What lies below the cloud: rows, lines and pairs of the same designs, and how sure their front is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, State, dcc, no_update

from spikesim_py.errors import SpikesimError
from spikesim_py.figures.style import themed
from spikesim_py.sweep.export import write_csv

from .. import parts
from ..shell import REST, SCHEME
from . import certainty, linked
from .asking import ASKED, KNOWN, VERSION
from .data import Views
from .table import axis_choices, table_columns, table_rows

#: rows that one file of the table may have; larger ones are the command line's
MOST_ROWS = 200_000


def register(app: dash.Dash, known: Views) -> None:
    """Bind the tabs to a study."""
    _tabulate(app, known)
    _link(app, known)
    _judge(app, known)


def _tabulate(app: dash.Dash, known: Views) -> None:
    @app.callback(
        output=[
            Output("table-key", "data"),
            Output("table-note", "children"),
            Output("filter-problem", "children"),
            Output("designs", "columnDefs"),
        ],
        inputs={"version": VERSION, "asked": ASKED, "columns": State("designs", "columnDefs")},
        running=REST,
    )
    def table(version: str, asked: Any, columns: Any) -> Any:
        """Which rows the table is about; it asks for those in sight itself."""
        view = known.view(**asked)
        if isinstance(view, str) or not len(view.designs):
            return "", "", None, no_update
        wanted = table_columns(view.facts)
        note = f"{view.count:,} of {len(view.designs):,} designs pass" if view.passing is not None else ""
        note = note if view.count else "No design passes: widen a range, a limit or the filter."
        problem = parts.problem(view.problem, "That is no filter") if view.problem else None
        return f"{version} {view.asked}", note, problem, no_update if wanted == columns else wanted

    @app.callback(
        output=Output("designs", "getRowsResponse"),
        inputs={"request": Input("designs", "getRowsRequest"), "asked": KNOWN},
    )
    def rows(request: Any, asked: Any) -> Any:
        view = known.view(**asked)
        if not request or isinstance(view, str) or not len(view.designs):
            return {"rowData": [], "rowCount": 0}
        sort = (request.get("sortModel") or [{}])[0]
        found = table_rows(
            view, request["startRow"], request["endRow"], sort.get("colId", ""), sort.get("sort") == "desc"
        )
        return {"rowData": found, "rowCount": view.count}

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("brush", "refill"),
        Output("table-note", "title"),
        Input("table-key", "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        output=[Output("table-file", "data"), Output("filter-problem", "children", allow_duplicate=True)],
        inputs={"clicks": Input("export", "n_clicks"), "asked": KNOWN},
        prevent_initial_call=True,
    )
    def export(clicks: int | None, asked: Any) -> Any:
        """The rows that pass, with all their columns."""
        view = known.view(**asked)
        if not clicks or isinstance(view, str) or not len(view.designs):
            return no_update, no_update
        if view.count > MOST_ROWS:
            told = f"{view.count:,} rows: a page saves at most {MOST_ROWS:,}; filter them, or use `Study.to_csv`"
            return no_update, parts.problem(told, "Too many rows")
        with tempfile.TemporaryDirectory() as folder:
            path = write_csv(view.designs.taken(view.order("", False)), Path(folder) / "designs.csv")
            return dcc.send_bytes(path.read_bytes(), path.name), no_update  # type: ignore[attr-defined, no-untyped-call]


def _link(app: dash.Dash, known: Views) -> None:
    @app.callback(
        Output("lines-axes", "data"),
        Output("matrix-axes", "data"),
        Output("lines-axes", "value"),
        Output("matrix-axes", "value"),
        VERSION,
        Input("of", "value"),
        State("x", "value"),
        State("y", "value"),
        State("lines-axes", "value"),
        State("matrix-axes", "value"),
        running=REST,
    )
    def axes(_: str, kind: str, x: str, y: str, lines: list[str], sides: list[str]) -> Any:
        """What can be an axis; those that were chosen stay."""
        view = known.view(kind, x, y)
        if isinstance(view, str) or not len(view.designs):
            return [no_update] * 4
        facts = view.facts
        wanted = linked.chosen(facts, lines, linked.usual_axes(facts))
        pairs = linked.chosen(facts, sides, linked.usual_sides(facts, view), linked.SIDES)
        return (
            axis_choices(facts, every_column=True),
            axis_choices(facts, every_column=True),
            no_update if wanted == lines else wanted,
            no_update if pairs == sides else pairs,
        )

    @app.callback(
        output=[Output("lines", "data"), Output("parallel-note", "children"), Output("matrix-note", "children")],
        inputs={
            "_": VERSION,
            "asked": ASKED,
            "tab": Input("below", "value"),
            "axes": Input("lines-axes", "value"),
            "sides": Input("matrix-axes", "value"),
            "log": Input("log", "value"),
            "color": Input("color", "value"),
            "scheme": SCHEME,
        },
        running=REST,
    )
    def lines(
        _: str, asked: Any, tab: str, axes: list[str], sides: list[str], log: str, color: str, scheme: str
    ) -> Any:
        """Lines and points of the drawn designs, for the tab that shows them."""
        if tab not in ("lines", "matrix"):
            return [no_update] * 3
        view = known.view(**asked)
        if isinstance(view, str) or not len(view.designs):
            return None, "", ""
        names = linked.chosen(view.facts, axes if tab == "lines" else sides, [])
        data = linked.lines(view, log, names, view.facts.color(color), scheme)
        few = data["count"] < data["total"]
        note = f"{data['count']:,} of {data['total']:,} designs." if few else f"{data['total']:,} designs."
        return data | {"tab": tab}, note, note

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("brush", "draw"),
        Output("parallel", "title"),
        Input("lines", "data"),
        Input("brush", "data"),
        Input("lines-axes", "value"),
        Input("matrix-axes", "value"),
        Input("selected", "data"),
        Input("below", "value"),
        Input("scheme", "computedColorScheme"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("brush", "clear"),
        Output("brush", "data", allow_duplicate=True),
        Input("unbrush", "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("brush", "clearable"),
        Output("unbrush", "style"),
        Input("brush", "data"),
    )


def _judge(app: dash.Dash, known: Views) -> None:
    @app.callback(
        output=[
            Output("sure", "figure"),
            Output("sure-note", "children"),
            Output("history", "figure"),
            Output("sure-place", "className"),
        ],
        inputs={
            "_": VERSION,
            "asked": ASKED,
            "tab": Input("below", "value"),
            "color": Input("color", "value"),
            "selected": Input("selected", "data"),
            "scheme": SCHEME,
        },
        running=REST,
    )
    def judge(_: str, asked: Any, tab: str, color: str, selected: str | None, scheme: str) -> Any:
        if tab != "sure":
            return [no_update] * 4
        view = known.view(**asked)
        if isinstance(view, str) or not len(view.designs):
            return [no_update] * 4
        try:
            sure, note = certainty.sure(view, color, selected)
            history = certainty.history(view, known.reader)
        except SpikesimError as error:
            return no_update, str(error), no_update, "nothing"
        return themed(sure, scheme), note, themed(history, scheme), ""
