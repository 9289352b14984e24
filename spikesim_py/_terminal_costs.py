"""What the command line prints of costs: their differences and what limits a design."""

from __future__ import annotations

from collections.abc import Iterator

from ._terminal import _table, console
from ._units import engineering, number
from .cost.resources import resource_label
from .cost.roofline import COLUMNS, roofline_rows
from .diff import Change, DiffRow, TreeDiff
from .report import METRICS, Report

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
    numbers = _table("", "", "A", "B", "A → B")
    for name in _HEAD:
        if name in found.metrics:
            (label, unit, _), change = METRICS[name], found.metrics[name]
            numbers.add_row(label, engineering(change.a, unit), engineering(change.b, unit), _percent(change))
    out.print(numbers)
    table = _table("", found.by, "energy A → B", "", "area A → B", "", "latency A → B", "")
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


def print_roofline(report: Report) -> None:
    """What limits each layer's time, and what every resource of the chip would allow by itself."""
    found = report.roofline
    table = _table("what limits each layer (roofline)", "layer", *COLUMNS)
    for row in roofline_rows(found):
        table.add_row(*row)
    console().print(table)
    title = f"the chip's resources, each as if it never waited; {number(report.operations)} operations per inference"
    roofs = _table(title, "resource", "busy", "of the latency", "TOPS")
    for part in found.chip.resources:
        share, roof = part.alone_ns / found.chip.time_ns, part.roof_tops
        shown = "-" if roof is None else f"{roof:.4g}"
        roofs.add_row(resource_label(part.resource), engineering(part.alone_ns, "ns"), f"{share:.1%}", shown)
    console().print(roofs)
