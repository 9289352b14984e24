"""`spikesim import` and `spikesim export`: networks from and for others."""

from __future__ import annotations

from typing import Any

import click

from ..errors import InputError
from . import common


def _seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """`1e-3` and `1ms` in seconds; raises `DataError` for what is neither."""
    from ..datasets.request import microseconds

    try:
        return None if text is None else float(text)
    except ValueError:
        return microseconds(text or "") / 1e6


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "--from",
    "format",
    type=click.Choice(["nir", "lava", "spikingjelly", "snntorch", "state_dict", "spikesim", "text"]),
    help="Format (default: the suffix tells .nir and .net).",
)
@click.option("-o", "--output", metavar="NET.safetensors", help="Where the network goes.")
@click.option("--store", metavar="FILE.db", help="Where results go (of a CSV or Parquet file): a new study.")
@click.option("--architecture", metavar="FILE.yaml", help="Which layers named arrays belong to.")
@click.option(
    "--convention",
    type=click.Choice(["nir", "norse", "snntorch", "spikingjelly", "sinabs"]),
    help="Whose time-steps the file means.",
)
@click.option("--dt", callback=_seconds, metavar="TIME", help="Of a time-step: seconds, or 1ms.")
@click.option("--decay", type=click.Choice(["euler", "exponential"]), help="How time constants become decays.")
@click.option("--gain", type=click.Choice(["tau", "unit"]), help="What multiplies a unit's input.")
@click.option("--reset", type=click.Choice(["zero", "subtract", "none"]), help="What a spike leaves of the membrane.")
@click.option("--reset-delay/--no-reset-delay", default=None, help="Whether the reset comes a time-step later.")
@click.option("--strict/--no-strict", default=None, help="Whether membranes must exceed thresholds.")
@click.option("--max-spikes", type=int, help="Spikes of a unit per time-step, at most.")
@click.option("--refractory", type=int, help="Time-steps of silence after a spike.")
@click.option("--v-init", type=click.Choice(["zero", "leak", "reset"]), help="First membrane: 0, v_leak or v_reset.")
@click.option("--synapse-gain", type=click.Choice(["tau", "unit"]), help="What multiplies a synapse's input.")
@click.option("--synapse-order", type=click.Choice(["leak_first", "input_first"]), help="What a current does first.")
@click.option("--synapse-reads", type=click.Choice(["updated", "previous"]), help="Which current drives a membrane.")
@click.option("--v-min", type=float, help="Least membrane, in thresholds, e.g. -1.")
@click.option("--beta", type=float, help="What membranes keep, where the file does not say.")
@click.option("--threshold", type=float, help="Threshold, where the file does not say.")
@click.option("--quantizer-bits", type=int, help="Of the quantizer that SpikeSim's training applies.")
@click.option("--name", help="Of the network (default: the file's).")
@click.option("--time-steps", type=int, help="Time-steps per sample.")
@click.option("--coding", type=click.Choice(["direct", "events"]), help="One image for all steps, or events.")
@click.option("--input-bits", type=int, help="Bits of an input value.")
@click.option("--input-shape", metavar="C,H,W", help="Shape of a sample, where the file does not say.")
@click.option("--readout", type=click.Choice(["accumulate", "last", "spike_count"]), help="How the answer is made.")
@click.option("--fold", default="weights", type=click.Choice(["weights", "affine"]), help="Where factors of sums go.")
@click.option("--weight-bits", type=click.IntRange(1, 8), help="Also quantize the weights to so many bits.")
@click.option("--membrane-error", is_flag=True, help="Round weights so that membranes err least (needs --data).")
@common.data_root
@click.option("--data", help="Dataset: calibrates, and its accuracy before and after is printed.")
@click.pass_context
def import_file(
    context: click.Context,
    /,
    file: str,
    format: str | None,
    output: str | None,
    store: str | None,
    weight_bits: int | None,
    membrane_error: bool,
    data: str | None,
    input_shape: str | None,
    **options: Any,
) -> None:
    """Read another framework's checkpoint, and say what had to be assumed; or a table of results, as a study.

    \b
    Example:
      spikesim import net.nir --dt 1e-4 --reset subtract -o net.safetensors
      spikesim import net.pt --from snntorch --weight-bits 4 -o net-w4.safetensors
      spikesim import net.nir --weight-bits 4 --data nmnist --data-root ~/data -o net-w4.safetensors
      spikesim import results.csv --store runs/theirs.db
    """
    from .terminal.networks import run_import

    if store is not None:
        _results(context, file, store)
        return
    if output is None:
        raise click.UsageError("needs -o NET.safetensors for a checkpoint, or --store FILE.db for a table of results")
    if input_shape is not None:
        parts = input_shape.split(",")
        if not all(part.strip().isdigit() for part in parts):
            raise InputError(f"--input-shape {input_shape!r}: must be whole numbers, such as 2,34,34")
        options["input_shape"] = tuple(int(part) for part in parts)
    run_import(file, format, output, options, weight_bits, data, membrane_error)


def _results(context: click.Context, file: str, store: str) -> None:
    """A table of results as a study; options of checkpoints say nothing about it."""
    from ..sweep import import_results

    given = [
        option.opts[-1]
        for option in context.command.params
        if option.name not in ("file", "store")
        and context.get_parameter_source(str(option.name)) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"--store goes without {given[0]}, which is about a checkpoint")
    study = import_results(file, store)
    click.echo(f"wrote {study.path}: {len(study)} designs; look at them: spikesim explore {study.path}")


@click.command()
@common.net
@click.option(
    "-o", "--output", required=True, metavar="NET.nir|FOLDER", help="A NIR file, or a folder of plain arrays."
)
@click.option(
    "--dt", default="1e-4", show_default=True, callback=_seconds, metavar="TIME", help="Of a NIR file: seconds, or 1ms."
)
@common.data_root
@click.option("--data", help="Dataset of which a folder gets golden vectors: inputs, sums, membranes, spikes.")
@click.option("--samples", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many samples of it.")
def export(net: str, output: str, dt: float, data: str | None, samples: int) -> None:
    """Write a network for others: as NIR, or as integers and golden vectors for hardware teams.

    \b
    Example:
      spikesim export digits-w4 -o digits-w4-rtl --data digits --samples 4
      spikesim export digits-fp -o digits.nir
    """
    from .terminal.networks import run_export

    run_export(net, output, dt, data, samples)
