"""Latency and interval of staged layers under the three pipelines.

``none``       latency = sum of all layers' steps; the next inference starts when it is done.
``layer``      latency the same; interval = the slowest layer's share of one inference.
``time_step``  layers work on different time-steps: latency = sum stage + (T - 1) max stage.

A first layer whose pre-activation is buffered reads once, before its first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np

from .._arrays import Real, maximum, where
from ..errors import InputError
from ..mapping import Mapping
from .parts import Counts, Staged

Pipeline = Literal["none", "layer", "time_step"]


@dataclass(frozen=True)
class Timing:
    """Latency, interval, and every layer's counts on the critical path."""

    latency_ns: Real
    interval_ns: Real
    counts: tuple[Counts, ...]


def schedule(layers: Sequence[Staged], pipeline: Pipeline, wait_ns: Real = 0.0) -> Timing:
    """The timing of one inference; of many designs at once where times are arrays.

    Args:
        wait_ns: in which no layer works, per inference.
    """
    counts = _overlapped(layers) if pipeline == "time_step" else tuple(layer.full for layer in layers)
    latency = sum(part.exposed_ns(count) for layer, count in zip(layers, counts, strict=True) for part in layer.parts)
    latency = latency + wait_ns
    interval = latency if pipeline == "none" else reduce(maximum, (layer.total_ns for layer in layers))
    return Timing(latency, interval, counts)


def _overlapped(layers: Sequence[Staged]) -> tuple[Counts, ...]:
    """Only the slowest stage is seen T times, every other one once."""
    longest = reduce(maximum, (layer.stage_ns for layer in layers))
    found: Real = False
    counts = []
    for layer in layers:
        slowest = where(found, False, layer.stage_ns >= longest)
        found = where(found, True, slowest)
        full = layer.full
        counts.append(Counts(where(slowest, full.passes, 1), where(slowest, full.steps, 1)))
    return tuple(counts)


def check_loops(mapping: Mapping) -> None:
    """Raises `InputError` where layers are to overlap, or to take turns, although one needs what another has not made.

    In a loop, every layer waits for the time-step before of the others (and of itself).
    """
    hardware, looped = mapping.hardware, mapping.network.looped
    layers = [name for name in mapping.layers if name in looped]
    if not layers:
        return
    for name, value, needed in (
        ("order", hardware.schedule.order, "step_first"),
        ("pipeline", hardware.schedule.pipeline, "none"),
    ):
        if value != needed:
            raise InputError(
                f"schedule.{name} = {value!r}: layer {layers[0]!r} is in a loop, whose time-steps wait for each other; "
                f"it needs {needed!r}"
            )
    if np.any(np.asarray(mapping.rounds) > 1):
        raise InputError(
            f"chip.max_tiles = {hardware.chip.max_tiles}: layers take the chip in turn, each for all time-steps; layer "
            f"{layers[0]!r} is in a loop, and needs all of it on the chip"
        )


def check_exit(mapping: Mapping) -> None:
    """Raises `InputError` where work of later time-steps is done before an inference can end early."""
    hardware, rule = mapping.hardware, mapping.hardware.schedule
    for name, value, needed in (("order", rule.order, "step_first"), ("pipeline", rule.pipeline, "none")):
        if value != needed:
            raise InputError(
                f"schedule.{name} = {value!r}: works on later time-steps before the answer to the first is known; an "
                f"early exit needs {needed!r}"
            )
    if np.any(np.asarray(mapping.rounds) > 1):
        raise InputError(
            f"chip.max_tiles = {hardware.chip.max_tiles}: layers take the chip in turn, each for all time-steps; an "
            f"early exit needs all of them on the chip"
        )


def critical_stage(layers: Sequence[Staged]) -> str:
    """The layer that takes longest per inference (of a single design)."""
    return max(layers, key=lambda layer: layer.total_ns).name
