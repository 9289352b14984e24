"""Named arrays from the files in which people keep them: safetensors, torch's, numpy's. Opening one runs no code."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from . import restricted
from .limits import MAX_NAME, MAX_OBJECTS, Budget, check_file
from .rebuilt import Array, Refused, Storage, Stub, Tensor, numbers

#: arrays by dotted name
Arrays = dict[str, NDArray[Any]]

_MAX_MEMBERS = 20_000
_MAX_DIRECTORY_BYTES = 2**22
_MAX_HEADER_BYTES = 2**23
_MAX_DEPTH = 64
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C


def read_object(path: Path) -> Any:
    """What a checkpoint holds: a dictionary of arrays, or a `Stub` of a module with arrays in its state.

    Raises:
        NetworkError: the file is none of those that are read, is damaged, or asks for more than its size allows.
    """
    size = check_file(path)
    if path.suffix == ".safetensors":
        return _safetensors(path, size)
    with open(path, "rb") as stream:
        head = stream.read(8)
        stream.seek(0)
        if head[:2] == b"PK":
            return _zip(stream, path, size)
        if head[:6] == b"\x93NUMPY":
            budget = Budget(path, size)
            return {"weight": _npy(stream, size, path, "the array", budget)}
        return _pickles(stream, path, size)


def check_finite(array: NDArray[Any], where: str) -> NDArray[Any]:
    """The array, if it has no NaN and no infinity."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NetworkError(f"{where}: holds NaN or infinity: must be finite")
    return array


def _safetensors(path: Path, size: int) -> Arrays:
    from safetensors import SafetensorError, safe_open

    with open(path, "rb") as stream:
        header = int.from_bytes(stream.read(8), "little")
    if header > min(_MAX_HEADER_BYTES, size):
        raise NetworkError(f"{path}: states a header of {header} bytes (at most {min(_MAX_HEADER_BYTES, size)})")
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            if len(names) > _MAX_MEMBERS:
                raise NetworkError(f"{path}: holds {len(names)} arrays (at most {_MAX_MEMBERS})")
            return {name: _plain(file.get_tensor(name), f"{path}: {name!r}") for name in names}
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, NetworkError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise NetworkError(f"{path}: is not a safetensors file, or is truncated ({reason})") from None


def _plain(tensor: Any, where: str) -> NDArray[Any]:
    """A torch tensor's numbers, where numpy has them: bfloat16 as float32."""
    if tensor.is_complex() or (tensor.dtype.itemsize < 2 and tensor.is_floating_point()):
        raise NetworkError(f"{where}: has type {tensor.dtype}: must be float16 or wider, or integers")
    tensor = tensor.detach().cpu()
    wide = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return np.array(wide.numpy())


def _zip(stream: IO[bytes], path: Path, size: int) -> Any:
    _check_directory(stream, path, size)
    budget = Budget(path, size)
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            pickled = [name for name in names if name.endswith("data.pkl")]
            if pickled:
                return _torch_zip(archive, pickled[0], path, budget)
            return _npz(archive, names, path, budget)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        if isinstance(error, NetworkError):
            raise
        raise NetworkError(f"{path}: is not a readable archive ({str(error)[:200]})") from None
    except (zipfile.zlib.error, struct.error, OverflowError) as error:  # type: ignore[attr-defined]
        raise NetworkError(f"{path}: is not a readable archive ({str(error)[:200]})") from None


def _check_directory(stream: IO[bytes], path: Path, size: int) -> None:
    """The list of an archive's members is short: reading a long one takes time of its own."""
    tail = min(size, 22 + 65535)
    stream.seek(size - tail)
    block = stream.read(tail)
    at = block.rfind(b"PK\5\6")
    if at < 0 or len(block) < at + 22:
        raise NetworkError(f"{path}: is not a readable archive (no list of members)")
    length = struct.unpack("<L", block[at + 12 : at + 16])[0]
    zip64 = block.rfind(b"PK\6\6", 0, at)
    if zip64 >= 0 and len(block) >= zip64 + 56:
        length = max(length % 0xFFFFFFFF, struct.unpack("<Q", block[zip64 + 40 : zip64 + 48])[0])
    if length > _MAX_DIRECTORY_BYTES:
        raise NetworkError(f"{path}: has a list of members of {length} bytes (at most {_MAX_DIRECTORY_BYTES})")
    stream.seek(0)


