"""Ranges of the converters from what their columns carry on data of their own.

The reference executor runs the network on a calibration split; beside it, every sum of ideal cells that a converter
would meet is counted: each conversion block, input plane and column kind apart, exactly, in levels. A full scale is
the smallest number of levels that `percentile` of all these conversions do not exceed in magnitude. Reads without an
active row count, as they do in the clip rates that inference measures.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..crossbar.adc import Adc, layer_adc
from ..crossbar.inputs.window import layer_window
from ..datasets import Dataset, sibling
from ..errors import InputError
from ..hardware import AdcRange, Hardware, PercentilePer, load_hardware
from ..hardware.adc import Adc as AdcFields
from ..mapping import Mapping, largest_sum, map_network
from ..mapping.digital import digital_layers
from ..network import Conv, Linear, Network, run
from ..network.executor import exact_product

#: samples that run at once, and numbers that one product may hold
_BATCH, _CHUNK = 32, 2**23


@dataclass(frozen=True, eq=False)
class ColumnSums:
    """How often the conversions of a layer met each sum of ideal cells.

    Attributes:
        low: the first sum that is counted, in levels: 0, or minus the largest where pairs are subtracted first.
        counts: (kinds, sums) int64; a column of kind k carried ``low + i`` levels in ``counts[k, i]`` conversions.
    """

    low: int
    counts: NDArray[np.int64]

    def full_scales(self, percentile: float, per: PercentilePer) -> tuple[int, ...]:
        """Levels, at least 1, that `percentile` of the conversions do not exceed: one number, or one per kind."""
        kinds = self.counts.sum(0, keepdims=True) if per is PercentilePer.LAYER else self.counts
        return tuple(_covering(_magnitudes(counts, self.low), percentile) for counts in kinds)

    def clip_share(self, adc: Adc) -> float:
        """Share of the conversions whose code a converter would cut off."""
        sums, clipped = self.low + np.arange(self.counts.shape[1]), 0
        for kind, counts in enumerate(self.counts):
            code = adc.code(sums, kind)
            clipped += int(counts[(code < adc.low) | (code > adc.high)].sum())
        return clipped / int(self.counts.sum())


def _magnitudes(counts: NDArray[np.int64], low: int) -> NDArray[np.int64]:
    """Conversions by the magnitude of their sum, from sums that start at `low`."""
    folded = np.zeros(max(-low, len(counts) - 1 + low) + 1, np.int64)
    np.add.at(folded, np.abs(low + np.arange(len(counts))), counts)
    return folded


def _covering(counts: NDArray[np.int64], percentile: float) -> int:
    """The smallest magnitude, at least 1, up to which `percentile` of the conversions lie."""
    needed = -(-Fraction(repr(percentile)) * int(counts.sum()) // 100)
    return max(1, int(np.searchsorted(np.cumsum(counts), int(needed))))


def column_sums(network: Network, hardware: Hardware, dataset: Dataset) -> dict[str, ColumnSums]:
    """What the columns of every layer on crossbars carry while the network classifies a dataset.

    Raises:
        InputError: no layer of the network is on crossbars, or the chip's crossbars are digital.
    """
    if hardware.digital_crossbar:
        raise InputError("adc.kind = 'adder_tree': counts exactly; there is no range to calibrate")
    digital, exact = digital_layers(network, hardware), exact_product(network)
    if len(digital) == len(network.layers):
        raise InputError(f"network {network.name!r} has no layer on crossbars: there is no range to calibrate")
    mapping = map_network(network, hardware)
    tallies = {node.name: _Tally(mapping, node) for node in network.layers if node.name not in digital}

    def product(node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        if node.name in tallies:
            tallies[node.name].add(x.flatten(0, 1).numpy())
        return exact(node, x)

    run(network, dataset.images, product=product, batch=_BATCH)
    return {name: ColumnSums(tally.low, tally.counts) for name, tally in tallies.items()}


class _Tally:
    """Counts the sums of one layer's columns."""

    def __init__(self, mapping: Mapping, node: Conv | Linear) -> None:
        cells, plan = mapping.cells(node.name), mapping.layers[node.name]
        levels = cells.levels.reshape(plan.groups, plan.rows, -1, cells.columns.count).astype(np.float32)
        signed = mapping.hardware.signed_sums
        if signed:  # the cells of a pair lie side by side
            levels = levels[..., ::2] - levels[..., 1::2]
        largest = largest_sum(plan, mapping.hardware)
        self._levels = levels.transpose(0, 1, 3, 2)  # (groups, rows, kinds, outputs)
        self._window, self._blocks = layer_window(mapping.network, node), cells.conversion_blocks
        self.low = -largest if signed else 0
        self.counts = np.zeros((plan.conversions_per_output, largest - self.low + 1), np.int64)

    def add(self, x: NDArray[Any]) -> None:
        """Count the reads of (reads, C, H, W) unsigned integers."""
        flat, bases = self._window.flatten(x), self._window.bases
        groups, _, kinds, outputs = self._levels.shape
        widest = max(kinds * outputs, *(len(rows) for rows in self._blocks))
        step = max(1, _CHUNK // (len(bases) * widest))
        for start in range(0, len(flat), step):
            for group in range(groups):
                for rows in self._blocks:
                    self._count(flat[start : start + step], group, rows)

    def _count(self, flat: NDArray[Any], group: int, rows: NDArray[np.int64]) -> None:
        window, (kinds, size) = self._window, self.counts.shape
        driven = window.bases[:, None] + group * window.group_stride + window.offsets[rows]
        values, cells = flat[:, driven].reshape(-1, len(rows)), self._levels[group, rows].reshape(len(rows), -1)
        for plane in range(window.planes):
            # whole numbers far below 2^24: float32 sums them exactly
            sums = ((values >> plane) & 1).astype(np.float32) @ cells
            index = (sums.astype(np.int64) - self.low).reshape(len(values), kinds, -1)
            for kind in range(kinds):
                self.counts[kind] += np.bincount(index[:, kind].ravel(), minlength=size)


def calibrate(
    network: Network,
    hardware: Hardware,
    dataset: Dataset,
    *,
    percentile: float | None = None,
    per: PercentilePer | str | None = None,
) -> Hardware:
    """The chip with `adc.range: percentile` and the full scales that a network needs on a dataset.

    Args:
        network: integer network. hardware: its converters' other fields stay.
        dataset: held-out images, best the split `calibration`.
        percentile: of all conversions, 50 to 100 (None: the chip's `adc.percentile`).
        per: what shares a full scale: `layer` or `slice` (None: the chip's `adc.percentile_per`).

    Raises:
        InputError: nothing to calibrate, or a setting out of range.
    """
    return with_full_scales(
        hardware, column_sums(network, hardware, dataset), f"{network.name} on {dataset.name}", percentile, per
    )


def with_full_scales(
    hardware: Hardware,
    sums: MappingType[str, ColumnSums],
    origin: str,
    percentile: float | None = None,
    per: PercentilePer | str | None = None,
) -> Hardware:
    """As `calibrate`, from sums that were counted before; `origin` says what they were counted on."""
    asked: dict[str, Any] = {"adc.range": "percentile", "adc.full_scales": {}}
    asked |= {"adc.percentile": hardware.adc.percentile if percentile is None else percentile}
    asked |= {"adc.percentile_per": hardware.adc.percentile_per if per is None else per}
    rule, plain = load_hardware(hardware, asked).adc, AdcFields()
    scales = {name: layer.full_scales(rule.percentile, rule.percentile_per) for name, layer in sums.items()}
    settled = {"adc.percentile": plain.percentile, "adc.percentile_per": plain.percentile_per}
    chip = load_hardware(hardware, asked | settled | {"adc.full_scales": scales})
    source = f"derived: {rule.percentile:g} % of the conversions of {origin}, per {rule.percentile_per.value}"
    return chip.model_copy(update={"sources": chip.sources | {"adc.full_scales": source}})


def ranged(network: Network, hardware: Hardware, dataset: Dataset, calibration: Dataset | None = None) -> Hardware:
    """The chip with full scales, found on the `calibration` split of a dataset if it asks for them and has none.

    Args:
        dataset: names the dataset ("digits/report"). calibration: images to calibrate on instead.
    """
    adc, on_crossbars = hardware.adc, len(digital_layers(network, hardware)) < len(network.layers)
    if adc.range is not AdcRange.PERCENTILE or adc.full_scales or not on_crossbars:
        return hardware
    if calibration is None:
        calibration = sibling(dataset, "calibration")
    return calibrate(network, hardware, calibration)


@dataclass(frozen=True)
class LayerRange:
    """The converters of one layer, and what they make of the sums that were counted.

    Attributes:
        bits: resolution. largest: sum of ideal cells that a column can carry, in levels.
        full_scales, lsb: in levels, one number or one per column kind.
        clip_share: share of the counted conversions that are cut off.
        lossless: whether every sum of ideal cells has a code.
    """

    name: str
    bits: int
    largest: int
    full_scales: tuple[int, ...]
    lsb: tuple[float, ...]
    clip_share: float
    lossless: bool


def layer_ranges(network: Network, hardware: Hardware, sums: MappingType[str, ColumnSums]) -> list[LayerRange]:
    """The ranges of a calibrated chip's converters, layer by layer."""
    plans, ranges = map_network(network, hardware).layers, []
    for name, counted in sums.items():
        adc, scales = layer_adc(plans[name], hardware), hardware.adc.full_scales[name]
        lsb = tuple(adc.lsb(kind) for kind in range(len(scales)))
        share = counted.clip_share(adc)
        bits = hardware.adc.bits_of(name)
        ranges.append(LayerRange(name, bits, adc.full_scale, scales, lsb, share, adc.lossless and hardware.adc.uniform))
    return ranges
