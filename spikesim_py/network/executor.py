"""The executor: what a network computes, exactly.

Integer networks run in int32 sums, int64 neurons and affines; float networks in float32, same order of operations.
A graph is run node by node over all samples and time-steps at once, in which only units step through time; the nodes
of a loop (see `Delay`) run together, one time-step after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ..errors import DataError, NetworkError
from . import reference
from .graph import is_loop
from .loops import run_loop
from .model import Affine, AnyNode, Conv, Linear, Network, Pool
from .units import Lif, Membrane

Tensor = torch.Tensor
#: computes ``W . x`` of a layer: (layer name, x of shape (samples, steps, C, H, W)) -> same with output C, H, W
Product = Callable[[Conv | Linear, Tensor], Tensor]
#: sees every node's output: (node name, value of shape (samples, steps, C, H, W))
Observer = Callable[[str, Tensor], None]


@dataclass(frozen=True)
class Result:
    """What a run returns.

    Attributes:
        outputs: (samples, classes), int64 or float32.
        spikes: spikes emitted per LIF node, summed over samples, time-steps and units.
        trains: per LIF node (samples, T, C, H, W), only if asked for with `record=True`: bool, or where units spike
            several times per time-step how often.
    """

    outputs: NDArray[Any]
    spikes: Mapping[str, int]
    trains: Mapping[str, NDArray[Any]]

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Index of the largest output; the first of equals, on every machine."""
        return np.asarray(np.argmax(self.outputs, axis=1), dtype=np.int64)


def run(
    network: Network,
    x: Any,
    *,
    product: Product | None = None,
    observer: Observer | None = None,
    record: bool = False,
    batch: int = 256,
) -> Result:
    """Run `network` on `x`.

    Args:
        x: (samples, C, H, W) for direct coding, (samples, T, C, H, W) for events; unsigned integers that
            fit the input's bits (floats for a float network).
        product: computes the layers' products elsewhere (on crossbars); default is exact arithmetic.
        observer: called with every node's output, batch by batch.
        record: also return every LIF unit's spike train.
        batch: samples per pass; the result does not depend on it.

    Raises:
        NetworkError: the network has no weights. DataError: `x` does not fit the input.
    """
    if network.shape_only:
        raise NetworkError(f"network {network.name!r} is a shape-only workload: it has costs but cannot run")
    images = check_input(network, x)
    multiply = product or exact_product(network)
    outputs: list[Tensor] = []
    most = {node.name: node.max_spikes for node in network.nodes if isinstance(node, Lif)}
    spikes = dict.fromkeys(most, 0)
    trains: dict[str, list[NDArray[Any]]] = {name: [] for name in spikes} if record else {}
    for start in range(0, len(images), batch):
        values = _forward(network, images[start : start + batch], multiply, observer)
        outputs.append(values[network.nodes[-1].name].flatten(1))
        for name in spikes:
            train = values[name].numpy()
            spikes[name] += int(np.count_nonzero(train) if most[name] == 1 else train.sum(dtype=np.int64))
            if record:
                trains[name].append(train.astype(bool) if most[name] == 1 else train)
    stacked = {name: np.concatenate(parts) for name, parts in trains.items()}
    return Result(torch.cat(outputs).numpy(), spikes, stacked)


def check_input(network: Network, x: Any) -> Tensor:
    """`x` as (samples, steps, C, H, W), steps = 1 for direct coding; raises `DataError` if it does not fit."""
    spec = network.model.input
    array = np.asarray(x)
    want = spec.shape if spec.coding == "direct" else (network.time_steps, *spec.shape)
    if array.ndim != len(want) + 1 or array.shape[1:] != want:
        raise DataError(
            f"input of network {network.name!r}: shape {array.shape}: must be (samples, {', '.join(map(str, want))})"
        )
    if not len(array):
        raise DataError(f"input of network {network.name!r}: no samples")
    if network.arithmetic == "integer":
        low, high = array.min(), array.max()
        if array.dtype.kind not in "iub" or low < 0 or high >= 2**spec.bits:
            raise DataError(
                f"input of network {network.name!r}: {array.dtype} from {low} to {high}: must be integers "
                f"from 0 to {2**spec.bits - 1}"
            )
    dtype = torch.int32 if network.arithmetic == "integer" else torch.float32
    tensor = torch.from_numpy(np.array(array, order="C")).to(dtype)  # a copy: torch refuses read-only memory
    return tensor[:, None] if spec.coding == "direct" else tensor


def exact_product(network: Network) -> Product:
    """``W . x`` in exact integers (or float32 for a float network)."""
    prepared: dict[str, Tensor] = {}

    def weight_of(node: Conv | Linear) -> Tensor:
        source = network.edges[node.inputs[0]]
        # sums below 2^24 are exact in float32, below 2^53 in float64, whatever the order
        small = network.arithmetic == "float" or _worst_sum(network, node, source.high, source.low) < 2**24
        return torch.from_numpy(np.array(network.weight(node.name))).to(torch.float32 if small else torch.float64)

    def multiply(node: Conv | Linear, x: Tensor) -> Tensor:
        if node.name not in prepared:
            prepared[node.name] = weight_of(node)
        weight = prepared[node.name]
        flat = x.flatten(0, 1).to(weight.dtype)
        if isinstance(node, Conv):
            out = F.conv2d(flat, weight, None, node.stride, node.padding, 1, node.groups)
        else:
            out = F.linear(flat.flatten(1), weight)
        kept = torch.float32 if network.arithmetic == "float" else torch.int32
        return out.to(kept).reshape(x.shape[0], x.shape[1], *network.edges[node.name].shape)

    return multiply


def _worst_sum(network: Network, node: Conv | Linear, high: int, low: int) -> int:
    weight = np.abs(network.weight(node.name).astype(np.int64))
    return int(weight.reshape(len(weight), -1).sum(1).max()) * max(high, -low)


def _forward(network: Network, x: Tensor, multiply: Product, observer: Observer | None) -> dict[str, Tensor]:
    """All node outputs, (samples, steps, C, H, W); steps stays 1 while nothing depends on time."""
    values = {"input": x}
    if network.model.input.encoder == "every_step":
        values["input"] = x.expand(-1, network.time_steps, -1, -1, -1)
    for group in network.groups:
        if is_loop(group):
            made = run_loop(network, group, values, multiply)
        else:
            sources = [values[name] for name in group[0].inputs]
            made = {group[0].name: _output(network, group[0], sources, multiply)}
        values |= made
        if observer is not None:
            for name, value in made.items():
                observer(name, value)
    return values


def _output(network: Network, node: AnyNode, sources: Sequence[Tensor], multiply: Product) -> Tensor:
    return multiply(node, sources[0]) if isinstance(node, Conv | Linear) else node_output(network, node, sources)


def node_output(network: Network, node: AnyNode, sources: Sequence[Tensor]) -> Tensor:
    """What a node without a matrix makes of its inputs, (samples, steps, C, H, W) each."""
    if network.arithmetic == "integer" and isinstance(node, Membrane | Affine | Pool):
        from . import integer  # here: costs run no network, and need not wait for Numba

        return integer.node_output(network, node, sources[0])
    return reference.node_output(network, node, sources)
