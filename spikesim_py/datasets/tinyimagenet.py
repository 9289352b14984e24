"""`tinyimagenet`: 200 classes of 64 x 64 colour images (Stanford CS231n), the folders as distributed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .dataset import Indices, Source
from .places import find

_SIZE = (64, 64)


def tinyimagenet() -> Source:
    """TinyImageNet from `tiny-imagenet-200`; its test set has no labels, so that `val` is what is reported on."""
    layout = "wnids.txt, train/<class>/images/*.JPEG, val/images and val/val_annotations.txt"
    source = "get tiny-imagenet-200.zip from cs231n.stanford.edu (research use) and unpack it there"
    return _index(find("tinyimagenet", ("tiny-imagenet-200",), layout, source))


@lru_cache(maxsize=2)
def _index(folder: Path) -> Source:
    classes = {name: label for label, name in enumerate(sorted(_lines(folder / "wnids.txt")))}
    train = [
        (path, classes[name])
        for name in classes
        for path in sorted((folder / "train" / name / "images").glob("*.JPEG"))
    ]
    test = []
    for line in _lines(folder / "val" / "val_annotations.txt"):
        file, name = (*line.split("\t"), "")[:2]
        if name not in classes or Path(file).name != file:
            raise DataError(f"{folder / 'val' / 'val_annotations.txt'}: {line[:60]!r}: must be a file name and a class")
        test.append((folder / "val" / "images" / file, classes[name]))
    if not train or not test:
        raise DataError(f"{folder}: has {len(train)} training and {len(test)} validation images")
    both = train + test
    paths = [path for path, _ in both]
    return Source(
        labels=np.array([label for _, label in both], dtype=np.int64),
        keys=[path.relative_to(folder).as_posix() for path in paths],
        official=np.arange(len(both)) >= len(train),
        images=lambda picked: _images(paths, picked),
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _images(paths: list[Path], picked: Indices) -> NDArray[np.uint8]:
    try:
        from PIL import Image  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise DataError("tinyimagenet: reading JPEG needs Pillow: pip install pillow") from None
    made = np.empty((len(picked), 3, *_SIZE), np.uint8)
    for place, index in enumerate(picked):
        path = paths[index]
        try:
            with Image.open(path, formats=("JPEG",)) as image:
                if image.size != _SIZE:  # known from the header, before anything is decoded
                    raise DataError(f"{path}: has {image.size[0]} x {image.size[1]} pixels: must be 64 x 64")
                made[place] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        except (OSError, ValueError, SyntaxError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path}: cannot be read: {error}") from None
    return made
