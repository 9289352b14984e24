"""What `load_dataset` returns, and what a family of data sets offers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .events import Events

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Request:
    """How a data set was asked for, so that another split of it can be had alike; see `load_dataset`."""

    data: str
    steps: int | None = None
    bits: int | None = None
    sensor: tuple[int, int] | None = None


@dataclass(frozen=True)
class Dataset:
    """Images (samples, C, H, W) or frames (samples, T, C, H, W) as unsigned integers, and their labels (samples,).

    `request` is what it was loaded with; None for data made by hand.
    """

    name: str
    images: NDArray[Any]
    labels: NDArray[np.int64]
    request: Request | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, samples: int | None) -> Dataset:
        """The first `samples` (all if None); a split's order is already mixed over the classes."""
        if samples is None:
            return self
        check_samples(samples, len(self), self.name)
        return replace(self, images=self.images[:samples], labels=self.labels[:samples])

    @cached_property
    def key(self) -> str:
        """What tells its content from any other: files on disk are known by their samples, not by their place."""
        if self.request is None or self.request.data == "digits":
            return self.name.rpartition("/")[0] or self.name
        digest = hashlib.sha256(f"{self.images.shape}".encode() + np.ascontiguousarray(self.images).tobytes())
        digest.update(self.labels.tobytes())
        return f"{self.request.data.partition(':')[0]}#{digest.hexdigest()}"


def check_samples(samples: int, most: int, name: str) -> None:
    """Raises `DataError` unless there are so many."""
    if not 1 <= samples <= most:
        raise DataError(f"samples = {samples}: {name} has {most}")


@dataclass(frozen=True)
class Source:
    """All samples of a data set, of which none is read yet.

    Attributes:
        labels: (samples,).
        keys: name of each sample, by which the splits are drawn: its number, or its path within the data set.
        official: (samples,) bool, True for its official test set; None if it has none.
        images: reads the samples of these indices, (samples, C, H, W) uint8; None for event data.
        events: reads one recording; None for images.
        sensor: (H, W) of an event camera; None if the files do not say.
        high: largest pixel value.
        note: what every result must be labelled with.
        sizes: samples of a split by name; absent, a 25th of what is trained on is `search`, a 50th `calibration`.
    """

    labels: NDArray[np.int64]
    keys: Sequence[str]
    official: NDArray[np.bool_] | None = None
    images: Callable[[Indices], NDArray[np.uint8]] | None = None
    events: Callable[[int], Events] | None = None
    sensor: tuple[int, int] | None = None
    high: int = 255
    note: str = ""
    sizes: dict[str, int] | None = None
