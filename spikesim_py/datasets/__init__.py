"""Data sets by name, in disjoint splits: `train`, `calibration`, `search`, `report`.

Built in: `digits`, and `event-digits`, which a simulated event camera sees. All others are the user's files, in the
layouts in which they are published, below `--data-root` or `SPIKESIM_DATA`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, did_you_mean
from .cifar import cifar10, cifar100
from .codings import CODINGS
from .dataset import Dataset, Indices, Request, Source, check_samples
from .digits import digits
from .event_digits import event_digits
from .event_sets import FORMATS, event_set, folder
from .events import Events, PartialWarning, Window, frames
from .mnist import mnist
from .places import data_root
from .readers import read_events
from .request import Options, parse
from .splits import SPLITS, split_indices
from .tinyimagenet import tinyimagenet

if TYPE_CHECKING:
    from ..network import Network

_SOURCES: dict[str, Callable[[], Source]] = {
    "digits": digits,
    "event-digits": event_digits,
    "mnist": mnist,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "tinyimagenet": tinyimagenet,
    "nmnist": lambda: event_set("nmnist"),
    "ncaltech101": lambda: event_set("ncaltech101"),
    "dvscifar10": lambda: event_set("dvscifar10"),
}


def load_dataset(
    name: str,
    split: str = "report",
    samples: int | None = None,
    *,
    steps: int | None = None,
    bits: int | None = None,
    sensor: tuple[int, int] | None = None,
) -> Dataset:
    """A split of a data set.

    Args:
        name: of the data set, with options behind a colon: `mnist:poisson` and `mnist:latency` code images as spikes;
            `nmnist:dt=1ms` and `nmnist:by=count` say how events become frames (default: T equal times); `steps=10`
            is T where nothing else says it; `npz:dir=FOLDER` reads a folder of recordings, named by their format.
        samples: how many are read, from the split's beginning; all if None.
        steps: T of the network; images without a coding have none.
        bits: of the network's input, to which counts of events are clipped (8 if None).
        sensor: (H, W) of the network's input, for formats that do not say it.

    Raises:
        DataError: an unknown name, split or option; files that are missing or malformed.
    """
    if split not in SPLITS:
        raise DataError(f"split = {split!r}: must be one of {', '.join(SPLITS)}")
    request = Request(str(name), steps, bits, sensor)
    return _load(request, split, samples, data_root())


def network_data(network: Network, data: str, split: str = "report", samples: int | None = None) -> Dataset:
    """A split as a network takes it: its T, bits and sensor; raises `DataError` as `load_dataset` does."""
    spec = network.model.input
    steps = network.time_steps if spec.coding == "events" else None
    return load_dataset(data, split, samples, steps=steps, bits=spec.bits, sensor=spec.shape[1:])


def class_count(data: str) -> int:
    """How many classes a whole data set has, whatever part of it is used; raises `DataError` as `load_dataset` does."""
    return int(_source(parse(str(data))).labels.max()) + 1


def step_seconds(data: str) -> float | None:
    """Seconds per time-step, where a data set is asked for with them (`nmnist:dt=1ms`)."""
    dt_us = parse(str(data)).dt_us
    return None if dt_us is None else dt_us * 1e-6


def sibling(dataset: Dataset, split: str) -> Dataset:
    """Another split of the same data set, coded and framed alike."""
    request = dataset.request
    if request is None:
        return load_dataset(dataset.name.partition("/")[0], split)
    return _load(request, split, None, data_root())


@lru_cache(maxsize=8)
def _load(request: Request, split: str, samples: int | None, root: Path | None) -> Dataset:
    """`root` is a part of the key: elsewhere may be other files."""
    options = parse(request.data)
    source = _source(options)
    picked, name = split_indices(source, split), f"{_label(request.data, options, source)}/{split}"
    if samples is not None:
        check_samples(samples, len(picked), name)
        picked = picked[:samples]
    if source.images is not None:
        images = _coded(source.images(picked), source, options, request, split)
    else:
        images = _framed(picked, source, options, request)
    labels = source.labels[picked]
    images.flags.writeable = labels.flags.writeable = False
    return Dataset(name, images, labels, request)


def _source(options: Options) -> Source:
    name = options.name
    if options.folder is not None and name in FORMATS:
        return folder(name, options.folder)
    if name in FORMATS and name not in _SOURCES:
        raise DataError(f"data = {name!r}: is a format of files: name their folder, {name}:dir=FOLDER")
    if Path(name).is_dir() and name not in _SOURCES:
        raise DataError(f"data = {name!r}: is a folder: say what is in it with --format (known: {', '.join(FORMATS)})")
    if name not in _SOURCES:
        raise DataError(f"data = {name!r}: unknown{did_you_mean(name, _SOURCES)} (known: {', '.join(_SOURCES)})")
    return _SOURCES[name]()


def _label(data: str, options: Options, source: Source) -> str:
    """The data set as results name it: with its note, and without anyone's folders."""
    shown = data if options.folder is None else data.rpartition("dir=")[0] + "dir=" + options.folder.name
    return shown.replace(options.name, source.note, 1) if source.note else shown


def _coded(images: NDArray[np.uint8], source: Source, options: Options, request: Request, split: str) -> NDArray[Any]:
    if options.frames_only:
        raise DataError(f"data = {request.data!r}: dt, by and dir are for events; {options.name} has images")
    if options.coding is None:
        return images
    steps = _time_steps(options, request)
    if options.coding == "poisson":
        return CODINGS["poisson"](images, steps, source.high, seed=SPLITS.index(split))
    return CODINGS[options.coding](images, steps, source.high)


def _framed(picked: Indices, source: Source, options: Options, request: Request) -> NDArray[Any]:
    if options.coding:
        raise DataError(f"data = {request.data!r}: {options.coding} codes images; {options.name} has events already")
    if options.dt_us is not None and options.by != "time":
        raise DataError(f"data = {request.data!r}: dt and by=count exclude each other")
    sensor, steps = source.sensor or request.sensor, _time_steps(options, request)
    if sensor is None:
        raise DataError(f"data = {request.data!r}: files of this format do not say the sensor's size: give `sensor`")
    assert source.events is not None
    bits = 8 if request.bits is None else request.bits
    made = np.empty((len(picked), steps, 2, *sensor), np.uint8 if bits <= 8 else np.uint16)
    window = Window(steps, options.dt_us)
    for place, index in enumerate(picked):
        try:
            events = source.events(int(index))
            made[place] = frames(events, sensor, steps, by=options.by, dt_us=options.dt_us, bits=bits)
        except DataError as error:
            raise DataError(f"data = {request.data!r}: {source.keys[index]}: {error}") from None
        window.look(events)
    window.warn(request.data)
    return made


def _time_steps(options: Options, request: Request) -> int:
    given = {steps for steps in (options.steps, request.steps) if steps is not None}
    if len(given) != 1:
        rule = "the network has another T" if given else "needs a network that takes events, or steps=T"
        raise DataError(f"data = {request.data!r}: {rule} (given: {sorted(given)})")
    return given.pop()


__all__ = [
    "SPLITS",
    "Dataset",
    "Events",
    "PartialWarning",
    "Request",
    "class_count",
    "data_root",
    "frames",
    "load_dataset",
    "network_data",
    "read_events",
    "sibling",
    "step_seconds",
]
