"""What a study holds: designs with their frozen reports, and the accuracies that were measured for them."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...activity import Activity, LayerActivity
from ...errors import StoreError
from ...evaluate import MODEL_VERSION, Measurement
from ...report import Accuracy, Report
from ..space import Design, Space, Value
from .bulk import BulkTable
from .database import Database
from .jobs import JobTable
from .problems import decoded

#: what stands in the place of a model's version where results were imported: no sweep adds its own to these
IMPORTED = "imported"
#: a design's row, packed
Row = tuple[Any, ...]
_DESIGN = "INSERT OR REPLACE INTO design VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
#: a failure never takes the place of a result
_FAILURE = """
INSERT INTO design VALUES (?, ?, ?, 'failed', ?, NULL, NULL, NULL, ?)
ON CONFLICT (key) DO UPDATE SET error = excluded.error, created = excluded.created WHERE status = 'failed'
"""
#: a measurement gives way to one of at least as many inferences
_MEASUREMENT = """
INSERT INTO measurement (key, data, created, samples, chips, config) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET data = excluded.data, created = excluded.created, samples = excluded.samples,
    chips = excluded.chips, config = excluded.config
WHERE excluded.samples * excluded.chips >= samples * chips
"""


class Store:
    """A study file, opened for reading or for writing."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.path = database.path

    @staticmethod
    def read(path: str | Path) -> Store:
        """Open a study that exists; raises `StoreError` if it is none. No result is created or changed."""
        return Store(Database.read(path))

    @staticmethod
    def write(path: str | Path, space: Space, resume: bool) -> Store:
        """Open a study for writing; make it if it is not there. One of an older schema is brought to this one.

        Raises:
            StoreError: the file is no study, cannot be written, was measured in another way, or has results and
                `resume` is false.
        """
        store = Store(Database.write(path))
        with store._db.closed_on_error():
            store._db.check_undamaged()
            store._begin_study(space, resume)
        return store

    @cached_property
    def jobs(self) -> JobTable:
        """Who works on the study, or did."""
        return JobTable(self._db)

    @cached_property
    def bulk(self) -> BulkTable:
        """Costs of many designs, in columns."""
        return BulkTable(self._db)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is added inside is stored as a whole, at the end: many rows take one transaction."""
        with self._db.transaction():
            yield

    def _begin_study(self, space: Space, resume: bool) -> None:
        with self._db.transaction():
            self.check_space(space)
            if not resume and self._db.rows("SELECT 1 FROM design UNION ALL SELECT 1 FROM chunk LIMIT 1"):
                raise StoreError(f"{self.path}: has results already; resume it, or name another file")
            values = {"version": __version__, "model_version": str(MODEL_VERSION)}
            self._db.put("INSERT OR REPLACE INTO meta VALUES (?, ?)", *values.items())
            self._db.put("INSERT OR IGNORE INTO meta VALUES ('space', ?)", (space.model_dump_json(),))

    def sweeps(self, space: Space) -> None:
        """A sweep over a space begins: its axes are those that questions to the study are about."""
        self._db.put("INSERT OR REPLACE INTO meta VALUES ('space', ?)", (space.model_dump_json(),))

    def check_space(self, space: Space) -> None:
        """Raises `StoreError` if the study cannot take the designs of a space."""
        if self._db.rows("SELECT 1 FROM meta LIMIT 1"):
            _check_same(self.path, self.space(), space)
            self._check_model()

    def _check_model(self) -> None:
        """Results of two models never stand in one table."""
        model = self._db.meta("model_version")
        if model != str(MODEL_VERSION):
            raise StoreError(
                f"{self.path}: holds results of model version {model}; this is {MODEL_VERSION}; name another file"
            )

    def space(self) -> Space:
        """The space that the study was last swept over."""
        with decoded(self.path):
            return Space.model_validate_json(self._db.meta("space"))

    @property
    def imported(self) -> bool:
        """Whether the designs came as numbers, without reports."""
        return self._db.meta("model_version") == IMPORTED

    def finished(self) -> set[str]:
        """Keys of the designs that are done."""
        return {key for (key,) in self._db.rows("SELECT key FROM design WHERE status = 'done'")}

    def measurements(self) -> set[str]:
        """Keys of the accuracies that are stored."""
        return {key for (key,) in self._db.rows("SELECT key FROM measurement")}

    def measurement(self, key: str) -> Measurement:
        """A stored measurement; raises KeyError."""
        rows = self._db.rows("SELECT data FROM measurement WHERE key = ?", key)
        if not rows:
            raise KeyError(key)
        with decoded(self.path):
            return _measurement_from(json.loads(rows[0][0]))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """How large each stored measurement is: key to samples and chips."""
        size = "json_extract(data, '$.accuracy.samples'), json_array_length(data, '$.accuracy.chips')"
        return {key: (samples, chips) for key, samples, chips in self._db.rows(f"SELECT key, {size} FROM measurement")}

    def seconds_per_inference(self) -> float | None:
        """From one stored measurement to the next, per sample and chip: the median; None for fewer than three."""
        rows = self._db.rows("SELECT created FROM measurement ORDER BY created")
        sizes = [samples * chips for samples, chips in self.sizes().values()]
        gaps = sorted(late - early for (early,), (late,) in pairwise(rows))
        return gaps[len(gaps) // 2] / (sum(sizes) / len(sizes)) if len(gaps) > 1 else None

    def add_measurement(self, key: str, measured: Measurement, config: dict[str, Any] | None = None) -> None:
        """Store an accuracy; a stored one of more samples and chips stays.

        Args:
            config: what was measured, as plain data: enough to measure it again.
        """
        accuracy = measured.accuracy
        data = {
            "accuracy": asdict(accuracy),
            "activity": measured.activity.means(),
            "accuracy_by_step": measured.accuracy_by_step,
        }
        about = {"version": __version__, "model_version": MODEL_VERSION, "seed": accuracy.seed} | (config or {})
        row = (key, json.dumps(data), time.time(), accuracy.samples, len(accuracy.chips), json.dumps(about))
        self._db.put(_MEASUREMENT, row)

    def measured_config(self, key: str) -> dict[str, Any]:
        """What was measured under a key; empty for measurements of schema version 1. Raises KeyError."""
        column = "config" if self._db.version > 1 else "NULL"
        rows = self._db.rows(f"SELECT {column} FROM measurement WHERE key = ?", key)
        if not rows:
            raise KeyError(key)
        with decoded(self.path):
            return dict(json.loads(rows[0][0] or "{}"))

    def add_design(self, position: int, design: Design, report: Report, columns: dict[str, Any]) -> None:
        self.add_rows([design_row(position, design, report, columns)])

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Store designs that `design_row` has packed, in a worker perhaps: all in one transaction."""
        self._db.put(_DESIGN, *rows)

    def add_failure(self, position: int, design: Design, error: str) -> None:
        axes = json.dumps(dict(design.axes))
        self._db.put(_FAILURE, (design.key, position, axes, error, time.time()))

    def forget_failure(self, axes: Mapping[str, Value]) -> None:
        """A design that failed before has not failed again."""
        self._db.put("DELETE FROM design WHERE status = 'failed' AND axes = ?", (json.dumps(dict(axes)),))

    def version(self) -> str:
        """Changes whenever a design or a block of costs is stored, and not with a job's signs of life."""
        places = ["design WHERE status = 'done'", *(["chunk"] if self._db.version > 1 else [])]
        newest = [self._db.rows(f"SELECT rowid FROM {place} ORDER BY rowid DESC LIMIT 1") for place in places]
        return ".".join(str(rows[0][0] if rows else 0) for rows in newest)  # a new one per row

    def columns(self, by_time: bool = False) -> list[dict[str, Any]]:
        """The numbers of every finished design, in the order of the space, or in that in which they were finished."""
        order = "rowid" if by_time else "position, key"
        rows = self._db.rows(f"SELECT columns FROM design WHERE status = 'done' ORDER BY {order}")
        with decoded(self.path):
            return [dict(json.loads(text)) for (text,) in rows]

    def failed(self) -> list[tuple[dict[str, Value], str]]:
        """The axes of every failed design, and why it failed."""
        rows = self._db.rows("SELECT axes, error FROM design WHERE status = 'failed' ORDER BY position")
        with decoded(self.path):
            return [(dict(json.loads(axes)), error) for axes, error in rows]

    def failures(self) -> list[str]:
        """One line per failed design."""
        return [f"{json.dumps(axes)}: {error}" for axes, error in self.failed()]

    def report(self, report_hash: str) -> dict[str, Any]:
        """A stored report as plain data; raises `StoreError` if the study has none of that hash."""
        rows = self._db.rows("SELECT report FROM design WHERE report_hash = ? LIMIT 1", report_hash)
        if not rows:
            raise StoreError(f"{self.path}: has no report {report_hash!r}")
        if rows[0][0] is None:
            raise StoreError(f"{self.path}: design {report_hash[:12]} was imported as numbers: it has no report")
        with decoded(self.path):
            return dict(json.loads(_text(rows[0][0])))


