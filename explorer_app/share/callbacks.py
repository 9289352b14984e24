"""What happens on the Share page: files that are made on a click, texts of the designs that are compared."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import dash
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from spikesim_py.errors import InputError, SpikesimError
from spikesim_py.figures.html import report_page, study_page
from spikesim_py.figures.latex import bibtex, latex_table, methods

from .. import parts
from ..compare.callbacks import worth_a_look
from ..head import find_report
from ..pareto import Views
from ..pareto.below import MOST_ROWS
from ..reader import Reader
from .layout import FILES, TEXTS

_MADE = {"latex": latex_table, "bibtex": bibtex, "methods": methods}


def register(app: dash.Dash, known: Views) -> None:
    """Bind the page to a study."""
    reader = known.reader

    @app.callback(
        *[Output(f"share-{name}", "children") for name in TEXTS],
        Output("share-designs", "children"),
        Input("compared", "data"),
        State("selected", "data"),
        State("view", "data"),
    )
    def texts(compared: list[str] | None, selected: str | None, asked: Any) -> Any:
        """Of the designs on the Compare page; without any, of the chosen one; without one, of those worth a look."""
        chosen = compared or ([selected] if selected else []) or worth_a_look(known, asked)
        reports = [found for found in (find_report(reader, name) for name in chosen) if found is not None]
        if not reports:
            when = "Texts for a paper appear here with the first measured design, or a costed one that is chosen."
            when = (
                "Imported results have no reports, which texts for a paper are made of." if reader.imported() else when
            )
            return *[None] * len(TEXTS), parts.hint("No design yet", when)
        why = "those on the Compare page" if compared else "the chosen one" if selected else "those worth a look"
        return *[_text(name, _MADE[name](reports)) for name in TEXTS], _designs(reports, why)

    @app.callback(
        Output("share-download", "data"),
        Output("share-problem", "children"),
        Input({"share-file": ALL}, "n_clicks"),
        Input({"share-design": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def save(files: list[int | None], designs: list[int | None]) -> Any:
        if not isinstance(ctx.triggered_id, dict) or not ctx.triggered[0]["value"]:
            return no_update, no_update  # the page has just appeared
        kind, name = next(iter(ctx.triggered_id.items()))
        try:
            if kind == "share-design":
                return dcc.send_string(report_page(reader.report(name)), f"design-{name[:12]}.html"), None  # type: ignore[attr-defined, no-untyped-call]
            return dcc.send_bytes(study_file(reader, name), f"{reader.path.stem}.{name}"), None  # type: ignore[attr-defined, no-untyped-call]
        except SpikesimError as error:
            return no_update, parts.problem(str(error), f"{FILES[name][0]} cannot be written")


def study_file(reader: Reader, kind: str) -> bytes:
    """A study as one of `FILES`; raises `InputError` where it cannot be written."""
    study, kinds = reader.study(), reader.kinds()
    costs = list(kinds) == ["costed"]  # then they are all that there is
    if kind == "html":
        if costs:
            raise InputError("no design is measured yet: CSV and Parquet have the costs")
        return study_page(study).encode()
    if costs and kinds["costed"] > MOST_ROWS:
        raise InputError(
            f"{kinds['costed']:,} rows: a page saves at most {MOST_ROWS:,}; use `Study.to_{kind}(PATH, costs=True)`"
        )
    with tempfile.TemporaryDirectory() as folder:
        write = study.to_csv if kind == "csv" else study.to_parquet
        return write(Path(folder) / f"study.{kind}", costs=costs).read_bytes()


def _text(name: str, text: str) -> html.Div:
    style = "yaml prose" if name == "methods" else "yaml"
    return html.Div([parts.copy(text, "copy"), html.Pre(text, className=style, tabIndex="0")])


def _designs(reports: list[dict[str, Any]], why: str) -> html.Div:
    """A button per design, and which these are."""
    buttons = [
        dmc.Button(
            f"{report['network']} on {report['chip']} · {report['report_hash'][:8]} as HTML",
            id={"share-design": report["report_hash"]},
            size="compact-sm",
            variant="light",
        )
        for report in reports
    ]
    note = f"This page is about {why}. Its report has costs, limits, layers, configuration and sources, offline."
    return html.Div([html.P(note, className="note"), html.Div(buttons, className="stack start")])