def _member(archive: zipfile.ZipFile, name: str, path: Path, budget: Budget) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise NetworkError(f"{path}: has no member {name!r}") from None
    budget.take(info.file_size, name)
    with archive.open(info) as stream:
        data = stream.read(info.file_size)
    if len(data) != info.file_size:
        raise NetworkError(f"{path}: {name}: has {len(data)} bytes: must be {info.file_size}")
    return data


def _torch_zip(archive: zipfile.ZipFile, pickled: str, path: Path, budget: Budget) -> Any:
    """torch's format since 1.6: `data.pkl` names storages, which are members of their own."""
    prefix = pickled.removesuffix("data.pkl")
    order = f"{prefix}byteorder"
    if order in archive.namelist() and _member(archive, order, path, budget).strip() == b"big":
        raise NetworkError(f"{path}: holds big-endian numbers")
    made = restricted.load(io.BytesIO(_member(archive, pickled, path, budget)), path)
    return _Filler(path, budget, lambda storage: _member(archive, f"{prefix}data/{storage.key}", path, budget)).fill(
        made
    )


def _pickles(stream: IO[bytes], path: Path, size: int) -> Any:
    """A pickle, or torch's format before 1.6: five pickles (magic, version, system, object, keys), then storages."""
    budget = Budget(path, size)
    first = restricted.load(stream, path)
    if first != _TORCH_MAGIC:
        return _Filler(path, budget, lambda storage: _missing(storage, path)).fill(first)
    restricted.load(stream, path)
    restricted.load(stream, path)
    made = _LegacyStorages(stream, path)
    saved = made.restored()
    return _Filler(path, budget, made.raw).fill(saved)


def _missing(storage: Storage, path: Path) -> bytes:
    raise NetworkError(f"{path}: refers to the storage {storage.key!r}, which it does not hold")


