"""The command line: `spikesim ...`. Rooms are imported inside the commands, so that `--help` is instant."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ._version import __version__
from .errors import InputError, SpikesimError


class _Commands(click.Group):
    """Commands in the order of use; our errors are one line on stderr, with the exit code that they mean."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """As click's, but a wrong command line is one line too."""
        try:
            code = super().main(*arguments, **options | {"standalone_mode": False})
        except click.ClickException as error:
            click.echo(f"spikesim: error: {' '.join(error.format_message().split())} (see --help)", err=True)
            code = error.exit_code
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                return super().invoke(ctx)
        except SpikesimError as error:
            click.echo(f"spikesim: error: {' '.join(str(error).split())}", err=True)
            ctx.exit(2 if isinstance(error, InputError) else 3)
        except KeyboardInterrupt:
            click.echo("spikesim: interrupted; finished results are kept", err=True)
            ctx.exit(130)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"spikesim: warning: {' '.join(str(message).split())}", err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spikesim")
def main() -> None:
    """Accuracy, energy, delay and area of spiking networks on in-memory-computing chips.

    \b
    Start here:
      spikesim demo                                     sweep, Pareto table, report, explorer
      spikesim evaluate digits-w4 rram_32nm             one network on one chip
    """


_net = click.argument("net")
_chip = click.argument("chip")
_set = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field: adc.bits=5, network.time_steps=8.",
)
_json = click.option("--json", "json_path", metavar="FILE", help="Also write the whole report as JSON.")
_html = click.option("--html", "html_path", metavar="FILE", help="Also write a self-contained HTML report.")


def _use_root(ctx: click.Context, parameter: click.Parameter, root: str | None) -> None:
    """Said once for this process and those that it starts."""
    import os

    from .datasets.places import VARIABLE

    if root is not None:
        os.environ[VARIABLE] = root


_data_root = click.option(
    "--data-root",
    metavar="DIR",
    expose_value=False,
    callback=_use_root,
    help="Folder of data sets (default: SPIKESIM_DATA).",
)


def _data_options(default_use: str) -> Callable[[Any], Any]:
    """Which data: a name, or a folder of recordings with their format."""

    def add(command: Any) -> Any:
        @functools.wraps(command)
        def resolved(*arguments: Any, data: str, form: str | None, dt: str | None, **options: Any) -> Any:
            from .datasets.request import of_folder

            return command(*arguments, data=of_folder(data, form, dt), **options)

        for option in (
            click.option(
                "--dt", metavar="TIME", help="Events: length of a time-step, e.g. 1ms (default: T equal times)."
            ),
            click.option(
                "--format", "form", metavar="FORMAT", help="--data is a folder of recordings: nmnist, aedat, npz ..."
            ),
            _data_root,
            click.option("--data", default="digits", show_default=True, help=f"Dataset{default_use}."),
        ):
            resolved = option(resolved)
        return resolved

    return add


def _run_options(command: Any) -> Any:
    """What is run: data, samples, device instances, seed."""
    command = _data_options("")(command)
    for option in (
        click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0)),
        click.option("--chips", default=1, show_default=True, type=click.IntRange(1, 10_000), help="Device instances."),
        click.option("--samples", type=click.IntRange(min=1), help="Images to classify (default: the whole split)."),
    ):
        command = option(command)
    return command


def _overrides(assignments: tuple[str, ...]) -> dict[str, Any]:
    from .hardware import parse_override

    return dict(parse_override(text) for text in assignments)


def _design(net: str, chip: Any, assignments: tuple[str, ...]) -> tuple[Any, Any]:
    """Network and chip with their overrides."""
    from .evaluate import design

    return design(net, chip, _overrides(assignments))


def _check_outputs(*paths: str | None) -> None:
    """A path that cannot be written is better known before the work than after it."""
    from ._files import check_target

    for path in filter(None, paths):
        check_target(path)


