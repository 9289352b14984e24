"""What happens on the Pareto page on a click, a choice, and a tick of the clock."""

from __future__ import annotations

from typing import Any

import dash
import numpy as np
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, no_update, set_props

from spikesim_py.errors import SpikesimError
from spikesim_py.figures import pareto_figure
from spikesim_py.figures.columns import is_number
from spikesim_py.figures.limits import Limit
from spikesim_py.figures.style import themed

from ..shell import REST, SCHEME, show_address
from . import below, linked, preview, views
from .asking import ASKED, KNOWN, VERSION
from .brushes import to_text
from .data import LOG, Box, View, Views
from .table import axis_choices


def register(app: dash.Dash, known: Views) -> None:
    """Bind the page to a study."""
    _draw(app, known)
    _offer(app, known)
    _limit(app, known)
    _choose(app, known)
    preview.register(app, known)
    below.register(app, known)


def _draw(app: dash.Dash, known: Views) -> None:
    @app.callback(
        output=[
            Output("drawn", "data"),
            Output("cloud-note", "children"),
            Output("picks", "children"),
            Output("drawn-key", "data"),
        ],
        inputs={
            "version": VERSION,
            "asked": ASKED,
            "look": {
                "color": Input("color", "value"),
                "size": Input("size", "value"),
                "log": Input("log", "value"),
                "below": Input("below", "value"),
                "axes": Input("lines-axes", "value"),
                "matrix": Input("matrix-axes", "value"),
            },
            "zoom": Input("zoom", "data"),
            "selected": Input("selected", "data"),
            "scheme": SCHEME,
            "shown": State("drawn-key", "data"),
        },
        running=REST,
    )
    def cloud(
        version: str, asked: Any, look: Any, zoom: Any, selected: str | None, scheme: str, shown: str | None
    ) -> Any:
        view = known.view(**asked)
        if isinstance(view, str):
            return no_update, "", [], ""
        if not len(view.designs):
            return themed(views.waiting(), scheme), "", views.first_sweep(), ""
        show_address("/", views.query(said(asked, look, view), dict(view.asked.limits), selected))
        set_props("view", {"data": view.to_dict()})
        log, box, color = look["log"] if look["log"] in LOG else "auto", _box(zoom), view.facts.color(look["color"])
        sized = look["size"] if look["size"] in view.frame and is_number(view.frame, look["size"]) else None
        key = repr((version, view.designs.bulk, view.asked, log, box, color, sized, selected, scheme))
        if key == shown:  # only the address has changed, or a choice gave way to what is drawn already
            return [no_update] * 4
        rows = view.drawn(log, box)
        figure = draw(view, rows, log, color, sized, selected)
        passing = None if view.passing is None else view.count
        note = views.summary(len(view.designs), view.front, passing, views.why(view), rows.size)
        note += views.size_note(view.frame, sized) if sized else ""
        return themed(figure, scheme), note, views.picks(view, selected), key

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "keepZoom"),
        Output("pareto", "figure"),
        Input("drawn", "data"),
        State("pareto", "figure"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("brush", "zoom"),
        Output("zoom", "data"),
        Input("pareto", "relayoutData"),
        State("cloud-note", "children"),
        State("zoom", "data"),
    )


def draw(view: View, rows: np.ndarray, log: str, color: str, size: str | None, selected: str | None) -> Any:
    """The cloud of some rows, with the chosen design among them."""
    chosen = view.designs.row(selected)
    rows = rows if chosen is None else np.union1d(rows, [chosen])
    return pareto_figure(
        view.designs.taken(rows),
        view.x,
        view.y,
        color,
        None if view.front is None else view.front[rows],
        size=size,
        meets=None if view.passing is None else view.passing[rows],
        selected=selected,
        log_x=LOG[log][0],
        log_y=LOG[log][1],
    )


def said(asked: Any, look: Any, view: View) -> dict[str, str | None]:
    """The view as an address holds it; axes that the page chose itself go without saying."""
    usual = {"axes": linked.usual_axes(view.facts), "matrix": linked.usual_sides(view.facts, view)}
    return {
        "x": asked["x"],
        "y": asked["y"],
        "third": asked["third"],
        "of": asked["kind"],
        "where": asked["text"],
        "brush": to_text(asked["brush"] or {}),
        **{name: look[name] for name in ("color", "size", "log", "below")},
        **{name: ",".join(look[name] or ()) for name in usual if look[name] != usual[name]},
    }


def _box(zoom: Any) -> Box | None:
    """A zoom that the browser sent, if it is one."""
    if not isinstance(zoom, dict) or not all(isinstance(zoom.get(side), list) for side in "xy"):
        return None
    numbers = [end for side in "xy" for end in sorted(zoom[side][:2]) if isinstance(end, int | float)]
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == 4 else None


