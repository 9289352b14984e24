"""Which input value drives which row: a layer's input is read in place, without copying patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network import Conv, Linear, Network


@dataclass(frozen=True)
class Window:
    """Row i of group g at pixel (y, x) is driven by ``flat[y * sy * W + x * sx + g * group_stride + offsets[i]]``.

    `flat` is a padded input (C, H, W), flattened; rows are in the order channel * taps + tap.

    Attributes:
        padding: zeros above and left. padded: (C, H, W) with them.
        stride: (sy, sx).
        taps: (taps,) offset of each kernel position.
        channels: input channels per group.
        group_stride: values between the inputs of two groups.
        planes: bits per input value.
        output_shape: (C, H, W).
    """

    padding: tuple[int, int]
    padded: tuple[int, int, int]
    stride: tuple[int, int]
    taps: NDArray[np.int64]
    channels: int
    group_stride: int
    planes: int
    output_shape: tuple[int, int, int]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """(rows,) offset of every row."""
        _, height, width = self.padded
        return (np.arange(self.channels)[:, None] * (height * width) + self.taps).ravel()

    @property
    def bases(self) -> NDArray[np.int64]:
        """(positions,) offset of every output pixel."""
        _, height, width = self.output_shape
        top, left = np.indices((height, width)).reshape(2, -1)
        return np.asarray(top * self.stride[0] * self.padded[2] + left * self.stride[1], np.int64)

    def flatten(self, x: NDArray[Any]) -> NDArray[Any]:
        """(reads, C, H, W) unsigned integers as padded rows (reads, values): uint8, or int32 above 8 bits."""
        (above, left), dtype = self.padding, np.uint8 if self.planes <= 8 else np.int32
        n, _, height, width = x.shape
        if not (above or left):
            return np.ascontiguousarray(x.reshape(n, -1), dtype)
        padded = np.zeros((n, *self.padded), dtype)
        padded[:, :, above : above + height, left : left + width] = x
        return padded.reshape(n, -1)


def layer_window(network: Network, node: Conv | Linear) -> Window:
    """The window of a layer: convolution of any stride, padding and groups, or linear."""
    source, edge = network.edges[node.inputs[0]], network.edges[node.name]
    if isinstance(node, Linear):
        size = node.in_features
        return Window((0, 0), (size, 1, 1), (1, 1), np.zeros(1, np.int64), size, 0, source.bits, edge.shape)
    height, width = (size + 2 * pad for size, pad in zip(source.shape[1:], node.padding, strict=True))
    channels = node.in_channels // node.groups
    y, x = np.indices(node.kernel).reshape(2, -1)
    return Window(
        padding=node.padding,
        padded=(node.in_channels, height, width),
        stride=node.stride,
        taps=np.asarray(y * width + x, np.int64),
        channels=channels,
        group_stride=channels * height * width,
        planes=source.bits,
        output_shape=edge.shape,
    )
