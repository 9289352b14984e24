"""What a study may be held against."""

from __future__ import annotations

from collections.abc import Sequence

from spikesim_py.sweep import read_results

from ..bring.files import Files
from ..reader import Frame, Reader
from ..workshop import Workshop


class Held:
    """What a study may be held against: those named at the start by their place, tables that browsers sent by key."""

    def __init__(self, others: Sequence[Reader]) -> None:
        self._others, self._files, self._workshop = tuple(others), Files(), Workshop(kept=8)

    def put(self, name: str, contents: str) -> str:
        """Keep a table that a browser sent; returns its key. Raises `InputError` where it is none."""
        key = self._files.put(name, contents)
        self.frame(key, name)
        return key

    def frame(self, key: str, name: str) -> Frame:
        """The columns of one of them; raises `SpikesimError`."""
        if key.isdigit() and int(key) < len(self._others):
            return self._others[int(key)].frame()
        given = self._files.get(key, name)
        found: Frame = self._workshop.get(given.version, lambda: read_results(given.path, given.name))
        return found
