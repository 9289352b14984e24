"""Accuracy under ADC bits, wires and variation, with engines that model them, over T."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets import load_dataset
from ...hardware import load_hardware
from ...importers import load_network
from ...inference import simulate
from ...inference.interval import bootstrap_quantile
from ..base import Claim, Verdict

#: SpikeSim's crossbars: 64 x 64, 4-bit cells; 10 bits hold any of their sums
TRAINED, CHIP = "digits-w4", "spikesim_released"
_LOSSLESS = {"adc.bits": 10}
_REAL = _LOSSLESS | {"device.ideal": False}
_WIRES = _LOSSLESS | {"wires.topology": "passive"}
EXACT = "none"

#: (what is varied, its values, overrides at a value)
TRIED: tuple[tuple[str, tuple[float, ...], Any], ...] = (
    (EXACT, (0,), lambda value: _LOSSLESS),
    ("adc.bits", (4, 5, 6, 7), lambda bits: {"adc.bits": bits}),
    ("wires, ohm", (0.5, 1, 2, 5), lambda ohm: _WIRES | {"wires.word_ohm": ohm, "wires.bit_ohm": ohm}),
    ("program_sigma", (0.01, 0.02, 0.05, 0.1), lambda sigma: _REAL | {"device.program_sigma": sigma}),
)


@dataclass(frozen=True, eq=False)
class Condition:
    """One non-ideality at one value; `correct` (chips, T, samples), had every sample ended after a time-step."""

    name: str
    value: float
    correct: NDArray[np.bool_]

    @property
    def by_step(self) -> list[float]:
        return [float(share) for share in self.correct.mean((0, 2))]


def measured(samples: int | None, chips: int) -> Iterator[Condition]:
    """Every condition by itself, on the same samples."""
    network, data = load_network(TRAINED), load_dataset("digits", "report", samples)
    for name, values, overrides in TRIED:
        for value in values:
            chip = load_hardware(CHIP, overrides(value))
            yield Condition(name, value, simulate(network, chip, data, chips=chips).correct_by_step)


def losses(found: Sequence[Condition]) -> Mapping[str, NDArray[np.float64]]:
    """What is varied to the accuracy lost (chips, T, samples), mean over its values."""
    exact = found[0].correct.astype(np.float64)
    return {
        name: exact - np.mean([one.correct for one in found if one.name == name], axis=0)
        for name in dict.fromkeys(one.name for one in found[1:])
    }


def accumulation_claims(found: Sequence[Condition]) -> list[Claim]:
    """Whether the loss grows from the first time-step to the last, with a 95 % interval over chips and samples."""
    return [_accumulates(name, loss) for name, loss in losses(found).items()]


def _accumulates(name: str, loss: NDArray[np.float64]) -> Claim:
    growth = loss[:, -1] - loss[:, 0]
    mean, half = 100 * float(growth.mean()), 100 * bootstrap_quantile(growth, seed=0, level=0.95)
    verdict: Verdict = "reproduced" if mean > half else "not reproduced" if mean < -half else "open"
    first, last = (100 * float(loss[:, t].mean()) for t in (0, -1))
    return Claim(
        f"errors of analog products accumulate over time-steps: {name}",
        "they do (SpikeSim, TCAD 2023, abstract)",
        f"loss {first:.1f} points at T = 1, {last:.1f} at T = {loss.shape[1]}: {mean:+.1f} ± {half:.1f}",
        verdict,
        "mean over the values tried; answers are sums over time-steps, which also average errors that change sign",
    )
