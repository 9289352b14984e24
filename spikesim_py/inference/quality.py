"""How exact every layer of a network on a chip is, measured while it runs.

Two references, batch by batch: the exact product of the inputs that a layer has on the chip, and the exact
network on the same images. Everything is counted in whole numbers of any size, so that the result does not
depend on how the samples are cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..activity import LayerQuality
from ..network import Conv, Lif, Linear, Network, run
from ..network.executor import Product, check_input, exact_product, node_output
from .tally import units_behind


@dataclass(frozen=True)
class Errors:
    """Sums over a layer's outputs: e is the exact product, c the chip's. They add up over batches and chips.

    Attributes:
        outputs: how many. e, c, ee, ec, cc: sums of the values and of their products.
        pairs: (unit, time-step) pairs of the LIF units behind the layer, 0 where there are none.
        own, all: pairs that spike otherwise on the exact product, and in the exact network.
    """

    outputs: int = 0
    e: int = 0
    c: int = 0
    ee: int = 0
    ec: int = 0
    cc: int = 0
    pairs: int = 0
    own: int = 0
    all: int = 0

    def __add__(self, other: Errors) -> Errors:
        return Errors(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Errors)))

    def quality(self, ir_loss: float | None, wire_error: float | None) -> LayerQuality:
        """The layer's record."""
        n, spread = self.outputs, self.outputs * self.ee - self.e**2
        return LayerQuality(
            signal_rms=(self.ee / n) ** 0.5,
            error_rms=((self.cc - 2 * self.ec + self.ee) / n) ** 0.5,
            bias=(self.c - self.e) / n,
            gain=(n * self.ec - self.e * self.c) / spread if spread else None,
            own_mismatch=self.own / self.pairs if self.pairs else None,
            spike_mismatch=self.all / self.pairs if self.pairs else None,
            ir_loss=ir_loss,
            wire_error=wire_error,
        )


def compare_products(exact: NDArray[np.int32], chip: NDArray[np.int32]) -> Errors:
    """The sums of one batch of a layer's products."""
    e, c = exact.ravel().astype(np.int64), chip.ravel().astype(np.int64)
    return Errors(e.size, int(e.sum()), int(c.sum()), dot(e, e), dot(e, c), dot(c, c))


def dot(a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
    """Sum of ``a * b``, exact: as many terms at a time as int64 holds; values from -2^31 to 2^31."""
    largest = max(1, int(np.abs(a).max())) * max(1, int(np.abs(b).max()))
    terms = (2**63 - 1) // largest
    return sum(int(a[i : i + terms] @ b[i : i + terms]) for i in range(0, a.size, terms))


class Meter:
    """Watches a network on a chip; `errors` holds what it has seen so far, layer by layer."""

    def __init__(self, network: Network, chip: Product) -> None:
        self._network, self._chip, self._exact = network, chip, exact_product(network)
        self._units = {node.name: units_behind(network, node.name) for node in network.layers}
        self.errors = {node.name: Errors() for node in network.layers}
        self._made: dict[str, list[torch.Tensor]] = {}

    def begin(self, images: NDArray[Any]) -> None:
        """Announce a batch."""
        self._values = {"input": check_input(self._network, images)}
        #: layer to what the nodes behind it, up to its LIF units, would compute on its exact product
        self._open: dict[str, dict[str, torch.Tensor]] = {}
        self._trains: Mapping[str, NDArray[np.bool_]] = run(
            self._network, images, record=True, batch=len(images)
        ).trains

    def product(self, node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        """The chip's product, compared."""
        chip, exact = self._chip(node, x), self._exact(node, x)
        self.errors[node.name] += compare_products(exact.numpy(), chip.numpy())
        if self._units[node.name] is not None:
            self._made.setdefault(node.name, []).append(exact)  # one time-step at a time, if it is in a loop
        return chip

    def observe(self, name: str, value: torch.Tensor) -> None:
        """Follow a node's output on the chip with what the exact products make of it."""
        self._values[name] = value
        node = self._network.by_name[name]
        if isinstance(node, Conv | Linear):
            if name in self._made:
                self._open[name] = {name: torch.cat(self._made.pop(name), dim=1)}
            return
        for layer in [layer for layer, found in self._open.items() if not found.keys().isdisjoint(node.inputs)]:
            found = self._open[layer]
            found[name] = node_output(
                self._network, node, [(found if i in found else self._values)[i] for i in node.inputs]
            )
            if isinstance(node, Lif):
                chip = value.numpy()
                own, all_ = (int((chip != other).sum()) for other in (found[name].numpy(), self._trains[name]))
                self.errors[layer] += Errors(pairs=chip.size, own=own, all=all_)
                del self._open[layer]
