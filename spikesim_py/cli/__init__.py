"""The command line: `spikesim ...`, one file for each group of commands; `terminal/` prints.

Rooms are imported inside the commands, so that `--help` is instant.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import click

from .._version import __version__
from ..errors import InputError, SpikesimError
from . import catalogue, chips, comparisons, evaluate, fronts, jobs, networks, neurobench, noc, studies, study, train

#: what click calls a number -> what people call it
_PLAIN = {"a valid integer range": "a whole number", "a valid integer": "a whole number", "a valid float": "a number"}


class _Commands(click.Group):
    """Commands in the order of use; our errors are one line on stderr, with the exit code that they mean."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """As click's, but a wrong command line is one line too."""
        try:
            code = super().main(*arguments, **options | {"standalone_mode": False})
        except click.ClickException as error:
            told = " ".join(error.format_message().split())
            for jargon, plain in _PLAIN.items():
                told = told.replace(jargon, plain)
            click.echo(f"spikesim: error: {told} (see --help)", err=True)
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


for _command in (
    studies.demo,
    evaluate.evaluate,
    comparisons.compare,
    evaluate.cost,
    noc.noc,
    neurobench.neurobench,
    comparisons.precision,
    comparisons.diff,
    chips.calibrate,
    chips.bits,
    chips.balance,
    studies.sweep,
    fronts.pareto,
    fronts.pick,
    fronts.nearest,
    fronts.sensitivity,
    studies.explore,
    study.study,
    jobs.jobs,
    jobs.table,
    train.train,
    networks.import_file,
    networks.export,
    catalogue.describe,
    catalogue.download,
    catalogue.list_names,
):
    main.add_command(_command)
