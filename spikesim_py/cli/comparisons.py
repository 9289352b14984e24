"""`spikesim compare`, `precision` and `diff`: two designs held against each other."""

from __future__ import annotations

from typing import Any

import click

from . import common


@click.command()
@common.net
@click.argument("chip_a")
@click.argument("chip_b")
@click.option("--set-a", multiple=True, metavar="KEY=VALUE", help="Override a field of CHIP_A, e.g. adc.bits=5.")
@click.option("--set-b", multiple=True, metavar="KEY=VALUE", help="Override a field of CHIP_B.")
@common.run_options
@click.option("--json", "json_path", metavar="FILE", help="Also write the comparison as JSON.")
def compare(
    net: str,
    chip_a: str,
    chip_b: str,
    set_a: tuple[str, ...],
    set_b: tuple[str, ...],
    json_path: str | None,
    **options: Any,
) -> None:
    """Accuracy of NET on CHIP_A less that on CHIP_B, on the same device instances and samples.

    \b
    Example:
      spikesim compare digits-w4 rram_32nm rram_32nm --set-b crossbar.rows=32 --chips 8
    """
    from ..compare import compare as run
    from ..hardware import load_hardware
    from .terminal.comparison import print_comparison

    common.check_outputs(json_path)
    designs = [load_hardware(chip, common.overrides(given)) for chip, given in ((chip_a, set_a), (chip_b, set_b))]
    result = run(net, *designs, **options)
    common.deliver(lambda: print_comparison(result), (json_path, result.to_json))


@click.command()
@common.net
@common.chip
@common.set
@click.option("--activity", type=float, help="Spikes per input line and time-step, for every layer.")
@click.option("--json", "json_path", metavar="FILE", help="Also write ratios and reports as JSON.")
def precision(net: str, chip: str, assignments: tuple[str, ...], activity: float | None, json_path: str | None) -> None:
    """What NET costs on CHIP against the same network at full precision: 32-bit slices, and a digital FP32 array.

    \b
    Example:
      spikesim precision vgg9-cifar10 rram_32nm --set network.weight_bits=4
    """
    import json

    from .._files import write_atomic
    from ..network.precision import BASELINES
    from ..precision import precision_ratio
    from .terminal.comparison import print_precision

    common.check_outputs(json_path)
    network, hardware = common.design(net, chip, assignments)
    found = [precision_ratio(network, hardware, baseline=name, activity=activity) for name in BASELINES]
    data = json.dumps({ratio.baseline: ratio.to_dict() for ratio in found}, indent=1) + "\n"
    common.deliver(lambda: print_precision(found), (json_path, lambda path: write_atomic(path, data)))


@click.command()
@click.argument("report_a", metavar="A.json")
@click.argument("report_b", metavar="B.json")
@click.option(
    "--by",
    default="component",
    show_default=True,
    type=click.Choice(["component", "layer", "leaf"]),
    help="What the rows are; a leaf is one component of one layer.",
)
@click.option("--csv", "csv_path", metavar="FILE", help="Also write the rows as CSV.")
@click.option("--json", "json_path", metavar="FILE", help="Also write the difference as JSON.")
@click.option("--html", "html_path", metavar="FILE", help="Also write a self-contained page with a waterfall.")
def diff(
    report_a: str, report_b: str, by: Any, csv_path: str | None, json_path: str | None, html_path: str | None
) -> None:
    """Where the design of B.json takes more or less than that of A.json (reports written with --json).

    \b
    Example:
      spikesim cost vgg9-cifar10 rram_32nm --json runs/a.json
      spikesim cost vgg9-cifar10 rram_32nm --set adc.bits=4 --json runs/b.json
      spikesim diff runs/a.json runs/b.json --by layer
    """
    from ..diff import diff as run
    from .terminal.diff import print_diff

    common.check_outputs(csv_path, json_path, html_path)
    found = run(report_a, report_b, by)
    files = ((csv_path, found.to_csv), (json_path, found.to_json), (html_path, found.to_html))
    common.deliver(lambda: print_diff(found), *files)
