"""`spikesim neurobench`: what a network does, hardware aside."""

from __future__ import annotations

import click

from . import common


@click.command()
@common.net
@common.data_options("")
@click.option("--samples", type=click.IntRange(min=1), help="Samples to run (default: the whole report split).")
@click.option("--json", "json_path", metavar="FILE", help="Also write the metrics as JSON.")
def neurobench(net: str, data: str, samples: int | None, json_path: str | None) -> None:
    """NeuroBench's metrics of NET under their names: footprint, sparsity, membrane updates, synaptic operations.

    \b
    Example:
      spikesim neurobench digits-w4 --samples 100 --json runs/neurobench.json
    """
    from ..neurobench import neurobench as run
    from .terminal.neurobench import print_neurobench

    common.check_outputs(json_path)
    found = run(net, data, samples=samples)
    common.deliver(lambda: print_neurobench(found), (json_path, found.to_json))
