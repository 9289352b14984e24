"""A report: its numbers, components, layers, currents, limits and defects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..._units import engineering, number
from ...cost.resources import neuron_share, resource_label
from ...cost.roofline import COLUMNS, roofline_rows
from ...hardware import Hardware
from ...network import Network
from ...report import LAYER_COLUMNS, Report, layer_rows
from . import console, metric_text, new_table

if TYPE_CHECKING:
    from ...crossbar_energy import LayerCurrent


#: time-steps whose accuracies fit a line
_SHOWN_STEPS = 8


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
    out.print(f"EDAP          {metric_text('edap', report.edap)}")
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
    """The band, and why its median is not the EDAP of the report."""
    if report.band is None:
        return "none: the library is one set of constants, as published"
    found, anchors = report.band.edap, report.band.anchors
    low, middle, high = (metric_text("edap", end) for end in (found.low, found.median, found.high))
    own = f"; EDAP above: {report.hardware['cost']['adc_anchor']} alone" if len(anchors) > 1 else ""
    told = f"(90 % of {report.band.draws} draws; ADC figures of {', '.join(anchors) or 'none'}{own})"
    return f"{low} to {high}, median {middle}\n{'':14}{told}"


def _components(report: Report) -> Table:
    table = new_table("components", "component", "energy", "", "area", "", "critical time", "")
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
    table = new_table("layers (on the chip against exact arithmetic)", "layer", *LAYER_COLUMNS)
    for row in layer_rows(report.to_dict()):
        table.add_row(*row)
    console().print(table)
    bound = max((layer.wire_error or 0.0 for layer in (report.quality or {}).values()), default=0.0)
    if bound:
        console().print(f"column currents behind the wires are known within {bound:.1e} of the largest (bound)")


def print_currents(layers: Mapping[str, LayerCurrent]) -> None:
    """Energy of the cells' currents, read by read, and from means."""
    table = new_table(
        "cell currents per inference, without lines and converters",
        *("layer", "every read", "p5 to p95", "from means", "error", "from the middle level"),
    )
    for name, found in layers.items():
        ends = " to ".join(engineering(found.percentile_pj(p), "pJ") for p in (5, 95))
        exact, mean, middle = (engineering(pj, "pJ") for pj in (found.exact_pj, found.mean_field_pj, found.middle_pj))
        table.add_row(name, exact, ends, mean, f"{found.mean_field_error:+.1%}", middle)
    console().print(table)


def print_roofline(report: Report) -> None:
    """What limits each layer's time, and what every resource of the chip would allow by itself."""
    found = report.roofline
    table = new_table("what limits each layer (roofline)", "layer", *COLUMNS)
    for row in roofline_rows(found):
        table.add_row(*row)
    console().print(table)
    title = f"the chip's resources, each as if it never waited; {number(report.operations)} operations per inference"
    roofs = new_table(title, "resource", "busy", "of the latency", "TOPS")
    for part in found.chip.resources:
        share, roof = part.alone_ns / found.chip.time_ns, part.roof_tops
        shown = "-" if roof is None else f"{roof:.4g}"
        roofs.add_row(resource_label(part.resource), engineering(part.alone_ns, "ns"), f"{share:.1%}", shown)
    console().print(roofs)


def print_defects(network: Network, hardware: Hardware) -> None:
    """What each released defect does to energy, latency and area."""
    from ...cost.released import defect_table

    table = new_table("each defect corrected by itself", "defect", "energy", "", "latency", "", "area", "")
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
