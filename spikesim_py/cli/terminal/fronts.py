"""Answers about a study: its front, picks, what to change, what matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..._units import number
from ...report import METRICS
from . import metric_text, new_table, print_table

#: rows of a table; a page or `Study` has them all
_ROWS = 40


def print_front(found: Any, beside: Sequence[str] = (), least: float = 0.1) -> None:
    """A `FrontSummary`: one line per design, best in the first metric first.

    Args:
        beside: metrics to show beside those of the front.
        least: probability with which other designs must be on the front to be listed too.
    """
    frame, rows = found.frame, found.rows(least)
    axes, metrics = _varying(frame, found.axes), [*found.metrics, *beside]
    measured = "accuracy" in found.metrics
    title = (
        f"Front of {' and '.join(map(_label, found.metrics))}: {int(found.front.sum())} of {len(found.front)} designs"
    )
    table = new_table(title, "report", *axes, *map(_label, metrics))
    for name in ("95 % interval", "front") if measured else ():
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows[:_ROWS]:
        name = str(frame["report_hash"][row])[:8]
        cells = [name if found.front[row] else f"({name})", *_cells(frame, axes, metrics, row)]
        if measured:
            cells += [_interval(frame, row), f"{found.probability[row]:.0%}"]
        table.add_row(*cells, "knee" if row == found.knee else "")
    print_table(table)
    if len(rows) > _ROWS:
        print(f"and {len(rows) - _ROWS} more")
    if found.knee is None:
        print("no knee: no design lies on the good side of the line between the front's ends")
    print(f"hypervolume {found.hypervolume:.4f} of {1.1 ** len(found.metrics):.4f} (best values 0, worst 1, up to 1.1)")


def print_pick(frame: Mapping[str, Any], space_axes: Iterable[str], found: Any) -> None:
    """A `Pick`: its designs, or how many designs meet each condition."""
    word = "most" if found.larger else "least"
    if not found.rows.size:
        print(f"no design meets all conditions; of {len(frame['report_hash'])} designs")
        for text, count in found.met.items():
            print(f"  {count:>7} meet {text}")
        return
    axes = _varying(frame, space_axes)
    metrics = list(dict.fromkeys([found.name, "accuracy", "edap", "energy_pj", "latency_ns", "area_um2"]))
    metrics = [name for name in metrics if name in METRICS]
    title = f"{word} {_label(found.name)} of {found.fitting} designs that meet the conditions"
    table = new_table(title, "report", *axes, *map(_label, metrics), "95 % interval")
    for row in found.rows[:_ROWS]:
        name = str(frame["report_hash"][row])[:8]
        table.add_row(name, *_cells(frame, axes, metrics, row), _interval(frame, row))
    print_table(table)
    if found.rows.size > _ROWS:
        print(f"and {found.rows.size - _ROWS} more that are equal")


def print_advice(frame: Mapping[str, Any], axes: Sequence[str], advice: Any) -> None:
    """An `Advice`: the way to the front, one line per change."""
    start = str(frame["report_hash"][advice.row])[:8]
    if advice.row == advice.target:
        print(f"{start} is on the front: no stored design beats it")
        return
    target = str(frame["report_hash"][advice.target])[:8]
    many = len(advice.changes)
    title = f"From {start} to {target} on the front: {many} change{'s' * (many != 1)}"
    table = new_table(title, "change", *map(_label, advice.before))
    table.add_row(f"{start} as it is", *(metric_text(name, value) for name, value in advice.before.items()))
    for change in advice.changes:
        label = f"{change.axis}: {change.before} -> {change.after} alone"
        told = change.metrics or {}
        cells = (_changed(name, told[name], value) if told else "not stored" for name, value in advice.before.items())
        table.add_row(label, *cells)
    ends = (_changed(name, value, advice.before[name]) for name, value in advice.after.items())
    table.add_row(f"{target} with all", *ends)
    print_table(table)


def print_sensitivity(found: Mapping[str, Any], log: bool) -> None:
    """Metric -> (`Sensitivity`, main effects): a table each, then the largest interactions."""
    for metric, (shares, effects) in found.items():
        how = "complete factorial, exact" if shares.exact else "least-squares fit of an incomplete factorial"
        title = f"{'Logarithm of ' if log else ''}{METRICS[metric][0]}: shares of its variance ({how})"
        table = new_table(title, "axis", "alone", "95 %", "total", "95 %")
        table.add_column("means at its levels")
        by_name = {effect.name: effect for effect in effects}
        for i in np.argsort(-shares.total, kind="stable"):
            effect = by_name[shares.names[i]]
            means = 10**effect.means if log else effect.means
            pairs = zip(effect.levels.tolist(), means.tolist(), strict=True)
            table.add_row(
                shares.names[i],
                f"{shares.first[i]:.1%}",
                _ends(shares, 0, i),
                f"{shares.total[i]:.1%}",
                _ends(shares, 1, i),
                ", ".join(f"{level}: {metric_text(metric, mean)}" for level, mean in pairs),
            )
        print_table(table)
        largest = [f"{' x '.join(axes)} {share:.1%}" for axes, share in shares.interactions()[:3] if share >= 5e-4]
        print(f"largest interactions: {', '.join(largest) or 'none'}; unexplained {shares.unexplained:.1%}")


def _ends(shares: Any, order: int, axis: int) -> str:
    low, high = shares.low[order][axis], shares.high[order][axis]
    return f"{100 * low:.1f} to {high:.1%}" if high > low else "exact"


def _varying(frame: Mapping[str, Any], axes: Iterable[str]) -> list[str]:
    """Axes whose designs differ, by their first field, and other fields that tell designs apart which axes do not.

    Those are of earlier sweeps of the study.
    """
    swept = [axis.split("+")[0] for axis in axes]
    fields = dict.fromkeys([*swept, *(name for name in frame if "." in name or name in ("network", "chip"))])
    found, told = [], np.zeros(len(frame["report_hash"]), dtype=np.intp)
    for field in filter(frame.__contains__, fields):
        levels, codes = np.unique(np.asarray(frame[field]), return_inverse=True)
        apart = np.unique(told * levels.size + codes.reshape(-1), return_inverse=True)[1]
        if apart.max(initial=0) > told.max(initial=0) or (field in swept and levels.size > 1):
            found.append(field)
            told = apart
    return found


def _cells(frame: Mapping[str, Any], axes: Iterable[str], metrics: Iterable[str], row: int) -> list[str]:
    values = [frame[name][row].item() for name in axes]
    texts = [number(value) if isinstance(value, float) else str(value) or "–" for value in values]
    return texts + [metric_text(name, float(frame[name][row])) for name in metrics]


def _label(name: str) -> str:
    return METRICS[name][0].removesuffix(" per inference") if name in METRICS else name


def _changed(name: str, value: float, before: float) -> str:
    """A metric and how far it moved: in points of a share, else by its ratio."""
    if METRICS[name][1] == "-":
        return f"{metric_text(name, value)} ({100 * (value - before):+.2f} points)"
    return f"{metric_text(name, value)} ({value / before - 1:+.1%})"


def _interval(frame: Mapping[str, Any], row: int) -> str:
    low, high = frame["accuracy_low"][row], frame["accuracy_high"][row]
    return f"{100 * low:.1f} to {high:.1%}" if np.isfinite(low) else "–"
