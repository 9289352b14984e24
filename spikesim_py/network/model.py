"""The network as hardware sees it: a graph of integer-weight layers, LIF units and pools, run for T steps.

A `Network` is a validated description (`NetworkModel`, plain data) and the arrays that it names. Per
time-step and layer, in this order:

* ``a = W . x``, int32 sums; affine ``(a * multiplier + bias) >> shift`` per channel;
* LIF: ``u = leak(v << store_shift) + a``; spike where ``u >= theta``; reset to zero or by subtracting
  theta; ``v = u >> store_shift`` (floor), saturated or wrapped to `membrane_bits`, signed;
* readout: membranes accumulated over time, the last one, or spike counts.

Leak is ``(u * multiplier) >> shift`` with the stated rounding. Comparison is always ``>=`` with an integer
theta: ceil(theta / scale) for a network trained with >=, floor(theta / scale) + 1 for >.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

#: operations of the format that this version does not execute yet; they are refused by name
RESERVED_OPS = {
    "concat": "concatenation along channels",
    "product": "activation x activation products (attention)",
    "delay": "edges that arrive one time-step later (recurrence)",
    "synapse": "synaptic state (CUBA)",
    "early_exit": "early exit by entropy or confidence",
}

#: fields of the format that this version does not execute yet; only the default is accepted
RESERVED_FIELDS = {
    "v_leak": "a resting potential other than 0",
    "v_reset": "a reset potential other than 0",
    "refractory": "refractory time-steps",
    "multi_spike": "several spikes per time-step",
    "decay_input": "an input that decays with the membrane",
    "per_neuron_theta": "a threshold per neuron",
    "dt": "a time-step in seconds",
}

#: least and most of the numbers that `with_precision` sets; weights that a file holds have at most 16 bits
NETWORK_FIELDS: dict[str, tuple[int, int]] = {
    "weight_bits": (1, 32),
    "membrane_bits": (2, 32),
    "affine_bits": (1, 32),
    "input_bits": (1, 16),
    "time_steps": (1, 10_000),
}

Arithmetic = Literal["integer", "float", "shape"]


def _within(name: str) -> Any:
    low, high = NETWORK_FIELDS[name]
    return Field(ge=low, le=high)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Node(_Part):
    """What every operation has: a name and the names of the nodes it reads."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)
    inputs: tuple[str, ...] = Field(min_length=1)


_Size = Annotated[int, Field(ge=1, le=65536)]
_WeightBits = Annotated[int, _within("weight_bits")]


def _without(fields: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """Fields less those that have the given default."""
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}


class Conv(Node):
    """2-D convolution. Array `<name>.weight`: (out_channels, in_channels / groups, kh, kw)."""

    op: Literal["conv"] = "conv"
    in_channels: _Size
    out_channels: _Size
    kernel: tuple[_Size, _Size]
    stride: tuple[_Size, _Size] = (1, 1)
    padding: tuple[Annotated[int, Field(ge=0, le=1024)], Annotated[int, Field(ge=0, le=1024)]] = (0, 0)
    groups: _Size = 1
    weight_bits: _WeightBits | None = None

    @model_validator(mode="after")
    def _divisible(self) -> Conv:
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(f"groups = {self.groups}: must divide in_channels and out_channels")
        return self

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)


class Linear(Node):
    """Fully connected layer. Array `<name>.weight`: (out_features, in_features)."""

    op: Literal["linear"] = "linear"
    in_features: Annotated[int, Field(ge=1, le=2**24)]
    out_features: Annotated[int, Field(ge=1, le=2**24)]
    weight_bits: _WeightBits | None = None

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_features, self.in_features)


class Affine(Node):
    """Per-channel ``(a * multiplier + bias) >> shift``. Arrays `.multiplier`, `.bias`: (channels,).

    `bits` is what a shape-only workload declares of its multipliers and biases; arrays speak for themselves.
    `per_step` gives every time-step parameters of its own (BNTT, TEBN): arrays (T, channels).
    """

    op: Literal["affine"] = "affine"
    shift: Annotated[int, Field(ge=0, le=31)] = 0
    bits: Annotated[int, _within("affine_bits")] | None = None
    per_step: bool = False

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not always there: files and digests stay those of networks made before it."""
        return _without(handler(self), bits=None, per_step=False)


class Leak(_Part):
    """Membrane decay ``(u * multiplier) >> shift``; `multiplier` 1 and `shift` 0 is no leak."""

    multiplier: Annotated[float, Field(ge=0)] = 1
    shift: Annotated[int, Field(ge=0, le=31)] = 0
    rounding: Literal["floor", "nearest", "toward_zero"] = "floor"


class Lif(Node):
    """Leaky integrate-and-fire units. Array `.theta`: (channels,) or (1,), positive.

    The stored membrane is a two's complement word, or without a sign (`signed` false) from 0 on.
    """

    op: Literal["lif"] = "lif"
    leak: Leak = Leak()
    reset: Literal["zero", "subtract"] = "zero"
    membrane_bits: Annotated[int, Field(ge=1, le=NETWORK_FIELDS["membrane_bits"][1])] = 16
    overflow: Literal["saturate", "wrap"] = "saturate"
    store_shift: Annotated[int, Field(ge=0, le=15)] = 0
    signed: bool = True

    @model_validator(mode="after")
    def _holds_a_value(self) -> Lif:
        if self.signed and self.membrane_bits < 2:
            raise ValueError("membrane_bits = 1: must be at least 2, or 1 with signed = false")
        if not self.signed and self.overflow == "wrap":
            raise ValueError("overflow = 'wrap': must be 'saturate' with signed = false")
        return self

    @property
    def stored(self) -> tuple[int, int]:
        """The least and the largest membrane that is stored."""
        half = 1 << (self.membrane_bits - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not always there: files and digests stay those of networks made before it."""
        return _without(handler(self), signed=True)


