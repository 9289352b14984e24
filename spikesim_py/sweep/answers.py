"""Answers about a study as plain data, which JSON can hold: what `--json` of the questions writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .goals import Goal, Pick
from .nearest import Advice
from .sensitivity import MainEffect, Sensitivity
from .summary import FrontSummary

Frame = Mapping[str, NDArray[Any]]


def records(frame: Frame, rows: Iterable[int]) -> list[dict[str, Any]]:
    """Designs of a frame: column to its value, None where it has none."""
    return [_plain({name: column[row].item() for name, column in frame.items()}) for row in rows]


def front_answer(found: FrontSummary) -> dict[str, Any]:
    """A front: its designs and those that are on it in a tenth of the draws, the best in the first metric first."""
    rows = found.rows()
    sure = [{"on_front": bool(found.front[row]), "front_probability": float(found.probability[row])} for row in rows]
    return {
        "space": found.name,
        "axes": list(found.axes),
        "metrics": list(found.metrics),
        "designs": len(found.front),
        "hypervolume": found.hypervolume,
        "knee": None if found.knee is None else str(found.frame["report_hash"][found.knee]),
        "front": [about | design for about, design in zip(sure, records(found.frame, rows), strict=True)],
    }


def pick_answer(frame: Frame, goal: Goal, found: Pick) -> dict[str, Any]:
    """A pick: its designs, none where none will do, and how many designs meet each condition."""
    return {
        "goal": {"name": found.name, "larger": found.larger, "where": list(goal.where)},
        "designs": len(frame["report_hash"]),
        "fitting": found.fitting,
        "met": dict(found.met),
        "picks": records(frame, found.rows),
    }


def advice_answer(frame: Frame, advice: Advice) -> dict[str, Any]:
    """The way to the front: both ends of it, and each change with the metrics of the design that has it alone."""
    design, target = records(frame, (advice.row, advice.target))
    changes = [
        {"axis": change.axis, "before": change.before, "after": change.after, "metrics": change.metrics}
        for change in advice.changes
    ]
    on_front = advice.row == advice.target
    return {"on_front": on_front, "design": design, "target": target, "changes": _plain(changes)}


def sensitivity_answer(shares: Sensitivity, effects: Sequence[MainEffect], log: bool) -> dict[str, Any]:
    """Sobol indices with their intervals, and the means at the levels of each axis, in the metric's unit."""
    means = {
        effect.name: [
            {"level": level, "mean": mean}
            for level, mean in zip(
                effect.levels.tolist(), (10**effect.means if log else effect.means).tolist(), strict=True
            )
        ]
        for effect in effects
    }
    axes = {
        name: {
            "alone": float(shares.first[place]),
            "alone_interval": [float(shares.low[0][place]), float(shares.high[0][place])],
            "total": float(shares.total[place]),
            "total_interval": [float(shares.low[1][place]), float(shares.high[1][place])],
            "means": means[name],
        }
        for place, name in enumerate(shares.names)
    }
    found = {
        "logarithm": log,
        "exact": shares.exact,
        "unexplained": shares.unexplained,
        "axes": axes,
        "interactions": [{"axes": list(names), "share": share} for names, share in shares.interactions()],
    }
    return dict(_plain(found))


def _plain(value: Any) -> Any:
    """The same with None for every number that JSON has not, such as an interval that nobody could estimate."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
