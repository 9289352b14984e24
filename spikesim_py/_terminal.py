"""What the command line prints: tables and progress. No model and no number is made here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ._units import engineering
from .cost.resources import neuron_share
from .hardware import Hardware
from .network import Network
from .network.precision import BASELINES
from .report import LAYER_COLUMNS, METRICS, Report, layer_rows

if TYPE_CHECKING:
    from .compare import Comparison, Stage
    from .crossbar_energy import LayerCurrent
    from .inference import PairedDifference
    from .inference.calibrate import LayerRange
    from .inference.precision import BitChoice
    from .precision import PrecisionRatio

#: below this many columns a table loses digits
_MIN_WIDTH = 118
#: time-steps whose accuracies fit a line
_SHOWN_STEPS = 8


def console(least: int = _MIN_WIDTH) -> Console:
    """Rich on a terminal, plain when piped; never so narrow that a table loses digits."""
    if sys.stdout.isatty():
        return Console(width=max(Console().width, least))
    return Console(width=least, no_color=True, highlight=False)


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
    if report.accuracy_by_step and 1 < report.time_steps <= _SHOWN_STEPS:
        shown = ", ".join(f"{value:.2%}" for value in report.accuracy_by_step)
        out.print(f"by time-step  {shown}  (accuracy if all inferences end there)")
    out.print(f"energy        {engineering(report.energy_pj, 'pJ'):<14} {report.energy_pj:.6f} pJ per inference")
    out.print(f"latency       {engineering(report.latency_ns, 'ns'):<14} {report.latency_ns:.6f} ns")
    out.print(f"interval      {engineering(report.interval_ns, 'ns'):<14} {report.interval_ns:.6f} ns")
    out.print(f"area          {engineering(report.area_um2, 'µm²'):<14} {report.area_um2:.6f} um2")
    out.print(f"EDAP          {engineering(report.edap, 'J·s·mm²'):<17} {report.edap:.6g} J·s·mm²")
    out.print(f"EDAP band     {_band(report)}")
    _print_samples(report, out)
    out.print(
        f"efficiency    {report.tops_per_watt:.4g} TOPS/W, {report.tops:.4g} TOPS, "
        f"{report.tops_per_mm2:.4g} TOPS/mm², {report.inferences_per_joule:.4g} inferences/J"
    )
    out.print(f"neurons       {neuron_share(report.tree):.1%} of the area: neuron units and membrane memory")
    out.print(
        f"size          {report.cost.crossbars} crossbars, {report.cost.pes} PEs, {report.cost.tiles} tiles, "
        f"utilization {report.utilization:.1%}"
    )
    if report.programming:
        writing = report.programming
        out.print(
            f"programming   {engineering(writing.energy_pj, 'pJ')} in {engineering(writing.time_ns, 'ns')}, once: "
            f"{writing.pulses / writing.cells:.3g} pulses per cell of {writing.cells} ({writing.grade})"
        )
        if writing.loads:
            out.print(f"endurance     {writing.endurance_cycles:.3g} pulses per cell: {writing.loads:.3g} loads")
        if writing.refresh:
            again = writing.refresh
            out.print(
                f"refresh       {engineering(again.energy_pj, 'pJ')} per inference, {100 * again.share:.3g} % of the "
                f"time, every {again.period_s:g} s"
                + (f"; worn out after {again.lifetime_s / 31_557_600:.3g} years" if again.lifetime_s else "")
            )
    out.print(f"trust         {_trust(report)}")
    out.print(_components(report))
    for note in report.notes:
        out.print(f"note: {note}")


def _print_samples(report: Report, out: Console) -> None:
    """Costs over samples, and early exits."""
    energy, latency, steps = report.energy_distribution, report.latency_distribution, report.steps_distribution
    if energy is None or latency is None or steps is None:
        return
    if report.exit:
        out.print(f"early exit    after {steps.mean:.2f} of {report.time_steps} time-steps on average ({report.exit})")
    shown = (
        f"{engineering(one.mean, unit)} ({engineering(one.p5, unit)} to {engineering(one.p95, unit)})"
        for one, unit in ((energy, "pJ"), (latency, "ns"))
    )
    out.print(f"samples       {', '.join(shown)}: mean (p5 to p95) of {len(steps.values)}")


def _trust(report: Report) -> str:
    defects = report.hardware["cost"]["defects"]
    if report.hardware["cost"]["library"] == "spikesim_released" and any(defects.values()):
        return f"as published, {sum(defects.values())} of {len(defects)} known defects on (see --defects)"
    return (
        f"{report.assumed_energy_share:.1%} of energy and {report.assumed_area_share:.1%} of area rest on assumed "
        f"constants; activity is {report.activity.origin}"
    )


def _band(report: Report) -> str:
    if report.band is None:
        return "none: the library is one set of constants, as published"
    edap, anchors = report.band.edap, ", ".join(report.band.anchors) or "none"
    return f"{edap.low:.4g} .. {edap.high:.4g} J·s·mm²  (90 % of {report.band.draws} draws; ADC: {anchors})"


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


def print_layers(report: Report) -> None:
    """What each layer saw and how exact it was."""
    table = _table("layers (on the chip against exact arithmetic)", "layer", *LAYER_COLUMNS)
    for row in layer_rows(report.to_dict()):
        table.add_row(*row)
    console().print(table)
    bound = max((layer.wire_error or 0.0 for layer in (report.quality or {}).values()), default=0.0)
    if bound:
        console().print(f"column currents behind the wires are known within {bound:.1e} of the largest (bound)")


def print_chain(stages: Sequence[Stage]) -> None:
    """Accuracy and signal-to-error ratios along a degradation chain."""
    out = console()
    intervals = ("accuracy", "95 % interval", "change", "95 % interval")
    table = _table("effects, each on top of those above", "effect", *intervals)
    for stage in stages:
        low, high = stage.accuracy_ci
        change = ("-", "-") if stage.change is None else _difference(stage.change)
        table.add_row(stage.name, f"{stage.accuracy:.2%}", f"{100 * low:.1f} to {high:.1%}", *change)
    out.print(table)
    ratios = _table("signal-to-error ratio of each layer (dB)", "layer", *(stage.name for stage in stages[1:]))
    for layer in stages[-1].quality:
        found = [stage.quality[layer] for stage in stages[1:]]
        ratios.add_row(layer, *(f"{record.ser_db:.1f}" if record.error_rms else "exact" for record in found))
    out.print(ratios)


def print_currents(layers: Mapping[str, LayerCurrent]) -> None:
    """Energy of the cells' currents, read by read, and from means."""
    table = _table(
        "cell currents per inference, without lines and converters",
        *("layer", "every read", "p5 to p95", "from means", "error", "from the middle level"),
    )
    for name, found in layers.items():
        ends = " to ".join(engineering(found.percentile_pj(p), "pJ") for p in (5, 95))
        exact, mean, middle = (engineering(pj, "pJ") for pj in (found.exact_pj, found.mean_field_pj, found.middle_pj))
        table.add_row(name, exact, ends, mean, f"{found.mean_field_error:+.1%}", middle)
    console().print(table)


