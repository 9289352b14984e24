"""Reading one study file while a sweep may still write to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from spikesim_py.report import METRICS
from spikesim_py.sweep import load_study

Frame = dict[str, np.ndarray]


@dataclass(frozen=True)
class Snapshot:
    """The columns of a study as they were at one version of its file."""

    version: str
    frame: Frame

    @property
    def designs(self) -> int:
        return len(self.frame["report_hash"]) if "report_hash" in self.frame else 0


class Reader:
    """The study behind the app. It caches the columns of the latest version, and nothing about a user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._latest: Snapshot | None = None
        self._lock = Lock()

    def version(self) -> str:
        """Changes whenever the file or its write-ahead log does; costs two `stat` calls."""
        marks = []
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                about = path.stat()
                marks.append(f"{about.st_size}.{about.st_mtime_ns}")
            except FileNotFoundError:
                marks.append("-")
        return "/".join(marks)

    def snapshot(self) -> Snapshot:
        """Columns of the newest version.

        Raises:
            InputError: the file is missing, damaged, or no study.
        """
        with self._lock:
            version = self.version()
            if self._latest is None or self._latest.version != version:
                self._latest = Snapshot(version, load_study(self.path).frame())
            return self._latest

    def front(self, x: str, y: str) -> np.ndarray | None:
        """Per design, whether it is on the front of two metrics; None if either is no metric."""
        frame = self.snapshot().frame
        if x == y or x not in METRICS or y not in METRICS:
            return None
        return on_front(load_study(self.path), frame, x, y)

    def report(self, report_hash: str) -> dict[str, Any]:
        """The stored report of one design; raises `InputError` if there is none."""
        report: dict[str, Any] = load_study(self.path).report(report_hash)
        return report


def on_front(study: Any, frame: Frame, x: str, y: str) -> np.ndarray:
    """The study's own front as a mask over the rows of `frame`."""
    best = {str(h) for h in study.pareto([x, y])["report_hash"]}
    return np.array([str(h) in best for h in frame["report_hash"]], bool)
