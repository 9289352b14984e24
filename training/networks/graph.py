"""Writes a network's nodes down, one call each, with its shapes: what architectures are made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from spikesim_py.errors import InputError
from spikesim_py.network import Network, build

from ..neurons import Reset

Coding = Literal["direct", "events"]


class Graph:
    """A float network without arrays, growing; every call adds a node and returns its name.

    Args:
        name: of the network.
        input_shape: (C, H, W). input_bits: of one unsigned value.
        classes: outputs.
        time_steps: T.
        leak, reset: of all LIF nodes.
        coding: `direct` images, or `events` (T, C, H, W).
        width: factor on the channels of every layer but the last.
    """

    def __init__(
        self,
        name: str,
        *,
        input_shape: tuple[int, int, int],
        input_bits: int,
        classes: int,
        time_steps: int = 4,
        leak: float = 0.5,
        reset: Reset = "zero",
        coding: Coding = "direct",
        width: float = 1.0,
    ) -> None:
        self.name, self.classes, self.width = name, classes, width
        self._lif = {"leak": {"multiplier": leak}, "reset": reset, "membrane_bits": 32}
        self._description: dict[str, Any] = {
            "name": name,
            "arithmetic": "float",
            "time_steps": time_steps,
            "input": {
                "shape": input_shape,
                "bits": input_bits,
                "coding": coding,
                "encoder": "once" if coding == "direct" else "every_step",
            },
        }
        self.shapes: dict[str, tuple[int, int, int]] = {"input": input_shape}
        self.nodes: list[dict[str, Any]] = []

    def scaled(self, channels: int) -> int:
        """Channels of a layer that has `channels` at width 1."""
        return max(1, round(channels * self.width))

    def conv(self, name: str, source: str, channels: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> str:
        """A convolution to `channels` (taken as they are) that keeps the image's size but for its stride."""
        inside, *size = self.shapes[source]
        fields = {
            "in_channels": inside,
            "out_channels": channels,
            "kernel": (kernel, kernel),
            "stride": (stride, stride),
            "padding": (kernel // 2, kernel // 2),
            "groups": groups,
        }
        height, width = ((s + 2 * (kernel // 2) - kernel) // stride + 1 for s in size)
        return self._add("conv", name, source, (channels, height, width), fields)

    def linear(self, name: str, source: str, features: int) -> str:
        """A fully connected layer on a flat source."""
        inside = self.shapes[source][0]
        return self._add("linear", name, source, (features, 1, 1), {"in_features": inside, "out_features": features})

    def affine(self, name: str, source: str) -> str:
        """A batch norm behind a layer; spikes in units of the membrane elsewhere."""
        return self._add("affine", name, source, self.shapes[source], {})

    def lif(self, name: str, source: str) -> str:
        return self._add("lif", name, source, self.shapes[source], self._lif)

    def pool(self, name: str, source: str, kernel: int = 2, kind: Literal["sum", "max"] = "sum") -> str:
        """Windows side by side."""
        channels, height, width = self.shapes[source]
        if min(height, width) < kernel:
            raise InputError(
                f"architecture {self.name!r}: an input of {self.shapes['input'][1]} x {self.shapes['input'][2]} pixels "
                f"is too small: {name} would pool {kernel} x {kernel} of {height} x {width}"
            )
        shape = channels, height // kernel, width // kernel
        return self._add("pool", name, source, shape, {"kind": kind, "kernel": (kernel, kernel)})

    def pool_all(self, name: str, source: str) -> str:
        """The sum of every map (global average pooling)."""
        channels, height, width = self.shapes[source]
        return self._add("pool", name, source, (channels, 1, 1), {"kind": "sum", "kernel": (height, width)})

    def add(self, name: str, *sources: str) -> str:
        return self._add("add", name, sources, self.shapes[sources[0]], {})

    def product(self, name: str, first: str, second: str, over: Literal["channels", "tokens"], heads: int) -> str:
        """A product of two activations: see `network.Product`."""
        tokens = self.shapes[second][1] * self.shapes[second][2]
        shape = (heads, tokens, tokens) if over == "channels" else self.shapes[second]
        return self._add("product", name, (first, second), shape, {"over": over, "heads": heads})

    def flatten(self, name: str, source: str) -> str:
        channels, height, width = self.shapes[source]
        return self._add("flatten", name, source, (channels * height * width, 1, 1), {})

    def answer(self, name: str, source: str, readout: str) -> Network:
        """The last layer, `name`, and its sum over time: the whole network."""
        self._add("readout", readout, self.linear(name, source, self.classes), (self.classes, 1, 1), {})
        return build(self._description | {"nodes": self.nodes}, {}, f"architecture {self.name!r}")

    def _add(
        self, op: str, name: str, source: str | tuple[str, ...], shape: tuple[int, int, int], fields: Mapping[str, Any]
    ) -> str:
        inputs = (source,) if isinstance(source, str) else source
        self.nodes.append({"op": op, "name": name, "inputs": inputs, **fields})
        self.shapes[name] = shape
        return name
