"""What of a design is simulated again when it is asked for: its mesh, its crossbars, its chain of errors."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import Input, Output, State, ctx, html, no_update

from spikesim_py.errors import SpikesimError
from spikesim_py.figures import (
    adc_figure,
    conductance_figure,
    degradation_figure,
    ir_drop_figure,
    layer_degradation_figure,
    mesh_figure,
    mesh_steps_figure,
    themed,
)

from .. import parts
from ..head import find_report
from ..reader import Reader
from ..shell import SCHEME
from ..workshop import Workshop
from .rooms import Rooms

_CHOSEN, _TAB = Input("selected", "data"), Input("tab", "value")


def register(app: dash.Dash, reader: Reader, workshop: Workshop) -> None:
    """Bind the tabs that need the network again."""
    rooms = Rooms(reader, workshop)
    _mesh(app, rooms)
    _crossbar(app, rooms)
    _chain(app, rooms)


def _mesh(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("mesh", "figure"),
        Output("mesh", "style"),
        Output("mesh-steps", "figure"),
        Output("mesh-links", "children"),
        Output("mesh-note", "children"),
        _CHOSEN,
        _TAB,
        SCHEME,
    )
    def mesh(selected: str | None, tab: str, scheme: str) -> Any:
        report = find_report(rooms.reader, selected)
        if tab != "mesh" or report is None:
            return [no_update] * 5
        try:
            data = rooms.mesh(report)
        except SpikesimError as error:
            return *[no_update] * 4, parts.problem(str(error), "This design has no mesh to show")
        figure = mesh_figure(data)
        spikes = f"{data['samples']} images" if data["origin"] == "measured" else "spikes drawn at the assumed rates"
        told = [f"{data['fidelity']} simulation of {spikes}, placement {data['placement'].replace('_', ' ')}"]
        note = html.Div([html.Span(text, className="note") for text in [*told, *data["warnings"]]])
        style = {"height": f"{figure.layout.height}px"}
        return themed(figure, scheme), style, themed(mesh_steps_figure(data), scheme), _links(data), note


def _links(data: dict[str, Any]) -> html.Div:
    rows = [
        [
            f"({link['from'][0]}, {link['from'][1]}) → ({link['to'][0]}, {link['to'][1]})",
            f"{link['flits']:,.0f}",
            f"{link['load']:.2%}",
            f"{link['peak']:.1%}",
            f"{link['pairs'][0]['layer']} → {link['pairs'][0]['target']}",
        ]
        for link in data["links"][:12]
    ]
    return parts.table(["link", "flits", "busy", "peak", "mostly"], rows)


def _crossbar(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(Output("layer", "data"), Output("layer", "value"), _CHOSEN, State("layer", "value"))
    def layers(selected: str | None, known: str | None) -> Any:
        report = find_report(rooms.reader, selected)
        if report is None:
            return no_update, no_update
        names, work = list(report["activity"]["layers"]), report["layer_macs"]
        return names, known if known in names else max(names, key=lambda name: work.get(name, 0))

    @app.callback(
        Output("conductance", "figure"),
        Output("ir-drop", "children"),
        Output("crossbar-note", "children"),
        Output("crossbar", "max"),
        _CHOSEN,
        _TAB,
        Input("layer", "value"),
        Input("crossbar", "value"),
        Input("instance", "value"),
        Input("wires", "value"),
        SCHEME,
    )
    def maps(
        selected: str | None, tab: str, layer: str | None, crossbar: Any, chip: Any, wires: str, scheme: str
    ) -> Any:
        report = find_report(rooms.reader, selected)
        if tab != "crossbar" or report is None or layer is None:
            return [no_update] * 4
        try:
            found = rooms.maps(report, layer, int(crossbar or 0), int(chip or 0), wires)
        except SpikesimError as error:
            return no_update, no_update, parts.problem(str(error), "This crossbar cannot be shown"), no_update
        last, note = found["crossbars"] - 1, f"crossbar {found['crossbar']} of {found['crossbars']}"
        note += f" (0 to {found['crossbars'] - 1}); weights in {found['rows']} rows and {found['columns']} columns"
        figure = themed(conductance_figure(found), scheme)
        return figure, _drop(found, scheme), note + ", the rest are off cells", last

    @app.callback(
        Output("adc", "figure"), Output("adc-note", "children"), _CHOSEN, _TAB, Input("layer", "value"), SCHEME
    )
    def sums(selected: str | None, tab: str, layer: str | None, scheme: str) -> Any:
        report = find_report(rooms.reader, selected)
        if tab != "crossbar" or report is None or layer is None:
            return no_update, no_update
        try:
            found = rooms.sums(report, layer)
        except SpikesimError as error:
            return no_update, str(error)
        note = f"sums of ideal cells on {rooms.images} images; {found.share:.2%} of the conversions are cut off"
        return themed(adc_figure(found), scheme), note


def _drop(found: dict[str, Any], scheme: str) -> Any:
    figure = ir_drop_figure(found)
    if figure is None:
        why = "This chip is simulated without wires, or its idle rows float: no cell loses a fixed share. The switch "
        why += "above shows what wires of its resistances would take."
        return html.P(why, className="note")
    graph = parts.graph("ir-drop-map", 430, figure=themed(figure, scheme))
    return [graph, html.P(f"all used rows active: {found['ir_loss']:.2%} of the current is lost", className="note")]


def _chain(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("chain", "children"),
        Output("chain-note", "children"),
        _CHOSEN,
        _TAB,
        Input("run-chain", "n_clicks"),
        Input("chain-samples", "value"),
        SCHEME,
        running=[(Output("run-chain", "disabled"), True, False)],
    )
    def chain(selected: str | None, tab: str, _: int | None, samples: str, scheme: str) -> Any:
        """Shows a chain that was run before; runs one on a click only."""
        report = find_report(rooms.reader, selected)
        if tab != "accuracy" or report is None:
            return no_update, no_update
        try:
            found = rooms.chain(report, int(samples), run=ctx.triggered_id == "run-chain")
        except SpikesimError as error:
            return parts.problem(str(error), "The chain cannot be run"), ""
        if found is None:
            chips = len(report["accuracy"]["chips"]) if report["accuracy"] else 1
            return None, f"not run yet: {samples} images on {chips} simulated chip{'s' * (chips > 1)}"
        return _drawn(found, scheme), ""


def _drawn(chain: list[dict[str, Any]], scheme: str) -> list[Any]:
    figures = {"chain-steps": degradation_figure(chain), "chain-layers": layer_degradation_figure(chain)}
    graphs = [
        parts.graph(name, int(figure.layout.height), figure=themed(figure, scheme)) for name, figure in figures.items()
    ]
    title = dmc.Title("Spikes that differ from the exact network's, layer by layer", order=4)
    return [graphs[0], title, graphs[1]]