def print_comparison(result: Comparison) -> None:
    """Two accuracies and their paired difference."""
    out, found = console(), result.difference
    out.print(f"[bold]{result.network}[/bold] on [bold]{result.names[0]}[/bold] (A) and {result.names[1]} (B)")
    for name, accuracy in (("A", result.first), ("B", result.second)):
        low, high = accuracy.interval
        out.print(f"accuracy {name}    {accuracy.value:.2%}  (95 % interval {low:.2%} to {high:.2%})")
    value, interval = _difference(found)
    verdict = "A and B differ" if found.significant else "no difference shown"
    if found.interval == (0.0, 0.0):
        verdict = "one arithmetic"
    out.print(f"A less B      {value}  (95 % interval {interval}: {verdict})")
    test = "" if found.p_value is None else f"; McNemar's exact test: p = {found.p_value:.3g}"
    out.print(f"pairs         only A right {found.only_first:.2%}, only B right {found.only_second:.2%}{test}")


def print_precision(found: Sequence[PrecisionRatio]) -> None:
    """One network against its full-precision baselines: numbers, and how many times better the network is."""
    out, report = console(), found[0].quantized
    heads = [head for ratio in found for head in (f"32 bits, {ratio.baseline}", "better")]
    table = _table(f"{report.network} on {report.chip}", "metric", "as it is", *heads)
    for name in found[0].ratios:
        label, unit, _ = METRICS[name]
        cells = [cell for r in found for cell in (f"{getattr(r.full, name):.4g}", f"{r.gains[name]:.3g}x")]
        table.add_row(f"{label} ({unit})", f"{getattr(report, name):.4g}", *cells)
    out.print(table)
    for ratio in found:
        out.print(f"{ratio.baseline}: {BASELINES[ratio.baseline]} (report {ratio.full.report_hash[:12]})")
    out.print(f"activity is {report.activity.origin}, the same in all")