class _LegacyStorages:
    """The storages at the end of a file in torch's old format, in the order of their keys."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self.stream, self.path = stream, path
        self.places: dict[str, tuple[int, int]] = {}

    def restored(self) -> Any:
        made = restricted.load(self.stream, self.path)
        keys = restricted.load(self.stream, self.path)
        if not isinstance(keys, list) or len(keys) > MAX_OBJECTS:
            raise NetworkError(f"{self.path}: does not list its storages")
        sizes = {storage.key: storage for storage in _storages(made)}
        for key in keys:
            if not isinstance(key, str) or key not in sizes:
                raise NetworkError(f"{self.path}: lists a storage {str(key)[:40]!r} that nothing reads")
            self.stream.read(8)  # elements, once more
            length = sizes[key].elements * _item_bytes(sizes[key].dtype)
            self.places[key] = (self.stream.tell(), length)
            self.stream.seek(length, 1)
        return made

    def raw(self, storage: Storage) -> bytes:
        if storage.key not in self.places:
            _missing(storage, self.path)
        start, length = self.places[storage.key]
        self.stream.seek(start)
        return self.stream.read(length)


def _storages(made: Any) -> Iterator[Storage]:
    stack, seen = [made], set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            yield item.storage
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif isinstance(item, Stub):
            stack.extend((item.state, item.args))


def _item_bytes(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else int(np.dtype(dtype).itemsize)


class _Filler:
    """Puts arrays in the place of what a pickle says of them."""

    def __init__(self, path: Path, budget: Budget, raw: Callable[[Storage], bytes]) -> None:
        self.path, self.budget, self.raw = path, budget, raw
        self.storages: dict[str, NDArray[Any]] = {}
        self.done: dict[int, Any] = {}
        self.kept: list[Any] = []  # ids are those of living objects

    def fill(self, item: Any, depth: int = 0) -> Any:
        if not isinstance(item, Tensor | Array | dict | list | tuple | Stub):
            return item
        if id(item) in self.done:
            return self.done[id(item)]
        if depth > _MAX_DEPTH or len(self.done) > MAX_OBJECTS:
            raise NetworkError(f"{self.path}: its pickle is nested deeper than {_MAX_DEPTH}, or has too many parts")
        self.kept.append(item)
        self.done[id(item)] = None  # a loop ends here
        made: Any
        if isinstance(item, Tensor):
            made = self._tensor(item)
        elif isinstance(item, Array):
            made = self._array(item)
        elif isinstance(item, dict):
            made = {key: self.fill(value, depth + 1) for key, value in item.items()}
        elif isinstance(item, Stub):
            made = Stub(item.kind, self.fill(item.args, depth + 1), self.fill(item.state, depth + 1))
        else:
            made = type(item)(self.fill(value, depth + 1) for value in item)
        self.done[id(item)] = made
        return made

    def _array(self, item: Array) -> NDArray[Any]:
        try:
            made = numbers(item, "an array")
            self.budget.shape(made.shape, f"an array of shape {item.shape}")
            return made
        except Refused as error:
            raise NetworkError(f"{self.path}: {error}") from None

    def _tensor(self, item: Tensor) -> NDArray[Any]:
        flat = self._elements(item.storage)
        where = f"a tensor of shape {item.size}"
        self.budget.shape(item.size, where)
        last = item.offset + sum((n - 1) * step for n, step in zip(item.size, item.stride, strict=True))
        if item.offset < 0 or (0 not in item.size and last >= len(flat)):
            raise NetworkError(f"{self.path}: {where}: reaches beyond its storage of {len(flat)} elements")
        if 0 in item.size:
            return np.zeros(item.size, flat.dtype)
        steps = tuple(step * flat.itemsize for step in item.stride)
        return np.array(np.lib.stride_tricks.as_strided(flat[item.offset :], item.size, steps, writeable=False))

    def _elements(self, storage: Storage) -> NDArray[Any]:
        if storage.key not in self.storages:
            raw = self.raw(storage)
            length = storage.elements * _item_bytes(storage.dtype)
            if len(raw) != length:
                raise NetworkError(f"{self.path}: storage {storage.key!r}: has {len(raw)} bytes: must be {length}")
            if storage.dtype == "bfloat16":
                self.budget.take(2 * length, f"storage {storage.key!r}")
                self.storages[storage.key] = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
            else:
                self.storages[storage.key] = np.frombuffer(raw, storage.dtype)
        return self.storages[storage.key]


def _npz(archive: zipfile.ZipFile, names: list[str], path: Path, budget: Budget) -> Arrays:
    if len(names) > _MAX_MEMBERS or not names or not all(name.endswith(".npy") for name in names):
        raise NetworkError(f"{path}: is an archive of neither torch's nor numpy's")
    arrays: Arrays = {}
    for name in names:
        data = _member(archive, name, path, budget)
        arrays[name.removesuffix(".npy")] = _npy(io.BytesIO(data), len(data), path, name, budget)
    return arrays


def _npy(stream: IO[bytes], size: int, path: Path, name: str, budget: Budget) -> NDArray[Any]:
    """One array of numpy's: the bytes after its header are those of its shape."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (ValueError, SyntaxError, TypeError, RecursionError) as error:
        raise NetworkError(f"{path}: {name}: is not an array ({(str(error).splitlines() or [''])[0][:120]})") from None
    if dtype.kind not in "iufb":
        raise NetworkError(f"{path}: {name}: has type {dtype}: must be numbers")
    budget.shape(shape, name)
    array = Array(shape, dtype.str, fortran, stream.read(size - stream.tell()))
    try:
        return numbers(array, name)
    except Refused as error:
        raise NetworkError(f"{path}: {error}") from None


def named_arrays(made: Any, path: Path) -> Arrays:
    """A state dict: arrays by dotted name, from a dictionary, one that holds it, or a module's stub.

    Raises:
        NetworkError: there are no arrays, or one of them is not finite.
    """
    found: Arrays = {}
    _collect(_state(made), "", found, path)
    if not found:
        raise NetworkError(f"{path}: holds no arrays by name (expected a state_dict)")
    for name, array in found.items():
        check_finite(array, f"{path}: {name!r}")
    return found


def _state(made: Any) -> Any:
    """The state dict of what training scripts save around it."""
    if isinstance(made, Mapping):
        for key in ("state_dict", "model_state_dict", "model", "net", "network"):
            if isinstance(made.get(key), Mapping | Stub):
                return made[key]
    return made


def _collect(item: Any, prefix: str, found: Arrays, path: Path) -> None:
    """Arrays by dotted name; a few shared parts may unfold to no end of names."""
    stack, visits = [(item, prefix)], 0
    while stack:
        part, name = stack.pop()
        visits += 1
        if visits > MAX_OBJECTS or len(name) > MAX_NAME * _MAX_DEPTH:
            raise NetworkError(f"{path}: has more than {MAX_OBJECTS} named parts")
        if isinstance(part, np.ndarray):
            found[name.rstrip(".")] = part
        elif isinstance(part, Stub) and isinstance(part.state, dict):
            groups = (part.state.get(group) for group in ("_modules", "_buffers", "_parameters"))
            stack += [(group, name) for group in groups]
        elif isinstance(part, Mapping):
            stack += [(value, f"{name}{key}.") for key, value in reversed(list(part.items()))]
