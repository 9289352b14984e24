"""Datasets by name, in disjoint splits: `train`, `calibration`, `search`, `report`.

`digits` are scikit-learn's 1,797 handwritten digits (Alpaydin and Kaynak, UCI 1998), 8 x 8 pixels of 0 to 16.
A split is fixed for ever: within each class the images are ordered by the SHA-256 of their index, so that it
is the same on every machine and with every library version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .errors import DataError, did_you_mean

SPLITS = ("report", "search", "calibration", "train")
_DIGITS_SIZES = {"report": 600, "search": 200, "calibration": 100}


@dataclass(frozen=True)
class Dataset:
    """Images (samples, C, H, W) as unsigned integers, and their labels (samples,)."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def head(self, samples: int | None) -> Dataset:
        """The first `samples` (all if None); a split's order is already mixed over the classes."""
        if samples is None:
            return self
        if not 1 <= samples <= len(self):
            raise DataError(f"samples = {samples}: {self.name} has {len(self)}")
        return Dataset(self.name, self.images[:samples], self.labels[:samples])


def load_dataset(name: str, split: str = "report") -> Dataset:
    """A split of a dataset; raises `DataError` for an unknown name or split."""
    if name not in _LOADERS:
        raise DataError(f"data = {name!r}: unknown{did_you_mean(str(name), _LOADERS)} (known: {', '.join(_LOADERS)})")
    if split not in SPLITS:
        raise DataError(f"split = {split!r}: must be one of {', '.join(SPLITS)}")
    return _LOADERS[name](split)


@cache
def _digits(split: str) -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    labels = bunch.target.astype(np.int64)
    images = bunch.images.astype(np.uint8)[:, None]
    index = _stratified(labels)[split]
    images, labels = images[index], labels[index]
    images.flags.writeable = labels.flags.writeable = False
    return Dataset(f"digits/{split}", images, labels)


def _stratified(labels: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Split name to indices, each class in its share, the order mixed over the classes."""
    digest = np.array([hashlib.sha256(str(i).encode()).hexdigest() for i in range(len(labels))])
    rank = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ordered = members[np.argsort(digest[members])]
        rank[ordered] = (np.arange(len(ordered)) + 0.5) / len(ordered)
    mixed = np.lexsort((digest, rank))
    splits, start = {}, 0
    for name in SPLITS:
        end = start + _DIGITS_SIZES.get(name, len(labels))
        splits[name] = mixed[start:end]
        start = end
    return splits


_LOADERS: dict[str, Callable[[str], Dataset]] = {"digits": _digits}
