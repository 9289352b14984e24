"""A sweep: how much there is to do, its progress, its Pareto table."""

from __future__ import annotations

import time
from typing import Any

from . import metric_text, new_table, print_table
from .fronts import print_front
from .progress import event, progress


def print_dry_run(space: str, store: str, workers: int | None, how: dict[str, Any]) -> None:
    """How many designs a sweep has, how many are stored, how many accuracies are distinct, and about how long."""
    from ...sweep import dry_run

    plan = dry_run(space, store, workers=workers, **how)
    if "search" in how:
        every = f" with {plan.accuracies} accuracies" if plan.accuracies is not None else ""
        print(
            f"{plan.designs} designs{every}, {plan.measurements} distinct accuracy measurements to make by the search,"
        )
        print("then one for each accuracy among its picks, on the split that is reported")
    else:
        print(
            f"{plan.designs} designs, {plan.stored} stored, {plan.measurements} distinct accuracy measurements to make"
        )
    if plan.minutes is not None:
        time_ = f"{plan.minutes:.0f} minutes" if plan.minutes >= 2 else f"{60 * plan.minutes:.0f} s"
        print(f"about {time_} (from {plan.basis})")


def print_cost_dry_run(space: str) -> None:
    """How many combinations costs alone are of."""
    from ...sweep import load_space

    print(f"{load_space(space).size} combinations before constraints; costs alone measure nothing")


def run_sweep(
    space: str,
    store: str,
    executor: str,
    workers: int | None,
    *,
    resume: bool,
    how: dict[str, Any] | None = None,
    events: bool = False,
) -> Any:
    """Run a sweep with live progress, then print its Pareto table; with `events`, nothing but those."""
    from ...sweep import sweep

    started = time.monotonic()
    common = {"executor": executor, "workers": workers, "resume": resume, "origin": "cli", **(how or {})}
    with progress(events) as report:
        study = sweep(space, store=store, progress=report, **common)
    seconds = time.monotonic() - started
    if events:
        job = study.jobs()[-1]
        event("end", state=job.state, designs=len(study), failed=len(study.failures()), store=store, seconds=seconds)
        return study
    designs, failed = len(study), len(study.failures())
    if designs:
        print_pareto(study)
    told = f", {failed} failed (why: `error` in `spikesim table {store} -o FILE.csv`)" if failed else ""
    print(f"{designs} designs in {store}{told}, {seconds:.1f} s")
    if how and "search" in how:
        split = study.space.split
        print(f"accuracies are of the split {split!r}; search_accuracy is what the search saw, and flatters")
    return study


def run_cost_sweep(space: str, store: str, executor: str, workers: int | None, *, events: bool = False) -> Any:
    """Cost every design of a space with live progress, then print the least of each cost."""
    from ...sweep import cost_sweep

    started = time.monotonic()
    with progress(events) as report:
        study = cost_sweep(space, store=store, executor=executor, workers=workers, progress=report, origin="cli")
    seconds, (job, stored) = time.monotonic() - started, (study.jobs()[-1], study.bulk_sweeps()[-1].stored)
    if events:
        event("end", state=job.state, designs=stored, failed=0, store=store, seconds=seconds)
        return study
    if stored:
        print_least(study)
    print(f"{stored} designs costed in {store}, {seconds:.1f} s")
    return study


def print_least(study: Any) -> None:
    """The design of least energy, latency, area and EDAP of a bulk sweep."""
    figures = ("energy_pj", "latency_ns", "area_um2", "edap")
    axes = [axis.split("+")[0] for axis in study.bulk_sweeps()[-1].spec["space"]["axes"]]  # the others move with it
    frame = study.costs([*axes, *figures])
    table = new_table(f"least of {len(frame['edap'])} designs", "least", *axes, "energy", "latency", "area", "EDAP")
    for name in figures:
        best = int(frame[name].argmin())
        costs = (metric_text(figure, float(frame[figure][best])) for figure in figures)
        table.add_row(name, *(str(frame[axis][best]) for axis in axes), *costs)
    print_table(table)


def print_pareto(study: Any) -> None:
    """The front of accuracy and EDAP, as `spikesim pareto` has it, with what else is usually asked."""
    from ...sweep import crowded, front_summary

    found = front_summary(study, ["accuracy", "edap"])
    print_front(found, ("tops_per_watt", "area_um2", "utilization"), least=2.0)  # no design but the front's
    if busy := crowded(study, [str(name) for name in found.frame["report_hash"][found.front]]):
        print(f"note: {busy} of them load their mesh beyond its closed form; noc.fidelity: cycle simulates it")
