"""`spikesim study`: what is published, tried on this model."""

from __future__ import annotations

from pathlib import Path

import click

from . import common


@click.command()
@click.argument("name", required=False)
@common.data_root
@click.option("--full", is_flag=True, help="The long version: more data, seeds or designs.")
@click.option("-o", "--output", "folder", metavar="DIR", help="Write NAME.csv, NAME.svg and NAME.html there.")
def study(name: str | None, full: bool, folder: str | None) -> None:
    """Try what is published: run study NAME and print its verdicts (without NAME: list the studies).

    \b
    Example:
      spikesim study
      spikesim study silicon -o runs/silicon
    """
    from ..studies import NAMES, load_study
    from .terminal.published import print_findings, print_studies

    if name is None:
        if full or folder:
            raise click.UsageError("--full and -o need the NAME of a study")
        print_studies([load_study(known) for known in NAMES])
        return
    chosen = load_study(name)
    stem = Path(folder, name) if folder else None
    paths = [stem.with_name(f"{name}.{kind}") for kind in ("csv", "svg", "html")] if stem else []
    common.check_outputs(*map(str, paths))
    found = chosen.run(full)
    if paths:
        from .._files import write_atomic
        from ..studies.page import study_page

        for path, text in zip(paths, (found.csv(), found.figure, study_page(chosen, found)), strict=True):
            write_atomic(path, text)
    common.deliver(lambda: print_findings(chosen, found))
    for path in paths:
        click.echo(f"wrote {path}")
