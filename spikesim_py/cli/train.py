"""`spikesim train`: a network from a recipe."""

from __future__ import annotations

import click

from . import common


@click.command()
@click.argument("config")
@common.data_root
@click.option("-o", "--output", metavar="NET.safetensors", help="Where the network goes (default: its name, here).")
@click.option("--log", metavar="FILE.csv", help="Also write one line per epoch.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside the output, if there is one.")
def train(config: str, output: str | None, log: str | None, resume: bool) -> None:
    """Train a network from CONFIG (a training YAML or bundled name).

    A checkpoint, NET.checkpoint, is written after every epoch: what was stopped goes on with --resume, to the same
    network.

    \b
    Example:
      spikesim train digits-w4 -o runs/digits-w4.safetensors
      spikesim train digits-w4 -o runs/digits-w4.safetensors --resume --log runs/digits-w4.csv
    """
    from training import train as run

    from .terminal.progress import training_progress

    with training_progress() as progress:
        made = run(config, output=output, log=log, progress=progress, resume=resume)
    click.echo(f"wrote {made.path}: accuracy {made.accuracy:.2%} on the report split")
