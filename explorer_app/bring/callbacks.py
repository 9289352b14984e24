"""What happens when a file arrives, a convention is chosen, and a chip is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dash
from dash import ALL, Input, Output, State, dcc, html, no_update

from spikesim_py.cost.tree import Quantity
from spikesim_py.errors import SpikesimError
from spikesim_py.figures import breakdown_figure, themed
from spikesim_py.figures.html import report_page
from spikesim_py.hardware import presets

from .. import parts
from ..head import design_head
from ..reader import Reader
from ..shell import SCHEME
from ..workshop import Workshop
from . import views
from .files import MAX_BYTES, Files
from .options import chosen
from .rooms import Rooms

_FILE = (Input("own-file", "data"), Input("own-architecture", "data"), Input("own-format", "value"))
_OPTIONS = (Input({"option": ALL}, "value"), State({"option": ALL}, "id"))
#: a file as text in a message, and what is around it
_MESSAGE = 4 * MAX_BYTES // 3 + 2**20


def register(app: dash.Dash, reader: Reader | None, named: Sequence[Path]) -> None:
    """Bind the page; `named` are files that may be opened by their number."""
    app.server.config["MAX_CONTENT_LENGTH"] = _MESSAGE
    rooms, reports = Rooms(reader, Files(named)), Workshop(kept=16)
    _take(app, rooms)
    _read(app, rooms)
    _choose_chip(app, reader)
    _run(app, rooms, reports)
    _show(app, reports)


def _take(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("own-file", "data"),
        Output("own-problem", "children", allow_duplicate=True),
        Input("own-upload", "contents"),
        Input("own-named", "value"),
        State("own-upload", "filename"),
        State("own-named", "data"),
        prevent_initial_call=True,
    )
    def take(contents: str | None, named: str | None, name: str | None, known: list[dict[str, str]]) -> Any:
        """The file that came last."""
        try:
            if dash.ctx.triggered_id == "own-named":
                labels = {entry["value"]: entry["label"] for entry in known}
                return ({"key": named, "name": labels.get(named, "")} if named else no_update), None
            return {"key": rooms.files.put(name or "file", contents or ""), "name": name}, None
        except SpikesimError as error:
            return None, parts.problem(str(error), "That file cannot be taken")

    @app.callback(
        Output("own-architecture", "data"),
        Output("own-yaml-note", "children"),
        Input("own-yaml", "contents"),
        State("own-yaml", "filename"),
        prevent_initial_call=True,
    )
    def architecture(contents: str | None, name: str | None) -> Any:
        try:
            return {"key": rooms.files.put(name or "file.yaml", contents or ""), "name": name}, name
        except SpikesimError as error:
            return None, str(error)


def _named(file: dict[str, str], architecture: dict[str, str] | None) -> dict[str, str]:
    """The file, and its architecture if there is one."""
    if not architecture:
        return file
    return file | {"architecture": architecture["key"], "architecture_name": architecture["name"]}


def _options(values: Any, ids: Any) -> dict[str, Any]:
    return chosen({own["option"]: value for own, value in zip(ids, values, strict=True)})


def _read(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("own-network", "children"),
        Output("own-name", "children"),
        Output("own-problem", "children"),
        Output("own-data", "data"),
        Output("own-data", "value"),
        Output("own-run", "disabled"),
        *_FILE,
        *_OPTIONS,
        State("own-data", "value"),
        prevent_initial_call=True,
    )
    def read(file: Any, architecture: Any, format: str, values: Any, ids: Any, data: str) -> Any:
        if not file:
            return None, "", no_update, [], "", True
        try:
            found = rooms.read(_named(file, architecture), format, _options(values, ids))
        except SpikesimError as error:
            return None, file["name"], parts.problem(str(error), "That is no network yet"), [], "", True
        kept = data if data in found.data else next(iter(found.data), "")
        return views.network(found), file["name"], None, views.data_choices(found), kept, False


def _choose_chip(app: dash.Dash, reader: Reader | None) -> None:
    @app.callback(Output("own-chip", "data"), Input("selected", "data"))
    def chips(selected: str | None) -> Any:
        """The bundled chips, and that of the chosen design."""
        names = [{"value": name, "label": name} for name in sorted(presets())]
        if reader is None or not selected:
            return names
        return [{"value": f"design:{selected}", "label": f"of the chosen design {selected[:12]}"}, *names]


def _run(app: dash.Dash, rooms: Rooms, reports: Workshop) -> None:
    @app.callback(
        Output("own-report", "data"),
        Output("own-run-problem", "children"),
        Output("own-commands", "children"),
        Input("own-run", "n_clicks"),
        *[State(given.component_id, given.component_property) for given in _FILE],
        State({"option": ALL}, "value"),
        State({"option": ALL}, "id"),
        *[State(f"own-{name}", "value") for name in ("chip", "data", "bits", "samples", "chips")],
        prevent_initial_call=True,
        running=[(Output("own-run", "loading"), True, False)],
    )
    def run(clicks: int | None, file: Any, architecture: Any, format: str, values: Any, ids: Any, *on: Any) -> Any:
        if not clicks or not file:
            return [no_update] * 3
        chip, data, bits, samples, chips = on
        try:
            options = _options(values, ids)
            network = rooms.read(_named(file, architecture), format, options).network
            depth = int(bits) if bits else None
            report = rooms.run(network, chip, data, int(samples or 0), int(chips or 0), depth).to_dict()
        except SpikesimError as error:
            return no_update, parts.problem(str(error), "It cannot run there"), no_update
        reports.get(report["report_hash"], lambda: report)
        if architecture:
            options["architecture"] = architecture["name"]
        lines = views.commands(file["name"], format, options, depth, data, report)
        return {"hash": report["report_hash"], "click": clicks}, None, lines


def _show(app: dash.Dash, reports: Workshop) -> None:
    @app.callback(
        Output("own-hint", "style"),
        Output("own-page", "style"),
        Output("own-head", "children"),
        Output("own-notes", "children"),
        Input("own-report", "data"),
    )
    def head(made: dict[str, Any] | None) -> Any:
        report = reports.known(made["hash"]) if made else None
        if report is None:
            return {}, {"display": "none"}, *[no_update] * 2
        return {"display": "none"}, {}, design_head(report), [html.Li(note) for note in report["notes"]]

    @app.callback(
        Output("own-breakdown", "figure"),
        Output("own-breakdown", "style"),
        Input("own-report", "data"),
        Input("own-quantity", "value"),
        SCHEME,
    )
    def breakdown(made: dict[str, Any] | None, quantity: Quantity, scheme: str) -> Any:
        report = reports.known(made["hash"]) if made else None
        if report is None:
            return no_update, no_update
        figure = breakdown_figure(report["tree"], quantity, "component")
        return themed(figure, scheme), {"height": f"{figure.layout.height}px"}

    for kind in ("html", "json"):

        @app.callback(
            Output("own-download", "data", allow_duplicate=True),
            Input(f"own-save-{kind}", "n_clicks"),
            State("own-report", "data"),
            prevent_initial_call=True,
        )
        def save(clicks: int | None, made: dict[str, Any] | None, kind: str = kind) -> Any:
            report = reports.known(made["hash"]) if made and clicks else None
            if report is None:
                return no_update
            plain = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            text = report_page(report) if kind == "html" else plain
            return dcc.send_string(text, f"{report['network']}-{report['report_hash'][:8]}.{kind}")
