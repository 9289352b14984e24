"""`spikesim evaluate` and `spikesim cost`: one network on one chip."""

from __future__ import annotations

from typing import Any

import click

from ..errors import InputError
from . import common


@click.command()
@common.net
@common.chip
@common.set
@common.run_options
@click.option("--layers", is_flag=True, help="Also measure and print how exact each layer is.")
@click.option("--chain", is_flag=True, help="Also print what each effect costs, added one after the other.")
@click.option(
    "--currents", is_flag=True, help="Also sum the cell currents of every read, beside the cost model's mean."
)
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "bits", "rows", "real", "reference"]),
    help="How column sums are formed; auto takes the fastest.",
)
@click.option(
    "--exit",
    metavar="RULE:THRESHOLD",
    help="End inferences early: confidence:0.9 or entropy:0.3; a third number is the scale of the readout.",
)
@common.json
@common.html
def evaluate(
    net: str,
    chip: str,
    assignments: tuple[str, ...],
    layers: bool,
    chain: bool,
    currents: bool,
    engine: Any,
    exit: str | None,
    json_path: str | None,
    html_path: str | None,
    **options: Any,
) -> None:
    """Accuracy, energy, latency and area of NET on CHIP.

    \b
    Example:
      spikesim evaluate digits-w4 rram_32nm --set crossbar.rows=64 --chips 8 --layers
    """
    from ..compare import degradation
    from ..crossbar_energy import crossbar_energy
    from ..datasets import network_data
    from ..evaluate import evaluate as run
    from .terminal.comparison import print_chain
    from .terminal.report import print_currents, print_layers, print_report

    common.check_outputs(json_path, html_path)
    network, hardware = common.design(net, chip, assignments)
    report = run(network, hardware, **options, quality=layers, engine=engine, exit=exit)
    common.deliver(lambda: print_report(report), (json_path, report.to_json), (html_path, report.to_html))
    if layers:
        print_layers(report)
    if chain:
        print_chain(degradation(network, hardware, **options))
    if currents:
        seen = network_data(network, options["data"], "report", options["samples"])
        print_currents(crossbar_energy(network, hardware, seen, chips=options["chips"], seed=options["seed"]))


@click.command()
@common.net
@common.chip
@common.set
@click.option("--activity", type=float, help="Spikes per input line and time-step, for every layer.")
@click.option("--defects", is_flag=True, help="What each released defect does (chip spikesim_released).")
@click.option("--roofline", is_flag=True, help="Also print what limits each layer, with its headroom.")
@click.option("--csv", "csv_path", metavar="FILE", help="Also write the cost tree as CSV, one row per node.")
@common.json
@common.html
def cost(
    net: str,
    chip: str,
    assignments: tuple[str, ...],
    activity: float | None,
    defects: bool,
    roofline: bool,
    csv_path: str | None,
    json_path: str | None,
    html_path: str | None,
) -> None:
    """Energy, latency and area of NET on CHIP, without data.

    \b
    Example:
      spikesim cost vgg9-cifar10 spikesim_released --defects
      spikesim cost vgg9-cifar10 rram_32nm --set network.weight_bits=2 --set network.membrane_bits=8
    """
    from ..evaluate import cost as run
    from .terminal.report import print_defects, print_report, print_roofline

    common.check_outputs(csv_path, json_path, html_path)
    network, hardware = common.design(net, chip, assignments)
    if defects and hardware.cost.library != "spikesim_released":
        raise InputError(
            f"--defects: chip {hardware.name!r} uses the library {hardware.cost.library!r}, which has none"
        )
    report = run(network, hardware, activity=activity)

    def show() -> None:
        print_report(report)
        if roofline:
            print_roofline(report)
        if defects:
            print_defects(network, hardware)

    common.deliver(show, (csv_path, report.tree.to_csv), (json_path, report.to_json), (html_path, report.to_html))
