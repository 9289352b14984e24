"""Reading one study file while a sweep may still write to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from spikesim_py.errors import SpikesimError
from spikesim_py.figures.limits import meets
from spikesim_py.report import METRICS
from spikesim_py.sweep import Job, Study, jobs, load_study, nondominated

Frame = dict[str, np.ndarray]


class Reader:
    """The study behind the app. It keeps the columns of the latest version, and nothing about a user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = ""
        self._seen = ("", "")
        self._frame: Frame = {}
        self._lock = Lock()

    def version(self) -> str:
        """Changes whenever `frame` does; empty while there is no file.

        The study is asked only after the file or its write-ahead log have changed, which costs two `stat` calls to
        see: a sweep at work says twice a second that it is alive. A reader makes an empty log and removes it again:
        that is no change.
        """
        marks = self._marks()
        if marks != self._seen[0]:
            self._seen = (marks, self._asked(marks))
        return self._seen[1]

    def _marks(self) -> str:
        marks = []
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                about = path.stat()
                marks.append(f"{about.st_ino}.{about.st_size}.{about.st_mtime_ns}" if about.st_size else "-")
            except OSError:
                marks.append("-")
        return "/".join(marks)

    def _asked(self, marks: str) -> str:
        if not self.path.exists():
            return ""
        try:
            return f"{marks.partition('.')[0]}/{load_study(self.path).version()}"
        except SpikesimError:
            return f"unreadable {marks}"

    def frame(self) -> Frame:
        """Columns of the newest version; none while there is no file.

        Raises:
            InputError: the file is damaged, or no study.
        """
        with self._lock:
            version = self.version()
            if version != self._version:
                self._frame = load_study(self.path).frame() if version else {}
                self._version = version
            return self._frame

    def jobs(self) -> list[Job]:
        """Every sweep that works on the study, or did, the oldest first."""
        return jobs(self.path) if self.path.exists() else []

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
        """Networks and chips, by name or file, that the study was swept with; none where it cannot be read."""
        try:
            space = load_study(self.path).space
        except SpikesimError:
            return []
        given = [space.network, *space.axes.get("network", ()), space.chip, *space.axes.get("chip", ())]
        return [str(source) for source in given if source]

    def cost_objective(self) -> str:
        """The first cost of the front that the study was last swept for."""
        return next(name for name in load_study(self.path).space.objectives if name != "accuracy")
