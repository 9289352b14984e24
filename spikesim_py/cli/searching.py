"""Options of `spikesim sweep` that search instead of evaluating every design."""

from __future__ import annotations

import functools
from typing import Any

import click


def search_options(command: Any) -> Any:
    """How to search, and what to take over from other studies, as `how`: keywords of `sweep` and `dry_run`."""

    @functools.wraps(command)
    def resolved(*arguments: Any, search: str | None, reuse: tuple[str, ...], **options: Any) -> Any:
        names = ("budget", "seed", "search_split", "search_samples", "stages")
        given = {name: value for name in names if (value := options.pop(name)) is not None}
        if given and search is None:
            raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} goes with --search")
        how: dict[str, Any] = {"reuse": list(reuse)}
        if search is not None:
            fields = {name.removeprefix("search_"): value for name, value in given.items()}
            if "stages" in fields:
                fields["stages"] = _shares(fields["stages"])
            how["search"] = {"method": search} | fields
        return command(*arguments, how=how, **options)

    for option in (
        click.option("--reuse", multiple=True, metavar="FILE.db", help="Take measurements over from another study."),
        click.option(
            "--stages",
            metavar="SHARES",
            help="Of the samples, after which a design may be dropped: 0.25,1 (default: see docs/sweeps.md).",
        ),
        click.option("--search-samples", type=click.IntRange(min=1), help="Images to search on (default: the split)."),
        click.option("--search-split", metavar="SPLIT", help="Split to search on (default: search)."),
        click.option("--seed", type=click.IntRange(min=0), help="Of the search (default: 0)."),
        click.option("--budget", type=click.IntRange(min=1), help="Accuracies to measure (default: 100)."),
        click.option(
            "--search",
            metavar="METHOD",
            help="Search instead of evaluating every design: auto, gp, nsga2, random, sobol, exhaustive or optuna.",
        ),
    ):
        resolved = option(resolved)
    return resolved


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r}: must be numbers, such as 0.25,1", param_hint="--stages") from None
