"""What commands share: arguments, options, and what is made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click


def _no_chip(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    """A bundled chip in the place of the network is the usual swap."""
    from .._resources import bundled, config_dir

    if given in bundled(config_dir("hardware"), ".yaml"):
        raise click.BadParameter(f"{given!r} is a chip: NET comes first, then CHIP")
    return given


net = click.argument("net", callback=_no_chip)
chip = click.argument("chip")
set = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field: adc.bits=5, network.time_steps=8.",
)
json = click.option("--json", "json_path", metavar="FILE", help="Also write the whole report as JSON.")
html = click.option("--html", "html_path", metavar="FILE", help="Also write a self-contained HTML report.")


def _use_root(ctx: click.Context, parameter: click.Parameter, root: str | None) -> None:
    """Said once for this process and those that it starts."""
    import os

    from ..datasets.places import VARIABLE

    if root is not None:
        os.environ[VARIABLE] = root


data_root = click.option(
    "--data-root",
    metavar="DIR",
    expose_value=False,
    callback=_use_root,
    help="Folder of data sets (default: SPIKESIM_DATA).",
)


def data_options(default_use: str) -> Callable[[Any], Any]:
    """Which data: a name, or a folder of recordings with their format."""

    def add(command: Any) -> Any:
        @functools.wraps(command)
        def resolved(
            *arguments: Any, data: str, form: str | None, dt: str | None, by: str | None, **options: Any
        ) -> Any:
            from ..datasets.request import of_folder

            return command(*arguments, data=of_folder(data, form, dt, by), **options)

        for option in (
            click.option(
                "--by",
                type=click.Choice(["time", "count"]),
                help="Events: time-steps of equal times (default), or of equal numbers of events.",
            ),
            click.option(
                "--dt", metavar="TIME", help="Events: length of a time-step, e.g. 1ms (default: T equal times)."
            ),
            click.option(
                "--format", "form", metavar="FORMAT", help="--data is a folder of recordings: nmnist, aedat, npz ..."
            ),
            data_root,
            click.option("--data", default="digits", show_default=True, help=f"Dataset{default_use}."),
        ):
            resolved = option(resolved)
        return resolved

    return add


def run_options(command: Any) -> Any:
    """What is run: data, samples, device instances, seed."""
    command = data_options("")(command)
    for option in (
        click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0)),
        click.option("--chips", default=1, show_default=True, type=click.IntRange(1, 10_000), help="Device instances."),
        click.option("--samples", type=click.IntRange(min=1), help="Images to classify (default: the whole split)."),
    ):
        command = option(command)
    return command


def overrides(assignments: tuple[str, ...]) -> dict[str, Any]:
    """Fields of the chip or the network and their new values; raises `ConfigError` for one that is given twice."""
    from ..errors import ConfigError
    from ..hardware import parse_override

    found: dict[str, Any] = {}
    for text in assignments:
        key, value = parse_override(text)
        if key in found:
            raise ConfigError(f"--set {text!r}: {key} is set twice, to {found[key]!r} before")
        found[key] = value
    return found


def design(net: str, chip: Any, assignments: tuple[str, ...], data: str = "") -> tuple[Any, Any]:
    """Network and chip with their overrides; a checkpoint that tells no time-step has that of the data."""
    from ..evaluate import design

    return design(net, chip, overrides(assignments), data)


def check_outputs(*paths: str | None) -> None:
    """A path that cannot be written is better known before the work than after it."""
    from .._files import check_target

    for path in filter(None, paths):
        check_target(path)


def deliver(show: Callable[[], None], *files: tuple[str | None, Callable[[str], Any]]) -> None:
    """Files first: whoever closes the pipe that the terminal output goes to still gets them."""
    wrote = [write(path) for path, write in files if path]
    show()
    for path in wrote:
        click.echo(f"wrote {path}")
