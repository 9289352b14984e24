"""What happens when a run changes, is ticked, or is looked into."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import dash
from dash import Input, Output, State, ctx, no_update

from spikesim_py.errors import SpikesimError
from spikesim_py.figures import themed, training_figure
from spikesim_py.figures.style import CATEGORIES
from spikesim_py.figures.training import training_curves
from training.runs import TrainingRun

from .. import parts
from ..shell import SCHEME, show_address
from . import views
from .rooms import Found, Rooms

#: runs that are drawn at once: one colour each; and of those that are found first, how many are ticked
MOST, FIRST = len(CATEGORIES), 4


def register(app: dash.Dash, rooms: Rooms) -> None:
    """Bind the page."""
    _poll(app, rooms)
    _list(app, rooms)
    _draw(app, rooms)
    _look(app, rooms)


def _poll(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("training-seen", "data"),
        Input("training-clock", "n_intervals"),
        State("training-seen", "data"),
        running=[(Output("training-clock", "disabled"), True, False)],
    )
    def poll(_: int | None, known: str | None) -> Any:
        version = rooms.version()
        return no_update if version == known else version


def _list(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("training-chosen", "children"),
        Output("training-chosen", "value"),
        Output("training-known", "data"),
        Output("training-run", "data"),
        Output("training-run", "value"),
        Output("training-terms", "data"),
        Output("training-empty", "style"),
        Output("training-shown", "style"),
        Output("training-problem", "children"),
        Input("training-seen", "data"),
        State("training-chosen", "value"),
        State("training-known", "data"),
        State("training-run", "value"),
        State("training-asked", "data"),
    )
    def show(_: str | None, chosen: list[str], known: list[str], run: str | None, asked: dict[str, Any]) -> Any:
        try:
            runs = rooms.runs()
        except SpikesimError as error:
            return *[no_update] * 6, {}, {"display": "none"}, parts.problem(str(error), "The runs cannot be read")
        if not runs:
            return [], [], [], [], None, [], {}, {"display": "none"}, None
        readable = [name for name, found in runs.items() if isinstance(found, TrainingRun)]
        ticked = ticks(readable, chosen, known, asked["runs"])
        deep = [name for name in readable if getattr(runs[name], "checkpoint", None) is not None]
        deep.sort(key=lambda name: not _taught(runs[name]))
        wanted = next((name for name in (run, asked["run"], *deep) if name in deep), None)
        terms = sorted({term for name in readable for term in getattr(runs[name], "losses", ())})
        data = [{"value": term, "label": term.replace("_", " ")} for term in terms]
        lists = views.listed(runs), no_update if ticked == chosen else ticked, readable, deep
        return *lists, no_update if wanted == run else wanted, data, {"display": "none"}, {}, None


def _taught(run: Found) -> bool:
    """Whether it has a teacher to be held against."""
    return isinstance(run, TrainingRun) and bool((run.recipe or {}).get("distillation"))


def ticks(readable: list[str], chosen: list[str], known: list[str], asked: list[str]) -> list[str]:
    """Which runs are ticked: those that were, and new ones while there is room; at first those that are asked for."""
    kept = [name for name in chosen if name in readable]
    if not known:
        return [name for name in asked if name in readable][:MOST] or readable[:FIRST]
    return [*kept, *(name for name in readable if name not in known)][: max(MOST, len(kept))]


def _draw(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("training-curves", "figure"),
        Output("training-styles", "children"),
        Output("training-problem", "children", allow_duplicate=True),
        Input("training-chosen", "value"),
        Input("training-seen", "data"),
        Input("training-terms", "value"),
        Input("training-run", "value"),
        SCHEME,
        prevent_initial_call=True,
    )
    def draw(chosen: list[str], _: str | None, terms: list[str], run: str | None, scheme: str) -> Any:
        try:
            runs: dict[str, Found] = rooms.runs()
        except SpikesimError:
            return [no_update] * 3  # said above the page
        said = {"runs": ",".join(chosen or [])} | ({"run": run} if run else {})
        show_address("/training", urlencode(said))
        if len(chosen or []) > MOST:
            told = f"{len(chosen)} runs are ticked: {MOST} can be drawn, one colour each"
            return no_update, no_update, parts.problem(told, "Too many runs")
        data = views.drawn(runs, chosen or [])
        figure = training_figure(data, terms or []).update_layout(uirevision="training")
        return themed(figure, scheme), views.styles(training_curves(data, terms or [])), None


def _look(app: dash.Dash, rooms: Rooms) -> None:
    @app.callback(
        Output("training-inside", "children"),
        Output("training-inside-note", "children"),
        Output("training-inside-problem", "children"),
        Input("training-run", "value"),
        Input("training-look", "n_clicks"),
        SCHEME,
        running=[(Output("training-look", "loading"), True, False)],
        prevent_initial_call=True,
    )
    def look(run: str | None, _: int | None, scheme: str) -> Any:
        """Shows what somebody has looked at before; computes on a click only."""
        if run is None:
            return None, "no run here has a checkpoint", None
        try:
            found = rooms.inside(run, run=ctx.triggered_id == "training-look")
        except SpikesimError as error:
            return None, "", parts.problem(str(error), "This run cannot be looked into")
        if found is None:
            return None, "not computed yet: its checkpoint is run on a few hundred images", None
        return views.inside(found, scheme), views.inside_note(found), None
