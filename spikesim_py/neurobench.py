"""NeuroBench's algorithm metrics of a network on samples, under their names, hardware aside.

Definitions are those of the package `neurobench` 2.3 (Yik et al., Nature Communications 16, 1545, 2025), which measures
torch modules; per sample means per inference of all T time-steps.

* `Footprint`: bytes of parameters and buffers, each number in whole bytes; what units remember is not among them.
  `footprint_bits` (ours; `footprint.py`) counts bits, and what units remember, too.
* `ConnectionSparsity`: zero weights over all weights of the layers; biases aside. (There rounded to 4 decimals.)
* `ActivationSparsity`: zeros over all outputs of spiking units, over samples, time-steps and units.
* `MembraneUpdates`: per sample, how often a stored membrane is another after a time-step than before it; the first
  time-step counts for all units. Leaky integrators (`li`) count, too.
* `SynapticOperations`: per sample, of the layers. `Dense`: all products of a weight with an input value; zeros of the
  padding are no inputs. Effective: those of them whose weight and whose input are not zero: `Effective_ACs` where all
  inputs of a layer in a time-step are -1, 0 or 1, `Effective_MACs` otherwise. We decide so sample by sample, as there
  with a batch of one: with larger batches it depends there on what the others of the batch are. A layer that is
  computed once per inference (`encoder: once`) counts once. Affines, pools, adds and products of activations are no
  synaptic operations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ._files import write_atomic
from .datasets import network_data
from .footprint import KINDS, Kind, footprint_bits, parameters
from .importers import load_network
from .network import Conv, Lif, Linear, Membrane, Network
from .network.executor import check_input
from .network.states import stored_states

#: names of the synaptic operations
OPERATIONS = ("Effective_MACs", "Effective_ACs", "Dense")
#: samples per pass; no result depends on it
_BATCH = 16


@dataclass(frozen=True)
class SynapticOperations:
    """Per sample."""

    effective_macs: float
    effective_acs: float
    dense: float

    def to_dict(self) -> dict[str, float]:
        return dict(zip(OPERATIONS, (self.effective_macs, self.effective_acs, self.dense), strict=True))


@dataclass(frozen=True)
class NeuroBench:
    """See the module for the definitions.

    Attributes:
        samples: how many were run. data: dataset and split; None for arrays.
        footprint: bytes. footprint_bits: kind (`footprint.KINDS`) to bits.
        activation_sparsity_by_layer: of each node of spiking units.
        operations_by_layer: synaptic operations of each layer.
    """

    network: str
    samples: int
    data: str | None
    footprint: int
    footprint_bits: Mapping[Kind, int]
    connection_sparsity: float
    activation_sparsity: float
    membrane_updates: float
    synaptic_operations: SynapticOperations
    activation_sparsity_by_layer: Mapping[str, float] = field(repr=False)
    operations_by_layer: Mapping[str, SynapticOperations] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain data under NeuroBench's names; what is ours has small letters."""
        return {
            "network": self.network,
            "samples": self.samples,
            "data": self.data,
            "Footprint": self.footprint,
            "ConnectionSparsity": self.connection_sparsity,
            "ActivationSparsity": self.activation_sparsity,
            "MembraneUpdates": self.membrane_updates,
            "SynapticOperations": self.synaptic_operations.to_dict(),
            "ActivationSparsityByLayer": dict(self.activation_sparsity_by_layer),
            "operations_by_layer": {name: one.to_dict() for name, one in self.operations_by_layer.items()},
            "footprint_bits": dict(self.footprint_bits),
        }

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict` as JSON; the file appears whole or not at all."""
        return write_atomic(path, json.dumps(self.to_dict(), indent=1) + "\n")


def neurobench(
    network: str | Path | Network,
    data: str | NDArray[Any] = "digits",
    *,
    split: str = "report",
    samples: int | None = None,
) -> NeuroBench:
    """NeuroBench's metrics of a network in exact arithmetic; see the module for the definitions.

    Args:
        network: bundled name, file, or `Network`.
        data: dataset by name, see `load_dataset`, or samples as `Network.run` takes them.
        split, samples: which samples of a dataset, and how many (all of the split if None).

    Raises:
        InputError: one of the inputs cannot be used; a shape-only workload has no weights to count.
    """
    net = load_network(network)
    if not isinstance(data, str):
        return measured(net, data)
    dataset = network_data(net, data, split, samples)
    return measured(net, dataset.images, dataset.name)


def measured(net: Network, images: Any, data: str | None = None) -> NeuroBench:
    """The metrics on samples (as `Network.run` takes them) that are called `data`."""
    images, tally = np.atleast_1d(np.asarray(images)), _Tally(net)
    for start in range(0, max(len(images), 1), _BATCH):  # none are refused as everywhere
        tally.add(images[start : start + _BATCH])
    weights = [net.weight(layer.name) for layer in net.layers]
    return NeuroBench(
        network=net.name,
        samples=tally.samples,
        data=data,
        footprint=sum(numbers.nbytes for numbers in parameters(net)),
        footprint_bits=footprint_bits(net),
        connection_sparsity=sum(int((w == 0).sum()) for w in weights) / sum(w.size for w in weights),
        activation_sparsity=tally.sparsity(*tally.spikes),
        membrane_updates=tally.updates / tally.samples,
        synaptic_operations=tally.operations(*tally.dense),
        activation_sparsity_by_layer={name: tally.sparsity(name) for name in tally.spikes},
        operations_by_layer={name: tally.operations(name) for name in tally.dense},
    )


class _Tally:
    """Whole numbers over all samples so far."""

    def __init__(self, net: Network) -> None:
        self._net = net
        self.samples = self.updates = 0
        self.spikes = {node.name: 0 for node in net.nodes if isinstance(node, Lif)}
        self.macs = {layer.name: 0 for layer in net.layers}
        self.acs, self.dense = dict(self.macs), dict(self.macs)
        weights = {layer: net.weight(layer.name) for layer in net.layers}
        self._fans = {layer.name: fan_out(net, layer, weight != 0) for layer, weight in weights.items()}
        self._full = {
            layer.name: int(fan_out(net, layer, np.ones(w.shape, bool)).sum()) for layer, w in weights.items()
        }

    def sparsity(self, *units: str) -> float:
        """Zeros over all outputs of some nodes; 0 of none."""
        outputs = self.samples * self._net.time_steps * sum(self._net.edges[name].size for name in units)
        return (outputs - sum(self.spikes[name] for name in units)) / outputs if outputs else 0.0

    def operations(self, *layers: str) -> SynapticOperations:
        counts = (self.macs, self.acs, self.dense)
        return SynapticOperations(*(sum(count[name] for name in layers) / self.samples for count in counts))

    def add(self, images: Any) -> None:
        net = self._net
        values = {"input": check_input(net, images)}
        net.run(images, observer=values.__setitem__, batch=len(images))
        self.samples += len(images)
        for node in net.nodes:
            if isinstance(node, Conv | Linear):
                self._count(node, values[node.inputs[0]].numpy())
            elif isinstance(node, Membrane):
                self.updates += sum(_changes(net, node, values[node.inputs[0]]))
                if isinstance(node, Lif):
                    self.spikes[node.name] += int(values[node.name].count_nonzero())

    def _count(self, layer: Conv | Linear, x: NDArray[Any]) -> None:
        """Add a layer's operations on `x`, (samples, 1 or T, C, H, W)."""
        name, passes = layer.name, 1 if self._net.runs_once(layer.name) else self._net.time_steps
        active = (x != 0).reshape(*x.shape[:2], -1)
        spiking = (active == (np.abs(x) == 1).reshape(active.shape)).all(2)
        effective = (active.astype(np.float64) @ self._fans[name].ravel()) * (passes // x.shape[1])  # exact below 2^53
        self.acs[name] += int(effective[spiking].sum())
        self.macs[name] += int(effective[~spiking].sum())
        self.dense[name] += len(x) * passes * self._full[name]


def _changes(net: Network, node: Membrane, drive: torch.Tensor) -> Iterator[int]:
    """Membranes that a time-step changes, one time-step after the other; all of them in the first."""
    before = None
    for after, _ in stored_states(net, node, drive):
        yield after.numel() if before is None else int((after != before).count_nonzero())
        before = after


def fan_out(net: Network, layer: Conv | Linear, connected: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Synapses through which each input value of a layer reaches outputs, (C, H, W).

    It is what a convolution's transpose makes of ones. Taps that fall on padding belong to no input value.

    Args:
        connected: which weights there are, in the shape of the layer's weights.
    """
    channels, height, width = net.edges[layer.inputs[0]].shape
    if isinstance(layer, Linear):
        each: NDArray[np.int64] = connected.sum(0, dtype=np.int64)
        return each.reshape(channels, height, width)
    _, rows, columns = net.edges[layer.name].shape
    grouped = connected.reshape(layer.groups, -1, *connected.shape[1:])
    taps = grouped.sum(1, dtype=np.int64).reshape(channels, *layer.kernel)  # outputs behind each tap of a channel
    (down, right), (above, left) = layer.stride, layer.padding
    padded: NDArray[np.int64] = np.zeros((channels, height + 2 * above, width + 2 * left), np.int64)
    for i, j in np.ndindex(*layer.kernel):
        padded[:, i : i + rows * down : down, j : j + columns * right : right] += taps[:, i, j, None, None]
    return padded[:, above : above + height, left : left + width]


def neurobench_rows(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and what it is of as text, from the plain data of `NeuroBench.to_dict`."""
    operations, bits = found["SynapticOperations"], found["footprint_bits"]
    parts = ", ".join(f"{kind} {_shown(bits[kind] / 8)}" for kind in KINDS if bits[kind])
    pairs = "pairs of a weight and an input that are not 0"
    of = (f"{pairs}, per sample", f"{pairs}, inputs being -1, 0 or 1", "all pairs, less the padding")
    return [
        ("Footprint", f"{found['Footprint']:,} B", "parameters and buffers, in whole bytes"),
        ("bit-accurate footprint", f"{_shown(sum(bits.values()) / 8)} B", parts),
        ("ConnectionSparsity", f"{found['ConnectionSparsity']:.2%}", "weights"),
        ("ActivationSparsity", f"{found['ActivationSparsity']:.2%}", "outputs of spiking units"),
        ("MembraneUpdates", _shown(found["MembraneUpdates"]), "changes of membranes per sample"),
        *((name, _shown(operations[name]), what) for name, what in zip(OPERATIONS, of, strict=True)),
    ]


def operation_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Synaptic operations of each layer as text, from the same data."""
    return [
        (layer, *(_shown(counts[name]) for name in OPERATIONS))
        for layer, counts in found["operations_by_layer"].items()
    ]


def _shown(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
