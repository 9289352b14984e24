"""What happens on the Sweep page: controls become a space, the space is sized and run, jobs are watched."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import dash
import numpy as np
from dash import ALL, Input, Output, Patch, State, ctx, no_update

from spikesim_py.errors import InputError, SpikesimError
from spikesim_py.figures import pareto_figure, themed
from spikesim_py.figures.columns import varying
from spikesim_py.sweep import DryRun, ask, dry_run, launch, nondominated, relaunch

from ..pareto.views import summary, waiting
from ..reader import Reader
from ..shell import REST, SCHEME, show_address
from ..workshop import Workshop
from . import views
from .draft import PLAIN, Draft, Filled, bundled, from_spec
from .form import axis_row, form, known

#: controls of the space besides its axes
_FIELDS = ("network", "chip", "constraints", "objectives", *PLAIN)
_WAY = ("method", "budget", "search-seed", "workers")
_CLOCK = [(Output("sweep-clock", "disabled"), True, False)]


def register(app: dash.Dash, reader: Reader) -> None:
    """Bind the page to a study file, which need not exist yet."""
    _fill(app, reader)
    _read(app)
    _size(app, reader)
    _run(app, reader)
    _watch(app, reader)
    _draw(app, reader)


def _fill(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("sweep-form", "children"),
        Input({"sweep-from": ALL}, "n_clicks"),
        Input({"job-space": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def fill(*_: Any) -> Any:
        """The form anew, from a bundled space or from a job's."""
        if not ctx.triggered[0]["value"]:
            return no_update  # the button has just appeared
        (kind, name) = next(iter(ctx.triggered_id.items()))
        if kind == "sweep-from":
            return form(bundled(name), reader.sources())
        return form(from_spec(_job(reader, int(name)).spec), reader.sources())

    @app.callback(
        Output("axis-rows", "children"),
        Output("axis-add", "value"),
        Input("axis-add", "value"),
        Input({"axis-drop": ALL}, "n_clicks"),
        State({"axis": ALL}, "id"),
        prevent_initial_call=True,
    )
    def rows(added: str | None, _: Any, ids: list[dict[str, str]]) -> Any:
        """One axis more, or less."""
        names, patch = [own["axis"] for own in ids], Patch()
        if ctx.triggered_id == "axis-add":
            if not added:
                return no_update, no_update
            if added not in names:
                patch.append(axis_row(added, []))
            return patch, None
        if not ctx.triggered[0]["value"]:
            return no_update, no_update
        del patch[names.index(ctx.triggered_id["axis-drop"])]
        return patch, no_update


def _job(reader: Reader, number: int) -> Any:
    return next(job for job in reader.jobs() if job.id == number)


def _read(app: dash.Dash) -> None:
    @app.callback(
        Output("sweep-draft", "data"),
        Input("sweep-network", "value"),
        Input("sweep-chip", "value"),
        Input({"axis": ALL}, "value"),
        Input({"axis-when": ALL}, "value"),
        Input("sweep-constraints", "value"),
        Input("sweep-objectives", "value"),
        *[Input(f"sweep-{name}", "value") for name in (*PLAIN, *_WAY)],
        State({"axis": ALL}, "id"),
    )
    def read(networks: Any, chips: Any, values: Any, when: Any, constraints: Any, objectives: Any, *more: Any) -> Any:
        """What the controls say, also in the address."""
        plain, way = more[: len(PLAIN)], more[len(PLAIN) : -1]
        names = [own["axis"] for own in more[-1]]
        filled = Filled(
            {"network": networks or [], "chip": chips or []},
            {name: texts or [] for name, texts in zip(names, values, strict=True)},
            {name: text or "" for name, text in zip(names, when, strict=True)},
            constraints or [],
            objectives or [],
            dict(zip(PLAIN, plain, strict=True)),
        )
        method, budget, seed, workers = way
        try:
            space = filled.space(known())
        except SpikesimError as error:
            return {"problem": str(error)}
        draft = Draft(space, method, _whole(budget, 1), _whole(seed, 0), workers if workers not in ("", None) else None)
        show_address("/sweep", urlencode({"draft": json.dumps(draft.to_dict(), separators=(",", ":"))}))
        return draft.to_dict()


def _whole(given: Any, otherwise: int) -> int:
    """A number as it was typed; an empty field is what it was."""
    return otherwise if given in ("", None) else given