def design_row(position: int, design: Design, report: Report, columns: dict[str, Any]) -> Row:
    """A finished design as the store keeps it."""
    axes, frozen = json.dumps(dict(design.axes)), zlib.compress(json.dumps(report.to_dict()).encode())
    return design.key, position, axes, "done", None, report.report_hash, json.dumps(columns), frozen, time.time()


def _text(stored: str | bytes) -> str:
    """Schema version 1 stored reports as text, this one packed: a tenth of the size."""
    if isinstance(stored, str):
        return stored
    try:
        return zlib.decompress(stored).decode()
    except zlib.error as error:
        raise ValueError(str(error)) from None


def _measurement_from(data: dict[str, Any]) -> Measurement:
    accuracy, activity, by_step = data["accuracy"], data["activity"], data.get("accuracy_by_step")
    pair = (float(accuracy["interval"][0]), float(accuracy["interval"][1]))
    layers = {name: LayerActivity(**record) for name, record in activity["layers"].items()}
    return Measurement(
        Accuracy(**accuracy | {"interval": pair, "chips": tuple(accuracy["chips"])}),
        Activity(layers, activity["origin"], activity["samples"]),
        accuracy_by_step=tuple(by_step) if by_step else None,
    )


def _check_same(path: Path, old: Space, new: Space) -> None:
    """A study's designs are measured alike; its axes may grow."""
    for field in ("data", "split", "samples", "chips", "seed"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            raise StoreError(
                f"{path}: was measured with {field} = {_shown(before)}, not {_shown(after)}; name another file"
            )


def _shown(value: object) -> str:
    return "the whole split" if value is None else repr(value)
