"""The network as hardware sees it: a graph of integer-weight layers, LIF units and pools, run for T steps.

A `Network` is a validated description (`NetworkModel`, plain data) and the arrays that it names. Per
time-step and layer, in this order:

* ``a = W . x``, int32 sums; affine ``(a * multiplier + bias) >> shift`` per channel;
* units (`units.py` has all of their equations): ``u = leak(v << store_shift) + a``; spike where ``u >= theta``;
  reset to zero or by subtracting theta; ``v = u >> store_shift`` (floor), saturated or wrapped to `membrane_bits`;
* readout: membranes accumulated over time, the last one, or spike counts.

Edges run forward in the list of nodes, but for those that a `Delay` reads: a loop closes through one, and through
units, so that no sum grows without bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .base import Node, Part, Size, within, without
from .units import Li, Lif

#: operations of the format that this version does not execute yet; they are refused by name
RESERVED_OPS = {
    "concat": "concatenation along channels",
    "early_exit": "early exit by entropy or confidence",
}

#: names that people look for, and what there is instead
RESERVED_FIELDS = {
    "decay_input": "put an affine in front, whose multiplier the input is to have",
    "dt": "time-steps have no unit here; record it under metadata",
}

Arithmetic = Literal["integer", "float", "shape"]
_WeightBits = Annotated[int, within("weight_bits")]
_Padding = Annotated[int, Field(ge=0, le=1024)]


class Conv(Node):
    """2-D convolution. Array `<name>.weight`: (out_channels, in_channels / groups, kh, kw)."""

    op: Literal["conv"] = "conv"
    in_channels: Size
    out_channels: Size
    kernel: tuple[Size, Size]
    stride: tuple[Size, Size] = (1, 1)
    padding: tuple[_Padding, _Padding] = (0, 0)
    groups: Size = 1
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
    """``(a * multiplier + bias) >> shift``. Arrays `.multiplier`, `.bias`: (1,), (channels,), or (C, H, W).

    `bits` is what a shape-only workload declares of its multipliers and biases; arrays speak for themselves.
    `per_step` gives every time-step parameters of its own (BNTT, TEBN): arrays with T sets of them.
    """

    op: Literal["affine"] = "affine"
    shift: Annotated[int, Field(ge=0, le=31)] = 0
    bits: Annotated[int, within("affine_bits")] | None = None
    per_step: bool = False

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was not always there: files and digests stay those of networks made before it."""
        return without(handler(self), bits=None, per_step=False)


class Pool(Node):
    """Pooling: `sum` (average pooling with its 1/k^2 folded into what follows), `max`, or in float networks `average`.

    Zeros of the padding count, in averages too (PyTorch's `count_include_pad`).
    """

    op: Literal["pool"] = "pool"
    kind: Literal["sum", "max", "average"] = "sum"
    kernel: tuple[Size, Size] = (2, 2)
    stride: tuple[Size, Size] | None = None
    padding: tuple[_Padding, _Padding] = (0, 0)

    @model_validator(mode="after")
    def _padded_by_less_than_a_window(self) -> Pool:
        if any(pad >= size for pad, size in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"padding = {self.padding}: must be smaller than kernel = {self.kernel}")
        return self

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(handler(self), padding=(0, 0))

    @property
    def step(self) -> tuple[int, int]:
        return self.stride or self.kernel


class Add(Node):
    """Sum of equal shapes (shortcuts)."""

    op: Literal["add"] = "add"
    inputs: tuple[str, ...] = Field(min_length=2)


class Product(Node):
    """Product of two activations, as attention needs it; features lie on channels, N tokens on pixels.

    `channels` are summed over: ``out[h, i, j] = sum_c a[h, c, i] b[h, c, j]``, with the channels of a and b, equal in
    shape, split into `heads`; out is (heads, N, N). Or `tokens`: ``out[h, c, i] = sum_j a[h, i, j] b[h, c, j]``, with a
    as the first makes it; out has the shape of b.
    """

    op: Literal["product"] = "product"
    inputs: tuple[str, ...] = Field(min_length=2, max_length=2)
    over: Literal["channels", "tokens"]
    heads: Size = 1


class Flatten(Node):
    """(C, H, W) to (C*H*W, 1, 1)."""

    op: Literal["flatten"] = "flatten"


class Delay(Node):
    """What a node, earlier or later in the list, had `steps` time-steps ago; zeros before that.

    Array `.steps` (optional): delays of its own for every channel or unit, (channels,) or (C, H, W), 0 to `steps`; at
    least 1 in a loop.
    """

    op: Literal["delay"] = "delay"
    steps: Annotated[int, Field(ge=1, le=1024)] = 1


class Readout(Node):
    """The network's answer: `accumulate` sums over time, `last` takes the last step, `spike_count` counts."""

    op: Literal["readout"] = "readout"
    mode: Literal["accumulate", "last", "spike_count"] = "accumulate"


AnyNode = Annotated[
    Conv | Linear | Affine | Lif | Li | Pool | Add | Product | Flatten | Delay | Readout, Field(discriminator="op")
]
MATRIX_OPS = (Conv, Linear)


class InputSpec(Part):
    """What enters: unsigned integers of `bits` bits, shape (C, H, W).

    `direct` coding presents the same image at every time-step; `encoder` says whether the first layer's
    pre-activation is then computed `once` and buffered, or at `every_step`. `events` are (T, C, H, W).
    """

    shape: tuple[Size, Size, Size]
    bits: Annotated[int, within("input_bits")]
    coding: Literal["direct", "events"] = "direct"
    encoder: Literal["once", "every_step"] = "once"

    @model_validator(mode="after")
    def _consistent(self) -> InputSpec:
        if self.coding == "events" and self.encoder == "once":
            raise ValueError("encoder = 'once': events differ at every step, use 'every_step'")
        return self


class NetworkModel(Part):
    """The description: what a network file's JSON or a workload's YAML holds."""

    format_version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=128)
    arithmetic: Arithmetic
    time_steps: Annotated[int, within("time_steps")]
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
    def groups(self) -> tuple[tuple[AnyNode, ...], ...]:
        """The nodes in the order in which they run: alone, or those of a loop together."""
        from .graph import groups

        return groups(self.nodes)

    @cached_property
    def looped(self) -> frozenset[str]:
        """Names of the nodes that are in a loop: they run, and their layers are read, time-step by time-step."""
        from .graph import is_loop

        return frozenset(node.name for group in self.groups if is_loop(group) for node in group)

    @cached_property
    def layers(self) -> tuple[Conv | Linear, ...]:
        """The layers that hold weights, in order of execution."""
        return tuple(node for node in self.nodes if isinstance(node, MATRIX_OPS))

    @cached_property
    def macs(self) -> Mapping[str, int]:
        """Multiply-accumulates of each dense layer per time-step, padding included."""
        sizes = {node.name: self.edges[node.name].shape for node in self.layers}
        return {n.name: sizes[n.name][1] * sizes[n.name][2] * int(np.prod(n.weight_shape)) for n in self.layers}

    def terms(self, node: Product) -> int:
        """Products that each output of a product node sums."""
        channels, height, width = self.edges[node.inputs[1]].shape
        return channels // node.heads if node.over == "channels" else height * width

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