def _offer(app: dash.Dash, known: Views) -> None:
    @app.callback(
        *[Output(name, "data") for name in ("x", "y", "third", "color", "size", "of")],
        *[Output(name, "value") for name in ("x", "y", "color")],
        Output("of-place", "style"),
        VERSION,
        Input("of", "value"),
        State("x", "value"),
        State("y", "value"),
        State("color", "value"),
        running=REST,
    )
    def choices(_: str, kind: str, x: str, y: str, color: str) -> Any:
        """What the selectors offer of this study; a choice that it does not have gives way to what is drawn instead."""
        view = known.view(kind, x, y)
        if isinstance(view, str) or not len(view.designs):
            return [no_update] * 10
        facts, kinds = view.facts, known.reader.kinds()
        numeric = axis_choices(facts, every_column=False)
        sizes = [{"value": "", "label": "all alike"}, *numeric]
        thirds = [{"value": "", "label": "none"}, *numeric[:1]]
        offered = [{"value": name, "label": f"{name} ({count:,})"} for name, count in kinds.items()]
        drawn = ((x, view.x), (y, view.y), (color, facts.color(color)))
        values = [no_update if asked == shown else shown for asked, shown in drawn]
        hidden = {} if len(kinds) > 1 else {"display": "none"}
        return numeric, numeric, thirds, axis_choices(facts, every_column=True), sizes, offered, *values, hidden


def _limit(app: dash.Dash, known: Views) -> None:
    @app.callback(
        Output("limits", "children"),
        VERSION,
        Input("of", "value"),
        State("asked", "data"),
        State({"limit": ALL}, "value"),
        State({"limit": ALL}, "id"),
        State({"limit": ALL}, "min"),
        State({"limit": ALL}, "max"),
        running=REST,
    )
    def rebuild(_: str, kind: str, first: dict[str, str], places: Any, ids: Any, lows: Any, highs: Any) -> Any:
        """Sliders over what the study holds now; limits that were set stay."""
        try:
            facts = known.facts(kind)
        except SpikesimError:
            return no_update
        before = [Limit(own["limit"], low, high) for own, low, high in zip(ids, lows, highs, strict=True)]
        if facts.limits == before:
            return no_update
        asked = {limit.name: limit.value(place) for limit, place in zip(before, places, strict=True)}
        return views.sliders(facts, {k: v for k, v in (asked or _numbers(first)).items() if v is not None})

    @app.callback(
        Output({"limit-words": ALL}, "children"),
        Output({"limit": ALL}, "attributes"),
        Input({"limit": ALL}, "value"),
        State({"limit": ALL}, "id"),
        State({"limit": ALL}, "min"),
        State({"limit": ALL}, "max"),
    )
    def say(places: Any, ids: Any, lows: Any, highs: Any) -> Any:
        made = [Limit(own["limit"], low, high) for own, low, high in zip(ids, lows, highs, strict=True)]
        pairs = list(zip(made, places, strict=True))
        return [limit.words(limit.value(place)) for limit, place in pairs], [views.spoken(*pair) for pair in pairs]


def _numbers(asked: dict[str, str]) -> dict[str, float]:
    """What of an address is a number."""
    found = {}
    for name, text in asked.items():
        try:
            found[name] = float(text)
        except (TypeError, ValueError):
            continue
    return {name: value for name, value in found.items() if 0 < value < float("inf")}


def _choose(app: dash.Dash, known: Views) -> None:
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
        output=Output("selected", "data", allow_duplicate=True),
        inputs={
            "back": Input("previous", "n_clicks"),
            "on": Input("next", "n_clicks"),
            "selected": State("selected", "data"),
            "asked": KNOWN,
        },
        prevent_initial_call=True,
    )
    def step(back: int | None, on: int | None, selected: str, asked: Any) -> Any:
        """The neighbour along the front, in the order of x; from a dominated design, the nearest one in x."""
        if not (back or on):
            return no_update  # the page has just appeared
        view = known.view(**asked)
        if isinstance(view, str) or view.front is None or not view.front.any():
            return no_update
        here, values = view.designs.row(selected), np.asarray(view.frame[view.x], float)
        rows = np.flatnonzero(view.front)
        order = rows[np.argsort(values[rows], kind="stable")]
        at = 0 if here is None else int(np.abs(values[order] - values[here]).argmin())
        if here is not None and view.front[here]:
            at = int(np.flatnonzero(order == here)[0])
            at = min(max(at + (1 if ctx.triggered_id == "next" else -1), 0), len(order) - 1)
        return view.designs.names(order[at : at + 1])[0]