class Pool(Node):
    """Pooling: `sum` (average pooling with its 1/k^2 folded into what follows) or `max`."""

    op: Literal["pool"] = "pool"
    kind: Literal["sum", "max"] = "sum"
    kernel: tuple[_Size, _Size] = (2, 2)
    stride: tuple[_Size, _Size] | None = None

    @property
    def step(self) -> tuple[int, int]:
        return self.stride or self.kernel


class Add(Node):
    """Sum of equal shapes (shortcuts)."""

    op: Literal["add"] = "add"
    inputs: tuple[str, ...] = Field(min_length=2)


class Flatten(Node):
    """(C, H, W) to (C*H*W, 1, 1)."""

    op: Literal["flatten"] = "flatten"


class Readout(Node):
    """The network's answer: `accumulate` sums over time, `last` takes the last step, `spike_count` counts."""

    op: Literal["readout"] = "readout"
    mode: Literal["accumulate", "last", "spike_count"] = "accumulate"


AnyNode = Annotated[Conv | Linear | Affine | Lif | Pool | Add | Flatten | Readout, Field(discriminator="op")]
MATRIX_OPS = (Conv, Linear)


class InputSpec(_Part):
    """What enters: unsigned integers of `bits` bits, shape (C, H, W).

    `direct` coding presents the same image at every time-step; `encoder` says whether the first layer's
    pre-activation is then computed `once` and buffered, or at `every_step`. `events` are (T, C, H, W).
    """

    shape: tuple[_Size, _Size, _Size]
    bits: Annotated[int, _within("input_bits")]
    coding: Literal["direct", "events"] = "direct"
    encoder: Literal["once", "every_step"] = "once"

    @model_validator(mode="after")
    def _consistent(self) -> InputSpec:
        if self.coding == "events" and self.encoder == "once":
            raise ValueError("encoder = 'once': events differ at every step, use 'every_step'")
        return self


class NetworkModel(_Part):
    """The description: what a network file's JSON or a workload's YAML holds."""

    format_version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=128)
    arithmetic: Arithmetic
    time_steps: Annotated[int, _within("time_steps")]
    input: InputSpec
    nodes: tuple[AnyNode, ...] = Field(min_length=1)
    activity: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """The type of a node's output: shape (C, H, W) and the integers it can carry."""

    shape: tuple[int, int, int]
    low: int
    high: int

    @property
    def bits(self) -> int:
        """Bits per value; signed values spend one on the sign."""
        span = max(self.high, -self.low - 1) if self.low < 0 else self.high
        return max(1, int(span).bit_length() + (self.low < 0))

    @property
    def signed(self) -> bool:
        return self.low < 0

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False)
class Network:
    """A validated network. Make one with `build`, `load_network` or `quantize`."""

    model: NetworkModel
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    edges: Mapping[str, Edge] = field(repr=False)

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def time_steps(self) -> int:
        return self.model.time_steps

    @property
    def arithmetic(self) -> Arithmetic:
        return self.model.arithmetic

    @property
    def nodes(self) -> tuple[AnyNode, ...]:
        return self.model.nodes

    @property
    def shape_only(self) -> bool:
        """True for a workload without arrays: it has costs but cannot run."""
        return not self.arrays

    @cached_property
    def by_name(self) -> Mapping[str, AnyNode]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def layers(self) -> tuple[Conv | Linear, ...]:
        """The layers that hold weights, in order of execution."""
        return tuple(node for node in self.nodes if isinstance(node, MATRIX_OPS))

    @cached_property
    def macs(self) -> Mapping[str, int]:
        """Multiply-accumulates of each dense layer per time-step, padding included."""
        sizes = {node.name: self.edges[node.name].shape for node in self.layers}
        return {n.name: sizes[n.name][1] * sizes[n.name][2] * int(np.prod(n.weight_shape)) for n in self.layers}

    @property
    def first_layer(self) -> str | None:
        """The layer that reads the input, if exactly one does."""
        readers = [node.name for node in self.nodes if "input" in node.inputs]
        return readers[0] if len(readers) == 1 and readers[0] in {n.name for n in self.layers} else None

    @property
    def classes(self) -> int:
        return self.edges[self.nodes[-1].name].size

    def weight(self, layer: str) -> NDArray[Any]:
        """Weights of a layer; raises `NetworkError` for a shape-only workload."""
        from ..errors import NetworkError

        try:
            return self.arrays[f"{layer}.weight"]
        except KeyError:
            raise NetworkError(
                f"network {self.name!r} has no weights for layer {layer!r}: it is a shape-only workload"
            ) from None

    def runs_once(self, layer: str) -> bool:
        """True if the layer's pre-activation is computed once per inference and buffered."""
        spec = self.model.input
        return spec.coding == "direct" and spec.encoder == "once" and layer == self.first_layer

    def constant(self, node: str) -> bool:
        """True if an edge carries the same values in every time-step: a direct input, and sums that are made once."""
        if node == "input":
            return self.model.input.coding == "direct"
        made = self.by_name[node]
        once = isinstance(made, Affine) and not made.per_step and self.runs_once(made.inputs[0])
        return self.runs_once(node) or once

    def run(self, x: Any, **options: Any) -> Any:
        """Run on the reference executor; see `spikesim_py.network.executor.run`."""
        from .executor import run

        return run(self, x, **options)

    def save(self, path: Any) -> None:
        """Write a `.safetensors` file; see `spikesim_py.network.files.save_network`."""
        from .files import save_network

        save_network(self, path)

    def describe(self) -> str:
        """A table of the nodes: operation, shapes, bits, weights."""
        from .describe import describe

        return describe(self)
