"""Does a quantized network still behave as the full-precision one? Accuracy alone does not tell.

Smith, Whitehill and Ganji, arXiv 2604.14487: networks of one accuracy fire differently, which changes sparsity and
traffic. They report the earth mover's distance of the distributions of firing rates, and the share of dead neurons;
the membrane error beside them is what a membrane distillation lessens. Exact definitions could not be read: those here
are stated at each function. Records are arrays, spikes and membranes of a stage (samples, T, units...).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim_py.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Fidelity:
    """One stage of a quantized network beside that of the network it came from.

    Attributes:
        rate, reference_rate: mean spikes per unit and time-step.
        rate_distance: see `rate_distance`. dead, reference_dead: see `dead_share`.
        membrane_error: see `membrane_error`.
    """

    rate: float
    reference_rate: float
    rate_distance: float
    dead: float
    reference_dead: float
    membrane_error: float


@dataclass(frozen=True)
class Record:
    """What a stage did: spikes, and membranes before the reset in units of one threshold."""

    spikes: Array
    membranes: Array


def fidelity(quantized: Mapping[str, Record], reference: Mapping[str, Record]) -> dict[str, Fidelity]:
    """Stage -> its fidelity. Both must have the same stages, and records of one shape.

    Raises:
        InputError: a stage is missing, or shapes differ.
    """
    if quantized.keys() != reference.keys():
        raise InputError(f"stages {sorted(quantized)}: must be those of the reference, {sorted(reference)}")
    return {stage: _stage(record, reference[stage]) for stage, record in quantized.items()}


def _stage(record: Record, reference: Record) -> Fidelity:
    return Fidelity(
        rate=float(record.spikes.mean()),
        reference_rate=float(reference.spikes.mean()),
        rate_distance=rate_distance(record.spikes, reference.spikes),
        dead=dead_share(record.spikes),
        reference_dead=dead_share(reference.spikes),
        membrane_error=membrane_error(record.membranes, reference.membranes),
    )


def firing_rates(spikes: Array) -> NDArray[np.float64]:
    """Mean spikes per time-step of each unit, over samples and time-steps, (units,)."""
    if spikes.ndim < 3 or not spikes.size:
        raise InputError(f"spikes: shape {spikes.shape}: must be (samples, T, units...), none of them 0")
    return np.asarray(spikes.mean(axis=(0, 1), dtype=np.float64)).ravel()


def rate_distance(spikes: Array, reference: Array) -> float:
    """Earth mover's distance (Wasserstein-1) of the distributions of the units' firing rates.

    For as many units on both sides: the mean of ``|sorted rates - sorted reference rates|``, in spikes per time-step.
    Which unit has which rate does not matter. The records may have other samples and time-steps.
    """
    first, second = np.sort(firing_rates(spikes)), np.sort(firing_rates(reference))
    if first.size != second.size:
        raise InputError(f"units = {first.size}: the reference has {second.size}")
    return float(np.abs(first - second).mean())


def dead_share(spikes: Array) -> float:
    """Share of the units that never fire, in any sample; fewer with more samples."""
    return float((firing_rates(np.abs(spikes)) == 0).mean())


def membrane_error(membranes: Array, reference: Array) -> float:
    """Root mean square of the difference, unit by unit and step by step, in thresholds."""
    if membranes.shape != reference.shape or not membranes.size:
        raise InputError(f"membranes: shape {membranes.shape}: the reference has {reference.shape}")
    difference = membranes.astype(np.float64) - reference
    return float(np.sqrt(np.square(difference).mean()))
