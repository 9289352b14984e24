"""What is told of a chosen design beside its report: why it stands out, and the numbers of one that has no report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py.errors import SpikesimError
from spikesim_py.figures.columns import Frame, column, describing, is_number, shown
from spikesim_py.figures.why import why
from spikesim_py.report import METRICS

from . import parts
from .reader import Reader

if TYPE_CHECKING:
    from .pareto.data import View

#: what is true of imported results on every page
IMPORTED = (
    "These results were imported as numbers, without reports. All of the Pareto page works on them, fronts of two "
    "studies on Compare, and the study's files on Share. There is no breakdown, no What-if from a design, no "
    "comparison by component and no text for a paper: they need the report of a design that was evaluated here."
)


def notice(reader: Reader) -> Any:
    """What the open study lacks; nothing if it lacks nothing."""
    if not reader.imported():
        return None
    return dmc.Alert(IMPORTED, title="Imported results", color="blue", variant="light", className="problem")


def reasons(view: View | str, selected: str | None, report: dict[str, Any] | None) -> html.P | None:
    """Why the chosen design stands out, as sentences; nothing for one that the view does not have."""
    row = None if isinstance(view, str) else view.designs.row(selected)
    if row is None or isinstance(view, str):
        return None
    metrics = view.metrics or [name for name in ("accuracy", "edap") if name in view.facts.measured]
    told = why(view.frame, row, metrics, view.passing, view.conditions, report["tree"] if report else None)
    return html.P(" ".join(told), className="why") if told else None


def bare(reader: Reader, selected: str | None) -> list[Any] | None:
    """What is known of a design without a report; None for one that is not in the study."""
    try:
        designs = reader.designs("measured")
    except SpikesimError:
        return None
    row, frame = designs.row(selected), designs.frame
    if row is None or selected is None:
        return None
    cells = {
        name: cell for name in (*describing(frame), *METRICS) if name in frame and (cell := _cell(frame, name, row))
    }
    names = [cells.pop(name) for name in ("network", "chip") if name in cells]
    settings = [
        html.Span(f"{name} = {cell}", className="setting") for name, cell in cells.items() if name not in METRICS
    ]
    tiles = [parts.tile(column(frame, name).label, cells[name]) for name in METRICS if name in cells]
    title = dmc.Title(" on ".join(names) or "a design", order=3)
    return [
        html.Div([title, html.Span(selected[:12], className="hash")], className="card-head"),
        html.Div(settings, className="badges"),
        html.Div(tiles, className="tiles"),
        html.P("An imported result has no breakdown: its file holds these numbers and no report.", className="note"),
    ]


def _cell(frame: Frame, name: str, row: int) -> str:
    """A value as it is read; empty if it is missing."""
    if not is_number(frame, name):
        return str(frame[name][row])
    (cell,) = shown(frame, name, [row])
    return "" if cell == "none" else cell
