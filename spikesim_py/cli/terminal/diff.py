"""Two reports' costs: where one takes more or less than the other."""

from __future__ import annotations

from collections.abc import Iterator

from ..._units import engineering
from ...diff import Change, DiffRow, TreeDiff
from ...report import METRICS
from . import console, metric_text, new_table

#: rows may be named by layer and component
_DIFF_WIDTH = 150
#: metrics that head a difference
_HEAD = ("accuracy", "edap", "energy_pj", "latency_ns", "interval_ns", "area_um2", "tops_per_watt", "utilization")


def print_diff(found: TreeDiff) -> None:
    """Two reports' numbers, and where their energy, area and latency differ: the largest change of energy first."""
    out = console(_DIFF_WIDTH)
    out.print(f"A: [bold]{found.names[0]}[/bold]\nB: [bold]{found.names[1]}[/bold]")
    for name, (first, second) in found.settings.items():
        out.print(f"   {name}: {first} → {second}", highlight=False)
    numbers = new_table("", "", "A", "B", "A → B")
    for name in _HEAD:
        if name in found.metrics:
            change = found.metrics[name]
            numbers.add_row(
                METRICS[name][0], metric_text(name, change.a), metric_text(name, change.b), _percent(change)
            )
    out.print(numbers)
    table = new_table("", found.by, "energy A → B", "", "area A → B", "", "latency A → B", "")
    rows = sorted(found.rows, key=lambda row: -abs(row.energy_pj.difference))
    for row in (*rows, found.total):
        table.add_row(*_diff_cells(row))
    out.print(table)


def _diff_cells(row: DiffRow) -> Iterator[str]:
    yield row.name
    for change, unit in ((row.energy_pj, "pJ"), (row.area_um2, "µm²"), (row.critical_ns, "ns")):
        values = [engineering(value, unit, 3) for value in (change.a, change.b)]
        if change.a or change.b:
            yield " → ".join(dict.fromkeys(values))
        else:
            yield "-"
        yield _percent(change)


def _percent(change: Change) -> str:
    if change.percent is None:
        return "only B" if change.b else ""
    if not change.b:
        return "only A"
    return f"{'▲' if change.difference > 0 else '▼'} {change.percent:+.1f} %" if change.difference else "="
