"""NeuroBench's metrics."""

from __future__ import annotations

from ...neurobench import OPERATIONS, NeuroBench, neurobench_rows, operation_rows
from . import console, new_table


def print_neurobench(found: NeuroBench) -> None:
    """The metrics, and the synaptic operations of each layer."""
    out, data = console(), found.to_dict()
    out.print(f"[bold]{found.network}[/bold]  {found.samples} samples{f' of {found.data}' if found.data else ''}")
    for name, value, what in neurobench_rows(data):
        out.print(f"{name:<24}{value:>16}  {what}")
    table = new_table("synaptic operations per sample", "layer", *OPERATIONS)
    for row in operation_rows(data):
        table.add_row(*row)
    out.print(table)
