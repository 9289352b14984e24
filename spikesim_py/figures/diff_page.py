"""Two designs as an offline page: their numbers, and the steps from one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._units import engineering
from ..cost.tree import QUANTITIES
from ..report import METRICS
from .html import _figure, _line, _page, _table
from .style import QUIET
from .waterfall import waterfall_figure


def diff_page(diff: Mapping[str, Any]) -> str:
    """The page of a difference (takes the plain data of `TreeDiff.to_dict`)."""
    first, second = diff["names"]
    numbers = [(METRICS[name][0], *_cells(change, METRICS[name][1])) for name, change in diff["metrics"].items()]
    body = [
        "<h1>Two designs</h1>",
        _line(f"A: {first}", ""),
        _line(f"B: {second}", ""),
        _table(["", "A", "B", "B over A"], numbers, right=(1, 2, 3)),
    ]
    if diff["settings"]:
        changed = [(name, str(a), str(b)) for name, (a, b) in diff["settings"].items()]
        body.insert(3, _table(["setting", "A", "B"], changed, right=(1, 2)))
    for quantity, (name, unit) in QUANTITIES.items():
        rows = sorted(diff["rows"], key=lambda row: -abs(row[quantity]["difference"]))
        table = [(row["name"], *_cells(row[quantity], unit)) for row in (*rows, diff["total"])]
        body += [
            f"<h2>From A to B: {name}</h2>",
            _figure(waterfall_figure(diff, quantity), f"waterfall-{quantity}", QUIET),
            _table([diff["by"], "A", "B", "B over A"], table, right=(1, 2, 3)),
        ]
    return _page(f"{first} against {second}", body)


def _cells(change: Mapping[str, Any], unit: str) -> Iterator[str]:
    yield from (engineering(change[end], unit) for end in ("a", "b"))
    yield "-" if change["percent"] is None else f"{change['percent']:+.2f} %"
