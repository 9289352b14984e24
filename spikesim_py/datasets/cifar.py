"""`cifar10`, `cifar100`: 32 x 32 colour images (Krizhevsky 2009), the python batches as distributed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .dataset import Source
from .pickles import read_pickle
from .places import find

#: a file in the folder whose first line every result is labelled with: copies that are not the original images
SOURCE_NOTE = "SOURCE.txt"
_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))


def cifar10() -> Source:
    """CIFAR-10 from `cifar-10-batches-py`."""
    folder = find(
        "cifar10", ("cifar-10-batches-py",), "data_batch_1 to 5 and test_batch", "get it: spikesim download cifar10"
    )
    return _read(folder, _BATCHES, "test_batch", b"labels", 10)


def cifar100() -> Source:
    """CIFAR-100, its 100 fine labels, from `cifar-100-python`."""
    folder = find("cifar100", ("cifar-100-python",), "train and test", "get it: spikesim download cifar100")
    return _read(folder, ("train",), "test", b"fine_labels", 100)


@lru_cache(maxsize=2)
def _read(folder: Path, train: tuple[str, ...], test: str, field: bytes, classes: int) -> Source:
    parts = [_batch(folder / name, field, classes) for name in (*train, test)]
    images = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    official = np.arange(len(labels)) >= len(labels) - len(parts[-1][1])
    keys = [str(i) for i in range(len(labels))]
    return Source(labels, keys, official, images=lambda picked: images[picked], note=source_note(folder))


def source_note(folder: Path) -> str:
    """First line of `SOURCE.txt`, at most 40 characters; empty without one."""
    path = folder / SOURCE_NOTE
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as stream:
        return stream.readline(200).strip()[:40].replace("/", "-")


def _batch(path: Path, field: bytes, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    held = read_pickle(path)
    images, labels = held.get(b"data"), held.get(field)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
        raise DataError(f"{path}: data: must be an array (images, 3072) of bytes")
    if not isinstance(labels, list) or len(labels) != len(images):
        raise DataError(f"{path}: {field.decode()}: must be a list of {len(images)} numbers")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise DataError(f"{path}: {field.decode()}: must be whole numbers from 0 to {classes - 1}")
    return images.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)
