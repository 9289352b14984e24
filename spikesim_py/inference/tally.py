"""Counting what is active while a network runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..activity import Activity, LayerActivity, LayerSamples, Samples
from ..crossbar import ProgrammedLayer, Reads
from ..crossbar.inputs.layout import input_ones
from ..crossbar.inputs.window import layer_window
from ..network import Conv, Li, Lif, Linear, Network

Counts = NDArray[np.int64]


class Share(NamedTuple):
    """How often something was seen, of how often it could have been; (samples,) each."""

    seen: Counts
    possible: Counts


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

    def until(self, steps: Counts) -> dict[str, Share]:
        """What each sample saw up to its time-step `steps`."""
        reads = self._reads
        assert reads is not None
        inputs = len(reads.ones_of)
        return {
            "rate": until(reads.ones_of, reads.reads * reads.hits.size // inputs, steps),
            "idle_reads": until(reads.idle_of, reads.possible_idle // inputs, steps),
        }

    def ir_loss(self) -> float | None:
        """Share of the active cells' current that the wires take; see `LayerQuality`."""
        assert self._reads is not None
        return self._layer.ir_loss(self._reads.hits)


class DigitalTally:
    """Ones at the input of a layer without crossbars: bits of its values' magnitudes, rounded up to whole numbers."""

    def __init__(self, network: Network, node: Conv | Linear) -> None:
        self._window = layer_window(network, node)
        self._rows = int(np.prod(node.weight_shape[1:])) * (node.groups if isinstance(node, Conv) else 1)
        self._ones: list[Counts] = []

    def add(self, x: NDArray[Any]) -> None:
        window = self._window
        top = 2**window.planes - 1
        values = window.flatten(np.ceil(np.minimum(np.abs(x), top)).astype(np.int64))
        self._ones.append(input_ones(np.bitwise_count(values), window, 1))

    @property
    def _possible(self) -> int:
        """Of one input."""
        return len(self._window.bases) * self._rows * self._window.planes

    def measured(self) -> dict[str, float]:
        ones = np.concatenate(self._ones)
        return {"rate": int(ones.sum()) / (len(ones) * self._possible)}

    def until(self, steps: Counts) -> dict[str, Share]:
        """What each sample saw up to its time-step `steps`."""
        return {"rate": until(np.concatenate(self._ones), self._possible, steps)}

    def ir_loss(self) -> None:
        """There are no wires."""


def until(counts: Counts, possible: int, steps: Counts) -> Share:
    """What was counted in each sample's first `steps` time-steps.

    Args:
        counts: (samples x time-steps,); or (samples,) of a layer whose input is the same at all of them.
        possible: the most of one input.
    """
    by_step = counts.reshape(len(steps), -1)
    last = np.minimum(steps, by_step.shape[1])
    return Share(np.cumsum(by_step, axis=1)[np.arange(len(steps)), last - 1], last * possible)


def layer_activity(
    network: Network, layer: str, tally: Tally | DigitalTally, spikes: Mapping[str, Counts]
) -> LayerActivity:
    """A layer's record; `spikes` (samples, T) are those of the network's LIF nodes."""
    units = units_behind(network, layer)
    output = None
    if units is not None:
        output = int(spikes[units].sum()) / (spikes[units].size * network.edges[units].size)
    return LayerActivity(**tally.measured(), output_rate=output)


def layer_shares(
    network: Network, layer: str, tally: Tally | DigitalTally, spikes: Mapping[str, Counts], steps: Counts
) -> dict[str, Share]:
    """Of every sample, up to its time-step in `steps`: fields of `LayerSamples`, before the division."""
    units = units_behind(network, layer)
    shares = tally.until(steps)
    if units is not None:
        shares["output_rate"] = until(spikes[units].ravel(), network.edges[units].size, steps)
    return shares


def samples_of(chips: Sequence[tuple[Counts, Mapping[str, Mapping[str, Share]]]]) -> Samples:
    """Every sample by itself, over all chips: (steps, layer to `layer_shares`) of each."""
    layers = {}
    for layer, names in chips[0][1].items():
        rates = {name: _rate([shares[layer][name] for _, shares in chips]) for name in names}
        layers[layer] = LayerSamples(**rates)
    return Samples(np.mean([steps for steps, _ in chips], axis=0), layers)


def _rate(chips: Sequence[Share]) -> NDArray[np.float32]:
    seen, possible = (np.sum(counts, axis=0) for counts in zip(*chips, strict=True))
    return np.asarray(seen / possible, np.float32)


def units_behind(network: Network, layer: str) -> str | None:
    """The LIF node that a layer's sums reach first (through affines, adds, pools and delays), if there is one."""
    reached = [layer]
    for source in reached:  # it grows
        for node in network.nodes:
            if source not in node.inputs or node.name in reached or isinstance(node, Conv | Linear | Li):
                continue
            if isinstance(node, Lif):
                return node.name
            reached.append(node.name)
    return None


def mean_activity(chips: Sequence[Activity]) -> Activity:
    """The mean over device instances, field by field."""
    first = chips[0]
    layers = {name: _mean([chip.layers[name] for chip in chips]) for name in first.layers}
    return replace(first, layers=layers)


def _mean(records: Sequence[LayerActivity]) -> LayerActivity:
    means: dict[str, Any] = {}
    for field in fields(LayerActivity):
        values = [getattr(record, field.name) for record in records]
        means[field.name] = None if values[0] is None else float(np.mean(values))
    return LayerActivity(**means)
