"""What happens on the What-if page when a knob is turned."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import dash
import yaml
from dash import ClientsideFunction, Input, Output, State, no_update

from spikesim_py.diff import TreeDiff, diff
from spikesim_py.errors import SpikesimError
from spikesim_py.figures import themed, waterfall_figure

from .. import parts
from ..reader import Reader
from ..shell import SCHEME, show_address
from . import views
from .knobs import changes, stops
from .layout import CHIP, NETWORK
from .rooms import Rooms

_BASE = tuple((name, "value") for name in ("what-start", "what-network", "what-chip"))
_PLACES = ("what-places", "data")


def register(app: dash.Dash, reader: Reader | None) -> None:
    """Bind the page; without a study it starts from bundled names alone."""
    rooms = Rooms(reader)
    _begin(app, rooms)
    _turn(app, rooms)
    _measure(app, rooms)
    _browser(app)


def _begin(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("what-stops", "data"),
        Output("what-base", "children"),
        Output("what-names", "style"),
        Output("what-problem", "children"),
        Input("selected", "data"),
        *[Input(*pair) for pair in _BASE],
        State("what-asked", "data"),
        State(*_PLACES),
        State("what-stops", "data"),
    )
    def begin(
        selected: str | None, start: str, network: str, chip: str, asked: dict[str, str], places: Any, rows: Any
    ) -> Any:
        """The knobs of a start: turned as the address says at first, then as they were, where they still apply."""
        asked = _texts(changes(rows, places or {})) if rows else asked
        try:
            own = rooms.chosen(selected, start)
            base = rooms.base(own, network, chip)
        except SpikesimError as error:
            return *[no_update] * 2, {}, parts.problem(str(error), "That cannot be the start")
        hidden = {"display": "none"} if own else {}
        return stops(base.hardware, asked), views.start(base, bool(own)), hidden, None


def _turn(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("what-tiles", "children"),
        Output("what-waterfall", "figure"),
        Output("what-accuracy", "children"),
        Output("what-run", "style"),
        Output("what-changes", "children"),
        Output("what-command", "children"),
        Output("what-time", "children"),
        Output("what-problem", "children", allow_duplicate=True),
        Input(*_PLACES),
        Input("what-by", "value"),
        Input("what-quantity", "value"),
        Input("what-measured", "data"),
        SCHEME,
        State("what-stops", "data"),
        State("selected", "data"),
        *[State(*pair) for pair in _BASE],
        prevent_initial_call=True,
    )
    def turn(places: Any, by: Any, quantity: Any, _: int, scheme: str, rows: Any, selected: Any, *names: str) -> Any:
        if not rows:
            return [no_update] * 8
        began = time.perf_counter()
        own = rooms.chosen(selected, names[0])
        base = rooms.base(own, names[1], names[2])
        changed = changes(rows, places or {})
        show_address("/what-if", _query(own, names, changed))
        try:
            hardware, report = rooms.changed(base, changed)
        except SpikesimError as error:
            return *[no_update] * 7, parts.problem(str(error), "Such a chip is not possible")
        found: TreeDiff = diff(base.report, report, by)
        figure = waterfall_figure(found.to_dict() | {"names": ["as it starts", "with the changes"]}, quantity)
        known, first = rooms.accuracy(base, hardware), rooms.accuracy(base, base.hardware)
        run = {"display": "none"} if known or base.network.shape_only else {}
        told = ", ".join(f"{name} = {value}" for name, value in changed.items()) or "nothing changed yet: turn a knob"
        shown = views.tiles(base.report, report), themed(figure, scheme), views.accuracy(known, first, base), run, told
        line = views.command_of(base, hardware)
        return *shown, line, f"costed in {1e3 * (time.perf_counter() - began):.0f} ms", None


def _query(selected: str | None, names: tuple[str, ...], changed: dict[str, Any]) -> str:
    """The page as an address holds it."""
    said = {"design": selected} if selected else {}
    for name, value, default in zip(("start", "network", "chip"), names, ("design", NETWORK, CHIP), strict=True):
        said |= {name: value} if value != default and not (selected and name != "start") else {}
    return urlencode(said | _texts(changed))


def _texts(changed: dict[str, Any]) -> dict[str, str]:
    """Changed fields as an address has them."""
    return {name: yaml.safe_dump(value).removesuffix("\n").removesuffix("\n...") for name, value in changed.items()}


def _measure(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("what-measured", "data"),
        Output("what-problem", "children", allow_duplicate=True),
        Input("what-run", "n_clicks"),
        State(*_PLACES),
        State("what-stops", "data"),
        State("selected", "data"),
        *[State(*pair) for pair in _BASE],
        prevent_initial_call=True,
        running=[(Output("what-run", "loading"), True, False)],
    )
    def run(clicks: int | None, places: Any, rows: Any, selected: Any, *names: str) -> Any:
        """The accuracy of what the knobs say; it stays for whoever asks next."""
        if not clicks:
            return no_update, no_update
        base = rooms.base(rooms.chosen(selected, names[0]), names[1], names[2])
        changed = changes(rows, places or {})
        try:
            rooms.run(base, rooms.changed(base, changed)[0], changed)
        except SpikesimError as error:
            return no_update, parts.problem(str(error), "It cannot be measured")
        return clicks, None


def _browser(app: dash.Dash) -> None:
    """What needs no server: the knobs themselves, finding one, going back to the start."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("knobs", "build"),
        Output(*_PLACES),
        Input("what-stops", "data"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("knobs", "find"),
        Output("what-count", "children"),
        Input("what-find", "value"),
        Input(*_PLACES),  # which are there as soon as the knobs are
        State("what-stops", "data"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("knobs", "reset"),
        Output(*_PLACES, allow_duplicate=True),
        Input("what-reset", "n_clicks"),
        prevent_initial_call=True,
    )
