"""The Share page before any text is on it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from .. import parts

#: what can be saved of a study -> (label, what it is)
FILES = {
    "html": ("HTML report", "fronts, best designs, methods and sources in one page that opens offline"),
    "csv": ("CSV", "every design as a row: measured ones, or costed ones if there are no others"),
    "parquet": ("Parquet", "the same for DuckDB, polars and pandas"),
}
#: texts about the chosen designs -> title
TEXTS = {"latex": "LaTeX table", "bibtex": "BibTeX", "methods": "Methods"}


def layout(**_: Any) -> html.Div:
    """The page."""
    buttons = [
        html.Div(
            [
                dmc.Button(label, id={"share-file": kind}, size="compact-sm", variant="light", w=120),
                html.Span(about, className="note"),
            ],
            className="switches",
        )
        for kind, (label, about) in FILES.items()
    ]
    more = "Figures: “Save” at the top right writes those of the open page as SVG or PNG, and keeps views by name."
    files = parts.card("The study", [html.Div(buttons, className="stack gap"), html.P(more, className="note")])
    cards = [parts.card(title, html.Div(id=f"share-{name}")) for name, title in TEXTS.items()]
    top = html.Div([files, parts.card("One design each", html.Div(id="share-designs"))], className="pair")
    problem = html.Div(id="share-problem", role="alert")
    body = [problem, top, *cards, dcc.Download(id="share-download")]
    return html.Div(body, className="stack")
