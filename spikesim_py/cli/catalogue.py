"""`spikesim describe`, `download` and `list`: what there is."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from . import common


@click.command()
@click.argument("name")
@click.option("--on", "chip", metavar="CHIP", help="For a network: also its mapping on a chip.")
@click.option("--sources", is_flag=True, help="For a chip: every field and cost constant with its source.")
@click.option("--json", "json_path", metavar="FILE", help="For a chip: also write fields and constants as JSON.")
def describe(name: str, chip: str | None, sources: bool, json_path: str | None) -> None:
    """Say what a bundled or given network (or chip) is.

    \b
    Example:
      spikesim describe digits-w4 --on rram_32nm
      spikesim describe rram_32nm --sources
    """
    from ..hardware import presets
    from .terminal.describe import describe_chip, describe_network

    is_chip = name in presets() or (name.endswith((".yaml", ".yml")) and not _is_workload(name))
    common.check_outputs(json_path)
    if is_chip:
        describe_chip(name, sources, json_path)
    elif json_path or sources:
        raise InputError(f"{'--json' if json_path else '--sources'}: {name!r} is a network; it is for chips")
    else:
        describe_network(name, chip)


def _is_workload(path: str) -> bool:
    from .._yaml import read_yaml

    return Path(path).is_file() and "nodes" in read_yaml(Path(path))[0]


@click.command()
@click.argument("name")
@common.data_root
def download(name: str) -> None:
    """Fetch the data set NAME (mnist, cifar10 or cifar100) into the data root.

    \b
    Example:
      spikesim download mnist --data-root ~/data
    """
    from ..datasets.download import download as run

    for path in run(name):
        click.echo(f"wrote {path}")


@click.command("list")
@common.data_root
def list_names() -> None:
    """What there is: networks, workloads, chips, sweeps, training recipes, data sets, and what plugins add.

    \b
    Example:
      spikesim list
      spikesim list --data-root ~/data
    """
    from .._resources import bundled, config_dir
    from ..datasets.catalogue import catalogue
    from ..hardware import presets
    from ..network import load_network, workloads, zoo
    from ..plugins import everything
    from .terminal.catalogue import print_datasets, print_networks, print_plugins

    print_networks({path: load_network(path) for path in zoo().values()})
    rows = {
        "shape-only workloads": workloads(),
        "chips": presets(),
        "sweeps": bundled(config_dir("sweeps"), ".yaml"),
        "training recipes": bundled(config_dir("training"), ".yaml"),
    }
    for kind, names in rows.items():
        click.echo(f"{kind + ':':<22}{', '.join(names)}")
    print_datasets(catalogue())
    print_plugins(list(everything()))
