"""Accuracy under ADC bits, wires and variation, with engines that model them, over T."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...evaluate import evaluate
from ...report import Report
from ..base import Claim

#: SpikeSim's crossbars: 64 x 64, 4-bit cells; 10 bits hold any of their sums
TRAINED, CHIP = "digits-w4", "spikesim_released"
_LOSSLESS = {"adc.bits": 10}
_REAL = {"device.ideal": False}

#: (what is varied, its value, overrides)
TRIED: tuple[tuple[str, float, Mapping[str, Any]], ...] = (
    ("none", 0, _LOSSLESS),
    *(("adc.bits", bits, {"adc.bits": bits}) for bits in (4, 5, 6, 7)),
    *(
        (
            "wire segment, ohm",
            ohm,
            _LOSSLESS | {"wires.topology": "passive", "wires.word_ohm": ohm, "wires.bit_ohm": ohm},
        )
        for ohm in (0.5, 1.0, 2.0, 5.0)
    ),
    *(
        ("program_sigma", sigma, _LOSSLESS | _REAL | {"device.program_sigma": sigma})
        for sigma in (0.01, 0.02, 0.05, 0.1)
    ),
)


def measured(samples: int | None, chips: int) -> Iterator[tuple[str, float, Report]]:
    """Every condition by itself."""
    for name, value, overrides in TRIED:
        yield name, value, evaluate(TRAINED, CHIP, overrides=overrides, samples=samples, chips=chips)


def losses(found: list[tuple[str, float, Report]], step: int) -> dict[str, float]:
    """Mean loss of accuracy after so many time-steps, by what causes it."""
    exact = found[0][2].accuracy_by_step or ()
    lost: dict[str, list[float]] = {}
    for name, _, report in found[1:]:
        lost.setdefault(name, []).append(exact[step - 1] - (report.accuracy_by_step or ())[step - 1])
    return {name: sum(values) / len(values) for name, values in lost.items()}


def accumulation_claims(found: list[tuple[str, float, Report]]) -> list[Claim]:
    """Whether errors of the analog products add up over time-steps: the loss grows from the first to the last."""
    last = found[0][2].time_steps
    first_loss, last_loss = losses(found, 1), losses(found, last)
    return [
        Claim(
            f"errors of analog products accumulate over time-steps: {name}",
            "they do (SpikeSim, TCAD 2023, abstract)",
            f"loss {first_loss[name] * 100:.1f} points at T = 1, {last_loss[name] * 100:.1f} at T = {last}",
            "reproduced" if last_loss[name] > first_loss[name] else "not reproduced",
            "mean over the values tried; answers are summed over time-steps, which averages errors that change sign",
        )
        for name in first_loss
    ]
