"""Images as spikes: (samples, C, H, W) to (samples, T, C, H, W) of 0 and 1, in integers, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def poisson(images: NDArray[Any], steps: int, high: int, *, seed: int = 0, first: int = 0) -> NDArray[np.uint8]:
    """Rate coding: a pixel spikes in a time-step with probability pixel / high, independently (Bernoulli).

    A draw is a function of (seed, sample, time-step, pixel) alone, so that batches do not change it: SplitMix64
    (Steele, Lea and Flood 2014) of the sample's key advanced by the number of the draw.

    Args:
        high: the pixel value that always spikes. first: number of the first sample.
    """
    _check(images, steps, high)
    values = images[0].size if len(images) else 0
    draws = _numbers(0, steps * values).reshape((steps, *images.shape[1:]))
    spikes = np.empty((len(images), steps, *images.shape[1:]), np.uint8)
    keys = _mix(_mix(np.array([seed], dtype=np.uint64) + _GOLDEN) + _numbers(first, len(images)) * _GOLDEN)
    for i, (key, image) in enumerate(zip(keys, images, strict=True)):
        uniform = _mix(key + draws * _GOLDEN) >> np.uint64(32)
        # uniform / 2^32 < pixel / high, in integers
        spikes[i] = uniform * np.uint64(high) < image.astype(np.uint64) << np.uint64(32)
    return spikes


def latency(images: NDArray[Any], steps: int, high: int) -> NDArray[np.uint8]:
    """Time to first spike: one spike, at step floor((high - pixel) * T / high), none for a black pixel."""
    _check(images, steps, high)
    when = (high - images.astype(np.int64)) * steps // high  # a black pixel's is T: never
    return np.asarray(when[:, None] == np.arange(steps).reshape(1, steps, 1, 1, 1), dtype=np.uint8)


def _check(images: NDArray[Any], steps: int, high: int) -> None:
    if steps < 1 or not 1 <= high < 2**16:
        raise DataError(f"coding: steps = {steps}, high = {high}: must be at least 1, high below 65536")
    if images.dtype.kind not in "u" or images.ndim != 4 or (images.size and images.max() > high):
        raise DataError(f"coding: {images.dtype} of shape {images.shape}: must be unsigned images up to {high}")


def _numbers(first: int, count: int) -> NDArray[np.uint64]:
    return np.arange(first + 1, first + count + 1, dtype=np.uint64)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer; arithmetic is modulo 2^64."""
    z = (z ^ z >> np.uint64(30)) * _MIX_A
    z = (z ^ z >> np.uint64(27)) * _MIX_B
    return np.asarray(z ^ z >> np.uint64(31))


CODINGS: dict[str, Callable[..., NDArray[np.uint8]]] = {"poisson": poisson, "latency": latency}
