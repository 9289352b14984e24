"""`spikesim pareto`, `pick`, `nearest` and `sensitivity`: questions to a study that is there."""

from __future__ import annotations

import sys
from typing import Any

import click

from . import common

_study = click.argument("study", metavar="STUDY.db")
_metrics = click.option(
    "--metrics", default="accuracy,edap", show_default=True, metavar="A,B[,C]", help="What spans the front."
)
_draws = click.option(
    "--draws", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="Of accuracies."
)
_seed = click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the draws.")
_page = click.option("--html", "html_path", metavar="FILE", help="Also write the figures as a self-contained page.")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.command()
@_study
@_metrics
@_draws
@_seed
@_page
def pareto(study: str, metrics: str, draws: int, seed: int, html_path: str | None) -> None:
    """The designs of STUDY that no other one beats, how sure each is, and the knee.

    \b
    Columns:
      front  share of draws of the measured accuracies in which the design is on the front
      knee   where the front bends most (metrics with a unit by their logarithm)

    Designs that are on the front in at least one draw in ten are listed too, in brackets.

    \b
    Example:
      spikesim pareto runs/demo.db
      spikesim pareto runs/demo.db --metrics accuracy,energy_pj,area_um2
    """
    from ..figures.front_pages import front_page
    from .terminal.fronts import print_front

    common.check_outputs(html_path)
    found = _front(study, _names(metrics), draws, seed)
    common.deliver(lambda: print_front(found), (html_path, lambda path: front_page(found, path)))


def _front(study: str, metrics: list[str], draws: int, seed: int) -> Any:
    from ..sweep import front_summary

    return front_summary(_asked(study)[0], metrics, draws=draws, seed=seed)


def _asked(path: str) -> tuple[Any, Any]:
    """A study and its columns; raises `InputError` if it has no design to answer with."""
    from ..errors import InputError
    from ..sweep import load_study

    study = load_study(path)
    frame = study.frame()
    if not len(frame["report_hash"]):
        costs = " (only costs: see `spikesim table --costs`)" if study.bulk_sweeps() else ""
        raise InputError(f"{path}: has no finished design{costs}")
    return study, frame


@click.command()
@_study
@click.argument("goal")
def pick(study: str, goal: str) -> None:
    """The design of STUDY that a GOAL asks for: what to minimize or maximize, and conditions.

    \b
    A goal reads WORD [NAME] [with CONDITION [and CONDITION]...]
      WORD       cheapest (EDAP), fastest, smallest, lowest, highest, most, best
      NAME       any column of the study, or energy, latency, area, efficiency
      CONDITION  NAME <=, <, >=, >, == or != a number with or without a unit, or a text

    Equal designs are all shown. Exit code 3: no design meets the conditions; how many meet each is printed.

    \b
    Example:
      spikesim pick runs/demo.db "cheapest edap with accuracy >= 0.95 and area <= 5 mm2"
      spikesim pick runs/demo.db "most accurate with energy < 10 uJ and adc.bits <= 5"
    """
    from ..sweep import parse_goal
    from ..sweep import pick as run
    from .terminal.fronts import print_pick

    wanted, (opened, frame) = parse_goal(goal), _asked(study)
    found = run(frame, wanted)
    print_pick(frame, opened.space.axes, found)
    if not found.rows.size:
        sys.exit(3)


@click.command()
@_study
@click.argument("design")
@_metrics
def nearest(study: str, design: str, metrics: str) -> None:
    """What to change in a DESIGN of STUDY to reach the nearest front design that is nowhere worse.

    DESIGN is the start of its report hash, or conditions that one design meets.

    \b
    Example:
      spikesim nearest runs/demo.db "network == digits-w4, adc.bits == 8, crossbar.rows == 64"
    """
    from ..sweep import find_design, nearest_front_design
    from .terminal.fronts import print_advice

    opened, frame = _asked(study)
    axes = list(opened.space.axes)
    row = find_design(frame, design)
    print_advice(frame, axes, nearest_front_design(frame, row, _names(metrics), axes))


@click.command()
@_study
@_metrics
@click.option("--log", is_flag=True, help="Of the metrics' logarithms: what multiplies them adds up.")
@click.option("--draws", default=200, show_default=True, type=click.IntRange(2, 10_000), help="Of the intervals.")
@_seed
@_page
def sensitivity(study: str, metrics: str, log: bool, draws: int, seed: int, html_path: str | None) -> None:
    """Which axes of STUDY its metrics depend on: Sobol indices, interactions, main effects.

    \b
    Columns:
      alone  share of the metric's variance that the axis explains by itself (first-order index)
      total  the same with all interactions that it is part of (total index)
      means  of the metric at each level of the axis, all other axes averaged

    \b
    Example:
      spikesim sensitivity runs/demo.db
      spikesim sensitivity runs/demo.db --metrics edap,energy_pj --log --html runs/sensitivity.html
    """
    from ..figures.front_pages import sensitivity_page
    from ..sweep import metric_sensitivity
    from .terminal.fronts import print_sensitivity

    common.check_outputs(html_path)
    opened, frame = _asked(study)
    axes = list(opened.space.axes)
    found = {name: metric_sensitivity(frame, name, axes, log=log, draws=draws, seed=seed) for name in _names(metrics)}
    common.deliver(
        lambda: print_sensitivity(found, log),
        (html_path, lambda path: sensitivity_page(opened.space.name, found, log, path)),
    )
