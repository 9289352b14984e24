"""Two designs, two precisions, or a chain of effects: numbers and their differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...network.precision import BASELINES
from ...report import METRICS
from . import console, metric_text, new_table

if TYPE_CHECKING:
    from ...compare import Comparison, Stage
    from ...inference import PairedDifference
    from ...precision import PrecisionRatio


def print_chain(stages: Sequence[Stage]) -> None:
    """Accuracy and signal-to-error ratios along a degradation chain."""
    out = console()
    intervals = ("accuracy", "95 % interval", "change", "95 % interval")
    table = new_table("effects, each on top of those above", "effect", *intervals)
    for stage in stages:
        low, high = stage.accuracy_ci
        change = ("-", "-") if stage.change is None else _difference(stage.change)
        table.add_row(stage.name, f"{stage.accuracy:.2%}", f"{100 * low:.1f} to {high:.1%}", *change)
    out.print(table)
    on_chip = [stage for stage in stages if stage.quality]
    ratios = new_table("signal-to-error ratio of each layer (dB)", "layer", *(stage.name for stage in on_chip))
    for layer in stages[-1].quality:
        found = [stage.quality[layer] for stage in on_chip]
        ratios.add_row(layer, *(f"{record.ser_db:.1f}" if record.error_rms else "exact" for record in found))
    out.print(ratios)


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
    table = new_table(f"{report.network} on {report.chip}", "metric", "as it is", *heads)
    for name in found[0].ratios:
        cells = [cell for r in found for cell in (metric_text(name, getattr(r.full, name)), f"{r.gains[name]:.3g}x")]
        table.add_row(METRICS[name][0], metric_text(name, getattr(report, name)), *cells)
    out.print(table)
    for ratio in found:
        out.print(f"{ratio.baseline}: {BASELINES[ratio.baseline]} (report {ratio.full.report_hash[:12]})")
    out.print(f"activity is {report.activity.origin}, the same in all")


def _difference(found: PairedDifference) -> tuple[str, str]:
    """A difference and its interval, in points."""
    low, high = found.interval
    return f"{100 * found.value:+.2f} points", f"{100 * low:+.2f} to {100 * high:+.2f}"