def _size(app: dash.Dash, reader: Reader) -> None:
    workshop = Workshop()

    def sized(data: dict[str, Any], *, timed: bool) -> DryRun:
        if "problem" in data:
            raise InputError(data["problem"])
        draft = Draft(**data)
        plan = draft.plan(reader.sources())

        def make() -> DryRun:
            return dry_run(plan, reader.path, search=draft.search, workers=draft.workers, timed=timed)

        key = (json.dumps(data, sort_keys=True), reader.version(), timed)
        found: DryRun = workshop.get(key, make)
        return found

    @app.callback(
        Output("sweep-size", "children"),
        Output("sweep-problem", "children"),
        Output({"axis": ALL}, "error"),
        *[Output(f"sweep-{name}", "error") for name in _FIELDS],
        Output("sweep-run", "disabled"),
        Output("sweep-same", "children"),
        Input("sweep-draft", "data"),
        Input("jobs-seen", "data"),
        State({"axis": ALL}, "id"),
    )
    def size(data: dict[str, Any] | None, _: str, ids: list[dict[str, str]]) -> Any:
        """How much there is to do, or what is wrong."""
        if not data:
            return no_update, no_update, [no_update] * len(ids), *[no_update] * len(_FIELDS), True, no_update
        try:
            found, draft = sized(data, timed=False), Draft(**data)
        except SpikesimError as error:
            wrong = [views.named_by(str(error), name) for name in [*(own["axis"] for own in ids), *_FIELDS]]
            return None, views.problem(str(error)), wrong[: len(ids)], *wrong[len(ids) :], True, no_update
        busy = any(job.active for job in reader.jobs())
        fine = [False] * len(ids), *[False] * len(_FIELDS)
        return views.size(found, draft), None, *fine, busy, views.same(draft, reader.path)

    @app.callback(Output("sweep-time", "children"), Input("sweep-size", "children"), State("sweep-draft", "data"))
    def duration(counted: Any, data: dict[str, Any] | None) -> str:
        """How long it may take, once the space is known to be one: a trial measurement takes a moment."""
        if counted is None or not data:
            return ""
        if any(job.active for job in reader.jobs()):
            return "a sweep is at work on this study: pause or cancel it to start another"
        try:
            return views.duration(sized(data, timed=True))
        except SpikesimError:
            return ""


def _run(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("sweep-problem", "children", allow_duplicate=True),
        Output("sweep-run", "disabled", allow_duplicate=True),
        Input("sweep-run", "n_clicks"),
        State("sweep-draft", "data"),
        prevent_initial_call=True,
        running=[(Output("sweep-run", "loading"), True, False)],
    )
    def run(clicks: int | None, data: dict[str, Any]) -> Any:
        """Start it in a process of its own; the job table owns it from here on."""
        if not clicks:
            return no_update, no_update
        try:
            draft = Draft(**data)
            plan = draft.plan(reader.sources())
            options: dict[str, Any] = {"workers": draft.workers}
            options |= {} if draft.search is None else {"search": draft.search}
            launch(plan, store=reader.path, **options)
        except SpikesimError as error:
            return views.problem(str(error)), False
        return None, True

    @app.callback(
        Output("sweep-problem", "children", allow_duplicate=True),
        Output("jobs-seen", "data", allow_duplicate=True),
        Input({"job-act": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def act(_: Any) -> Any:
        """Pause, cancel or resume a job, wherever it was started."""
        if not ctx.triggered or not ctx.triggered[0]["value"]:
            return no_update, no_update
        number, _, request = ctx.triggered_id["job-act"].partition(":")
        try:
            if request == "resume":
                relaunch(reader.path, int(number))
            else:
                ask(reader.path, int(number), request)
        except SpikesimError as error:
            return views.problem(str(error)), ""
        return None, ""


def _watch(app: dash.Dash, reader: Reader) -> None:
    pace = views.Pace()

    @app.callback(
        Output("jobs", "children"),
        Output("jobs-seen", "data"),
        Input("sweep-clock", "n_intervals"),
        State("jobs-seen", "data"),
        running=_CLOCK,
    )
    def watch(_: int | None, seen: str) -> Any:
        """The list anew when a job comes, goes or rests; buttons stay where they are meanwhile."""
        try:
            found = reader.jobs()
        except SpikesimError:
            return no_update, no_update  # the frame of the page says so
        now = views.signature(found) or "none"
        return (no_update, no_update) if now == seen else (views.job_list(found), now)

    @app.callback(
        Output({"job-bar": ALL}, "value"),
        Output({"job-words": ALL}, "children"),
        Input("sweep-clock", "n_intervals"),
        State({"job-bar": ALL}, "id"),
        running=_CLOCK,
    )
    def advance(_: int | None, ids: list[dict[str, int]]) -> Any:
        try:
            found = {job.id: job for job in reader.jobs()}
        except SpikesimError:
            found = {}
        shown = [found.get(own["job-bar"]) for own in ids]
        return (
            [views.share(job) if job else no_update for job in shown],
            [views.words(job, pace.left(job)) if job else no_update for job in shown],
        )


def _draw(app: dash.Dash, reader: Reader) -> None:
    @app.callback(
        Output("sweep-front", "figure"),
        Output("sweep-front-note", "children"),
        Input("version", "data"),
        SCHEME,
        running=REST,
    )
    def front(_: str, scheme: str) -> Any:
        """Designs as they come."""
        try:
            frame = reader.frame()
        except SpikesimError:
            return no_update, ""
        if not len(frame.get("report_hash", ())):
            return themed(waiting(), scheme), ""
        x = reader.cost_objective()
        mask = nondominated(frame, [x, "accuracy"])
        figure = pareto_figure(frame, x, "accuracy", _colour(frame), mask)
        return themed(figure, scheme), summary(len(frame["report_hash"]), mask)


def _colour(frame: dict[str, np.ndarray]) -> str:
    """A field that the study varies; one colour while none does."""
    found = varying(frame)
    return next((name for name in ("weight_bits", "adc.bits", "crossbar.rows", *found) if name in found), "network")
