"""What a data set is asked for with: `NAME[:OPTION,...]`, such as `nmnist:dt=1ms` or `mnist:poisson`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DataError, did_you_mean
from .codings import CODINGS
from .event_sets import FORMATS

_UNITS_US = {"us": 1, "ms": 1_000, "s": 1_000_000}


@dataclass(frozen=True)
class Options:
    """A name and its options.

    Attributes:
        name: of the data set, or of the format of a folder's files.
        coding: `poisson` or `latency`, for images. steps: T, where the network does not say.
        by, dt_us: how events become frames, see `events.frames`.
        folder: in which recordings are, instead of the data root.
    """

    name: str
    coding: str | None = None
    steps: int | None = None
    by: Literal["time", "count"] = "time"
    dt_us: int | None = None
    folder: Path | None = None

    @property
    def frames_only(self) -> bool:
        """True if an option was given that only events have."""
        return self.dt_us is not None or self.by != "time" or self.folder is not None


def parse(data: str) -> Options:
    """The options of a text; `dir=` takes all that is behind it. Raises `DataError` for one that is unknown."""
    name, _, rest = data.partition(":")
    rest, marked, path = f",{rest}".partition(",dir=")
    options = Options(name, folder=Path(path).expanduser() if marked else None)
    for option in filter(None, rest.split(",")):
        options = Options(**vars(options) | _option(data, option))
    return options


def _option(data: str, option: str) -> dict[str, object]:
    if option in CODINGS:
        return {"coding": option}
    if option in ("by=time", "by=count"):
        return {"by": option[3:]}
    key, _, value = option.partition("=")
    if key == "steps" and re.fullmatch(r"[1-9]\d{0,3}", value):
        return {"steps": int(value)}
    if key == "dt":
        return {"dt_us": microseconds(value)}
    known = (*CODINGS, "steps=10", "dt=1ms", "by=count", "dir=FOLDER")
    raise DataError(
        f"data = {data!r}: option {option!r}: unknown{did_you_mean(option, known)} (known: {', '.join(known)})"
    )


def microseconds(text: str) -> int:
    """`1ms` as 1000; raises `DataError` unless it is a positive whole number of us, ms or s."""
    match = re.fullmatch(r"([1-9]\d{0,8}) ?(us|ms|s)", text)
    if match is None:
        raise DataError(f"dt = {text!r}: must be a positive whole number with us, ms or s, such as 1ms")
    return int(match[1]) * _UNITS_US[match[2]]


def of_folder(data: str, form: str | None, dt: str | None, by: str | None = None) -> str:
    """The data of `--data DIR --format FORMAT --dt TIME --by count`; raises `DataError` for an unknown format."""
    if form is not None and form not in FORMATS:
        raise DataError(f"format = {form!r}: unknown{did_you_mean(form, FORMATS)} (known: {', '.join(FORMATS)})")
    name, _, rest = data.partition(":") if form is None else (form, "", f"dir={data}")
    options = ",".join(filter(None, (f"dt={dt}" if dt else "", f"by={by}" if by else "", rest)))
    return f"{name}:{options}" if options else name
