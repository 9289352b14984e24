"""`event-digits`: scikit-learn's digits before a simulated event camera that makes N-MNIST's three saccades.

The camera moves, as in Orchard et al. (Front. Neurosci. 9:437, 2015), along the sides of a triangle, and each pixel
sends an event whenever the logarithm of its intensity has changed by a threshold since its last event: the pixel
model of ESIM (Rebecq, Gehrig and Scaramuzza, CoRL 2018) and v2e (Hu, Liu and Delbruck, CVPRW 2021), without noise,
leak and finite bandwidth. Motion is sub-pixel, by bilinear interpolation. All is computed in integers: a recording
depends on the number of its image alone, on every machine.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .dataset import Source
from .digits import SIZES, digits
from .events import Events

SENSOR = (16, 16)
_SUB = 16  # positions per pixel of the sensor
_ZOOM = 2  # the image's pixels are 2 x 2 on the sensor: its 8 x 8 fill it, but for what moves out
_CORNERS = ((0, 0), (2, 3), (4, 0), (0, 0))  # of the path, (row, column) in pixels: out, back, along (assumed)
_STEPS = 32  # views per saccade
_SACCADE_US = 100_000  # N-MNIST's: 3 x 100 ms
_DARK = 1 / 16  # of full intensity, what black reflects (assumed): bounds the logarithm
_LOG_UNIT = 1024
_THRESHOLD = round(0.3 * _LOG_UNIT)  # natural-log contrast of one event; v2e's typical range is 0.15 to 0.3


@cache
def event_digits() -> Source:
    """The recordings; splits are those of `digits`, image for image."""
    base = digits()
    assert base.images is not None
    pixels = base.images(np.arange(len(base.labels)))[:, 0]
    return Source(base.labels, base.keys, events=lambda index: record(pixels[index]), sensor=SENSOR, sizes=SIZES)


def record(image: NDArray[np.uint8]) -> Events:
    """The events of one image (8, 8) of 0 to 16, in order of time, then of rows and columns."""
    table = _log_table()
    level = table[_view(image, *_path()[0])]  # what each pixel has reported so far
    found: list[NDArray[np.int64]] = []
    for number, (row, column) in enumerate(_path()[1:], 1):
        change = table[_view(image, row, column)] - level
        count = np.abs(change) // _THRESHOLD
        level += np.sign(change) * count * _THRESHOLD
        ys, xs = np.nonzero(count)
        times = np.full(len(xs), number * _SACCADE_US // _STEPS)
        event = np.stack([xs, ys, (change[ys, xs] > 0).astype(np.int64), times])
        found.append(np.repeat(event, count[ys, xs], axis=1))
    x, y, polarity, time_us = np.concatenate(found, axis=1)
    return Events(x, y, polarity, time_us)


@cache
def _path() -> tuple[tuple[int, int], ...]:
    """The view's place after every step, (row, column) in 1/16 pixels."""
    places = [(0, 0)]
    for (r0, c0), (r1, c1) in pairwise(_CORNERS):
        for step in range(1, _STEPS + 1):
            row, column = r0 * (_STEPS - step) + r1 * step, c0 * (_STEPS - step) + c1 * step
            places.append((_SUB * row // _STEPS, _SUB * column // _STEPS))
    return tuple(places)


@cache
def _log_table() -> NDArray[np.int64]:
    """Logarithm of an intensity of 0 to 16 x 32 x 32, in units of 1/1024, rounded once."""
    scale = (_SUB * _ZOOM) ** 2 * 16
    return np.asarray(np.rint(_LOG_UNIT * np.log(np.arange(scale + 1) / scale + _DARK)), dtype=np.int64)


def _view(image: NDArray[np.uint8], row: int, column: int) -> NDArray[np.int64]:
    """The image on the sensor, moved by (row, column) / 16 pixels, in 1/1024 of a grey level, black outside."""
    across = _weights(SENSOR[1], column)
    return np.asarray(_weights(SENSOR[0], row) @ image.astype(np.int64) @ across.T)


@cache
def _weights(size: int, moved: int) -> NDArray[np.int64]:
    """(sensor pixels, image pixels) weights of linear interpolation, in 1/32."""
    unit = _SUB * _ZOOM
    place = np.arange(size)[:, None] * _SUB + _SUB // 2 - unit // 2 - moved  # in 1/32 of an image pixel
    return np.asarray(np.maximum(unit - np.abs(place - np.arange(8)[None] * unit), 0), dtype=np.int64)
