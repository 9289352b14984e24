"""A chip fitted to a network: what was chosen for its layers, and costs before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..._units import engineering
from ...report import Report
from . import console, new_table

if TYPE_CHECKING:
    from ...inference.calibrate import LayerRange
    from ...inference.precision import BitChoice


def print_ranges(title: str, ranges: Sequence[LayerRange]) -> None:
    """What a calibrated chip's converters make of the data that they were calibrated on."""
    table = new_table(title, "layer", "ADC", "full scale", "of", "LSB", "clipped", "lossless")
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
    out, table = console(), new_table("", "layer", "ADC bits", "chosen")
    out.print(title)
    for name, given in choice.before.items():
        table.add_row(name, f"{given} bit", f"{choice.after[name]} bit")
    out.print(table)
    last = choice.steps[-1].accuracy if choice.steps else choice.accuracy
    out.print(f"accuracy      {choice.accuracy:.2%} -> {last:.2%}  (on the images that they were chosen on)")
    _print_costs(*reports)


def print_change(title: str, chosen: Mapping[str, int], before: Report, after: Report) -> None:
    """What was chosen for every layer, and the costs before and after."""
    out, table = console(), new_table("", "layer", "chosen")
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
