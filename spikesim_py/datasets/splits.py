"""Disjoint splits that are fixed for ever: `report`, `search`, `calibration`, `train`.

Within each class the samples are ordered by the SHA-256 of their keys, and the classes mixed, so that a split, and
every beginning of it, is stratified and the same on every machine and with every library version.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .dataset import Source

SPLITS = ("report", "search", "calibration", "train")
_OWN_REPORT_SHARE = 10  # a data set without an official test set reports on a tenth: the custom for DVS-CIFAR10


def split_indices(source: Source, split: str) -> NDArray[np.int64]:
    """Indices of a split, in its order.

    `report` is the official test set; without one, `sizes` or a tenth of the samples. The other three are cut from
    the rest.
    """
    if source.sizes is not None:
        return _cut(_mixed(source, np.arange(len(source.labels))), SPLITS, source.sizes)[split]
    if source.official is None:
        order = _mixed(source, np.arange(len(source.labels)))
        report, rest = np.split(order, [len(order) // _OWN_REPORT_SHARE])
    else:
        report, rest = (_mixed(source, np.flatnonzero(source.official == test)) for test in (True, False))
    sizes = {"search": len(rest) // 25, "calibration": len(rest) // 50}
    found = {"report": report, **_cut(rest, SPLITS[1:], sizes)}[split]
    if not len(found):
        raise DataError(f"split = {split!r}: {len(source.labels)} samples are too few for one")
    return found


def _cut(order: NDArray[np.int64], names: tuple[str, ...], sizes: dict[str, int]) -> dict[str, NDArray[np.int64]]:
    """Consecutive parts; the last takes what is left."""
    ends = np.cumsum([sizes[name] for name in names[:-1]])
    return dict(zip(names, np.split(order, ends), strict=True))


def _mixed(source: Source, members: NDArray[np.int64]) -> NDArray[np.int64]:
    """`members`, each class spread evenly over the whole."""
    digest = np.array([hashlib.sha256(source.keys[i].encode()).hexdigest() for i in members], dtype="U64")
    labels, rank = source.labels[members], np.empty(len(members))
    for label in np.unique(labels):
        inside = np.flatnonzero(labels == label)
        ordered = inside[np.argsort(digest[inside])]
        rank[ordered] = (np.arange(len(ordered)) + 0.5) / len(ordered)
    return members[np.lexsort((digest, rank))]
