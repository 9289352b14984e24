"""What happens on the Compare page, and on every button that sends a design there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import dash
from dash import ALL, Input, Output, State, ctx, no_update, set_props

from spikesim_py.cost.tree import Quantity
from spikesim_py.diff import By, diff
from spikesim_py.errors import SpikesimError
from spikesim_py.figures import compare_figure, fronts_figure, themed
from spikesim_py.figures.compare import LETTERS, side_by_side
from spikesim_py.sweep import compare_fronts

from .. import parts
from ..head import find_report
from ..pareto import Views
from ..reader import Reader
from ..shell import SCHEME, show_address
from . import views
from .rooms import Held

_BUTTONS = ("compare", "compare-remove", "compare-first", "compare-picks")


def register(app: dash.Dash, known: Views, others: Sequence[Reader]) -> None:
    """Bind the page to a study, and to those that it may be held against."""
    reader = known.reader
    _collect(app, known)
    _show(app, reader)
    held = Held(others)
    _take(app, held)
    _overlay(app, reader, held)


def _collect(app: dash.Dash, views_of: Views) -> None:
    @app.callback(
        Output("compared", "data", allow_duplicate=True),
        *[Input({kind: ALL}, "n_clicks") for kind in _BUTTONS],
        State("compared", "data"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    def collect(*given: Any) -> Any:
        """A design more, one less, another one first, or those worth a look."""
        *clicks, known, asked = given
        cause = ctx.triggered_id
        if not isinstance(cause, dict) or not any(any(found) for found in clicks) or not ctx.triggered[0]["value"]:
            return no_update  # the buttons have just appeared
        kind, name = next(iter(cause.items()))
        picks = worth_a_look(views_of, asked) if kind == "compare-picks" else []
        if kind == "compare-picks" and not picks:
            told = "No design passes what the Pareto page asks: widen a range, a limit or the filter there."
            set_props("problem", {"children": parts.problem(told, "Nothing is worth a look")})
            return no_update
        chosen = changed(kind, name, known or [], picks)
        if chosen is None:
            told = f"{len(LETTERS)} designs are on the Compare page already: remove one there."
            set_props("problem", {"children": parts.problem(told, "No more can be compared")})
            return no_update
        return chosen


def worth_a_look(known: Views, asked: Any) -> list[str]:
    """The designs that the Pareto page offers below its graph, of those that pass what it asks."""
    view = known.recalled(asked)
    return [] if isinstance(view, str) else view.worth_a_look(len(LETTERS))


def changed(kind: str, name: str, known: list[str], picks: list[str]) -> list[str] | None:
    """The designs after a button of a kind; None where there is no room for one more."""
    if kind == "compare-picks":
        return picks
    others = [one for one in known if one != name]
    if kind == "compare-first":
        return [name, *others]
    if kind == "compare-remove":
        return others
    if name in known:
        return known
    return [*known, name] if len(known) < len(LETTERS) else None


def _show(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("compare-hint", "children"),
        Output("compare-heads", "children"),
        Output("compare-page", "style"),
        Output("compare-numbers", "children"),
        Output("compare-bars", "figure"),
        Output("compare-bars", "style"),
        Output("compare-rows", "children"),
        Output("compare-settings", "children"),
        Input("compared", "data"),
        Input("compare-by", "value"),
        Input("compare-quantity", "value"),
        SCHEME,
    )
    def show(compared: list[str] | None, by: By, quantity: Quantity, scheme: str) -> Any:
        reports = [found for found in (find_report(reader, name) for name in compared or []) if found is not None]
        said = {"by": by} if by != "component" else {}
        show_address("/compare", urlencode(said | ({"quantity": quantity} if quantity != "energy_pj" else {})))
        if len(reports) < 2:
            return (
                views.empty(len(reports), reader.imported()),
                views.heads(reports),
                {"display": "none"},
                *[no_update] * 5,
            )
        diffs = [diff(reports[0], other, by).to_dict() for other in reports[1:]]
        data = side_by_side(diffs, quantity)
        figure = compare_figure(data, quantity)
        shown = views.numbers(reports), themed(figure, scheme), {"height": f"{figure.layout.height}px"}
        return None, views.heads(reports), {}, *shown, views.rows(data, by), views.settings(diffs)


def _take(app: dash.Dash, held: Held) -> None:
    @app.callback(
        Output("studies-other", "data"),
        Output("studies-other", "value"),
        Output("studies-problem", "children", allow_duplicate=True),
        Output("studies-shown", "style"),
        Output("studies-hint", "style"),
        Input("studies-upload", "contents"),
        State("studies-upload", "filename"),
        State("studies-other", "data"),
        prevent_initial_call=True,
    )
    def take(contents: str | None, name: str | None, known: list[dict[str, str]]) -> Any:
        """A table of results as one more study."""
        if not contents:
            return [no_update] * 5
        told = Path(name or "file").name[-80:]
        try:
            key = held.put(told, contents)
        except SpikesimError as error:
            return no_update, no_update, parts.problem(str(error), "That table cannot be read"), no_update, no_update
        kept = [entry for entry in known or [] if entry["value"] != key]
        return [*kept, {"value": key, "label": told}], key, None, {}, {"display": "none"}


def _overlay(app: dash.Dash, reader: Reader, held: Held) -> None:
    @app.callback(
        Output("studies-fronts", "figure"),
        Output("studies-note", "children"),
        Output("studies-problem", "children"),
        Input("studies-other", "value"),
        Input("studies-across", "value"),
        Input("studies-up", "value"),
        SCHEME,
        State("studies-other", "data"),
    )
    def overlay(other: str | None, across: str, up: str, scheme: str, known: list[dict[str, str]]) -> Any:
        if not other:
            return [no_update] * 3
        name = next((entry["label"] for entry in known if entry["value"] == other), "")
        try:
            frames = [reader.frame(), held.frame(other, name)]
            if across == up:
                raise SpikesimError(f"{across}: both axes are the same; choose another one")
            found = compare_fronts(frames[0], frames[1], [up, across])
        except SpikesimError as error:
            return no_update, "", parts.problem(str(error), "These cannot be laid over each other")
        names = reader.path.name, name
        figure = fronts_figure(frames, found.fronts, names, across, up)
        return themed(figure, scheme), views.studies_note(found, names), None
