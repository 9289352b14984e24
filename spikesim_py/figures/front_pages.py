"""Offline pages of the answers about a study: a front with its certainty, and sensitivities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from .._files import write_atomic
from ..report import METRICS
from ..sweep import FrontSummary, MainEffect, Sensitivity
from .columns import column, shown, varying
from .fronts import front_probability_figure
from .html import _color, _figure, _line, _page, _table
from .sensitivity import main_effects_figure, sensitivity_figure
from .style import QUIET


def front_page(found: FrontSummary, path: str | Path) -> Path:
    """Write a front as a page: the scatter of each further metric against the first, and a table."""
    frame, rows = dict(found.frame), found.rows()
    first, *others = found.metrics
    title = f"Front of {' and '.join(METRICS[name][0] for name in found.metrics)}: {found.name}"
    body = [f"<h1>{escape(title)}</h1>"]
    summary = f"{int(found.front.sum())} of {len(found.front)} designs; hypervolume {found.hypervolume:.4f}."
    if "accuracy" in found.metrics:
        summary += " A point is as opaque as it is likely to be on the front, given what was measured."
    body.append(_line(summary))
    for other in others:
        figure = front_probability_figure(frame, found.probability, other, first, _color(frame), found.front)
        body += [f"<h2>{escape(METRICS[other][0])}</h2>", _figure(figure.update_layout(height=430), f"front-{other}")]
    names = [*varying(frame), *found.metrics]
    columns = [shown(frame, name, rows) for name in names]
    columns.append([f"{share:.0%}" for share in found.probability[rows]])
    columns.append(["knee" if row == found.knee else "" for row in rows])
    head = [*(column(frame, name).label for name in names), "on the front", ""]
    return write_atomic(path, _page(title, [*body, _table(head, list(zip(*columns, strict=True)), safe=True)]))


def sensitivity_page(
    name: str, found: Mapping[str, tuple[Sensitivity, Sequence[MainEffect]]], log: bool, path: str | Path
) -> Path:
    """Write indices and main effects of some metrics as a page."""
    title = f"What the metrics of {name} depend on"
    body = [f"<h1>{escape(title)}</h1>"]
    for metric, (shares, effects) in found.items():
        label = f"log of {METRICS[metric][0]}" if log else METRICS[metric][0]
        body += [
            f"<h2>{escape(METRICS[metric][0])}</h2>",
            _figure(sensitivity_figure(shares, label), f"indices-{metric}", QUIET),
            _figure(main_effects_figure(effects, metric, log=log), f"effects-{metric}", QUIET),
        ]
    return write_atomic(path, _page(title, body))
