"""How much a checkpoint may ask for, so that a hostile one is refused before it costs anything."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from .._limits import NUMBER_BYTES, allowance
from ..errors import NetworkError

#: bytes of the largest file that is read
MAX_FILE_BYTES = 8 * 2**30
#: groups, datasets, nodes or edges of one file
MAX_OBJECTS = 100_000
#: characters of a name
MAX_NAME = 512


def check_file(path: Path) -> int:
    """Bytes of a regular file of an allowed size."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read: {error.strerror}") from None
    if not path.is_file():
        raise NetworkError(f"{path}: cannot be read: is not a regular file")
    if size > MAX_FILE_BYTES:
        raise NetworkError(f"{path}: has {size} bytes (at most {MAX_FILE_BYTES})")
    return size


class Budget:
    """Bytes that the arrays of one file may have together: see `allowance`."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self.path = path
        self.total = allowance(file_bytes)
        self.left = self.total

    def fits(self, size: int, where: str) -> None:
        """Refuse what is larger than all that is left."""
        if size > self.left:
            raise NetworkError(
                f"{self.path}: {where}: needs {size} bytes: a file of this size may hold {self.total} in all"
            )

    def take(self, size: int, where: str) -> None:
        """Refuse it, or count it."""
        self.fits(size, where)
        self.left -= size

    def shape(self, shape: Iterable[int], where: str) -> None:
        """Count an array of a shape that a file states, as the numbers that it becomes."""
        self.take(math.prod(shape) * NUMBER_BYTES, where)
