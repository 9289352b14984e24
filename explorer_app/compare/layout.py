"""The Compare page before any number is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py.report import METRICS

from .. import parts

QUANTITIES = {"energy_pj": "energy", "critical_ns": "latency", "area_um2": "area"}
BY = {"component": "by component", "layer": "by layer"}
#: metrics along which two studies are laid over each other
ACROSS, UP = "edap", "accuracy"


def layout(others: Sequence[str] = (), **asked: Any) -> html.Div:
    """The page in the view that an address asks for; `others` are names of further studies."""
    shown = html.Div([_numbers(), _parts(asked), _settings()], id="compare-page", className="stack")
    hint = html.Div(id="compare-hint")
    designs = parts.card("Designs", [hint, html.Div(id="compare-heads", className="compared")])
    return html.Div([designs, shown, _studies(others)], className="stack")


def _numbers() -> dmc.Card:
    note = "Arrows: how much more or less than A, green is better, orange worse. Overlapping accuracies tie."
    return parts.card("Numbers", html.Div(id="compare-numbers"), note)


def _parts(asked: dict[str, Any]) -> dmc.Card:
    tools = [
        parts.switch("compare-by", BY, asked.get("by")),
        parts.switch("compare-quantity", QUANTITIES, asked.get("quantity")),
    ]
    graphs = [parts.graph("compare-bars"), html.Div(id="compare-rows", className="scroll", tabIndex="0")]
    return parts.card("Where it goes", html.Div(graphs, className="pair gap"), None, tools)


def _settings() -> dmc.Card:
    return parts.card("What differs between the chips", html.Div(id="compare-settings"))


def _studies(others: Sequence[str]) -> dmc.Card:
    if not others:
        line = parts.command_line("spikesim explore runs/a.db --with runs/b.db", "with-line")
        body: list[Any] = [html.P("A second study lays its front over this one's. Open both:", className="note"), line]
        return parts.card("Two studies", body)
    metrics = [{"value": name, "label": METRICS[name][0]} for name in METRICS]
    chosen = (("other", "held against", [{"value": str(i), "label": name} for i, name in enumerate(others)], "0"),)
    choices = (*chosen, ("across", "horizontal", metrics, ACROSS), ("up", "vertical", metrics, UP))
    controls = [
        dmc.Select(
            id=f"studies-{name}", label=label, data=data, value=value, size="xs", allowDeselect=False, searchable=True
        )
        for name, label, data, value in choices
    ]
    body = [
        html.Div(controls, className="controls"),
        html.Div(id="studies-problem", role="alert"),
        parts.graph("studies-fronts", 430, quiet=False),
    ]
    return parts.card("Two studies", body, html.Span(id="studies-note"))
