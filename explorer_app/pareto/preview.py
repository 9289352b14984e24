"""What the Pareto page shows of the chosen design: its numbers, why it stands out, where its cost goes."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, no_update

from spikesim_py.figures import breakdown_figure
from spikesim_py.figures.breakdown import By, Quantity
from spikesim_py.figures.style import themed

from ..chosen import bare, reasons
from ..head import command_of, compare_button, design_head, find_report
from ..shell import REST, SCHEME
from .asking import ASKED, VERSION
from .data import Views


def register(app: dash.Dash, known: Views) -> None:
    """Bind it to a study."""
    reader = known.reader

    @app.callback(
        Output("hint", "style"),
        Output("detail", "style"),
        Output("detail-head", "children"),
        Output("detail-report", "style"),
        Output("detail-command", "children"),
        Output("more", "href"),
        Output("designs", "selectedRows"),
        Input("selected", "data"),
    )
    def design(selected: str | None) -> Any:
        hidden = {"display": "none"}
        report = find_report(reader, selected)
        head = bare(reader, selected) if report is None else design_head(report, compare_button(report))
        if head is None:
            return {}, hidden, *[no_update] * 4, []
        more, rows = f"/design?design={selected}", {"ids": [selected]}
        if report is None:
            return hidden, {}, head, hidden, no_update, more, rows
        return hidden, {}, head, {}, command_of(report), more, rows

    @app.callback(
        output=Output("detail-why", "children"),
        inputs={"_": VERSION, "asked": ASKED, "selected": Input("selected", "data")},
        running=REST,
    )
    def why(_: str, asked: Any, selected: str | None) -> Any:
        return reasons(known.view(**asked), selected, find_report(reader, selected))

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
