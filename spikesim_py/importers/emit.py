"""Nodes and arrays of a network in the making, and values that are not nodes yet.

Every value is carried as ``node * factor + offset`` until something needs it whole: so biases, normalizations, gains
and the 1/k^2 of averages meet, and become the weights of a layer or one affine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from .arrays import compact, is_number
from .graph import Values, number

Shape = tuple[int, int, int]
ONE, ZERO = number(1), number(0)
_LARGEST = 1e30


@dataclass(frozen=True, eq=False)
class Value:
    """``node * factor + offset``, of a shape (C, H, W)."""

    node: str
    shape: Shape
    factor: Values = field(default_factory=lambda: ONE)
    offset: Values = field(default_factory=lambda: ZERO)
    spikes: bool = False

    @property
    def settled(self) -> bool:
        return is_number(self.factor, 1) and is_number(self.offset, 0)


class Emitter:
    """Collects the description of a network, under names that networks allow.

    `names` are those of the graph's operations, `uses` how many operations read each; `fold` is that of `Options`.
    """

    def __init__(self, names: Iterable[str], uses: Mapping[str, int], fold: str, origin: str) -> None:
        self.uses, self.fold, self.origin = uses, fold, origin
        self.nodes: list[dict[str, Any]] = []
        self.arrays: dict[str, NDArray[Any]] = {}
        self.read_nodes: Counter[str] = Counter()
        self.taken = {"input", "shared"}
        self.names = {name: self._name(name) for name in names}
        self.made_by = {made: name for name, made in self.names.items()}

    def error(self, name: str, text: str) -> NetworkError:
        return NetworkError(f"{self.origin}: node {name!r}: {text}")

    def _name(self, name: str) -> str:
        """A name that networks allow, and that is not taken."""
        base = re.sub(r"\W", "_", name, flags=re.ASCII)[:48] or "node"
        base = base if re.match(r"[A-Za-z_]", base) else f"n{base}"
        made, number_ = base, 2
        while made in self.taken:
            made, number_ = f"{base}_{number_}", number_ + 1
        self.taken.add(made)
        return made

    def emit(self, wanted: str, op: str, inputs: list[str], **fields: Any) -> str:
        name = wanted if wanted in self.made_by else self._name(wanted)
        self.read_nodes.update(inputs)
        self.nodes.append({"op": op, "name": name, "inputs": inputs} | fields)
        return name

    def keep(self, name: str, key: str, array: Values) -> None:
        """An array of the network, as one number, one per channel, or one per unit."""
        flat = array.reshape(-1) if array.ndim < 3 or array.shape[1:] == (1, 1) else array
        self.arrays[f"{name}.{key}"] = self._single(name, key, flat)

    def _single(self, name: str, key: str, array: Values) -> NDArray[np.float32]:
        """In float32, the type of float networks."""
        if array.size and np.abs(array).max() > _LARGEST:
            raise self.error(name, f"{key} = {np.abs(array).max():.3g}: must be at most {_LARGEST:g}")
        return np.ascontiguousarray(array, np.float32)

    def settle(self, value: Value, multiplier_of: str = "") -> Value:
        """The value as a node of its own."""
        if value.settled:
            return value
        factor = value.factor
        if self.fold == "weights" and self._fold_rows(value):
            factor = ONE
        if is_number(factor, 1) and is_number(value.offset, 0):
            return replace(value, factor=ONE, offset=ZERO)
        name = self.emit(f"{multiplier_of or value.node}_affine", "affine", [value.node])
        shape = np.broadcast_shapes(factor.shape, value.offset.shape)
        self.keep(name, "multiplier", np.broadcast_to(factor, shape))
        self.keep(name, "bias", np.broadcast_to(value.offset, shape))
        return Value(name, value.shape)

    def _fold_rows(self, value: Value) -> bool:
        """Multiply a layer's rows by what its output is multiplied by, if nothing else reads that output."""
        key, per_channel = f"{value.node}.weight", value.factor.ndim == 0 or value.factor.shape[1:] == (1, 1)
        if key not in self.arrays or not per_channel or is_number(value.factor, 1):
            return False
        if self.read_nodes[value.node] or self.uses[self.made_by[value.node]] > 1:
            return False
        weight = self.arrays[key]
        factor = value.factor.reshape(-1, *(1,) * (weight.ndim - 1)) if value.factor.ndim else value.factor
        self.arrays[key] = self._single(value.node, "weight", weight * factor)
        return True

    def parameter(self, name: str, key: str, values: Values, shape: Shape) -> Values:
        """A parameter of a node as a number, one per channel or one per unit."""
        try:
            return compact(values, shape)
        except ValueError:
            raise self.error(name, f"{key} has shape {values.shape}: does not fit {shape}") from None
