"""`spikesim import` and `spikesim export` on a terminal: what was read, what was assumed, what quantizing costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..._files import check_target
from ...datasets import network_data
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
        network = quantized(network, bits, data, membrane_error)
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
        written = export_bundle(
            network, output, None if data is None else network_data(network, data, "report", samples).images
        )
    click.echo(f"wrote {written}")


def quantized(network: Network, bits: int, data: str | None, membrane_error: bool = False) -> Network:
    """A float network with weights of so many bits, calibrated on the data, which says what that costs."""
    if network.arithmetic != "float":
        raise InputError(f"network {network.name!r} is {network.arithmetic}: it needs no weight_bits")
    if data is None:
        return quantize_network(network, bits, membrane_error=membrane_error)
    before = _accuracy(network, data)
    calibration = network_data(network, data, "calibration").images
    made = quantize_network(network, bits, calibration=calibration, membrane_error=membrane_error)
    click.echo(f"accuracy on {data}: {before:.4f} in float, {_accuracy(made, data):.4f} with {bits}-bit weights")
    return made


def _accuracy(network: Network, data: str) -> float:
    report = network_data(network, data)
    return float(np.mean(network.run(report.images).predictions == report.labels))
