"""Recordings of event cameras in folders: one folder per class, one file per recording.

`nmnist` and `ncaltech101`: Orchard, Jayawant, Cohen and Thakor, Front. Neurosci. 9:437 (2015). `dvscifar10`: Li, Liu,
Ji, Li and Shi, Front. Neurosci. 11:309 (2017). Any other folder is named by the format of its files.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import DataError
from .dataset import Source
from .places import find
from .readers import read_events

_NMNIST_SENSOR, _NCALTECH_SENSOR, _DVS128_SENSOR = (34, 34), (180, 240), (128, 128)

#: format to file suffixes and sensor (H, W); None where the network's input must say
FORMATS: dict[str, tuple[tuple[str, ...], tuple[int, int] | None]] = {
    "nmnist": ((".bin",), _NMNIST_SENSOR),
    "ncaltech101": ((".bin",), _NCALTECH_SENSOR),
    "dvscifar10": ((".aedat",), _DVS128_SENSOR),
    "aer": ((".bin",), None),
    "aedat": ((".aedat",), None),
    "npz": ((".npz", ".npy"), None),
    "hdf5": ((".h5", ".hdf5"), None),
}

_PLACES = {
    "nmnist": (("NMNIST", "N-MNIST", "nmnist"), "{Train,Test}/<digit>/<id>.bin", "garrickorchard.com/datasets/n-mnist"),
    "ncaltech101": (
        ("NCALTECH101/Caltech101", "N-Caltech101/Caltech101", "Caltech101"),
        "<class>/image_<id>.bin",
        "garrickorchard.com/datasets/n-caltech101",
    ),
    "dvscifar10": (
        ("CIFAR10DVS/extract", "CIFAR10DVS", "DVS-CIFAR10", "dvscifar10"),
        "<class>/cifar10_<class>_<id>.aedat",
        "doi.org/10.6084/m9.figshare.4724671",
    ),
}


def event_set(name: str) -> Source:
    """One of the published sets, from the data root."""
    places, layout, source = _PLACES[name]
    return folder(name, find(name, places, layout, f"get it by hand: {source}"))


@lru_cache(maxsize=8)
def folder(form: str, path: Path) -> Source:
    """A folder of recordings: `<class>/<file>`, or `Train` and `Test` (or `train` and `test`) of such.

    Classes are numbered in the order of their names.

    Raises:
        DataError: it is no folder, or has no such files.
    """
    suffixes, sensor = FORMATS[form]
    if not path.is_dir():
        raise DataError(f"{path}: is no folder of events")
    halves = next((pair for pair in (("Train", "Test"), ("train", "test")) if (path / pair[0]).is_dir()), None)
    tops = [path / half for half in halves] if halves else [path]
    files = [sorted(file for file in top.glob("*/*") if file.suffix in suffixes) for top in tops]
    if not all(files):
        raise DataError(
            f"{path}: no <class>/*{'|'.join(suffixes)} in {' and '.join(top.name for top in tops)} (format {form})"
        )
    every = [file for part in files for file in part]
    names = sorted({file.parent.name for file in every})
    labels = {name: label for label, name in enumerate(names)}
    return Source(
        labels=np.array([labels[file.parent.name] for file in every], dtype=np.int64),
        keys=[file.relative_to(path).as_posix() for file in every],
        official=np.arange(len(every)) >= len(files[0]) if halves else None,
        events=lambda index: read_events(every[index]),
        sensor=sensor,
    )
