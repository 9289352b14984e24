"""The spikes of a network on one simulated chip, as plain arrays: what its NoC has to carry."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..datasets import Dataset
from ..hardware import Hardware
from ..network import Add, Conv, Linear, Network, Pool, Product
from .simulation import simulate


def record_trains(
    network: Network, hardware: Hardware, dataset: Dataset, *, samples: int | None = None, seed: int = 0, chip: int = 0
) -> dict[str, NDArray[np.bool_]]:
    """Which values are not 0, at every node whose output another tile may need.

    Those are the nodes that a layer, a pool or an add reads, the input among them.

    Args:
        network: integer network with weights. samples: the first of the dataset; all where None.
        seed, chip: name the device instance, as in `simulate`.

    Returns:
        Node to (samples, T, C, H, W); T = 1 where nothing depends on time.

    Raises:
        DataError: the dataset has fewer samples, or does not fit the network. MappingError, NetworkError: the network
            cannot be mapped, or has no weights.
    """
    shown = dataset.head(samples)
    readers = [node for node in network.nodes if isinstance(node, Conv | Linear | Pool | Add | Product)]
    wanted = {source for node in readers for source in node.inputs}
    parts: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in wanted if name != "input"}

    def observe(_: int, name: str, value: torch.Tensor) -> None:
        if name in parts:
            parts[name].append(value.numpy() != 0)

    simulate(network, hardware, shown, seed=seed, first_chip=chip, observer=observe)
    found = {name: np.concatenate(batches) for name, batches in parts.items()}
    if "input" in wanted:
        images = shown.images != 0
        found["input"] = images[:, None] if network.model.input.coding == "direct" else images
    return found
