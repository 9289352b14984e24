"""Pieces of the Sweep page that show data: how large a space is, how far a job is, what is wrong."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
import yaml
from dash import html

from spikesim_py.sweep import DryRun, Job

from .. import parts
from .draft import Draft

_COLORS = {
    "queued": "gray",
    "running": "blue",
    "paused": "yellow",
    "cancelled": "gray",
    "done": "teal",
    "failed": "red",
}
#: what a reader may do with a job in each state, besides taking over its space
_ACTS = {
    "queued": ("cancel",),
    "running": ("pause", "cancel"),
    "paused": ("resume",),
    "cancelled": ("resume",),
    "failed": ("resume",),
    "done": (),
}
_PREFIX = r"(?:axes\.|when\.)?"
_ABOUT = {
    "pause": "finishes what its workers have in hand, then rests",
    "cancel": "stops at once; what is stored stays",
    "resume": "goes on where it was",
    "use": "fills the form with its space",
}


def size(found: DryRun, draft: Draft) -> html.Div:
    """What a space comes to, as numbers."""
    many = "designs" if draft.search is None else "designs to pick from"
    tiles = [parts.tile(many, f"{found.designs:,}")]
    if found.accuracies is not None:
        about = "designs that differ only in what does not reach the arithmetic share an accuracy"
        tiles.append(parts.tile("accuracies among them", f"{found.accuracies:,}", about=about))
    if draft.search is None:
        tiles.append(parts.tile("designs stored", f"{found.stored:,}"))
    tiles.append(parts.tile("to measure", f"{found.measurements:,}", style="tile accuracy"))
    return html.Div(tiles, className="tiles")


def duration(found: DryRun) -> str:
    """How long it may take, and how that is known."""
    if found.minutes is None:
        return "nothing is left to measure: it takes seconds"
    return f"about {_span(60 * found.minutes)}, from {found.basis}"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def problem(message: str) -> dmc.Alert:
    """What is wrong with a space."""
    return parts.problem(message, "This cannot be swept")


def same(draft: Draft, store: Path) -> list[Any]:
    """The space as a file, and the command that sweeps it."""
    text = yaml.safe_dump(dict(draft.space), sort_keys=False, default_flow_style=None, width=100)
    file = f"{draft.space.get('name', 'sweep')}.yaml"
    words = ["spikesim", "sweep", file, "--store", str(store)]
    if draft.search is not None:
        words += ["--search", draft.method, "--budget", str(draft.budget), "--seed", str(draft.seed)]
    words += [] if draft.workers is None else ["--workers", str(draft.workers)]
    head = html.Div([html.Span(file, className="note"), parts.copy(text, "copy")], className="card-head middle")
    return [head, html.Pre(text, className="yaml"), parts.command_line(shlex.join(words), "sweep-command")]


def signature(jobs: Sequence[Job]) -> str:
    """Changes when a job's row looks different, its numbers apart."""
    return " ".join(f"{job.id}{job.state}{job.request or ''}" for job in jobs)


def job_list(jobs: Sequence[Job]) -> list[Any]:
    """Every job, the newest first."""
    if not jobs:
        teach = "Choose networks, chips and the fields to vary, look at how much that is, and run it. "
        teach += "The sweep goes on when this page, or the server, is closed."
        return [parts.hint("No sweep yet", teach)]
    return [_job(job) for job in reversed(jobs)]


def _job(job: Job) -> html.Div:
    search = (job.spec.get("search") or {}).get("method")
    way = "costs only" if job.kind == "cost" else f"search: {search}" if search else "every design"
    name = job.spec.get("space", {}).get("name", "sweep")
    state = f"{job.request} asked" if job.request else job.state
    origin = {"cli": "command line", "app": "explorer", "python": "Python"}.get(job.origin, job.origin)
    at = time.strftime("%d %b %H:%M", time.localtime(job.created))
    head = [
        html.Span([html.B(f"{job.id} {name}"), html.Span(f" {way}", className="faint")]),
        dmc.Badge(state, color=_COLORS[job.state], variant="light", size="sm", tt="none"),
        html.Span(f"{origin}, {at}", className="note"),
        html.Div([_button(job, act) for act in (*_ACTS[job.state], "use")], className="switches"),
    ]
    bar = dmc.Progress(
        id={"job-bar": job.id},
        value=share(job),
        color=_COLORS[job.state],
        size="sm",
        animated=job.state == "running",
        **{"aria-label": f"progress of sweep {job.id}"},
    )
    told = html.Div(words(job), id={"job-words": job.id}, className="note")
    return html.Div([html.Div(head, className="job-head"), bar, told], className="job", id=f"job-{job.id}")


def _button(job: Job, act: str) -> dmc.Tooltip:
    waits = job.request is not None and act in ("pause", job.request)
    identity = {"job-space": job.id} if act == "use" else {"job-act": f"{job.id}:{act}"}
    label = "use its space" if act == "use" else act
    color = "red" if act == "cancel" else "blue"
    button = dmc.Button(label, id=identity, size="compact-xs", variant="light", color=color, disabled=waits)
    return dmc.Tooltip(button, label=_ABOUT[act], events={"hover": True, "focus": True, "touch": True})


def share(job: Job) -> float:
    """How much of a job is done, in per cent."""
    return 100.0 if job.state == "done" else 100.0 * job.done / job.total if job.total else 0.0


def words(job: Job, left: float | None = None) -> str:
    """How far a job is."""
    counted = f"{job.done:,} of {job.total:,} " if job.total else ""
    if job.state == "running":
        return counted + job.message + (f", about {_span(left)} left" if left is not None else "")
    if job.state == "done":
        return f"{job.total:,} designs" if job.total else ""
    return f"{counted}designs: {job.message}" if job.total else job.message or "waits for its process"


class Pace:
    """Seconds that jobs at work have left, from what was seen of them; it holds nothing about who asks."""

    def __init__(self) -> None:
        self._first: dict[tuple[int, str], tuple[int, float]] = {}

    def left(self, job: Job) -> float | None:
        """None until a job has been seen to advance."""
        if job.state != "running" or not job.process:
            return None
        done, since = self._first.setdefault((job.id, job.process), (job.done, job.heartbeat))
        made = job.done - done
        return (job.heartbeat - since) / made * (job.total - job.done) if made > 0 else None


def named_by(message: str, axis: str) -> bool:
    """Whether an error is about an axis, or another field of the space; which design it was found in says nothing."""
    said = re.sub(r"design \(.*?\):", "", message)
    return any(re.search(rf"(?<![\w.]){_PREFIX}{re.escape(field)}( =|:)", said) for field in axis.split("+"))
