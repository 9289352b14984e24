"""HDF5 files as a tree of dictionaries, arrays and strings.

A process of its own reads them (`hdf5_worker`), with bounds on time and memory: the HDF5 library hangs, or worse, on
some damaged files.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, NetworkError
from .limits import MAX_NAME, MAX_OBJECTS, Budget, check_file

#: groups and datasets by name, numbers as arrays, texts as str, tables of texts as lists of rows
Tree = dict[str, Any]
_WORKER = Path(__file__).with_name("hdf5_worker.py")
#: of a machine that is very busy; the worker's own bound is in seconds of its CPU
_WALL_SECONDS = 60.0


def read_tree(path: Path, skip: Iterable[str] = ()) -> Tree:
    """An HDF5 file, without the groups named in `skip`.

    Raises:
        NetworkError: it is no such file, or holds what no framework writes. InputError: h5py is not installed.
    """
    if find_spec("h5py") is None:
        raise InputError(f"{path}: reading HDF5 needs h5py: pip install 'spikesim-py[interop]'")
    size = check_file(path)
    settings = {
        "path": str(path.resolve()),
        "skip": list(skip),
        "file_bytes": size,
        "budget": Budget(path, size).total,
        "max_objects": MAX_OBJECTS,
        "max_name": MAX_NAME,
        "sys_path": sys.path,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_WORKER)],
            input=json.dumps(settings).encode() + b"\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NetworkError(f"{path}: takes too long to read: is damaged") from None
    return _received(done.stdout, path)


def _received(data: bytes, path: Path) -> Tree:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or len(data) < 8 + length:
        raise NetworkError(f"{path}: takes more time or memory to read than a file of its size: is damaged")
    answer = json.loads(data[8 : 8 + length])
    if "refused" in answer:
        raise NetworkError(f"{path}: {answer['refused']}")
    if "damaged" in answer:
        raise NetworkError(f"{path}: is not a readable HDF5 file ({answer['damaged']})")
    return _group(answer["tree"], memoryview(data)[8 + length :])


def _group(tree: dict[str, Any], raw: memoryview) -> Tree:
    made: Tree = {}
    for name, item in tree.items():
        ((kind, value),) = item.items()
        if kind == "group":
            made[name] = _group(value, raw)
        elif kind == "array":
            dtype, shape, start, size = value
            made[name] = np.frombuffer(raw[start : start + size], dtype).reshape(shape)
        else:
            made[name] = value
    return made
