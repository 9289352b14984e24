"""HDF5 files as a tree of dictionaries, arrays and strings, read with suspicion.

Nothing is read before its size is known and allowed. Links to other files, soft links, virtual and external storage,
filters that would load a plug-in, and objects that can be reached twice (loops, and trees that unfold without end)
are refused: no file that the frameworks write has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NetworkError
from .limits import MAX_NAME, MAX_OBJECTS, Budget, check_file

#: groups and datasets by name, numbers as arrays, texts as str
Tree = dict[str, Any]

#: levels of nested groups
_MAX_DEPTH = 32
#: filters that HDF5 and h5py bring with them: deflate, shuffle, fletcher32, scale-offset, LZF
_FILTERS = {1, 2, 3, 6, 32000}
#: texts of variable length are read in pieces of about this size
_PIECE_BYTES = 2**23


def read_tree(path: Path, root: str, skip: Iterable[str] = ()) -> Tree:
    """The group `root` of an HDF5 file ("/" is all), without the groups named in `skip`.

    Raises:
        NetworkError: it is not such a file, or holds what no framework writes. InputError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(f"{path}: reading HDF5 needs h5py: pip install 'spikesim-py[interop]'") from None
    check_file(path)
    try:
        with h5py.File(path, "r", rdcc_nbytes=0) as file:
            return _Reader(h5py, path, frozenset(skip)).root(file, root)
    except NetworkError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError, MemoryError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise NetworkError(f"{path}: is not a readable HDF5 file ({reason})") from None


class _Reader:
    def __init__(self, h5py: Any, path: Path, skip: frozenset[str]) -> None:
        self.h5py, self.path, self.skip = h5py, path, skip
        self.file_bytes = path.stat().st_size
        self.budget = Budget(path, self.file_bytes)
        self.seen: set[int] = set()

    def root(self, file: Any, name: str) -> Tree:
        if name != "/":
            self._check_link(file, name, name)
        group = file[name]
        if not isinstance(group, self.h5py.Group):
            raise NetworkError(f"{self.path}: {name!r} must be a group")
        return self._group(group, name, 0)

    def _group(self, group: Any, where: str, depth: int) -> Tree:
        if depth > _MAX_DEPTH:
            raise NetworkError(f"{self.path}: {where}: is nested deeper than {_MAX_DEPTH} groups")
        self._once(group, where)
        tree: Tree = {}
        for name in group:
            inner = f"{where.rstrip('/')}/{name}"
            if name in self.skip:
                continue
            if len(name) > MAX_NAME:
                raise NetworkError(f"{self.path}: {where}: a name of {len(name)} characters (at most {MAX_NAME})")
            self._check_link(group, name, inner)
            item = group[name]
            if isinstance(item, self.h5py.Group):
                tree[name] = self._group(item, inner, depth + 1)
            elif isinstance(item, self.h5py.Dataset):
                tree[name] = self._dataset(item, inner)
            else:
                raise NetworkError(f"{self.path}: {inner}: must be a group or a dataset")
        return tree

    def _check_link(self, group: Any, name: str, where: str) -> None:
        link = group.get(name, getlink=True)
        if link is None:
            raise NetworkError(f"{self.path}: {where}: is missing")
        if not isinstance(link, self.h5py.HardLink):
            raise NetworkError(f"{self.path}: {where}: is a {type(link).__name__}: links are not followed")

    def _once(self, item: Any, where: str) -> None:
        address = self.h5py.h5o.get_info(item.id).addr
        if address in self.seen:
            raise NetworkError(f"{self.path}: {where}: is reached twice (a loop, or shared)")
        self.seen.add(address)
        if len(self.seen) > MAX_OBJECTS:
            raise NetworkError(f"{self.path}: has more than {MAX_OBJECTS} groups and datasets")

    def _dataset(self, item: Any, where: str) -> NDArray[Any] | str | list[list[str]]:
        self._once(item, where)
        self._check_storage(item, where)
        if item.shape is None:
            raise NetworkError(f"{self.path}: {where}: is empty")
        size = math.prod(item.shape)
        text = self.h5py.check_string_dtype(item.dtype)
        if text is not None:
            return self._text(item, where, size)
        if item.dtype.kind not in "iufb" or item.dtype.itemsize > 8:
            raise NetworkError(f"{self.path}: {where}: has type {item.dtype}: must be numbers or text")
        self.budget.take(size * item.dtype.itemsize, where)
        return np.asarray(item[()])

    def _check_storage(self, item: Any, where: str) -> None:
        if item.is_virtual or item.external:
            raise NetworkError(f"{self.path}: {where}: keeps its numbers in another file")
        plan = item.id.get_create_plist()
        for index in range(plan.get_nfilters()):
            number = plan.get_filter(index)[0]
            if number not in _FILTERS:
                raise NetworkError(f"{self.path}: {where}: is compressed by filter {number}, a plug-in")
        chunks = item.chunks
        if chunks is not None:
            self.budget.fits(math.prod(chunks) * item.dtype.itemsize, where)

    def _text(self, item: Any, where: str, size: int) -> str | list[list[str]]:
        """A text, or the rows of a table of texts; a row after the other, since many may share one long text."""
        self.budget.take(size * item.dtype.itemsize, where)
        if item.ndim < 2:
            if size != 1:
                raise NetworkError(f"{self.path}: {where}: has {size} texts: must be one")
            value = item[()]
            return self._decoded(value if item.ndim == 0 else value[0], where)
        if item.ndim > 2 or size > 2 * MAX_OBJECTS:
            raise NetworkError(f"{self.path}: {where}: has shape {item.shape}: must be a table of at most {MAX_OBJECTS}")
        step = max(1, min(4096, _PIECE_BYTES // max(1, self.file_bytes)))
        rows: list[list[str]] = []
        for start in range(0, item.shape[0], step):
            for row in item[start : start + step]:
                rows.append([self._decoded(value, where) for value in row])
        return rows

    def _decoded(self, value: Any, where: str) -> str:
        raw = value if isinstance(value, bytes) else str(value).encode()
        self.budget.take(len(raw), where)
        try:
            return raw.decode("utf-8").rstrip("\0")
        except UnicodeDecodeError:
            raise NetworkError(f"{self.path}: {where}: is not text in UTF-8") from None
