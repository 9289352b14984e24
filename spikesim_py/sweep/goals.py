"""Goals: "cheapest edap with accuracy >= 0.95 and area <= 5 mm2", in words or in Python, over the columns of a study.

Nothing is executed: a goal is a name to minimize or maximize and comparisons of names with numbers or texts. Names
are columns, or what people call them (`area`, `energy`, `latency`), alone or with a unit (`area_mm2`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._units import unit_factor
from ..errors import InputError, did_you_mean
from ..report import METRICS
from .expressions import COMPARE

Frame = Mapping[str, NDArray[Any]]

_NAMES = {
    "energy": "energy_pj",
    "latency": "latency_ns",
    "delay": "latency_ns",
    "interval": "interval_ns",
    "area": "area_um2",
    "efficiency": "tops_per_watt",
}
#: first word of a goal -> whether large is good (None: as the metric says), and what is meant where no name follows
_WORDS: dict[str, tuple[bool | None, str | None]] = {
    "cheapest": (False, "edap"),
    "fastest": (False, "latency_ns"),
    "smallest": (False, "area_um2"),
    **dict.fromkeys(("lowest", "least", "minimal", "minimize"), (False, None)),
    **dict.fromkeys(("highest", "largest", "most", "maximal", "maximize"), (True, None)),
    "best": (None, None),
}
_SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!=", "=": "=="}
_CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|==|!=|[<>=≤≥≠])\s*(\S.*?)\s*")
_QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s.].*)?")
_GOAL = re.compile(r"\s*([A-Za-z]+)(?:\s+([A-Za-z_][\w.]*))??(?:\s+(?:with|where|having)\s+(\S.*?))?\s*")


@dataclass(frozen=True)
class Goal:
    """What to look for: a column to minimize or maximize, and conditions (`area <= 5 mm2`) that all must hold."""

    name: str
    larger: bool
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pick:
    """What a goal finds.

    Attributes:
        name: the column that was minimized or maximized. larger: whether it was maximized.
        rows: the designs that attain the best value; several where they are equal, none where no design will do.
        fitting: how many designs meet all conditions. met: condition -> how many meet it alone.
    """

    name: str
    larger: bool
    rows: NDArray[np.intp]
    fitting: int
    met: Mapping[str, int]


def parse_goal(text: str) -> Goal:
    """A goal in words: `WORD [NAME] [with CONDITION [and CONDITION]...]`, as `cheapest edap with accuracy >= 0.95`.

    Raises:
        InputError: it is none.
    """
    matched = _GOAL.fullmatch(text)
    if not matched:
        raise InputError(f"goal {text!r}: must read like 'cheapest edap with accuracy >= 0.95 and area <= 5 mm2'")
    word, name, conditions = matched.groups()
    if word.lower() not in _WORDS:
        known = ", ".join(_WORDS)
        raise InputError(f"goal {text!r}: {word!r}: unknown{did_you_mean(word.lower(), _WORDS)} (known: {known})")
    larger, default = _WORDS[word.lower()]
    if name is None or name.lower() == "accurate":
        name = "accuracy" if name else default
    if name is None:
        raise InputError(f"goal {text!r}: {word!r} of what? (such as {word} edap)")
    if larger is None:
        metric = _NAMES.get(name.lower(), name.lower())
        if metric not in METRICS:
            raise InputError(f"goal {text!r}: 'best' is for metrics; say lowest or highest {name}")
        larger = METRICS[metric][2]
    return Goal(name, larger, split_conditions(conditions or ""))


def split_conditions(text: str) -> tuple[str, ...]:
    """The conditions that a text joins by `and`, commas, semicolons or `&`."""
    return tuple(part for part in re.split(r"\s+and\s+|\s*[,;&]+\s*", text, flags=re.IGNORECASE) if part)


def pick(frame: Frame, goal: Goal) -> Pick:
    """The designs of a frame that attain a goal; equal ones all show.

    Raises:
        InputError: a name, unit or condition that cannot be used.
    """
    name, _ = _resolve(frame, goal.name)
    values = np.asarray(frame[name])
    if values.dtype.kind not in "iuf":
        raise InputError(f"goal: {goal.name!r} is a text; only numbers have a best")
    masks = {text: condition(frame, text) for text in goal.where}
    known = np.isfinite(values.astype(float))
    fits = np.logical_and.reduce([known, *masks.values()])
    rows = np.flatnonzero(fits)
    if rows.size:
        kept = values[rows]
        rows = rows[kept == (kept.max() if goal.larger else kept.min())]
    met = {text: int(np.count_nonzero(mask & known)) for text, mask in masks.items()}
    return Pick(name, goal.larger, rows, int(fits.sum()), met)


#: columns that are shown in percent and kept as a share of 1
_SHARES = ("accuracy", "accuracy_low", "accuracy_high", "utilization")


def condition(frame: Frame, text: str) -> NDArray[np.bool_]:
    """Which designs meet `NAME OPERATOR VALUE [UNIT]`; none whose value is missing.

    Raises:
        InputError: an unknown name or unit, or no such form.
    """
    met, known = compared(frame, text)
    return np.asarray(met & known)


def compared(frame: Frame, text: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The same in two masks: which designs meet it, and of which the value is known; the others are undecided."""
    matched = _CONDITION.fullmatch(text)
    if not matched:
        raise InputError(f"condition {text!r}: must read like 'accuracy >= 0.95' or 'area <= 5 mm2'")
    given, operator, right = matched.groups()
    if re.search(r"[<>=≤≥≠]|\sor\s", right):
        raise InputError(f"condition {text!r}: must be one comparison; several are joined by 'and'")
    operator = _SPELLINGS.get(operator, operator)
    name, factor = _resolve(frame, given)
    column = np.asarray(frame[name])
    if column.dtype.kind not in "iufb":
        if operator not in ("==", "!="):
            raise InputError(f"condition {text!r}: {name} is a text; it can be == or !=")
        texts = column.astype(str)
        return np.asarray(COMPARE[operator](texts, right.strip("'\"")), dtype=bool), texts != ""
    known = ~np.isnan(column) if column.dtype.kind == "f" else np.ones(column.shape, dtype=bool)
    # bulk sweeps store switches as 0 and 1, studies where one is missing as numbers
    if right.lower() in ("true", "false") and known.any() and column[known].max() <= 1:
        return np.asarray(COMPARE[operator](column, right.lower() == "true"), dtype=bool), known
    number = _QUANTITY.fullmatch(right)
    if not number:
        raise InputError(f"condition {text!r}: {right!r}: must be a number, with or without a unit")
    scale = factor
    if number[2]:
        if factor != 1.0:
            raise InputError(f"condition {text!r}: names a unit twice")
        found = unit_factor(number[2], _unit(name))
        if found is None:
            own = _unit(name).removeprefix("-") or "no unit"
            raise InputError(f"condition {text!r}: unit {number[2]!r}: {name} is in {own}")
        scale = found
    value = float(Decimal(number[1]) * Decimal(str(scale)))  # 95 % is 0.95, not the next number above it
    if name in _SHARES and value > 1:
        raise InputError(f"condition {text!r}: {name} is at most 1: write {value / 100:g} or {value:g} %")
    return np.asarray(COMPARE[operator](column, value), dtype=bool), known


