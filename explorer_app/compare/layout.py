"""The Compare page before any number is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.report import METRICS
from spikesim_py.sweep.imported import SUFFIXES

from .. import parts
from ..bring.files import MAX_BYTES

#: metrics along which two studies are laid over each other
ACROSS, UP = "edap", "accuracy"
#: columns that a table of results mostly has
_ASKED = ("network", "accuracy", "energy_pj", "latency_ns", "area_um2", "edap")


def layout(others: Sequence[str] = (), **asked: Any) -> html.Div:
    """The page in the view that an address asks for; `others` are names of further studies."""
    shown = html.Div([_numbers(), _parts(asked), _settings()], id="compare-page", className="stack")
    hint = html.Div(id="compare-hint")
    designs = parts.card("Designs", [hint, html.Div(id="compare-heads", className="compared")])
    return html.Div([designs, shown, _studies(others)], className="stack")


def _numbers() -> dmc.Card:
    note = (
        "Arrows: how much more or less than A, green is better, orange worse. Accuracies: in pairs, where both reports "
    )
    note += "kept their answers to the same images on the same device instances."
    return parts.card("Numbers", html.Div(id="compare-numbers"), note)


def _parts(asked: dict[str, Any]) -> dmc.Card:
    tools = [
        parts.switch("compare-by", parts.BY, asked.get("by")),
        parts.switch("compare-quantity", parts.QUANTITIES, asked.get("quantity")),
    ]
    graphs = [parts.graph("compare-bars"), html.Div(id="compare-rows", className="scroll", tabIndex="0")]
    return parts.card("Where it goes", html.Div(graphs, className="pair gap"), None, tools)


def _settings() -> dmc.Card:
    return parts.card("What differs between the chips", html.Div(id="compare-settings"))


def _studies(others: Sequence[str]) -> dmc.Card:
    metrics = [{"value": name, "label": METRICS[name][0]} for name in METRICS]
    named = [{"value": str(i), "label": name} for i, name in enumerate(others)]
    held = ("other", "held against", named, "0" if others else None)
    choices = (held, ("across", "horizontal", metrics, ACROSS), ("up", "vertical", metrics, UP))
    controls = [
        dmc.Select(
            id=f"studies-{name}", label=label, data=data, value=value, size="xs", allowDeselect=False, searchable=True
        )
        for name, label, data, value in choices
    ]
    shown = [html.Div(controls, className="controls"), parts.graph("studies-fronts", 430, quiet=False)]
    drop = html.Div(["results of others: ", html.B("drop a CSV or Parquet file"), ", or click"], className="note")
    teach = [
        html.P(
            "A second study lays its front over this one's. Open both, or bring a table of results:", className="note"
        ),
        parts.command_line("spikesim explore runs/a.db --with runs/b.db", "with-line"),
    ]
    about = f"One line per design; columns named as in an export ({', '.join(_ASKED)} …), units as there; up to "
    about += (
        f"{MAX_BYTES // 2**20} MiB. It stays with the server until that stops; spikesim import FILE --store FILE.db "
    )
    about += "makes a study of it."
    body = [
        html.Div(teach, id="studies-hint", style={"display": "none"} if others else {}),
        html.Div(id="studies-refused", role="alert", className="worse"),
        html.Div(id="studies-problem", role="alert"),
        html.Div(shown, id="studies-shown", style={} if others else {"display": "none"}),
        parts.labelled(
            dcc.Upload(drop, id="studies-upload", className="drop", max_size=MAX_BYTES, accept=",".join(SUFFIXES)),
            "table of results",
        ),
        html.P(about, className="note"),
    ]
    return parts.card("Two studies", body, html.Span(id="studies-note"))
