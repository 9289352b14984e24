"""Where data sets are looked for: `--data-root`, else `SPIKESIM_DATA`; never anywhere else, never on the network."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DataError

#: what `--data-root` sets, too, so that the processes of a sweep have it
VARIABLE = "SPIKESIM_DATA"


class MissingData(DataError):
    """A data set is not where it was looked for; `source` says how to get it."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(f"{message}; {source}")
        self.source = source


def data_root() -> Path | None:
    """The folder of the user's data sets; None if none was named."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else None


def find(name: str, candidates: tuple[str, ...], layout: str, source: str) -> Path:
    """The first candidate folder that exists below the data root.

    Args:
        layout: what is expected in it. source: how to get it.

    Raises:
        MissingData: the message says where it was looked for, what is expected, and how to get it.
    """
    root = data_root()
    if root is None:
        raise MissingData(
            f"data = {name!r}: is not built in: name the folder that has it with --data-root or {VARIABLE} "
            f"(expected there: {candidates[0]}/ with {layout})",
            source,
        )
    for candidate in candidates:
        if (root / candidate).is_dir():
            return root / candidate
    places = ", ".join(str(root / candidate) for candidate in candidates)
    raise MissingData(f"data = {name!r}: not found: looked for {places}; expected there: {layout}", source)
