"""What the command line prints: tables and progress. No model and no number is made here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ._units import engineering
from .hardware import Hardware, load_hardware
from .network import Network, load_network
from .report import Report

#: below this many columns a table loses digits
_MIN_WIDTH = 118


def console() -> Console:
    """Rich on a terminal, plain when piped; never so narrow that a table loses digits."""
    if sys.stdout.isatty():
        return Console(width=max(Console().width, _MIN_WIDTH))
    return Console(width=_MIN_WIDTH, no_color=True, highlight=False)


def print_report(report: Report) -> None:
    """The numbers of a report, its components and its notes."""
    out = console()
    out.print(f"[bold]{report.network}[/bold] on [bold]{report.chip}[/bold]  (report {report.report_hash[:12]})")
    if report.measured:
        low, high = report.measured.interval
        chips = len(report.measured.chips)
        out.print(
            f"accuracy      {report.measured.value:.2%}  (95 % interval {low:.2%} to {high:.2%}; "
            f"{report.measured.samples} samples of {report.measured.data}, {chips} chip{'s' * (chips > 1)})"
        )
    out.print(f"energy        {engineering(report.energy_pj, 'pJ'):<14} {report.energy_pj:.6f} pJ per inference")
    out.print(f"latency       {engineering(report.latency_ns, 'ns'):<14} {report.latency_ns:.6f} ns")
    out.print(f"interval      {engineering(report.interval_ns, 'ns'):<14} {report.interval_ns:.6f} ns")
    out.print(f"area          {engineering(report.area_um2, 'µm²'):<14} {report.area_um2:.6f} um2")
    out.print(f"EDAP          {report.edap:.4g} J·s·mm²")
    out.print(
        f"efficiency    {report.tops_per_watt:.4g} TOPS/W, {report.tops:.4g} TOPS, "
        f"{report.tops_per_mm2:.4g} TOPS/mm², {report.inferences_per_joule:.4g} inferences/J"
    )
    out.print(
        f"size          {report.cost.crossbars} crossbars, {report.cost.pes} PEs, {report.cost.tiles} tiles, "
        f"utilization {report.utilization:.1%}"
    )
    out.print(f"trust         {_trust(report)}")
    out.print(_components(report))
    for note in report.notes:
        out.print(f"note: {note}")


def _trust(report: Report) -> str:
    defects = report.hardware["cost"]["defects"]
    if report.hardware["cost"]["library"] == "spikesim_released" and any(defects.values()):
        return f"as published, {sum(defects.values())} of {len(defects)} known defects on (see --defects)"
    return (
        f"{report.assumed_energy_share:.1%} of energy and {report.assumed_area_share:.1%} of area rest on assumed "
        f"constants; activity is {report.activity.origin}"
    )


def _components(report: Report) -> Table:
    table = _table("components", "component", "energy", "", "area", "", "critical time", "")
    totals = report.tree
    rows = sorted(report.tree.components().items(), key=lambda item: -item[1].energy_pj)
    for name, node in rows:
        table.add_row(
            name,
            engineering(node.energy_pj, "pJ"),
            f"{node.energy_pj / totals.energy_pj:.1%}",
            engineering(node.area_um2, "µm²"),
            f"{node.area_um2 / totals.area_um2:.1%}",
            engineering(node.critical_ns, "ns"),
            f"{node.critical_ns / totals.critical_ns:.1%}",
        )
    return table


def print_defects(network: Network, hardware: Hardware) -> None:
    """What each released defect does to energy, latency and area."""
    from .cost.released import defect_table

    table = _table("each defect corrected by itself", "defect", "energy", "", "latency", "", "area", "")
    for row in defect_table(network, hardware):
        table.add_row(
            row.name,
            engineering(row.energy_pj, "pJ"),
            f"{row.energy_change:+.1%}",
            engineering(row.latency_ns, "ns"),
            f"{row.latency_change:+.1%}",
            engineering(row.area_um2, "µm²"),
            f"{row.area_change:+.1%}",
        )
    console().print(table)


def describe_network(name: str, chip: str | None) -> None:
    """A network's nodes and, if asked, its mapping on a chip."""
    network = load_network(name)
    print(network.describe())
    if chip is not None:
        from .mapping import map_network

        print()
        print(map_network(network, load_hardware(chip)).describe())


def describe_chip(name: str, sources: bool) -> None:
    """Every field of a chip with value, unit, what it affects and where it comes from."""
    from .hardware import hardware_fields

    chip = load_hardware(name)
    print(f"{chip.name}: {chip.description}")
    for key, field in hardware_fields():
        if key.startswith("cost.defects.") and chip.cost.library != "spikesim_released":
            continue
        value: Any = chip
        for part in key.split("."):
            value = getattr(value, part)
        extra: Any = field.json_schema_extra
        shown = getattr(value, "value", value)
        line = f"{key:<38}{shown!s:<22}{extra['unit']:<18}{extra['affects']:<10}"
        print(f"{line}{chip.sources.get(key, 'default') if sources else field.description}".rstrip())


def print_dry_run(space: str, store: str) -> None:
    """How many designs a sweep has, how many are stored, how many accuracies are distinct."""
    from .sweep import dry_run

    plan = dry_run(space, store)
    print(f"{plan.designs} designs, {plan.stored} stored, {plan.measurements} distinct accuracy measurements to make")


def run_sweep(space: str, store: str, executor: str, workers: int | None, *, resume: bool) -> Any:
    """Run a sweep with live progress, then print its Pareto table."""
    from .sweep import sweep

    started = time.monotonic()
    with _progress() as report:
        study = sweep(space, store=store, executor=executor, workers=workers, resume=resume, progress=report)
    print_pareto(study)
    print(f"{len(study)} designs in {store}, {time.monotonic() - started:.1f} s")
    return study


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A live bar on a terminal, else a line every few seconds."""
    if sys.stdout.isatty():
        with _bar() as report:
            yield report
        return
    last = [0.0]

    def line(done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if done == total or now - last[0] >= 5:
            last[0] = now
            print(f"{done}/{total} {what}", flush=True)

    yield line


@contextmanager
def training_progress() -> Iterator[Callable[[Any], None]]:
    """The same progress, fed by a trainer's epochs."""
    with _progress() as report:
        yield lambda epoch: report(
            epoch.epoch,
            epoch.epochs,
            f"epochs, loss {epoch.task_loss:.3f}, training accuracy {epoch.train_accuracy:.1%}",
        )


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("sweep", total=None)

        def report(done: int, total: int, what: str) -> None:
            progress.update(task, completed=done, total=total, description=what)

        yield report


def print_pareto(study: Any) -> None:
    """The non-dominated designs in accuracy and EDAP, best accuracy first."""
    from .sweep import pareto_table

    rows = pareto_table(study)
    title = f"Pareto front of accuracy and EDAP: {len(rows)} of {len(study)} designs"
    table = _table(title, "network", "weights", "crossbar", "ADC", "accuracy", "95 % interval")
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


def _table(title: str, first: str, *others: str) -> Table:
    """A plain table: the first column is text, the others are numbers; no cell is broken over lines."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
