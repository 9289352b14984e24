"""Reads one HDF5 file in a process of its own, run as a script by `hdf5`: the library hangs on some damaged files.

Reads a JSON of settings from standard input, writes a JSON of the tree, and behind it the arrays' bytes. Nothing is
read before its size is known and allowed. Links, virtual and external storage, filters that would load a plug-in, and
objects that can be reached twice (loops, and trees that unfold without end) are refused: no file that the frameworks
write has them. Imports nothing of the package, so that it starts in a quarter of a second.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

#: levels of nested groups
_MAX_DEPTH = 32
#: filters that HDF5 and h5py bring with them: deflate, shuffle, fletcher32, scale-offset, LZF
_FILTERS = {1, 2, 3, 6, 32000}
#: of a number, once it is read: float64
_NUMBER_BYTES = 8
#: texts of variable length are read in pieces of about this size
_PIECE_BYTES = 2**23
#: CPU seconds for a file, and more per byte (100 MB/s)
_SECONDS, _SECONDS_PER_BYTE = 0.4, 1e-8
#: address space beyond that of the started process, and more per byte
_SPACE, _SPACE_PER_BYTE = 160 * 2**20, 20


class Refused(Exception):
    """What the file holds is not read; the message goes to the user behind the file's name."""


class Reader:
    def __init__(self, h5py: Any, settings: dict[str, Any]) -> None:
        self.h5py, self.skip = h5py, frozenset(settings["skip"])
        self.file_bytes, self.left, self.total = settings["file_bytes"], settings["budget"], settings["budget"]
        self.max_objects, self.max_name = settings["max_objects"], settings["max_name"]
        self.seen: set[int] = set()
        self.buffers: list[bytes] = []
        self.offset = 0

    def take(self, size: int, where: str) -> None:
        if size > self.left:
            raise Refused(f"{where}: needs {size} bytes: a file of this size may hold {self.total} in all")
        self.left -= size

    def group(self, group: Any, where: str, depth: int) -> dict[str, Any]:
        if depth > _MAX_DEPTH:
            raise Refused(f"{where}: is nested deeper than {_MAX_DEPTH} groups")
        self.once(group, where)
        tree: dict[str, Any] = {}
        for name in group:
            inner = f"{where.rstrip('/')}/{name}"
            if name in self.skip:
                continue
            if len(name) > self.max_name:
                raise Refused(f"{where}: a name of {len(name)} characters (at most {self.max_name})")
            link = group.get(name, getlink=True)
            if not isinstance(link, self.h5py.HardLink):
                raise Refused(f"{inner}: is a {type(link).__name__}: links are not followed")
            item = group[name]
            if isinstance(item, self.h5py.Group):
                tree[name] = {"group": self.group(item, inner, depth + 1)}
            elif isinstance(item, self.h5py.Dataset):
                tree[name] = self.dataset(item, inner)
            else:
                raise Refused(f"{inner}: must be a group or a dataset")
        return tree

    def once(self, item: Any, where: str) -> None:
        address = self.h5py.h5o.get_info(item.id).addr
        if address in self.seen:
            raise Refused(f"{where}: is reached twice (a loop, or shared)")
        self.seen.add(address)
        if len(self.seen) > self.max_objects:
            raise Refused(f"has more than {self.max_objects} groups and datasets")

    def dataset(self, item: Any, where: str) -> dict[str, Any]:
        self.once(item, where)
        self.check_storage(item, where)
        if item.shape is None:
            raise Refused(f"{where}: is empty")
        size = math.prod(item.shape)
        if self.h5py.check_string_dtype(item.dtype) is not None:
            return self.text(item, where, size)
        if item.dtype.kind not in "iufb" or item.dtype.itemsize > 8:
            raise Refused(f"{where}: has type {item.dtype}: must be numbers or text")
        self.take(size * _NUMBER_BYTES, where)
        raw = item[()].tobytes()
        self.buffers.append(raw)
        self.offset += len(raw)
        return {"array": [item.dtype.str, item.shape, self.offset - len(raw), len(raw)]}

    def check_storage(self, item: Any, where: str) -> None:
        if item.is_virtual or item.external:
            raise Refused(f"{where}: keeps its numbers in another file")
        plan = item.id.get_create_plist()
        for index in range(plan.get_nfilters()):
            number = plan.get_filter(index)[0]
            if number not in _FILTERS:
                raise Refused(f"{where}: is compressed by filter {number}, a plug-in")
        if item.chunks is not None and math.prod(item.chunks) * item.dtype.itemsize > self.total:
            raise Refused(
                f"{where}: has chunks of shape {item.chunks}: a file of this size may hold {self.total} bytes"
            )

    def text(self, item: Any, where: str, size: int) -> dict[str, Any]:
        """A text, or the rows of a table of texts; a few rows at a time, since many may share one long text."""
        self.take(size * item.dtype.itemsize, where)
        if item.ndim < 2:
            if size != 1:
                raise Refused(f"{where}: has {size} texts: must be one")
            value = item[()]
            return {"text": self.decoded(value if item.ndim == 0 else value[0], where)}
        if item.ndim > 2 or size > 2 * self.max_objects:
            raise Refused(f"{where}: has shape {item.shape}: must be a table of at most {self.max_objects} rows")
        step = max(1, min(4096, _PIECE_BYTES // max(1, self.file_bytes)))
        rows: list[list[str]] = []
        for start in range(0, item.shape[0], step):
            for row in item[start : start + step]:
                rows.append([self.decoded(value, where) for value in row])
        return {"rows": rows}

    def decoded(self, value: Any, where: str) -> str:
        raw = value if isinstance(value, bytes) else str(value).encode()
        self.take(len(raw), where)
        try:
            return raw.decode("utf-8").rstrip("\0")
        except UnicodeDecodeError:
            raise Refused(f"{where}: is not text in UTF-8") from None


def limit(file_bytes: int) -> None:
    """End this process where it takes longer, or more memory, than an honest file needs; where the system can."""
    try:
        import resource
        import signal
    except ImportError:
        return
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS + _SECONDS_PER_BYTE * file_bytes)
    try:
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    space = used + _SPACE + _SPACE_PER_BYTE * file_bytes
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    sys.path[:] = settings["sys_path"]
    import h5py

    reader = Reader(h5py, settings)
    limit(settings["file_bytes"])
    try:
        with h5py.File(settings["path"], "r", rdcc_nbytes=0) as file:
            answer: dict[str, Any] = {"tree": reader.group(file, "/", 0)}
    except Refused as error:
        answer = {"refused": str(error)}
    except Exception as error:  # whatever the library says of a damaged file
        answer = {"damaged": (str(error).splitlines() or [type(error).__name__])[0][:200]}
    head = json.dumps(answer).encode()
    out = sys.stdout.buffer
    out.write(len(head).to_bytes(8, "little") + head)
    for buffer in reader.buffers if "tree" in answer else ():
        out.write(buffer)
    out.flush()


if __name__ == "__main__":
    main()
