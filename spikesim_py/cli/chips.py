"""`spikesim calibrate`, `bits` and `balance`: a chip fitted to a network, written as a file that extends it."""

from __future__ import annotations

import click

from . import common


@click.command()
@common.net
@common.chip
@common.set
@common.data_options(", of which the calibration split is used")
@click.option("--percentile", type=float, help="Share of all conversions, in %, that a range covers (default: 99.9).")
@click.option("--per", type=click.Choice(["layer", "slice"]), help="What shares a range (default: layer).")
@click.option("-o", "--output", required=True, metavar="CHIP.yaml", help="Where the calibrated chip goes.")
def calibrate(
    net: str,
    chip: str,
    assignments: tuple[str, ...],
    data: str,
    percentile: float | None,
    per: str | None,
    output: str,
) -> None:
    """Set the ADC ranges of CHIP from what its columns carry while NET sees held-out data.

    \b
    Example:
      spikesim calibrate digits-w4 rram_32nm --percentile 99.9 -o runs/calibrated.yaml
    """
    from .._files import write_atomic
    from ..datasets import network_data
    from ..evaluate import check_fits
    from ..hardware import extension, extension_of, load_hardware
    from ..inference.calibrate import column_sums, layer_ranges, with_full_scales
    from .terminal.chips import print_ranges

    common.check_outputs(output)
    base, extends = load_hardware(chip), extension_of(chip, output)
    network, hardware = common.design(net, base, assignments)
    dataset = network_data(network, data, "calibration")
    check_fits(network, dataset)
    sums = column_sums(network, hardware, dataset)
    made = with_full_scales(hardware, sums, f"{network.name} on {dataset.name}", percentile, per)
    print_ranges(
        f"{network.name} on {chip}, {len(dataset)} samples of {dataset.name}", layer_ranges(network, made, sums)
    )
    click.echo(f"wrote {write_atomic(output, extension(made, base, extends))}")


@click.command()
@common.net
@common.chip
@common.set
@click.option("--budget", default=0.01, show_default=True, type=click.FloatRange(0, 1), help="Accuracy that may go.")
@click.option("--lossless", is_flag=True, help="Instead, as many as the largest sum of any column needs; no data.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--chips", default=4, show_default=True, type=click.IntRange(1, 10_000), help="Device instances.")
@common.data_options(", of which the search split is used")
@click.option("-o", "--output", required=True, metavar="CHIP.yaml", help="Where the chip goes.")
def bits(
    net: str,
    chip: str,
    assignments: tuple[str, ...],
    budget: float,
    lossless: bool,
    seed: int,
    chips: int,
    data: str,
    output: str,
) -> None:
    """Give every layer of NET on CHIP as few ADC bits as an accuracy budget allows, or as many as it can need.

    \b
    Example:
      spikesim bits digits-w4 rram_32nm --set adc.bits=7 --budget 0.005 -o runs/mixed.yaml
    """
    from .._files import write_atomic
    from ..datasets import network_data
    from ..evaluate import check_fits
    from ..evaluate import cost as run
    from ..hardware import extension, extension_of, load_hardware
    from ..inference.precision import choose_adc_bits
    from ..mapping import lossless_adc
    from .terminal.chips import print_bits, print_change

    common.check_outputs(output)
    base, extends = load_hardware(chip), extension_of(chip, output)
    network, hardware = common.design(net, base, assignments)
    if lossless:
        made = lossless_adc(network, hardware)
        reports = run(network, hardware), run(network, made)
        print_change(f"{network.name} on {chip}: ADC bits", made.adc.layer_bits, *reports)
        click.echo(f"wrote {write_atomic(output, extension(made, base, extends))}")
        return
    dataset = network_data(network, data, "search")
    check_fits(network, dataset)
    choice = choose_adc_bits(network, hardware, dataset, budget=budget, chips=chips, seed=seed)
    print_bits(
        f"{network.name} on {chip}, {len(dataset)} samples of {dataset.name}",
        choice,
        [run(network, made) for made in (hardware, choice.hardware)],
    )
    click.echo(f"wrote {write_atomic(output, extension(choice.hardware, base, extends))}")


@click.command()
@common.net
@common.chip
@common.set
@click.option("--tiles", type=click.IntRange(min=1), help="Tiles that the chip may have.")
@click.option("--area-mm2", type=click.FloatRange(min=0, min_open=True), help="Area that the chip may take.")
@click.option("-o", "--output", required=True, metavar="CHIP.yaml", help="Where the chip goes.")
def balance(
    net: str, chip: str, assignments: tuple[str, ...], tiles: int | None, area_mm2: float | None, output: str
) -> None:
    """Give the slowest layers of NET on CHIP copies of their crossbars, within a budget.

    \b
    Example:
      spikesim balance vgg9-cifar10 rram_32nm --tiles 60 -o runs/balanced.yaml
    """
    from .._files import write_atomic
    from ..balance import balance as run
    from ..hardware import extension, extension_of, load_hardware
    from .terminal.chips import print_change

    common.check_outputs(output)
    base, extends = load_hardware(chip), extension_of(chip, output)
    network, hardware = common.design(net, base, assignments)
    found = run(network, hardware, tiles=tiles, area_um2=None if area_mm2 is None else area_mm2 * 1e6)
    print_change(f"{network.name} on {chip}: copies of layers", found.copies, found.before, found.after)
    click.echo(f"wrote {write_atomic(output, extension(found.hardware, base, extends))}")
