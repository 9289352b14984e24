"""Measurements of other studies: an accuracy has the same key everywhere, so that it is measured once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ..evaluate import Measurement
from .store import Store


class Others:
    """Studies that are read beside the one that is written; raises `StoreError` for a file that is none."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        with ExitStack() as opened:
            self._stores = [opened.enter_context(Store.read(path)) for path in paths]
            self._opened = opened.pop_all()

    def __enter__(self) -> Others:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def measurement(self, key: str) -> Measurement | None:
        """The first that has it."""
        for store in self._stores:
            try:
                return store.measurement(key)
            except KeyError:
                continue
        return None