def _unit(name: str) -> str:
    """The unit that a column is kept in; empty for plain numbers."""
    metric = "accuracy" if name in ("accuracy_low", "accuracy_high") else name
    return METRICS[metric][1] if metric in METRICS else ""


def _resolve(frame: Frame, given: str) -> tuple[str, float]:
    """The column that is meant, and what turns numbers given beside it into its unit (`area_mm2`: 1e6)."""
    if given in frame:
        return given, 1.0
    lower = given.lower()
    known = {name.lower(): name for name in frame} | {nick: name for nick, name in _NAMES.items() if name in frame}
    for length in range(lower.count("_") + 1):
        parts = lower.split("_")
        stem, suffix = "_".join(parts[: len(parts) - length]), "_".join(parts[len(parts) - length :])
        if stem in known:
            factor = unit_factor(suffix, _unit(known[stem])) if suffix else 1.0
            if factor is not None:
                return known[stem], factor
    raise InputError(
        f"{given!r}: the study has no such column{did_you_mean(lower, known)} (columns: {', '.join(frame)})"
    )


def find_design(frame: Frame, text: str) -> int:
    """The row of the one design that a text names: the start of its report hash, or conditions as in a goal.

    Raises:
        InputError: no design, or several.
    """
    hashes = np.asarray(frame["report_hash"]).astype(str)
    if re.fullmatch(r"[0-9a-f]{4,64}", text):
        rows = np.flatnonzero(np.char.startswith(hashes, text))
    else:
        rows = np.flatnonzero(np.logical_and.reduce([condition(frame, part) for part in split_conditions(text)]))
    if len(np.unique(hashes[rows])) != 1:
        raise InputError(f"design {text!r}: must name one design of the study, names {rows.size} of {hashes.size}")
    return int(rows[0])
