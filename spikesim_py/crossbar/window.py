"""Which input value drives which row: a layer's input is read in place, without copying patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Conv, Linear, Network


@dataclass(frozen=True)
class Window:
    """Row i of group g at position p is driven by ``flat[bases[p] + g * group_stride + offsets[i]]``.

    `flat` is a padded input (C, H, W), flattened; rows are in the order channel * taps + tap.
    """

    padding: tuple[int, int]
    bases: NDArray[np.int64]
    offsets: NDArray[np.int64]
    group_stride: int
    planes: int
    output_shape: tuple[int, int, int]

    def flatten(self, x: NDArray[Any]) -> NDArray[Any]:
        """(reads, C, H, W) unsigned integers as padded rows (reads, values): uint8, or int32 above 8 bits."""
        (above, left), dtype = self.padding, np.uint8 if self.planes <= 8 else np.int32
        n, channels, height, width = x.shape
        padded = np.zeros((n, channels, height + 2 * above, width + 2 * left), dtype)
        padded[:, :, above : above + height, left : left + width] = x
        return padded.reshape(n, -1)


def layer_window(network: Network, node: Conv | Linear) -> Window:
    """The window of a layer: convolution of any stride, padding and groups, or linear."""
    source, edge = network.edges[node.inputs[0]], network.edges[node.name]
    if isinstance(node, Linear):
        rows = np.arange(node.in_features)
        return Window((0, 0), np.zeros(1, np.int64), rows, 0, source.bits, edge.shape)
    height, width = (size + 2 * pad for size, pad in zip(source.shape[1:], node.padding, strict=True))
    channels = node.in_channels // node.groups
    channel, y, x = np.indices((channels, *node.kernel)).reshape(3, -1)
    top, left = np.indices(edge.shape[1:]).reshape(2, -1)
    bases = top * node.stride[0] * width + left * node.stride[1]
    offsets = (channel * height + y) * width + x
    return Window(node.padding, bases, offsets, channels * height * width, source.bits, edge.shape)
