"""Latency and interval of staged layers under the three pipelines.

``none``       latency = sum of all layers' steps; the next inference starts when it is done.
``layer``      latency the same; interval = the slowest layer's share of one inference.
``time_step``  layers work on different time-steps: latency = sum stage + (T - 1) max stage.

A first layer whose pre-activation is buffered reads once, before its first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .parts import Counts, Staged

Pipeline = Literal["none", "layer", "time_step"]


@dataclass(frozen=True)
class Timing:
    """Latency, interval, the slowest layer, and every layer's counts on the critical path."""

    latency_ns: float
    interval_ns: float
    critical_stage: str
    counts: tuple[Counts, ...]


def schedule(layers: Sequence[Staged], pipeline: Pipeline) -> Timing:
    """The timing of one inference."""
    slowest = max(layers, key=lambda layer: layer.total_ns)
    if pipeline == "time_step":
        bottleneck = max(layers, key=lambda layer: layer.stage_ns)
        counts = tuple(layer.full if layer is bottleneck else Counts(1, 1) for layer in layers)
    else:
        counts = tuple(layer.full for layer in layers)
    latency = sum(part.exposed_ns(count) for layer, count in zip(layers, counts, strict=True) for part in layer.parts)
    interval = latency if pipeline == "none" else slowest.total_ns
    return Timing(latency, interval, slowest.name, counts)
