"""`spikesim demo`, `sweep` and `explore`: many designs, in a study file and in the browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from . import common
from .searching import search_options


@click.command()
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
    from .terminal.study import run_sweep

    if serve:  # a busy port is better known before the sweep than after it
        from explorer_app import listen

        listen("127.0.0.1", port).close()
    study = run_sweep("demo", store, "local", workers, resume=True)
    report = Path(store).with_suffix(".html")
    _write_page(report, study)
    click.echo(f"report: {report}")
    if serve:
        _serve(store, "127.0.0.1", port)
    else:
        click.echo(f"explore: spikesim explore {store}")


def _write_page(path: str | Path, study: Any) -> None:
    from .._files import write_atomic
    from ..figures.html import study_page

    write_atomic(path, study_page(study))


@click.command()
@click.argument("space")
@common.data_root
@click.option("--store", metavar="FILE.db", help="Study file; made if it is not there (default: runs/SPACE.db).")
@click.option("--executor", default="local", show_default=True, help="local, serial, dask or dask:ADDRESS.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (default: one per core).")
@click.option("--resume/--no-resume", default=True, help="Keep what the store has (default), or refuse it.")
@click.option("--dry-run", is_flag=True, help="Say how much there is to do, and stop.")
@click.option("--cost-only", is_flag=True, help="Energy, latency and area only, without data: a million in a minute.")
@click.option("--json", "events", is_flag=True, help="Print progress as JSON, one event a line, and nothing else.")
@search_options
@common.html
def sweep(
    space: str,
    store: str | None,
    executor: str,
    workers: int | None,
    resume: bool,
    dry_run: bool,
    cost_only: bool,
    events: bool,
    html_path: str | None,
    how: dict[str, Any],
) -> None:
    """Evaluate every design of SPACE (a sweep's YAML or bundled name) into a study file, or search for its front.

    \b
    Example:
      spikesim sweep quickstart --store runs/quick.db
      spikesim sweep digits-space --search gp --budget 100 --seed 0
      spikesim sweep digits-space --cost-only
    """
    from .terminal.study import print_cost_dry_run, print_dry_run, run_cost_sweep, run_sweep

    store = store or f"runs/{Path(space).stem}.db"
    common.check_outputs(html_path)
    if cost_only:
        _check_cost_only(html_path, resume, how)
    if dry_run:
        print_cost_dry_run(space) if cost_only else print_dry_run(space, store, workers, how)
        return
    if cost_only:
        _stop_early(run_cost_sweep(space, store, executor, workers, events=events))
        return
    study = run_sweep(space, store, executor, workers, resume=resume, how=how, events=events)
    _stop_early(study)
    if html_path:
        _write_page(html_path, study)
        click.echo(f"wrote {html_path}", err=events)
    failed = study.failures()
    if failed:
        click.echo(f"spikesim: {len(failed)} designs failed; first: {failed[0]}", err=True)
        sys.exit(3)


def _check_cost_only(html_path: str | None, resume: bool, how: dict[str, Any]) -> None:
    """What is about accuracies does not go with costs alone."""
    given = {"--html": html_path, "--no-resume": not resume, "--search": how.get("search"), "--reuse": how["reuse"]}
    for option, value in given.items():
        if value:
            raise click.UsageError(f"--cost-only goes without {option}")


def _stop_early(study: Any) -> None:
    """A sweep that somebody paused or cancelled has not done its work: exit code 130, as after Ctrl-C."""
    job = study.jobs()[-1]
    if job.state != "done":
        again = f"spikesim jobs {study.path} --resume {job.id}"
        click.echo(f"spikesim: {job.state} after {job.done} of {job.total} designs; go on: {again}", err=True)
        sys.exit(130)


@click.command()
@click.argument("store", required=False)
@click.option("--port", default=8050, show_default=True, type=click.IntRange(1, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="Other addresses are guarded by a token.")
@click.option("--token", envvar="SPIKESIM_TOKEN", help="Token to use instead of a fresh one (or SPIKESIM_TOKEN).")
@click.option("--with", "others", multiple=True, metavar="STORE", help="A study to compare with; may be repeated.")
@click.option("--network", "networks", multiple=True, metavar="FILE", help="A checkpoint to offer; may be repeated.")
def explore(
    store: str | None, port: int, host: str, token: str | None, others: tuple[str, ...], networks: tuple[str, ...]
) -> None:
    """Open a study in the browser.

    \b
    Example:
      spikesim explore runs/demo.db
      spikesim explore --network net.nir
      spikesim explore runs/demo.db --with runs/earlier.db
    """
    if others and store is None:
        raise click.UsageError("--with needs a study to hold the other one against")
    _serve(store, host, port, token, others=others, networks=networks)


def _serve(store: str | None, host: str, port: int, token: str | None = None, **more: Any) -> None:
    from explorer_app import serve

    serve(Path(store) if store else None, host=host, port=port, token=token, **more)
