"""What data sets there are, and which of them are here."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import DataError
from . import _SOURCES
from .dataset import Source
from .places import MissingData, data_root


@dataclass(frozen=True)
class Entry:
    """One data set.

    Attributes:
        samples, classes: as found; None where it is not here, or damaged.
        events: whether they are recordings of an event camera; None likewise.
        place: where it was found, how to get it, or what is wrong with it.
    """

    name: str
    samples: int | None
    classes: int | None
    events: bool | None
    place: str


def catalogue() -> list[Entry]:
    """Every data set that has a name."""
    return [_entry(name) for name in _SOURCES]


def _entry(name: str) -> Entry:
    try:
        source: Source = _SOURCES[name]()
    except MissingData as missing:
        return Entry(name, None, None, None, missing.source)
    except DataError as error:
        return Entry(name, None, None, None, str(error))
    built_in = name in ("digits", "event-digits")
    place = "built in" if built_in else f"found below {data_root()}"
    note = f" ({source.note})" if source.note else ""
    return Entry(name, len(source.labels), int(source.labels.max()) + 1, source.events is not None, place + note)
