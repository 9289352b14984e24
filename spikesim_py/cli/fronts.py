"""`spikesim pareto`, `pick`, `nearest` and `sensitivity`: questions to a study that is there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
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
_json = click.option("--json", "json_path", metavar="FILE", help="Also write the answer as JSON.")
_page = click.option("--html", "html_path", metavar="FILE", help="Also write the figures as a self-contained page.")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.command()
@_study
@_metrics
@_draws
@_seed
@_json
@_page
def pareto(study: str, metrics: str, draws: int, seed: int, json_path: str | None, html_path: str | None) -> None:
    """The designs of STUDY that no other one beats, how sure each is, and the knee.

    \b
    Columns:
      front  share of draws of the measured accuracies in which the design is on the front
      knee   where the front bends most (metrics with a unit by their logarithm)

    Designs that are on the front in at least one draw in ten are listed too, in brackets.

    \b
    Example:
      spikesim pareto runs/demo.db
      spikesim pareto runs/demo.db --metrics accuracy,energy_pj,area_um2 --json front.json
    """
    from ..sweep import front_answer, front_summary
    from .terminal.fronts import print_front

    common.check_outputs(json_path, html_path)
    found = front_summary(_asked(study)[0], _names(metrics), draws=draws, seed=seed)

    def page(path: str) -> Path:
        from ..figures.front_pages import front_page  # which takes seconds to load

        return front_page(found, path)

    answer = _writer(study, lambda: front_answer(found))
    common.deliver(lambda: print_front(found), (json_path, answer), (html_path, page))


def _writer(study: str, answer: Callable[[], dict[str, Any]]) -> Callable[[str], Path]:
    """Writes an answer, with the study that it is about."""
    from .._files import write_json

    return lambda path: write_json(path, {"study": study} | answer())


def _asked(path: str) -> tuple[Any, Any]:
    """A study and its columns; raises `InputError` if it has no design to answer with."""
    from ..errors import InputError
    from ..sweep import load_study

    study = load_study(path)
    frame = study.frame()
    if not len(frame["report_hash"]):
        costs = " (only costs: see `spikesim table --costs`)" if study.bulk_sweeps() else ""
        failures = study.failures()
        failed = f" ({len(failures)} failed; first: {failures[0]})" if failures else ""
        raise InputError(f"{path}: has no finished design{costs}{failed}")
    return study, frame


@click.command()
@_study
@click.argument("goal")
@_json
def pick(study: str, goal: str, json_path: str | None) -> None:
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
    from ..sweep import parse_goal, pick_answer
    from ..sweep import pick as run
    from .terminal.fronts import print_pick

    common.check_outputs(json_path)
    wanted, (opened, frame) = parse_goal(goal), _asked(study)
    found = run(frame, wanted)
    answer = _writer(study, lambda: pick_answer(frame, wanted, found))
    common.deliver(lambda: print_pick(frame, opened.space.axes, found), (json_path, answer))
    if not found.rows.size:
        sys.exit(3)


@click.command()
@_study
@click.argument("design")
@_metrics
@_json
def nearest(study: str, design: str, metrics: str, json_path: str | None) -> None:
    """What to change in a DESIGN of STUDY to reach the nearest front design that is nowhere worse.

    DESIGN is the start of its report hash, or conditions that one design meets.

    \b
    Example:
      spikesim nearest runs/demo.db "network == digits-w4, adc.bits == 8, crossbar.rows == 64"
    """
    from ..sweep import advice_answer, find_design, nearest_front_design
    from .terminal.fronts import print_advice

    common.check_outputs(json_path)
    opened, frame = _asked(study)
    axes = list(opened.space.axes)
    found = nearest_front_design(frame, find_design(frame, design), _names(metrics), axes)
    answer = _writer(study, lambda: advice_answer(frame, found))
    common.deliver(lambda: print_advice(frame, axes, found), (json_path, answer))


@click.command()
@_study
@_metrics
@click.option("--log", is_flag=True, help="Of the metrics' logarithms: what multiplies them adds up.")
@click.option("--draws", default=200, show_default=True, type=click.IntRange(2, 10_000), help="Of the intervals.")
@_seed
@_json
@_page
def sensitivity(
    study: str, metrics: str, log: bool, draws: int, seed: int, json_path: str | None, html_path: str | None
) -> None:
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
    from ..sweep import metric_sensitivity, sensitivity_answer
    from .terminal.fronts import print_sensitivity

    common.check_outputs(json_path, html_path)
    opened, frame = _asked(study)
    axes = list(opened.space.axes)
    found = {name: metric_sensitivity(frame, name, axes, log=log, draws=draws, seed=seed) for name in _names(metrics)}

    def page(path: str) -> Path:
        from ..figures.front_pages import sensitivity_page  # which takes seconds to load

        return sensitivity_page(opened.space.name, found, log, path)

    answer = _writer(study, lambda: {"metrics": {name: sensitivity_answer(*one, log) for name, one in found.items()}})
    common.deliver(lambda: print_sensitivity(found, log), (json_path, answer), (html_path, page))
