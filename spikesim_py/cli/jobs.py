"""`spikesim jobs` and `table`: who works on a study, and its numbers as a file."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("store")
@click.option("--pause", type=int, metavar="JOB", help="Let it finish what is in hand, then rest.")
@click.option("--cancel", type=int, metavar="JOB", help="Stop it at once.")
@click.option("--resume", type=int, metavar="JOB", help="Go on with it, in the background.")
@click.option("--json", "as_json", is_flag=True, help="Print the jobs as JSON.")
def jobs(store: str, pause: int | None, cancel: int | None, resume: int | None, as_json: bool) -> None:
    """Sweeps that work on the study STORE, or did, wherever they were started.

    What is stored stays, whatever happens to a job.

    \b
    Example:
      spikesim jobs runs/demo.db
      spikesim jobs runs/demo.db --pause 3
    """
    from ..sweep import ask, relaunch
    from ..sweep import jobs as listed
    from .terminal.jobs import print_jobs

    if pause is not None:
        ask(store, pause, "pause")
    if cancel is not None:
        ask(store, cancel, "cancel")
    if resume is not None:
        relaunch(store, resume)
    found = listed(store)
    if as_json:
        click.echo(json.dumps([job.to_dict() for job in found], indent=1))
    else:
        print_jobs(found)


@click.command()
@click.argument("store")
@click.option("-o", "--output", required=True, metavar="FILE", help="FILE.csv or FILE.parquet.")
@click.option("--costs", is_flag=True, help="The newest bulk sweep over costs, not the designs.")
def table(store: str, output: str, costs: bool) -> None:
    """Write the numbers of the study STORE as CSV or Parquet.

    \b
    Example:
      spikesim table runs/demo.db -o demo.csv
    """
    from ..sweep import load_study

    study, suffix = load_study(store), output.rpartition(".")[2]
    writers = {"csv": study.to_csv, "parquet": study.to_parquet}
    if suffix not in writers:
        raise click.UsageError(f"--output {output}: must end in .csv or .parquet")
    click.echo(f"wrote {writers[suffix](output, costs=costs)}")
