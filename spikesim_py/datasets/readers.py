"""Files of events, one reader per format. A file that is none gives one `DataError`; nothing in it is executed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .._limits import NUMBER_BYTES, allowance
from ..errors import DataError
from .events import Events

_MAX_BYTES = 2**30  # of one recording, uncompressed: less where the file is small (`allowance`)
_MAX_EVENT_BYTES = 2**28
_MAX_HEADER = 2**16  # bytes of text in front of AER-DAT's events: jAER writes some 1000
_TIME_WRAP_US = 2**13  # N-MNIST: what an overflow event adds to the times behind it


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file is one `DataError` that names it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except Exception as error:  # a damaged header can make a parser fail in any way
        raise DataError(f"{path}: cannot be read: {type(error).__name__}: {error}") from None


def read_events(path: str | Path) -> Events:
    """Events of a file, by its suffix: `.bin` (N-MNIST's 40 bits), `.aedat`, `.npy`, `.npz`, `.h5` or `.hdf5`.

    Raises:
        DataError: the file is missing, malformed, larger than 1 GiB, or of another format.
    """
    path = Path(path)
    if path.suffix not in READERS:
        raise DataError(f"{path}: unknown format {path.suffix!r} of events (known: {', '.join(READERS)})")
    with reading(path):
        if not path.is_file():
            raise DataError("is no file")
        return READERS[path.suffix](path)


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > _MAX_EVENT_BYTES:
        raise DataError(f"has {path.stat().st_size} bytes: at most {_MAX_EVENT_BYTES}")
    return path.read_bytes()


def _binary(path: Path) -> Events:
    """40 bits per event: x (8), y (8), polarity (1), time in us (23), big-endian (Orchard et al. 2015).

    y = 240 is no event but an overflow: every later time is 2^13 us more, as the authors' `Read_Ndataset.m` has it.
    """
    raw = np.frombuffer(_bytes(path), np.uint8)
    if raw.size % 5:
        raise DataError(f"has {raw.size} bytes: events take 5 each")
    fields = raw.reshape(-1, 5)
    time = (fields[:, 2] & 0x7F).astype(np.int64) << 16
    time |= fields[:, 3].astype(np.int64) << 8
    time |= fields[:, 4]
    overflow = fields[:, 1] == 240
    time += np.cumsum(overflow) * _TIME_WRAP_US
    kept = fields[~overflow]
    return Events(kept[:, 0], kept[:, 1], kept[:, 2] >> 7, time[~overflow])


def _aedat(path: Path) -> Events:
    """AER-DAT 2.0 of a DVS128 (jAER): lines that begin with '#', then pairs of big-endian 32-bit address and time.

    Address: polarity in bit 0 (1 = darker), then two 7-bit coordinates, laid so that pictures stand upright
    (github.com/jackd/events-tfds, pull request 1): x = 127 - (address >> 8), y = 127 - (address >> 1).
    """
    raw, start = _bytes(path), 0
    if not raw.startswith(b"#!AER-DAT2.0"):
        raise DataError("is not AER-DAT2.0 (its first line says another version, or none)")
    while raw[start : start + 1] == b"#":
        start = raw.find(b"\n", start, _MAX_HEADER) + 1
        if not start:
            raise DataError(f"its header never ends (within {_MAX_HEADER} bytes)")
    if (len(raw) - start) % 8:
        raise DataError(f"has {len(raw) - start} bytes behind its header: events take 8 each")
    words = np.frombuffer(raw, ">u4", offset=start).reshape(-1, 2).astype(np.int64)
    address, time = words[:, 0], words[:, 1]
    return Events(127 - (address >> 8 & 0x7F), 127 - (address >> 1 & 0x7F), 1 - (address & 1), time)


def _npy(path: Path) -> Events:
    with path.open("rb") as stream:
        return Events.from_array(_array(stream, path.stat().st_size))


def _npz(path: Path) -> Events:
    """Arrays x, y, t, p; or one structured array."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        most = _most(path)
        if len(members) > 64 or sum(info.file_size for info in members.values()) > most:
            raise DataError(f"is too large: at most 64 arrays of {most} bytes together")
        arrays = {}
        for name, info in members.items():
            with archive.open(info) as stream:
                arrays[name] = _array(stream, info.file_size)
            most -= arrays[name].size * _numbers(arrays[name].dtype) * NUMBER_BYTES
            if most < 0:
                raise DataError(f"holds more numbers than a file of {path.stat().st_size} bytes may")
    if len(arrays) == 1:
        return Events.from_array(next(iter(arrays.values())))
    return Events.from_columns(arrays, arrays)


def _most(path: Path) -> int:
    """Bytes that the arrays of a file may have together."""
    return min(_MAX_BYTES, allowance(path.stat().st_size))


def _numbers(dtype: np.dtype[Any]) -> int:
    """Numbers of one element: of a compound, one per field."""
    return len(dtype.names or ("x",))


def _array(stream: IO[bytes], size: int) -> NDArray[Any]:
    """One `.npy` of numbers: its header may not claim more than the file has, nor objects (which are pickles)."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise DataError(f"array format {version} is unknown")
    shape, _, dtype = read[version](stream)
    if dtype.hasobject or len(shape) != 1 or not 0 <= shape[0] * dtype.itemsize <= min(size, _MAX_BYTES):
        raise DataError(f"array of {dtype}, shape {shape}: must be one column of numbers that the file holds")
    raw = stream.read(shape[0] * dtype.itemsize)
    return np.frombuffer(raw, dtype, count=shape[0])


def _hdf5(path: Path) -> Events:
    """Columns x, y, t, p in the group `events`, `CD/events` or the root; or one compound data set `events`."""
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise DataError("HDF5 needs h5py: pip install 'spikesim-py[interop]'") from None

    def inside(node: Any, name: str) -> Any:
        """A child that is stored in this very file: a link may lead anywhere on the machine."""
        if name not in node:
            return None
        if not isinstance(node.get(name, getlink=True), h5py.HardLink):
            raise DataError(f"{name} is a link: only what the file itself holds is read")
        return node[name]

    def column(data: Any, name: str, columns: int = 1) -> NDArray[Any]:
        if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual:
            raise DataError(f"{name}: must be an array that the file itself holds")
        if data.ndim != 1 or data.dtype.hasobject:
            raise DataError(f"{name}: {data.dtype} of shape {data.shape}: must be one column of numbers")
        held = max(data.nbytes, data.size * _numbers(data.dtype) * NUMBER_BYTES)
        if max(held, (data.chunks or (0,))[0] * data.dtype.itemsize) > _most(path) // columns:
            raise DataError(f"{name}: has {data.size} elements: more than a file of {path.stat().st_size} bytes may")
        return np.asarray(data[:])

    with h5py.File(path, "r") as file:
        outer = inside(file, "CD")
        node = inside(outer if isinstance(outer, h5py.Group) else file, "events")
        if isinstance(node, h5py.Dataset):
            return Events.from_array(column(node, "events"))
        group = file if node is None else node
        wanted = [name for name in group if name in _COLUMNS]
        return Events.from_columns({name: column(inside(group, name), name, len(wanted)) for name in wanted}, wanted)


_COLUMNS = frozenset(["x", "y", "t", "p", "xs", "ys", "ts", "ps", "pol", "polarity", "time", "time_us", "timestamp"])

READERS: dict[str, Callable[[Path], Events]] = {
    ".bin": _binary,
    ".aedat": _aedat,
    ".npy": _npy,
    ".npz": _npz,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
