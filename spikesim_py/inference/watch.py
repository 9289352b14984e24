"""Watches a run step by step: the readout after every time-step, and when each sample's units spike."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..network import Lif, Network
from ..network.reference import readout


class Watch:
    """Sees every node's output, batch by batch."""

    def __init__(self, network: Network) -> None:
        self._network, self._readouts = network, list[NDArray[Any]]()
        self._spikes: dict[str, list[NDArray[np.int64]]] = {
            node.name: [] for node in network.nodes if isinstance(node, Lif)
        }

    def observe(self, name: str, value: torch.Tensor) -> None:
        """An observer of `run`."""
        if name in self._spikes:
            self._spikes[name].append(np.count_nonzero(value.flatten(2).numpy(), axis=2).astype(np.int64))
        node = self._network.nodes[-1]
        if name == node.inputs[0]:
            steps = range(1, self._network.time_steps + 1)
            by_step = [readout(node, value[:, :step], step).flatten(1) for step in steps]  # type: ignore[arg-type]
            self._readouts.append(torch.stack(by_step, 1).numpy())

    @property
    def readouts(self) -> NDArray[Any]:
        """(samples, T, classes) what the network answers if it is stopped after each time-step."""
        return np.concatenate(self._readouts)

    @property
    def spikes(self) -> dict[str, NDArray[np.int64]]:
        """Per LIF node (samples, T): how many of its units spike."""
        return {name: np.concatenate(parts) for name, parts in self._spikes.items()}
