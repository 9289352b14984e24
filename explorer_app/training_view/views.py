"""Pieces of the page that show data: the list of runs, and a table of fidelity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py.figures import firing_rates_figure, membranes_figure, themed
from spikesim_py.figures.training import Curve, line_styles
from training.behaviour import Behaviour
from training.runs import Damaged, TrainingRun

from .. import parts
from .rooms import Found

_COLORS = {"at work": "blue", "finished": "teal", "stopped": "orange"}


def listed(runs: Mapping[str, Found]) -> list[html.Div]:
    """Every run: how far it is, what it came to; damaged ones say what is wrong."""
    return [_damaged(run) if isinstance(run, Damaged) else _run(run) for run in runs.values()]


def _run(run: TrainingRun) -> html.Div:
    box = dmc.Checkbox(value=run.name, label=run.name, size="sm")
    badge = dmc.Badge(run.state, color=_COLORS[run.state], variant="light", size="sm", tt="none", miw="max-content")
    head = html.Div(
        [box, badge, html.Span(f"epoch {len(run.rows)} of {run.epochs}", className="note")], className="job-head"
    )
    bar = dmc.Progress(
        value=100 * len(run.rows) / run.epochs,
        size="xs",
        color=_COLORS[run.state],
        **{"aria-label": f"{run.name}: progress"},
    )
    numbers = " · ".join(filter(None, (_best(run), _result(run))))
    told = [html.Div(text, className="note") for text in (_recipe(run), numbers) if text]
    told += [html.Div(run.message, className="note worse")] if run.message else []
    return html.Div([head, *([bar] if run.state == "at work" else []), *told], className="job")


def _damaged(run: Damaged) -> html.Div:
    return html.Div(parts.problem(run.message, f"{run.name} cannot be read"), className="job")


def _recipe(run: TrainingRun) -> str:
    """What it trains, in a line."""
    if run.recipe is None:
        return "a log alone, without its recipe"
    bits, teacher = run.recipe.get("quantization"), (run.recipe.get("distillation") or {}).get("teacher")
    how = f"{bits['weight_bits']}-bit weights, {bits['membrane_bits']}-bit membranes" if bits else "float"
    return f"{run.recipe['name']} on {run.recipe['dataset']}, {how}" + (f", taught by {teacher}" if teacher else "")


def _best(run: TrainingRun) -> str:
    if run.best is None:
        return ""
    row = run.rows[run.best - 1]
    value, where = row["train_accuracy"], "while training"
    if "search_accuracy" in row:
        value, where = row["search_accuracy"], "on the search split"
    return f"best epoch {run.best}: {value:.2%} {where}"


def _result(run: TrainingRun) -> str:
    named = {"accuracy": "on the report split", "chip_accuracy": "on its chip"}
    return ", ".join(f"{run.result[name]:.2%} {where}" for name, where in named.items() if name in run.result)


def drawn(runs: Mapping[str, Found], chosen: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The chosen runs as the figure takes them, in the order of the list."""
    picked = [run for name, run in runs.items() if name in chosen and isinstance(run, TrainingRun)]
    return {run.name: {"rows": run.rows, "seconds": run.seconds, "best": run.best} for run in picked}


def styles(curves: Sequence[Curve]) -> str:
    """Which line is which, where a panel has several of a run."""
    words = {"dash": "dashed", "dot": "dotted"}
    told = [
        f"{panel}: " + ", ".join(f"{name} {words.get(dash, dash)}" for name, dash in own.items())
        for panel, own in line_styles(curves).items()
        if len(own) > 1
    ]
    return "; ".join(told)


def inside(found: Behaviour, scheme: str) -> list[Any]:
    """Membranes, firing rates and fidelity."""
    data = {stage: asdict(histogram) for stage, histogram in found.membranes.items()}
    figures = {"training-membranes": membranes_figure(data), "training-rates": firing_rates_figure(found.rates)}
    graphs = [
        parts.graph(name, int(figure.layout.height), figure=themed(figure, scheme)) for name, figure in figures.items()
    ]
    titles = [
        dmc.Title("Membranes before the reset", order=4),
        dmc.Title("Firing rates", order=4),
        dmc.Title("Fidelity", order=4),
    ]
    return [titles[0], graphs[0], titles[1], graphs[1], titles[2], _fidelity(found)]


def _fidelity(found: Behaviour) -> html.Div:
    head = ["layer", "rate", "teacher's rate", "rate distance", "dead units", "teacher's dead", "membrane error"]
    rows = []
    for stage, (rate, reference) in found.rates.items():
        dead, kept = found.dead[stage]
        one = found.fidelity.get(stage)
        distance, error = (one.rate_distance, one.membrane_error) if one is not None else (None, None)
        cells = [f"{rate:.4f}", _number(reference, ".4f"), _number(distance, ".4f"), f"{dead:.1%}"]
        rows.append([stage, *cells, _number(kept, ".1%"), _number(error, ".3f")])
    about = "Rates in spikes per unit and time-step; rate distance: earth mover's distance of the two distributions of "
    about += "the units' rates; dead units never fire on these images; membrane error: root mean square, in thresholds."
    return html.Div([parts.table(head, rows), html.P(about, className="note")], id="training-fidelity")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def inside_note(found: Behaviour) -> str:
    """What was shown to whom."""
    told = f"after epoch {found.epoch}, on {found.images} images of {found.data}, in exact arithmetic"
    return f"{told}; {found.note}" if found.note else told
