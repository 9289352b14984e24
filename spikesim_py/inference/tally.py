"""Counting what is active while a network runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..activity import Activity, LayerActivity
from ..crossbar import ProgrammedLayer, Reads
from ..crossbar.window import layer_window
from ..network import Conv, Lif, Linear, Network


class Tally:
    """Counts of a layer on crossbars, added up over batches."""

    def __init__(self, layer: ProgrammedLayer) -> None:
        self._layer = layer
        self._reads: Reads | None = None

    def add(self, reads: Reads) -> None:
        self._reads = reads if self._reads is None else self._reads + reads

    def measured(self) -> dict[str, float]:
        """Fields of `LayerActivity` that the crossbars know."""
        reads = self._reads
        assert reads is not None  # every layer of a network is read
        ones = int(reads.hits.sum())
        return {
            "rate": ones / (reads.reads * reads.hits.size),
            "idle_reads": reads.idle / reads.possible_idle,
            "clip_rate": reads.clipped / reads.conversions,
            "background": float((reads.hits * self._layer.stored).sum()) / ones if ones else 0.0,
        }

    def ir_loss(self) -> float | None:
        """Share of the active cells' current that the wires take; see `LayerQuality`."""
        assert self._reads is not None
        return self._layer.ir_loss(self._reads.hits)


class DigitalTally:
    """Ones at the input of a layer without crossbars: bits of its values' magnitudes, rounded up to whole numbers."""

    def __init__(self, network: Network, node: Conv | Linear) -> None:
        self._window = layer_window(network, node)
        self._groups = node.groups if isinstance(node, Conv) else 1
        self._ones = self._possible = 0

    def add(self, x: NDArray[Any]) -> None:
        window = self._window
        top = 2**window.planes - 1
        values = window.flatten(np.ceil(np.minimum(np.abs(x), top)).astype(np.int64))
        ones = np.bitwise_count(values)
        starts = window.bases[:, None] + np.arange(self._groups) * window.group_stride
        # how many (position, group, row) read each value
        readers = np.zeros(ones.shape[1], np.int64)
        np.add.at(readers, (starts[..., None] + window.offsets).ravel(), 1)
        self._ones += int((ones.sum(0, dtype=np.int64) * readers).sum())
        self._possible += len(x) * int(readers.sum()) * window.planes

    def measured(self) -> dict[str, float]:
        return {"rate": self._ones / self._possible}

    def ir_loss(self) -> None:
        """There are no wires."""


def layer_activity(
    network: Network, layer: str, tally: Tally | DigitalTally, spikes: Mapping[str, int], samples: int
) -> LayerActivity:
    """A layer's record; `spikes` are the totals of the network's LIF nodes."""
    units = units_behind(network, layer)
    output = None
    if units is not None:
        output = spikes[units] / (samples * network.time_steps * network.edges[units].size)
    return LayerActivity(**tally.measured(), output_rate=output)


def units_behind(network: Network, layer: str) -> str | None:
    """The LIF node that a layer's sums reach first (through affines, adds and pools), if there is one."""
    reached = {layer}
    for node in network.nodes:
        if reached.isdisjoint(node.inputs) or isinstance(node, Conv | Linear):
            continue
        if isinstance(node, Lif):
            return node.name
        reached.add(node.name)
    return None


def mean_activity(chips: Sequence[Activity]) -> Activity:
    """The mean over device instances, field by field."""
    first = chips[0]
    layers = {name: _mean([chip.layers[name] for chip in chips]) for name in first.layers}
    return Activity(layers, first.origin, first.samples)


def _mean(records: Sequence[LayerActivity]) -> LayerActivity:
    means: dict[str, Any] = {}
    for field in fields(LayerActivity):
        values = [getattr(record, field.name) for record in records]
        means[field.name] = None if values[0] is None else float(np.mean(values))
    return LayerActivity(**means)
