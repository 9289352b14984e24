"""Events of a camera, and frames of them: (x, y, polarity, time) to (T, 2, H, W) counts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

_MAX_FRAME_VALUES = 2**27  # of one recording: 1 GB of counts while they are made
_SEEN_SHARE = 0.5  # of the events: less is warned of
_NAMES = {
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "polarity": ("p", "polarity", "ps", "pol"),
    "time_us": ("t", "time_us", "ts", "time", "timestamp"),
}


class PartialWarning(UserWarning):
    """Most of what was recorded is not seen; the message says what would see it."""


@dataclass(frozen=True)
class Events:
    """A recording: one event per element, in any order.

    Attributes:
        x, y: column and row, from 0.
        polarity: 1 where it became brighter, 0 where darker.
        time_us: in microseconds.

    Raises:
        DataError: the arrays do not have one length, are not integers, or hold what no event has.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    polarity: NDArray[Any]
    time_us: NDArray[Any]

    def __post_init__(self) -> None:
        length = np.shape(self.x)
        for name, high in (("x", 2**16), ("y", 2**16), ("polarity", 2), ("time_us", 2**62)):
            array = np.asarray(getattr(self, name))
            if array.dtype.kind not in "iub" or array.ndim != 1 or array.shape != length:
                raise DataError(
                    f"events: {name}: {array.dtype} of shape {array.shape}: must be integers, one per event"
                )
            if array.size and (int(array.min()) < 0 or int(array.max()) >= high):
                raise DataError(f"events: {name} from {array.min()} to {array.max()}: must be from 0 to {high - 1}")
            object.__setattr__(self, name, array.astype(np.int64))

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def from_columns(cls, columns: Any, names: Any) -> Events:
        """From named columns: a structured array as tonic's, or a mapping; polarity may be -1 and 1, too."""
        found = {}
        for field, aliases in _NAMES.items():
            name = next((alias for alias in aliases if alias in names), None)
            if name is None:
                raise DataError(f"events: no column {' or '.join(aliases)} (there are: {', '.join(map(str, names))})")
            found[field] = np.asarray(columns[name])
        if found["polarity"].dtype.kind == "i":
            found["polarity"] = np.where(found["polarity"] == -1, 0, found["polarity"])
        return cls(**found)

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Events:
        """From a structured array with fields x, y, t, p (tonic's)."""
        return cls.from_columns(array, array.dtype.names or ())


def frames(
    events: Events,
    sensor: tuple[int, int],
    steps: int,
    *,
    by: Literal["time", "count"] = "time",
    dt_us: int | None = None,
    bits: int = 8,
) -> NDArray[Any]:
    """Counts per time-step, polarity and pixel, (steps, 2, H, W), polarity 1 second; clipped to 2^bits - 1.

    Args:
        sensor: (H, W). steps: T.
        by: `time` cuts the recording into T equal times, `count` into T equal numbers of events; events of one
            time stay together, so that the order in which they are listed is of no matter.
        dt_us: instead, T times of `dt_us` from the first event; what comes later is not seen.
        bits: of the network's input.

    Raises:
        DataError: an event off the sensor, or an impossible number.
    """
    height, width = sensor
    if steps < 1 or not 1 <= bits <= 16 or (dt_us is not None and dt_us < 1):
        raise DataError(f"frames: steps = {steps}, bits = {bits}, dt_us = {dt_us}: at least 1, bits at most 16")
    shape = (steps, 2, height, width)
    if np.prod(shape, dtype=object) > _MAX_FRAME_VALUES:
        raise DataError(f"frames: {shape} are more than {_MAX_FRAME_VALUES} values")
    if len(events) and (events.x.max() >= width or events.y.max() >= height):
        raise DataError(
            f"frames: events up to x = {events.x.max()}, y = {events.y.max()}: the sensor has {width} x {height} pixels"
        )
    step = _steps(events.time_us, steps, by, dt_us)
    seen = step < steps
    place = np.ravel_multi_index((step[seen], events.polarity[seen], events.y[seen], events.x[seen]), shape)
    counts = np.bincount(place, minlength=int(np.prod(shape)))
    return np.asarray(np.minimum(counts, 2**bits - 1), dtype=np.uint8 if bits <= 8 else np.uint16).reshape(shape)


class Window:
    """How much of some recordings T time-steps of a fixed length see; without a length they see all."""

    def __init__(self, steps: int, dt_us: int | None) -> None:
        self._steps, self._dt_us = steps, dt_us
        self._seen = self._all = self._longest = 0

    def look(self, events: Events) -> None:
        """Count one recording."""
        if self._dt_us is None or not len(events):
            return
        step = _steps(events.time_us, self._steps, "time", self._dt_us)
        self._seen += int((step < self._steps).sum())
        self._all += len(step)
        self._longest = max(self._longest, int(step.max()) + 1)

    def warn(self, data: str) -> None:
        """Warn where most events come too late."""
        if self._seen < _SEEN_SHARE * self._all:
            warnings.warn(
                f"data = {data!r}: {self._steps} time-steps of {self._dt_us} us see {self._seen / self._all:.1%} of "
                f"the events; the longest recording takes {self._longest}: set network.time_steps = {self._longest}, "
                f"or leave dt out",
                PartialWarning,
                stacklevel=5,
            )


def _steps(time_us: NDArray[np.int64], steps: int, by: str, dt_us: int | None) -> NDArray[np.int64]:
    """Time-step of every event."""
    if not len(time_us):
        return time_us
    since = time_us - time_us.min()
    if dt_us is not None:
        return np.asarray(since // dt_us)
    if by == "count":
        return np.asarray(np.searchsorted(np.sort(since), since) * steps // len(since))
    span = int(since.max()) + 1
    # in Python's integers: a long time, multiplied with T, may not fit into 64 bits
    edges = np.array([-(-step * span // steps) for step in range(1, steps)], dtype=np.int64)
    return np.asarray(np.searchsorted(edges, since, side="right"))
