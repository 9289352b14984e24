"""`spikesim noc`: a network's spikes on the chip's mesh."""

from __future__ import annotations

from typing import Any

import click

from . import common


@click.command()
@common.net
@common.chip
@common.set
@click.option("--data", help="Dataset whose spikes are sent (default: digits).")
@click.option("--samples", type=click.IntRange(1, 10_000), help="Images of it (default: 4).")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the device instance.")
@click.option(
    "--fidelity",
    type=click.Choice(["cycle", "event"]),
    help="Every flit in every cycle, or packet by packet (default: the chip's noc.fidelity, else cycle).",
)
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=1), help="Links to print.")
@click.option("--json", "json_path", metavar="FILE", help="Also write everything as JSON.")
@click.option("--html", "html_path", metavar="FILE", help="Also write the floor plan with its links as a page.")
def noc(
    net: str,
    chip: str,
    assignments: tuple[str, ...],
    data: str | None,
    samples: int | None,
    seed: int,
    fidelity: Any,
    top: int,
    json_path: str | None,
    html_path: str | None,
) -> None:
    """What a network's spikes do to the chip's mesh: hottest links, and the layers that load them.

    \b
    Columns:
      makespan  cycles of a time-step, computing and waiting; largest: of any sample
      waits     cycles in which layers wait for last packets; p50, p99: latency of packets
      even at   spike rate at which the cheapest sparse code takes as many flits as a bitmap
      busy      share of all cycles in which a link carries a flit; peak: while its layer computes

    \b
    Example:
      spikesim noc digits-w4 rram_32nm --set pe.crossbars=2 --set tile.pes=1
      spikesim noc vgg9-cifar10 rram_32nm --set noc.placement=optimized --html mesh.html
    """
    common.check_outputs(json_path, html_path)
    from ..noc_report import noc_report
    from .terminal.noc import print_noc

    overrides = common.overrides(assignments)
    found = noc_report(net, chip, data=data, samples=samples, seed=seed, overrides=overrides, fidelity=fidelity)
    common.deliver(lambda: print_noc(found, top), (json_path, found.to_json), (html_path, found.to_html))
