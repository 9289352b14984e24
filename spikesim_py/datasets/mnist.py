"""`mnist`: 28 x 28 handwritten digits (LeCun, Bottou, Bengio and Haffner 1998), the four idx files, gzipped or not."""

from __future__ import annotations

import gzip
import math
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .dataset import Source
from .places import find

_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "t10k": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_MAX_BYTES = 2**30


def mnist() -> Source:
    """MNIST from `MNIST/raw` (torchvision's layout), `mnist` or the data root's `raw`."""
    layout = "train-images-idx3-ubyte[.gz] and its three companions"
    return _read(find("mnist", ("MNIST/raw", "MNIST", "mnist", "raw"), layout, "get it: spikesim download mnist"))


@lru_cache(maxsize=2)
def _read(folder: Path) -> Source:
    parts = [[read_idx(_either(folder / name)) for name in names] for names in (_FILES["train"], _FILES["t10k"])]
    for (pixels, digits), names in zip(parts, _FILES.values(), strict=True):
        if pixels.ndim != 3 or digits.shape != pixels.shape[:1]:
            raise DataError(f"{folder / names[0]}: {pixels.shape} images with {digits.shape} labels")
    if parts[0][0].shape[1:] != parts[1][0].shape[1:]:
        raise DataError(f"{folder}: training and test images differ in size")
    images = np.concatenate([part[0] for part in parts])[:, None]
    labels: NDArray[np.int64] = np.concatenate([part[1].astype(np.int64) for part in parts])
    official = np.arange(len(labels)) >= len(parts[0][1])
    keys = [str(i) for i in range(len(labels))]
    return Source(labels, keys, official, images=lambda picked: images[picked])


def _either(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    if not path.is_file() and not packed.is_file():
        raise DataError(f"{path}: not found, nor {packed.name}")
    return path if path.is_file() else packed


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An idx file of bytes: 0, 0, 8, number of axes, their sizes (big-endian, 32 bits), the data in C order.

    Raises:
        DataError: it is no such file, or its data are not as long as its header says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            magic = stream.read(4)
            if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
                raise DataError(f"{path}: is no idx file of bytes: begins with {magic.hex(' ')}")
            header = stream.read(4 * magic[3])
            shape = tuple(int.from_bytes(header[i : i + 4]) for i in range(0, len(header), 4))
            size = math.prod(shape)
            if len(header) != 4 * magic[3] or size > _MAX_BYTES:
                raise DataError(f"{path}: header {shape}: must be {magic[3]} sizes, at most {_MAX_BYTES} bytes")
            data = stream.read(size + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if len(data) != size:
        raise DataError(f"{path}: {'more' if len(data) > size else len(data)} bytes of data: its header says {size}")
    return np.frombuffer(data, np.uint8).reshape(shape)