def _deliver(show: Callable[[], None], *files: tuple[str | None, Callable[[str], Any]]) -> None:
    """Files first: whoever closes the pipe that the terminal output goes to still gets them."""
    wrote = [write(path) for path, write in files if path]
    show()
    for path in wrote:
        click.echo(f"wrote {path}")


@main.command()
@click.option("--serve/--no-serve", default=True, help="Open the explorer at the end (default), or stop.")
@click.option("--store", default="runs/demo.db", show_default=True, help="Where the study is kept.")
@click.option("--port", default=8050, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (default: one per core).")
def demo(serve: bool, store: str, port: int, workers: int | None) -> None:
    """The main job on bundled input: sweep, Pareto table, report, explorer.

    \b
    Example:
      spikesim demo --no-serve
    """
    from ._terminal import run_sweep

    if serve:  # a busy port is better known before the sweep than after it
        from explorer_app import listen

        listen("127.0.0.1", port).close()
    study = run_sweep("demo", store, "local", workers, resume=True)
    report = Path(store).with_suffix(".html")
    from .figures.html import study_page

    _write(report, study_page(study))
    click.echo(f"report: {report}")
    if serve:
        _serve(store, "127.0.0.1", port)
    else:
        click.echo(f"explore: spikesim explore {store}")


def _write(path: Path, text: str) -> None:
    from ._files import write_atomic

    write_atomic(path, text)


@main.command()
@_net
@_chip
@_set
@_run_options
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
@_json
@_html
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
    from ._terminal import print_chain, print_currents, print_layers, print_report
    from .compare import degradation
    from .crossbar_energy import crossbar_energy
    from .datasets import network_data
    from .evaluate import evaluate as run

    _check_outputs(json_path, html_path)
    network, hardware = _design(net, chip, assignments)
    report = run(network, hardware, **options, quality=layers, engine=engine, exit=exit)
    _deliver(lambda: print_report(report), (json_path, report.to_json), (html_path, report.to_html))
    if layers:
        print_layers(report)
    if chain:
        print_chain(degradation(network, hardware, **options))
    if currents:
        seen = network_data(network, options["data"], "report", options["samples"])
        print_currents(crossbar_energy(network, hardware, seen, chips=options["chips"], seed=options["seed"]))


@main.command()
@_net
@click.argument("chip_a")
@click.argument("chip_b")
@click.option("--set-a", multiple=True, metavar="KEY=VALUE", help="Override a field of CHIP_A, e.g. adc.bits=5.")
@click.option("--set-b", multiple=True, metavar="KEY=VALUE", help="Override a field of CHIP_B.")
@_run_options
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
    from ._terminal import print_comparison
    from .compare import compare as run
    from .hardware import load_hardware

    _check_outputs(json_path)
    designs = [load_hardware(chip, _overrides(given)) for chip, given in ((chip_a, set_a), (chip_b, set_b))]
    result = run(net, *designs, **options)
    _deliver(lambda: print_comparison(result), (json_path, result.to_json))


@main.command()
@_net
@_chip
@_set
@click.option("--activity", type=float, help="Spikes per input line and time-step, for every layer.")
@click.option("--defects", is_flag=True, help="What each released defect does (chip spikesim_released).")
@click.option("--roofline", is_flag=True, help="Also print what limits each layer, with its headroom.")
@click.option("--csv", "csv_path", metavar="FILE", help="Also write the cost tree as CSV, one row per node.")
@_json
@_html
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
    from ._terminal import print_defects, print_report
    from ._terminal_costs import print_roofline
    from .evaluate import cost as run

    _check_outputs(csv_path, json_path, html_path)
    network, hardware = _design(net, chip, assignments)
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

    _deliver(show, (csv_path, report.tree.to_csv), (json_path, report.to_json), (html_path, report.to_html))


@main.command()
@_net
@_chip
@_set
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
    _check_outputs(json_path, html_path)
    from ._terminal_noc import print_noc
    from .noc_report import noc_report

    overrides = _overrides(assignments)
    found = noc_report(net, chip, data=data, samples=samples, seed=seed, overrides=overrides, fidelity=fidelity)
    _deliver(lambda: print_noc(found, top), (json_path, found.to_json), (html_path, found.to_html))


@main.command()
@_net
@_chip
@_set
@click.option("--activity", type=float, help="Spikes per input line and time-step, for every layer.")
@click.option("--json", "json_path", metavar="FILE", help="Also write ratios and reports as JSON.")
def precision(net: str, chip: str, assignments: tuple[str, ...], activity: float | None, json_path: str | None) -> None:
    """What NET costs on CHIP against the same network at full precision: 32-bit slices, and a digital FP32 array.

    \b
    Example:
      spikesim precision vgg9-cifar10 rram_32nm --set network.weight_bits=4
    """
    import json

    from ._files import write_atomic
    from ._terminal import print_precision
    from .network.precision import BASELINES
    from .precision import precision_ratio

    _check_outputs(json_path)
    network, hardware = _design(net, chip, assignments)
    found = [precision_ratio(network, hardware, baseline=name, activity=activity) for name in BASELINES]
    data = json.dumps({ratio.baseline: ratio.to_dict() for ratio in found}, indent=1) + "\n"
    _deliver(lambda: print_precision(found), (json_path, lambda path: write_atomic(path, data)))


@main.command()
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
    from ._terminal_costs import print_diff
    from .diff import diff as run

    _check_outputs(csv_path, json_path, html_path)
    found = run(report_a, report_b, by)
    files = ((csv_path, found.to_csv), (json_path, found.to_json), (html_path, found.to_html))
    _deliver(lambda: print_diff(found), *files)


@main.command()
@_net
@_chip
@_set
@_data_options(", of which the calibration split is used")
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
    from ._files import write_atomic
    from ._terminal import print_ranges
    from .datasets import network_data
    from .evaluate import check_fits
    from .hardware import extension, extension_of, load_hardware
    from .inference.calibrate import column_sums, layer_ranges, with_full_scales

    _check_outputs(output)
    base, extends = load_hardware(chip), extension_of(chip, output)
    network, hardware = _design(net, base, assignments)
    dataset = network_data(network, data, "calibration")
    check_fits(network, dataset)
    sums = column_sums(network, hardware, dataset)
    made = with_full_scales(hardware, sums, f"{network.name} on {dataset.name}", percentile, per)
    print_ranges(
        f"{network.name} on {chip}, {len(dataset)} samples of {dataset.name}", layer_ranges(network, made, sums)
    )
    click.echo(f"wrote {write_atomic(output, extension(made, base, extends))}")


@main.command()
@_net
@_chip
@_set
@click.option("--budget", default=0.01, show_default=True, type=click.FloatRange(0, 1), help="Accuracy that may go.")
@click.option("--lossless", is_flag=True, help="Instead, as many as the largest sum of any column needs; no data.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--chips", default=4, show_default=True, type=click.IntRange(1, 10_000), help="Device instances.")
@_data_options(", of which the search split is used")
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
    from ._files import write_atomic
    from ._terminal import print_bits, print_change
    from .datasets import network_data
    from .evaluate import check_fits
    from .evaluate import cost as run
    from .hardware import extension, extension_of, load_hardware
    from .inference.precision import choose_adc_bits
    from .mapping import lossless_adc

    _check_outputs(output)
    base, extends = load_hardware(chip), extension_of(chip, output)
    network, hardware = _design(net, base, assignments)
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


@main.command()
@_net
@_chip
@_set
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
    from ._files import write_atomic
    from ._terminal import print_change
    from .balance import balance as run
    from .hardware import extension, extension_of, load_hardware

    _check_outputs(output)
    base, extends = load_hardware(chip), extension_of(chip, output)
    network, hardware = _design(net, base, assignments)
    found = run(network, hardware, tiles=tiles, area_um2=None if area_mm2 is None else area_mm2 * 1e6)
    print_change(f"{network.name} on {chip}: copies of layers", found.copies, found.before, found.after)
    click.echo(f"wrote {write_atomic(output, extension(found.hardware, base, extends))}")


@main.command()
@click.argument("space")
@_data_root
@click.option("--store", metavar="FILE.db", help="Study file; made if it is not there (default: runs/SPACE.db).")
@click.option("--executor", default="local", show_default=True, help="local or serial.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (default: one per core).")
@click.option("--resume/--no-resume", default=True, help="Keep what the store has (default), or refuse it.")
@click.option("--dry-run", is_flag=True, help="Say how much there is to do, and stop.")
@_html
def sweep(
    space: str,
    store: str | None,
    executor: str,
    workers: int | None,
    resume: bool,
    dry_run: bool,
    html_path: str | None,
) -> None:
    """Evaluate every design of SPACE (a sweep's YAML or bundled name) into a study file.

    \b
    Example:
      spikesim sweep quickstart --store runs/quick.db
    """
    from ._terminal import print_dry_run, run_sweep

    store = store or f"runs/{Path(space).stem}.db"
    _check_outputs(html_path)
    if dry_run:
        print_dry_run(space, store)
        return
    study = run_sweep(space, store, executor, workers, resume=resume)
    if html_path:
        from .figures.html import study_page

        _write(Path(html_path), study_page(study))
        click.echo(f"wrote {html_path}")
    failed = study.failures()
    if failed:
        click.echo(f"spikesim: {len(failed)} designs failed; first: {failed[0]}", err=True)
        sys.exit(3)


@main.command()
@click.argument("store", required=False)
@click.option("--port", default=8050, show_default=True, type=click.IntRange(1, 65535))
@click.option("--host", default="127.0.0.1", show_default=True)
def explore(store: str | None, port: int, host: str) -> None:
    """Open a study in the browser.

    \b
    Example:
      spikesim explore runs/demo.db
    """
    _serve(store, host, port)


def _serve(store: str | None, host: str, port: int) -> None:
    from explorer_app import serve

    serve(Path(store) if store else None, host=host, port=port)


@main.command()
@click.argument("config")
@_data_root
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

    from ._terminal import training_progress

    with training_progress() as progress:
        made = run(config, output=output, log=log, progress=progress, resume=resume)
    click.echo(f"wrote {made.path}: accuracy {made.accuracy:.2%} on the report split")


_choice = click.Choice


@main.command("import")
@click.argument("checkpoint")
@click.option(
    "--from",
    "format",
    type=_choice(["nir", "lava", "spikingjelly", "snntorch", "state_dict", "spikesim", "text"]),
    help="Format (default: the suffix tells .nir and .net).",
)
@click.option("-o", "--output", required=True, metavar="NET.safetensors", help="Where the network goes.")
@click.option("--architecture", metavar="FILE.yaml", help="Which layers named arrays belong to.")
@click.option(
    "--convention",
    type=_choice(["nir", "norse", "snntorch", "spikingjelly", "sinabs"]),
    help="Whose time-steps the file means.",
)
@click.option("--dt", type=float, metavar="SECONDS", help="Seconds per time-step.")
@click.option("--decay", type=_choice(["euler", "exponential"]), help="How time constants become decays.")
@click.option("--gain", type=_choice(["tau", "unit"]), help="What multiplies a unit's input.")
@click.option("--reset", type=_choice(["zero", "subtract", "none"]), help="What a spike leaves of the membrane.")
@click.option("--reset-delay/--no-reset-delay", default=None, help="Whether the reset comes a time-step later.")
@click.option("--strict/--no-strict", default=None, help="Whether membranes must exceed thresholds.")
@click.option("--max-spikes", type=int, help="Spikes of a unit per time-step, at most.")
@click.option("--refractory", type=int, help="Time-steps of silence after a spike.")
@click.option("--v-min", type=float, help="Least membrane, in thresholds, e.g. -1.")
@click.option("--beta", type=float, help="What membranes keep, where the file does not say.")
@click.option("--threshold", type=float, help="Threshold, where the file does not say.")
@click.option("--time-steps", type=int, help="Time-steps per sample.")
@click.option("--coding", type=_choice(["direct", "events"]), help="One image for all steps, or events.")
@click.option("--input-bits", type=int, help="Bits of an input value.")
@click.option("--input-shape", metavar="C,H,W", help="Shape of a sample, where the file does not say.")
@click.option("--readout", type=_choice(["accumulate", "last", "spike_count"]), help="How the answer is made.")
@click.option("--fold", default="weights", type=_choice(["weights", "affine"]), help="Where factors of sums go.")
@click.option("--weight-bits", type=click.IntRange(1, 8), help="Also quantize the weights to so many bits.")
@click.option("--membrane-error", is_flag=True, help="Round weights so that membranes err least (needs --data).")
@click.option("--data", help="Dataset: calibrates, and its accuracy before and after is printed.")
def import_checkpoint(
    checkpoint: str,
    format: str | None,
    output: str,
    weight_bits: int | None,
    membrane_error: bool,
    data: str | None,
    input_shape: str | None,
    **options: Any,
) -> None:
    """Read another framework's checkpoint; say what had to be assumed.

    \b
    Example:
      spikesim import net.nir --dt 1e-4 --reset subtract -o net.safetensors
      spikesim import net.pt --from snntorch --weight-bits 4 -o net-w4.safetensors
    """
    from ._terminal_import import run_import

    if input_shape is not None:
        parts = input_shape.split(",")
        if not all(part.strip().isdigit() for part in parts):
            raise InputError(f"--input-shape {input_shape!r}: must be whole numbers, such as 2,34,34")
        options["input_shape"] = tuple(int(part) for part in parts)
    run_import(checkpoint, format, output, options, weight_bits, data, membrane_error)


@main.command()
@_net
@click.option(
    "-o", "--output", required=True, metavar="NET.nir|FOLDER", help="A NIR file, or a folder of plain arrays."
)
@click.option("--dt", default=1e-4, show_default=True, type=float, help="Seconds per time-step of a NIR file.")
@click.option("--data", help="Dataset of which a folder gets golden vectors: inputs, sums, membranes, spikes.")
@click.option("--samples", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many samples of it.")
def export(net: str, output: str, dt: float, data: str | None, samples: int) -> None:
    """Write a network for others: as NIR, or as integers and golden vectors for hardware teams.

    \b
    Example:
      spikesim export digits-w4 -o digits-w4-rtl --data digits --samples 4
      spikesim export digits-fp -o digits.nir
    """
    from ._terminal_import import run_export

    run_export(net, output, dt, data, samples)


@main.command()
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
    from ._terminal_describe import describe_chip, describe_network
    from .hardware import presets

    is_chip = name in presets() or (name.endswith((".yaml", ".yml")) and not _is_workload(name))
    _check_outputs(json_path)
    if is_chip:
        describe_chip(name, sources, json_path)
    elif json_path or sources:
        raise InputError(f"{'--json' if json_path else '--sources'}: {name!r} is a network; it is for chips")
    else:
        describe_network(name, chip)


def _is_workload(path: str) -> bool:
    from ._yaml import read_yaml

    return Path(path).is_file() and "nodes" in read_yaml(Path(path))[0]


@main.command()
@click.argument("name")
@_data_root
def download(name: str) -> None:
    """Fetch the data set NAME (mnist, cifar10 or cifar100) into the data root.

    \b
    Example:
      spikesim download mnist --data-root ~/data
    """
    from .datasets.download import download as run

    for path in run(name):
        click.echo(f"wrote {path}")


@main.command("list")
def list_names() -> None:
    """Names of the bundled networks, workloads, chips and sweeps.

    \b
    Example:
      spikesim list
    """
    from ._resources import bundled, config_dir
    from .hardware import presets
    from .network import workloads, zoo

    rows = {
        "trained networks": zoo(),
        "shape-only workloads": workloads(),
        "chips": presets(),
        "sweeps": bundled(config_dir("sweeps"), ".yaml"),
        "training recipes": bundled(config_dir("training"), ".yaml"),
    }
    for kind, names in rows.items():
        click.echo(f"{kind + ':':<22}{', '.join(names)}")


if __name__ == "__main__":
    main()
