"""Answers that take a while: each is made once, whoever asks for it and however often, and then kept for a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

#: answers that are kept; the one that was asked for longest ago goes first
KEPT = 64


class Workshop:
    """Keeps answers by what they depend on; holds nothing about who asked."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._working: dict[Hashable, Lock] = {}

    def known(self, key: Hashable) -> Any:
        """The answer if it is there, else None; never waits."""
        with self._lock:
            return self._made.get(key)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The answer, made now if it is not there; a second asker waits for the first one's."""
        with self._lock:
            own = self._working.setdefault(key, Lock())
        with own:
            with self._lock:
                if key in self._made:
                    self._made.move_to_end(key)
                    return self._made[key]
            try:
                made = make()
            except BaseException:
                with self._lock:  # there is nothing to keep, not even a lock
                    self._working.pop(key, None)
                raise
            with self._lock:
                self._made[key] = made
                while len(self._made) > self._kept:
                    self._working.pop(self._made.popitem(last=False)[0], None)
            return made
