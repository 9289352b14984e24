"""Early exit: an inference ends at the first time-step at which its answer is sure enough.

After every time-step t the readout so far becomes class probabilities ``p = softmax(scale * readout_t / t)`` (a
readout of the last membrane is not divided). ``confidence`` ends where ``max p`` is above the threshold; ``entropy``
where ``-sum p ln p / ln classes`` is below it: DT-SNN (Li et al., DAC 2023, arXiv 2305.17346). An inference that is
never sure ends after T.

Readouts of integer networks are the same on every machine; probabilities are float64, and scores are rounded to 12
decimals before they meet the threshold, so that neither the last bits of an exponential nor ties decide anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Rule = Literal["confidence", "entropy"]
Floats = NDArray[np.float64]

_DECIMALS = 12
#: powers of two among which a scale is chosen: shifts of a readout of up to 32 bits
_SCALES = tuple(2.0**exponent for exponent in range(-32, 5))


@dataclass(frozen=True)
class ExitOperations:
    """Operations of the exit unit, per time-step of one inference."""

    comparisons: int
    additions: int
    multiplications: int
    exponentials: int
    logarithms: int


@dataclass(frozen=True)
class EarlyExit:
    """When an inference ends.

    Attributes:
        rule: `confidence` or `entropy`.
        threshold: at least 0. `confidence` exits above it (0: at once; 1: never), `entropy` below it (0: never;
            above 1: at once).
        scale: logits per unit of the readout; None: the power of two that `fitted_scale` finds on held-out images.
    """

    rule: Rule
    threshold: float
    scale: float | None = None

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise InputError(f"exit.rule = {self.rule!r}: must be one of {', '.join(get_args(Rule))}")
        if not _is_number(self.threshold) or self.threshold < 0:
            raise InputError(f"exit.threshold = {self.threshold!r}: must be a number, at least 0")
        if self.scale is not None and (not _is_number(self.scale) or self.scale <= 0):
            raise InputError(f"exit.scale = {self.scale!r}: must be a number above 0")

    def __str__(self) -> str:
        shown = "confidence above" if self.rule == "confidence" else "entropy below"
        scale = "" if self.scale is None else f" at {self.scale:g} logits per unit of the readout"
        return f"{shown} {self.threshold:g}{scale}"

    def steps(self, readouts: NDArray[Any]) -> NDArray[np.int64]:
        """(samples,) the time-step, from 1, after which each inference ends.

        Args:
            readouts: (samples, T, classes) after every time-step, per time-step; see `per_step`.
        """
        assert self.scale is not None  # resolved before anything runs
        score = scores(readouts * self.scale, self.rule)
        sure = score > self.threshold if self.rule == "confidence" else score < self.threshold
        sure[:, -1] = True
        return np.asarray(np.argmax(sure, axis=1) + 1, np.int64)

    def operations(self, classes: int) -> ExitOperations:
        """What the exit unit computes per time-step, with ``d = scale * (readout - largest) / t`` and ``e = exp(d)``.

        The largest takes classes - 1 comparisons, and its d and e are 0 and 1. No rule needs a division:
        ``confidence`` is ``S < 1 / threshold`` with ``S = sum e``, ``entropy`` is
        ``S ln S - sum e d < threshold * ln classes * S``. The constants are stored.
        """
        others = classes - 1
        if self.rule == "confidence":
            return ExitOperations(others + 1, 2 * others, others, others, 0)
        return ExitOperations(others + 1, 3 * others, 2 * others + 2, others, 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def parse_exit(text: str) -> EarlyExit:
    """`RULE:THRESHOLD` or `RULE:THRESHOLD:SCALE`, e.g. `entropy:0.3`; raises `InputError`."""
    rule, *numbers = text.split(":") if isinstance(text, str) else ("",)
    try:
        threshold, scale = (*(float(number) for number in numbers), None)[:2]
    except ValueError:
        threshold = None
    if threshold is None or len(numbers) > 2:
        raise InputError(f"exit = {text!r}: must be RULE:THRESHOLD or RULE:THRESHOLD:SCALE, e.g. entropy:0.3")
    return EarlyExit(rule, threshold, scale)  # type: ignore[arg-type]  # it checks the rule


def per_step(readouts: NDArray[Any], accumulated: bool) -> Floats:
    """(samples, T, classes) of sums over time as means over time; others unchanged, all as float64."""
    values = readouts.astype(np.float64)
    return values / np.arange(1, values.shape[1] + 1)[:, None] if accumulated else values


def scores(logits: Floats, rule: Rule) -> Floats:
    """The largest probability, or the entropy over that of equal probabilities; over the last axis."""
    classes = logits.shape[-1]
    if classes < 2:
        raise InputError(f"exit: the network has {classes} class: an early exit needs at least 2")
    below = logits - logits.max(-1, keepdims=True)
    parts = np.exp(below)
    total = parts.sum(-1)
    score: Floats = 1 / total
    if rule == "entropy":
        score = (np.log(total) - (parts * below).sum(-1) / total) / math.log(classes)
    return np.asarray(score.round(_DECIMALS), np.float64)


def fitted_scale(readouts: NDArray[Any], labels: NDArray[Any]) -> float:
    """The power of two that makes the cross-entropy of final readouts smallest.

    Temperature scaling (Guo et al., ICML 2017), with a temperature that is a shift in hardware.

    Args:
        readouts: (samples, classes) after the last time-step, per time-step. labels: (samples,).
    """
    below = readouts - readouts.max(-1, keepdims=True)
    right = np.take_along_axis(below, labels.astype(np.int64)[:, None], 1)[:, 0]
    losses = [np.round((np.log(np.exp(scale * below).sum(-1)) - scale * right).mean(), _DECIMALS) for scale in _SCALES]
    return _SCALES[int(np.argmin(losses))]
