"""Reading one study file while a sweep may still write to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from spikesim_py.figures.limits import meets
from spikesim_py.report import METRICS
from spikesim_py.sweep import Study, load_study, nondominated

Frame = dict[str, np.ndarray]


class Reader:
    """The study behind the app. It keeps the columns of the latest version, and nothing about a user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = ""
        self._frame: Frame = {}
        self._lock = Lock()

    def version(self) -> str:
        """Changes whenever the file or its write-ahead log does; costs two `stat` calls.

        A reader makes an empty log and removes it again: that is no change.
        """
        marks = []
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                about = path.stat()
                marks.append(f"{about.st_size}.{about.st_mtime_ns}" if about.st_size else "-")
            except OSError:
                marks.append("-")
        return "/".join(marks)

    def frame(self) -> Frame:
        """Columns of the newest version.

        Raises:
            InputError: the file is missing, damaged, or no study.
        """
        with self._lock:
            version = self.version()
            if version != self._version:
                self._frame = load_study(self.path).frame()
                self._version = version
            return self._frame

    def front(self, x: str, y: str, limits: Mapping[str, float] | None = None) -> np.ndarray | None:
        """Per row of `frame`, whether it is on the front of two metrics among the designs that meet the limits.

        None if either is no metric.
        """
        if x == y or x not in METRICS or y not in METRICS:
            return None
        frame, mask = self.frame(), meets(self.frame(), limits or {})
        front = np.zeros(mask.size, bool)
        front[mask] = nondominated({name: column[mask] for name, column in frame.items()}, [x, y])
        return front

    def report(self, report_hash: str) -> dict[str, Any]:
        """The stored report of one design; raises `InputError` if there is none."""
        report: dict[str, Any] = load_study(self.path).report(report_hash)
        return report

    def study(self) -> Study:
        """The study itself; raises `InputError` if the file is none."""
        return load_study(self.path)

    def sources(self) -> list[str]:
        """Names and files of the study's networks, as its sweep gives them."""
        space = load_study(self.path).space
        given = [space.network, *space.axes.get("network", ())]
        return [str(source) for source in given if source]
