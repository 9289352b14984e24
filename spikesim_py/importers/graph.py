"""A checkpoint's network before it is lowered: operations by name, and edges, in discrete time.

Every reader makes one; `lower` turns it into a `Network`. Arrays are float64, a number, one per channel, or one per
unit; shapes follow the frameworks': (N,), (C, L) or (C, H, W), without batch and time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def number(value: float) -> Values:
    """A number as the array that operations hold."""
    return np.asarray(value, np.float64)


@dataclass(frozen=True, eq=False)
class Input:
    """Where samples enter; the shape is None where the file does not say it."""

    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class Output:
    """What is read."""


@dataclass(frozen=True)
class Identity:
    """Passes on the sum of what it reads."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A matrix (out, in), or a kernel (out, in / groups, [k], k); `padding` is sizes, or "same"."""

    weight: Values
    bias: Values | None = None
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] | Literal["same"] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def dims(self) -> int:
        """0 for a matrix, 1 and 2 for convolutions."""
        return self.weight.ndim - 2


@dataclass(frozen=True, eq=False)
class Scale:
    """``x * factor + offset``, elementwise."""

    factor: Values
    offset: Values = field(default_factory=lambda: number(0))


@dataclass(frozen=True)
class Pool:
    """Pooling of (C, H, W), zeros of the padding included."""

    kind: Literal["sum", "average", "max"]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Flatten:
    """Dimensions `start` to `end` become one."""

    start: int = 0
    end: int = -1


@dataclass(frozen=True, eq=False)
class Delay:
    """What came in `steps` time-steps ago."""

    steps: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Synapse:
    """A current: ``i = factor i + gain x``; see `spikesim_py.network.units` for the rest."""

    factor: Values
    gain: Values = field(default_factory=lambda: number(1))
    order: str = "leak_first"
    reads: str = "updated"
    resets: bool = False


@dataclass(frozen=True, eq=False)
class Unit:
    """A membrane, ``u = factor (v - v_leak) + v_leak + gain x``; without `theta` it emits v, else spikes."""

    factor: Values
    gain: Values = field(default_factory=lambda: number(1))
    theta: Values | None = None
    v_leak: Values = field(default_factory=lambda: number(0))
    v_reset: Values = field(default_factory=lambda: number(0))
    v_init: Values = field(default_factory=lambda: number(0))
    v_min: Values | None = None
    synapse: Synapse | None = None
    reset: str = "zero"
    reset_delay: bool = False
    strict: bool = False
    max_spikes: int = 1
    refractory: int = 0


Op = Input | Output | Identity | Weights | Scale | Pool | Flatten | Delay | Unit


@dataclass(frozen=True, eq=False)
class Graph:
    """Operations by name, in the order of the file, and edges from name to name."""

    name: str
    nodes: Mapping[str, Op]
    edges: tuple[tuple[str, str], ...]


def chain(name: str, ops: Mapping[str, Op], shape: tuple[int, ...] | None) -> Graph:
    """Operations in a row, between an input of a shape and an output."""
    nodes: dict[str, Any] = {"input": Input(shape), **ops, "output": Output()}
    names = list(nodes)
    return Graph(name, nodes, tuple(itertools.pairwise(names)))


def batch_norm(weight: Values | None, bias: Values | None, mean: Values, variance: Values, epsilon: float) -> Scale:
    """``(x - mean) / sqrt(variance + epsilon) * weight + bias``, of a network that no longer learns."""
    factor = (number(1) if weight is None else weight) / np.sqrt(variance + epsilon)
    return Scale(factor, (number(0) if bias is None else bias) - mean * factor)
