"""A network run on simulated chips: which samples are right, and what was active meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..activity import Activity
from ..crossbar import device_varies, program
from ..datasets import Dataset
from ..errors import InputError
from ..hardware import Hardware
from ..mapping import map_network
from ..network import Conv, Linear, Network, run
from ..network.executor import exact_product
from .tally import FloatTally, Tally, layer_activity, mean_activity

#: what one batch may keep in memory: every node's output over all time-steps, 8 bytes each
_BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Simulation:
    """What `simulate` returns.

    Attributes:
        correct: (chips, samples) bool, whether the sample's largest output is its label.
        activity: measured on all chips.
    """

    correct: NDArray[np.bool_]
    activity: Activity


def simulate(network: Network, hardware: Hardware, dataset: Dataset, *, chips: int = 1, seed: int = 0) -> Simulation:
    """Classify a dataset on `chips` device instances of a chip.

    Every product runs on the programmed crossbars; neurons, pools and adds run in the network's own
    executor. A float network runs in the executor alone (crossbars hold integers). Where instances cannot
    differ, one is simulated and stands for all.

    Args:
        network: integer or float network.
        hardware: the chip.
        dataset: images that fit the network's input, and labels.
        chips: device instances, numbered from 0.
        seed: with its number, names a device instance.

    Raises:
        InputError: `chips` is not positive; the network cannot be mapped or has no weights.
    """
    if chips < 1:
        raise InputError(f"chips = {chips}: must be at least 1")
    runs = chips if chip_varies(network, hardware) else 1
    if network.arithmetic == "float":
        results = [_run_float(network, dataset)]
    else:
        results = [_run_chip(network, hardware, dataset, seed=seed, chip=chip) for chip in range(runs)]
    correct = np.stack([result.correct[0] for result in results])
    activity = mean_activity([result.activity for result in results])
    return Simulation(np.repeat(correct, chips // runs, axis=0), activity)


def chip_varies(network: Network, hardware: Hardware) -> bool:
    """Whether two device instances of this chip can differ."""
    return network.arithmetic != "float" and device_varies(hardware.device)


def _run_chip(network: Network, hardware: Hardware, dataset: Dataset, *, seed: int, chip: int) -> Simulation:
    mapping = map_network(network, hardware)
    layers = {node.name: program(mapping, node.name, seed=seed, chip=chip) for node in network.layers}
    tallies = {name: Tally(layer) for name, layer in layers.items()}

    def product(node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        values, reads = layers[node.name].multiply(x.flatten(0, 1).numpy())
        tallies[node.name].add(reads)
        return torch.from_numpy(values).reshape(*x.shape[:2], *values.shape[1:])

    return _classify(network, dataset, product, tallies)


def _run_float(network: Network, dataset: Dataset) -> Simulation:
    exact = exact_product(network)
    tallies = {node.name: FloatTally(network, node) for node in network.layers}

    def product(node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        tallies[node.name].add(x.flatten(0, 1).numpy())
        return exact(node, x)

    return _classify(network, dataset, product, tallies)


def _classify(
    network: Network,
    dataset: Dataset,
    product: Callable[[Conv | Linear, torch.Tensor], torch.Tensor],
    tallies: dict[str, Any],
) -> Simulation:
    result = run(network, dataset.images, product=product, batch=_batch(network))
    layers = {
        name: layer_activity(network, name, tally, result.spikes, len(dataset)) for name, tally in tallies.items()
    }
    correct = result.predictions == dataset.labels
    return Simulation(correct[None], Activity(layers, "measured", len(dataset)))


def _batch(network: Network) -> int:
    per_sample = 8 * network.time_steps * sum(edge.size for edge in network.edges.values())
    return max(1, min(256, _BATCH_BYTES // per_sample))
