"""Pieces of the Compare page that show data: heads of the designs, and tables with arrows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py._units import engineering
from spikesim_py.figures.compare import LETTERS, SideBySide
from spikesim_py.figures.reproduce import overrides
from spikesim_py.inference import reported_difference
from spikesim_py.report import METRICS
from spikesim_py.sweep import FrontComparison

from .. import parts
from ..head import arrow, metric_name

Report = Mapping[str, Any]
#: the colours of the bars, as the style sheet knows them
_MARKS = dict(zip(LETTERS, ("a", "b", "c", "d"), strict=True))


def mark(letter: str) -> html.Span:
    """A design's letter in its colour."""
    return html.Span(letter, className=f"letter {_MARKS[letter]}")


def heads(reports: Sequence[Report]) -> list[html.Div]:
    """What each design is, and what can be done with it here."""
    return [_head(letter, report) for letter, report in zip(LETTERS, reports, strict=False)]


def _head(letter: str, report: Report) -> html.Div:
    name = report["report_hash"]
    changed = [html.Span(f"{key} = {value}", className="setting") for key, value in (overrides(report) or {}).items()]
    tools = [dcc.Link("take it apart →", href=f"/design?design={name}", className="button")]
    if letter != LETTERS[0]:
        tools.append(dmc.Button("make it A", id={"compare-first": name}, size="compact-xs", variant="light"))
    tools.append(dmc.Button("remove", id={"compare-remove": name}, size="compact-xs", variant="subtle", color="gray"))
    title = [mark(letter), html.B(f"{report['network']} on {report['chip']}"), html.Span(name[:12], className="hash")]
    return html.Div(
        [
            html.Div(title, className="card-title"),
            html.Div(changed or [html.Span("the chip as it ships", className="note")], className="badges"),
            html.Div(tools, className="switches"),
        ],
        className="compared-head",
    )


def empty(number: int, imported: bool = False) -> html.Div | None:
    """What to do while there is nothing to compare."""
    if number > 1:
        return None
    if imported:
        teach = "Imported results have no reports to hold side by side. Their fronts can be compared, below."
        return parts.hint("No breakdown to compare", teach)
    teach = "Up to four designs, side by side. Press “+ compare” beside a design on the Pareto or the Design page"
    teach += ", or begin with those that are worth a look." if not number else "; one more is needed."
    begin = dmc.Button("compare those worth a look", id={"compare-picks": "front"}, size="compact-sm")
    link = dcc.Link("to the Pareto page →", href="/", className="button")
    return parts.hint("Compare designs", teach, html.Div([begin, link], className="switches gap"))


def numbers(reports: Sequence[Report]) -> html.Div:
    """Every metric of every design, with its change from the first."""
    rows = []
    for name, (_, unit, larger) in METRICS.items():
        values = [report["metrics"].get(name) for report in reports]
        if all(value is None for value in values):
            continue
        cells = [
            _cell(values[0], value, unit, larger) if at else _plain(value, unit) for at, value in enumerate(values)
        ]
        if name == "accuracy":
            cells = [_accuracy(reports[0], report, at) for at, report in enumerate(reports)]
        rows.append([metric_name(name), *cells])
    return parts.table(["", *map(mark, LETTERS[: len(reports)])], rows)


def _plain(value: float | None, unit: str) -> Any:
    return "–" if value is None else engineering(value, unit, 3)


def _cell(first: float | None, value: float | None, unit: str, larger: bool | None) -> Any:
    """A value with its arrow; without a first there is nothing to hold it against."""
    if value is None or first is None:
        return _plain(value, unit)
    told, better = arrow(first, value, bool(larger), "as A") if first or not value else ("A has none", None)
    style = "note" if better is None or larger is None else "better" if better else "worse"
    return html.Span([_plain(value, unit), html.Span(told, className=f"change {style}")])


def _accuracy(first: Report, report: Report, at: int) -> Any:
    """With its interval; an order that the intervals do not bear out is none."""
    found, held = report["accuracy"], first["accuracy"]
    if not found:
        return "not measured"
    low, high = found["interval"]
    shown: list[Any] = [f"{found['value']:.2%} ", html.Span(f"{low:.1%} to {high:.1%}", className="note")]
    if at and held:
        told, better = _apart(found, held)
        style = "note" if better is None else "better" if better else "worse"
        shown.append(html.Span(told, className=f"change {style}"))
    return html.Span(shown)


def _apart(found: Mapping[str, Any], held: Mapping[str, Any]) -> tuple[str, bool | None]:
    """How an accuracy differs from that of A, and whether it is better; None where nobody can tell.

    Where both reports kept their single answers, to the same images on the same device instances, the paired
    difference decides; else disjoint intervals tell two apart, and overlapping ones leave it open.
    """
    change = found["value"] - held["value"]
    if found["key"] == held["key"] and not change:
        return "the measurement of A", None
    paired = reported_difference(found, held)
    if paired is not None:
        ends = [f"{100 * end:+.2f}".replace("-", "−") for end in paired.interval]
        told = f"{_points(change)} ({' to '.join(ends)} in pairs)"
        return (told, change > 0) if paired.significant else (f"cannot be told apart: {told}", None)
    low, high = found["interval"]
    if low <= held["interval"][1] and high >= held["interval"][0]:
        return "cannot be told apart (intervals overlap)", None
    return _points(change), change > 0


def _points(change: float) -> str:
    return f"{100 * change:+.2f} points".replace("-", "−")


def rows(data: SideBySide, by: str) -> html.Div:
    """The total, then a row per part."""
    table = [[html.B("total"), *_cells(data.totals.tolist(), data.unit)]]
    table += [
        [name.replace("_", " "), *_cells(values, data.unit)]
        for name, values in zip(data.names, data.values.tolist(), strict=True)
        if any(values)
    ]
    return parts.table([by, *map(mark, LETTERS[: len(data.totals)])], table)


def _cells(values: Sequence[float], unit: str) -> list[Any]:
    return [_cell(values[0], value, unit, False) if at else _plain(value, unit) for at, value in enumerate(values)]


def settings(diffs: Sequence[Mapping[str, Any]]) -> html.Div | html.P:
    """Fields of the chips that differ."""
    names = dict.fromkeys(name for found in diffs for name in found["settings"])
    if not names:
        return html.P("The chips are the same: what differs is the network, or how it was measured.", className="note")
    table = []
    for name in names:
        first = next(found["settings"][name][0] for found in diffs if name in found["settings"])
        others = [found["settings"].get(name, (first, first))[1] for found in diffs]
        shown = [_setting(value, at and value != first) for at, value in enumerate((first, *others))]
        table.append([html.Code(name), *shown])
    return parts.table(["field", *map(mark, LETTERS[: len(diffs) + 1])], table)


def _setting(value: Any, other: Any) -> Any:
    text = "–" if value is None else str(value)
    return html.B(text) if other else text


def studies_note(found: FrontComparison, names: Sequence[str]) -> str:
    """Which front dominates how much, and whether either is beaten."""
    first, second = (f"{name} {share:.1%}" for name, share in zip(names, found.volumes, strict=True))
    told = f"dominated volume: {first}, {second} (difference {100 * found.difference:+.2f} points), together "
    told += f"{found.together:.1%}; beaten by the other study: {found.beaten[0]} of {int(found.fronts[0].sum())} and "
    return (told + f"{found.beaten[1]} of {int(found.fronts[1].sum())} designs of the fronts").replace("-", "−")