def _difference(found: PairedDifference) -> tuple[str, str]:
    """A difference and its interval, in points."""
    low, high = found.interval
    return f"{100 * found.value:+.2f} points", f"{100 * low:+.2f} to {100 * high:+.2f}"


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


def print_ranges(title: str, ranges: Sequence[LayerRange]) -> None:
    """What a calibrated chip's converters make of the data that they were calibrated on."""
    table = _table(title, "layer", "ADC", "full scale", "of", "LSB", "clipped", "lossless")
    for row in ranges:
        table.add_row(
            row.name,
            f"{row.bits} bit",
            "/".join(map(str, row.full_scales)),
            f"{row.largest} levels",
            "/".join(f"{lsb:.3g}" for lsb in row.lsb),
            f"{row.clip_share:.3%}",
            "yes" if row.lossless else "no",
        )
    console().print(table)


def print_bits(title: str, choice: BitChoice, reports: Sequence[Report]) -> None:
    """ADC bits that were chosen, and costs (at the network's stored activity) before and after."""
    out, table = console(), _table("", "layer", "ADC bits", "chosen")
    out.print(title)
    for name, given in choice.before.items():
        table.add_row(name, f"{given} bit", f"{choice.after[name]} bit")
    out.print(table)
    last = choice.steps[-1].accuracy if choice.steps else choice.accuracy
    out.print(f"accuracy      {choice.accuracy:.2%} -> {last:.2%}  (on the images that they were chosen on)")
    _print_costs(*reports)


def print_change(title: str, chosen: Mapping[str, int], before: Report, after: Report) -> None:
    """What was chosen for every layer, and the costs before and after."""
    out, table = console(), _table("", "layer", "chosen")
    out.print(title)
    for name, value in chosen.items():
        table.add_row(name, str(value))
    out.print(table)
    _print_costs(before, after)
    out.print(f"tiles         {before.cost.tiles} -> {after.cost.tiles}")


def _print_costs(before: Report, after: Report) -> None:
    for label, name, unit in (
        ("energy", "energy_pj", "pJ"),
        ("latency", "latency_ns", "ns"),
        ("interval", "interval_ns", "ns"),
        ("area", "area_um2", "µm²"),
    ):
        first, second = getattr(before, name), getattr(after, name)
        shown = " -> ".join(engineering(value, unit) for value in (first, second))
        console().print(f"{label:<13} {shown}  ({second / first - 1:+.1%})")


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
    from .sweep import crowded, pareto_table

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
    if busy := crowded(study, [row.report_hash for row in rows]):
        print(f"note: {busy} of them load their mesh beyond its closed form; noc.fidelity: cycle simulates it")


def _table(title: str, first: str, *others: str) -> Table:
    """A plain table: the first column is text, the others are numbers; no cell is broken over lines."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
