"""Damaged recordings of every format: events, or one error that names the file; quickly, without memory."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from importer_files import mutated
from memory import at_most
from test_events import aedat, binary, npy, some_events, structured

from spikesim_py.datasets import Events, read_events
from spikesim_py.errors import DataError


def _npz(path: Path) -> None:
    np.savez(path, structured(some_events(40)))


def _columns(path: Path) -> None:
    events = some_events(40)
    np.savez_compressed(path, x=events.x, y=events.y, t=events.time_us, p=events.polarity)


def _hdf5(path: Path) -> None:
    events = some_events(40)
    with pytest.importorskip("h5py").File(path, "w") as file:
        for name, column in (("x", events.x), ("y", events.y), ("t", events.time_us), ("p", events.polarity)):
            file.create_dataset(f"CD/events/{name}", data=column, compression="gzip")


def _compound(path: Path) -> None:
    with pytest.importorskip("h5py").File(path, "w") as file:
        file["events"] = structured(some_events(40))


MAKERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "nmnist": (".bin", lambda path: path.write_bytes(binary(some_events(40)))),
    "aedat": (".aedat", lambda path: path.write_bytes(aedat(some_events(40)))),
    "npy": (".npy", lambda path: np.save(path, structured(some_events(40)))),
    "npz": (".npz", _npz),
    "npz of columns": (".npz", _columns),
    "hdf5": (".h5", _hdf5),
    "hdf5, compound": (".hdf5", _compound),
}


def _fuzz(kind: str, folder: Path, count: int, seed: int) -> None:
    suffix, make = MAKERS[kind]
    path = folder / f"recording{suffix}"
    make(path)
    data, rng = path.read_bytes(), np.random.default_rng(seed)
    with at_most(100):
        for _ in range(count):
            path.write_bytes(mutated(data, rng))
            start = time.process_time()
            outcome = _outcome(path)
            assert outcome == "" or outcome.startswith(f"{path}: ")
            assert "\n" not in outcome
            assert time.process_time() - start < 1


def _outcome(path: Path) -> str:
    """What a reader says, if it fails as it should."""
    try:
        assert isinstance(read_events(path), Events)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", MAKERS)
def test_few_mutated_recordings(kind: str, tmp_path: Path) -> None:
    _fuzz(kind, tmp_path, 40, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_many_mutated_recordings(kind: str, tmp_path: Path) -> None:
    """All kinds together are 14,000 files."""
    _fuzz(kind, tmp_path, 2000, seed=1)


def _zipped(*members: tuple[str, bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)

    return write


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


def _header(descr: str, shape: str) -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}", bytes(8))


HUGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a.npy": (lambda path: path.write_bytes(_header("'<i8'", f"({2**62},)")), "one column of numbers"),
    "b.npy": (lambda path: path.write_bytes(_header("'<i8'", f"({10**400},)")), "cannot be read|one column"),
    "c.npy": (lambda path: path.write_bytes(_header("'|V2147483647'", "(0,)")), "no column x"),
    "d.npy": (lambda path: path.write_bytes(_header("[('x', '<i8', (1000000000,))]", "(0,)")), "no column y|read"),
    "e.npy": (lambda path: path.write_bytes(npy("(" * 9000)), "cannot be read"),
    "f.npy": (lambda path: path.write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff"), "cannot be read"),
    "g.npz": (_zipped(("x.npy", _header("'<u1'", f"({2**40},)"))), "one column of numbers"),
    "h.npz": (_zipped(*((f"{i}.npy", _header("'<u1'", "(8,)")) for i in range(65))), "at most 64 arrays"),
    "i.npz": (_zipped(("x.npy", bytes(40 * 2**20))), "is too large"),
    "j.aedat": (lambda path: path.write_bytes(b"#!AER-DAT2.0\n" + b"#\n" * 2**22), "its header never ends"),
    "k.bin": (_sparse, "has 1099511627776 bytes: at most 268435456"),
}


@pytest.mark.parametrize("name", HUGE)
def test_files_that_claim_too_much(name: str, tmp_path: Path) -> None:
    make, message = HUGE[name]
    path = tmp_path / name
    make(path)
    start = time.process_time()
    with at_most(100), pytest.raises(DataError, match=message) as caught:
        read_events(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 1
