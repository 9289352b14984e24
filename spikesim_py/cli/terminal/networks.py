"""`spikesim import` and `spikesim export` on a terminal: what was read, what was assumed, what quantizing costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..._files import check_target
from ...errors import InputError
from ...importers import import_network, load_network
from ...network import Network, quantize_network, save_network


def run_import(
    checkpoint: str,
    format: str | None,
    output: str,
    options: dict[str, Any],
    bits: int | None,
    data: str | None,
    membrane_error: bool,
) -> None:
    """Read a checkpoint, quantize it if asked, write it."""
    check_target(output)
    given = {name: value for name, value in options.items() if value is not None}
    network = import_network(checkpoint, format, **given)
    if bits is not None:
        network = _quantized(network, bits, data, membrane_error)
    elif data is not None:
        click.echo(f"accuracy on {data}: {_accuracy(network, data):.4f}")
    save_network(network, output)
    click.echo(network.describe())
    click.echo(f"wrote {output}")


def run_export(name: str, output: str, dt: float, data: str | None, samples: int) -> None:
    """Write a network as NIR, or as plain numbers in a folder."""
    from ...importers.export_bundle import export_bundle
    from ...importers.export_nir import export_nir

    network = load_network(name)
    if Path(output).suffix.lower() == ".nir":
        written = export_nir(network, output, dt)
    else:
        written = export_bundle(network, output, None if data is None else _images(data, "report")[0][:samples])
    click.echo(f"wrote {written}")


def _quantized(network: Network, bits: int, data: str | None, membrane_error: bool) -> Network:
    if network.arithmetic != "float":
        raise InputError(f"network {network.name!r} is {network.arithmetic}: it needs no weight_bits")
    if data is None:
        return quantize_network(network, bits, membrane_error=membrane_error)
    before = _accuracy(network, data)
    made = quantize_network(network, bits, calibration=_images(data, "calibration")[0], membrane_error=membrane_error)
    click.echo(f"accuracy on {data}: {before:.4f} in float, {_accuracy(made, data):.4f} with {bits}-bit weights")
    return made


def _images(data: str, split: str) -> tuple[Any, Any]:
    from ...datasets import load_dataset

    dataset = load_dataset(data, split)
    return dataset.images, dataset.labels


def _accuracy(network: Network, data: str) -> float:
    images, labels = _images(data, "report")
    return float(np.mean(network.run(images).predictions == labels))
