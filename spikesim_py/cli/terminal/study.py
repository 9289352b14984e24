"""A sweep: how much there is to do, its progress, its Pareto table."""

from __future__ import annotations

import time
from typing import Any

from ..._units import engineering
from . import console, new_table
from .progress import progress


def print_dry_run(space: str, store: str) -> None:
    """How many designs a sweep has, how many are stored, how many accuracies are distinct."""
    from ...sweep import dry_run

    plan = dry_run(space, store)
    print(f"{plan.designs} designs, {plan.stored} stored, {plan.measurements} distinct accuracy measurements to make")


def run_sweep(space: str, store: str, executor: str, workers: int | None, *, resume: bool) -> Any:
    """Run a sweep with live progress, then print its Pareto table."""
    from ...sweep import sweep

    started = time.monotonic()
    with progress() as report:
        study = sweep(space, store=store, executor=executor, workers=workers, resume=resume, progress=report)
    print_pareto(study)
    print(f"{len(study)} designs in {store}, {time.monotonic() - started:.1f} s")
    return study


def print_pareto(study: Any) -> None:
    """The non-dominated designs in accuracy and EDAP, best accuracy first."""
    from ...sweep import crowded, pareto_table

    rows = pareto_table(study)
    title = f"Pareto front of accuracy and EDAP: {len(rows)} of {len(study)} designs"
    table = new_table(title, "network", "weights", "crossbar", "ADC", "accuracy", "95 % interval")
    for name in ("EDAP J·s·mm²", "TOPS/W", "area", "used"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.network,
            f"{row.weight_bits} bit",
            f"{row.rows}x{row.cols}",
            f"{row.adc_bits} bit",
            f"{row.accuracy:.2%}",
            f"{100 * row.accuracy_low:.1f} to {row.accuracy_high:.1%}",
            f"{row.edap:.3g}",
            f"{row.tops_per_watt:.3g}",
            engineering(row.area_um2, "µm²"),
            f"{row.utilization:.1%}",
        )
    console().print(table)
    if busy := crowded(study, [row.report_hash for row in rows]):
        print(f"note: {busy} of them load their mesh beyond its closed form; noc.fidelity: cycle simulates it")
