"""Reading one study file while a sweep may still write to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from spikesim_py.errors import SpikesimError
from spikesim_py.sweep import Job, Store, Study, jobs, load_study

from .workshop import Workshop

Frame = dict[str, np.ndarray]
#: columns of a bulk sweep that describe its work rather than its designs
_COUNTED = ("crossbars", "pes", "tiles", "macs", "synops", "time_steps")
#: a design that was only costed: its bulk sweep and its row there
_COSTED = re.compile(r"cost-(\d{1,9})-(\d{1,12})")


@dataclass(frozen=True)
class Designs:
    """Designs as columns.

    Attributes:
        frame: columns of all. Those of a bulk sweep have no `report_hash`, and numbers at half the precision.
        bulk: the bulk sweep that costed them; None for designs with reports.
        version: what they were read from; what is kept of them is kept under it.
    """

    frame: Frame
    bulk: int | None = None
    version: str = ""

    def __len__(self) -> int:
        return len(next(iter(self.frame.values()), ()))

    def names(self, rows: np.ndarray) -> list[str]:
        """What the pages call the designs of some rows: the hash of a report, or bulk sweep and row."""
        if self.bulk is None:
            return [str(name) for name in self.frame["report_hash"][rows].tolist()]
        return [f"cost-{self.bulk}-{row}" for row in rows.tolist()]

    def row(self, name: str | None) -> int | None:
        """The row of a design, if it is one of these."""
        matched = _COSTED.fullmatch(name or "")
        if self.bulk is not None:
            mine = matched is not None and int(matched[1]) == self.bulk and int(matched[2]) < len(self)
            return int(matched[2]) if matched and mine else None
        if name is None or not self.frame:
            return None
        rows = np.flatnonzero(self.frame["report_hash"] == name)
        return int(rows[0]) if rows.size else None

    def taken(self, rows: np.ndarray) -> Frame:
        """The columns of some rows, with what the designs are called as `report_hash`."""
        return {name: values[rows] for name, values in self.frame.items()} | {
            "report_hash": np.array(self.names(rows), dtype=str)
        }


def _compact(values: np.ndarray) -> np.ndarray:
    """Half the memory: seven digits are enough to draw, sort and filter."""
    return values.astype(np.float32) if values.dtype == np.float64 else values


class Reader:
    """The study behind the app. It keeps the columns of the latest version, and nothing about a user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = ""
        self._seen = ("", "")
        self._frame: Frame = {}
        self._lock = Lock()
        self._kept, self._costs = Workshop(kept=16), Workshop(kept=2)

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
        return self._measured().frame

    def _measured(self) -> Designs:
        """The designs with reports, and the version that they were read at: the next question may find a newer one."""
        with self._lock:
            version = self.version()
            if version != self._version:
                self._frame = load_study(self.path).frame() if version else {}
                self._version = version
            return Designs(self._frame, version=version)

    def imported(self) -> bool:
        """Whether the designs came as numbers, without reports; raises `InputError` where the file is no study."""
        version = self.version()
        return bool(version) and bool(
            self._kept.get(("imported", version), lambda: load_study(self.path).imported),
        )

    def kinds(self) -> dict[str, int]:
        """Kind of designs -> how many of it there are: `measured` ones have reports, `costed` ones are of the newest
        bulk sweep.
        """
        version = self.version()
        if not version:
            return {}

        def ask() -> dict[str, int]:
            sweeps = load_study(self.path).bulk_sweeps()
            found = {"measured": len(self._measured()), "costed": sweeps[-1].stored if sweeps else 0}
            return {kind: count for kind, count in found.items() if count}

        kinds: dict[str, int] = self._kept.get(("kinds", version), ask)
        return kinds

    def designs(self, kind: str | None = None) -> Designs:
        """The designs of one kind; of the first that there is, if the study has none of it.

        Raises:
            InputError: the file is damaged, or no study.
        """
        kinds = self.kinds()
        kind = kind if kind in kinds else next(iter(kinds), "measured")
        if kind == "measured":
            return self._measured()
        about = load_study(self.path).bulk_sweeps()[-1]  # measured designs may come: these are not read again for it
        found: Designs = self._costs.get((about.id, about.stored), self._costed)
        return found

    def _costed(self) -> Designs:
        with Store.read(self.path) as store, store.bulk.snapshot():
            costs = store.bulk.costs()
            names = [name for name in costs.names if name not in _COUNTED]
            frame = {name: _compact(getattr(costs, name)) for name in names}
        return Designs(frame, costs.about.id, f"costs {costs.about.id}.{costs.about.stored}")

    def jobs(self) -> list[Job]:
        """Every sweep that works on the study, or did, the oldest first."""
        return jobs(self.path) if self.path.exists() else []

    def report(self, report_hash: str) -> dict[str, Any]:
        """The report of one design, made anew where it was only costed; raises `InputError` if there is none."""
        costed = _COSTED.fullmatch(report_hash)
        if costed is None:
            stored: dict[str, Any] = load_study(self.path).report(report_hash)
            return stored
        number, row = int(costed[1]), int(costed[2])
        made: dict[str, Any] = self._kept.get(
            (report_hash, self.version()), lambda: load_study(self.path).costs_report(row, number)
        )
        return made

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
