"""One study, one SQLite file (WAL): every design with its frozen report, every measured accuracy under its key.

The driver of a sweep is the only writer; each result is a transaction of its own, so that whatever kills the
driver, finished results stay. Readers never block the writer.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._version import __version__
from ..activity import Activity, LayerActivity
from ..errors import StoreError
from ..evaluate import MODEL_VERSION, Measurement
from ..report import Accuracy, Report
from .space import Design, Space

#: "SPKS" in the file's header says whose file it is
_APPLICATION_ID, SCHEMA_VERSION = 0x53504B53, 1
_MAGIC = b"SQLite format 3\x00"
_SCHEMA = f"""
BEGIN;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE measurement (key TEXT PRIMARY KEY, data TEXT NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE design (
    key TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    axes TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed')),
    error TEXT,
    report_hash TEXT,
    columns TEXT,
    report TEXT,
    created REAL NOT NULL
);
CREATE INDEX design_report ON design (report_hash);
COMMIT;
"""


class Store:
    """A study file, opened for reading or for writing."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._db = path, connection

    @staticmethod
    def read(path: str | Path) -> Store:
        """Open a study that exists; raises `StoreError` if it is none. No result is created or changed."""
        target = Path(path).expanduser()
        _check_file(target)
        store = Store(target, _connect(target, _reading_mode(target)))
        with store._closed_on_error():
            store._db.execute("PRAGMA query_only = ON")
            store._db.execute("SELECT count(*) FROM design").fetchone()
        return store

    @staticmethod
    def write(path: str | Path, space: Space, resume: bool) -> Store:
        """Open a study for writing; make it if it is not there.

        Raises:
            StoreError: the file is no study, was measured in another way, or has results and `resume` is false.
        """
        target = Path(path).expanduser()
        if not target.exists():
            _create(target)
        _check_file(target)
        store = Store(target, _connect(target, "mode=rw"))
        with store._closed_on_error():
            store._check_undamaged()
            store._db.execute("PRAGMA synchronous = NORMAL")
            store._begin_study(space, resume)
        return store

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            with _explained(self.path):
                yield
        except BaseException:
            self.close()
            raise

    def _check_undamaged(self) -> None:
        (finding,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise StoreError(f"{self.path}: is damaged: {finding.splitlines()[-1]}")

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _begin_study(self, space: Space, resume: bool) -> None:
        with self._transaction():
            if self._rows("SELECT 1 FROM meta LIMIT 1"):
                _check_same(self.path, self.space(), space)
                self._check_model()
            if not resume and self._rows("SELECT 1 FROM design LIMIT 1"):
                raise StoreError(f"{self.path}: has results already; resume it, or name another file")
            values = {"space": space.model_dump_json(), "version": __version__, "model_version": str(MODEL_VERSION)}
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def _check_model(self) -> None:
        """Results of two models never stand in one table."""
        model = self._meta("model_version")
        if model != str(MODEL_VERSION):
            raise StoreError(
                f"{self.path}: holds results of model version {model}; this is {MODEL_VERSION}; name another file"
            )

    def space(self) -> Space:
        """The space that the study was last swept over."""
        with _explained(self.path):
            return Space.model_validate_json(self._meta("space"))

    def _meta(self, key: str) -> str:
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        if not rows:
            raise StoreError(f"{self.path}: is damaged: has no {key!r}")
        return str(rows[0][0])

    def _rows(self, query: str, *arguments: Any) -> list[Any]:
        with _explained(self.path):
            return self._db.execute(query, arguments).fetchall()

    def finished(self) -> set[str]:
        """Keys of the designs that are done."""
        return {key for (key,) in self._rows("SELECT key FROM design WHERE status = 'done'")}

    def measurements(self) -> set[str]:
        """Keys of the accuracies that are stored."""
        return {key for (key,) in self._rows("SELECT key FROM measurement")}

    def measurement(self, key: str) -> Measurement:
        """A stored measurement; raises KeyError."""
        rows = self._rows("SELECT data FROM measurement WHERE key = ?", key)
        if not rows:
            raise KeyError(key)
        with _explained(self.path):
            return _measurement_from(json.loads(rows[0][0]))

    def add_measurement(self, key: str, measured: Measurement) -> None:
        data = {
            "accuracy": asdict(measured.accuracy),
            "activity": measured.activity.means(),
            "accuracy_by_step": measured.accuracy_by_step,
        }
        row = (key, json.dumps(data), time.time())
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO measurement VALUES (?, ?, ?)", row)

    def add_design(self, position: int, design: Design, report: Report, columns: dict[str, Any]) -> None:
        axes, texts = json.dumps(dict(design.axes)), (json.dumps(columns), json.dumps(report.to_dict()))
        self._put((design.key, position, axes, "done", None, report.report_hash, *texts, time.time()))

    def add_failure(self, position: int, design: Design, error: str) -> None:
        axes = json.dumps(dict(design.axes))
        self._put((design.key, position, axes, "failed", error, None, None, None, time.time()))

    def _put(self, row: tuple[Any, ...]) -> None:
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO design VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def columns(self) -> list[dict[str, Any]]:
        """The numbers of every finished design, in the order of the space."""
        rows = self._rows("SELECT columns FROM design WHERE status = 'done' ORDER BY position, key")
        with _explained(self.path):
            return [dict(json.loads(text)) for (text,) in rows]

    def failures(self) -> list[str]:
        """One line per failed design."""
        rows = self._rows("SELECT axes, error FROM design WHERE status = 'failed' ORDER BY position")
        return [f"{axes}: {error}" for axes, error in rows]

    def report(self, report_hash: str) -> dict[str, Any]:
        """A stored report as plain data; raises `StoreError` if the study has none of that hash."""
        rows = self._rows("SELECT report FROM design WHERE report_hash = ? LIMIT 1", report_hash)
        if not rows:
            raise StoreError(f"{self.path}: has no report {report_hash!r}")
        with _explained(self.path):
            return dict(json.loads(rows[0][0]))


def _measurement_from(data: dict[str, Any]) -> Measurement:
    accuracy, activity, by_step = data["accuracy"], data["activity"], data.get("accuracy_by_step")
    pair = (float(accuracy["interval"][0]), float(accuracy["interval"][1]))
    layers = {name: LayerActivity(**record) for name, record in activity["layers"].items()}
    return Measurement(
        Accuracy(**accuracy | {"interval": pair, "chips": tuple(accuracy["chips"])}),
        Activity(layers, activity["origin"], activity["samples"]),
        accuracy_by_step=tuple(by_step) if by_step else None,
    )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path}: is a folder, not a study file")
    try:
        with path.open("rb") as stream:
            header = stream.read(100)
    except FileNotFoundError:
        how = "make one with `spikesim sweep quickstart --store FILE.db`"
        raise StoreError(f"{path}: there is no such study file ({how})") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise StoreError(f"{path}: is not a study file")
    version, application = int.from_bytes(header[60:64]), int.from_bytes(header[68:72])
    if application != _APPLICATION_ID:
        raise StoreError(f"{path}: is an SQLite file, but not a study")
    if version != SCHEMA_VERSION:
        raise StoreError(f"{path}: is a study of schema version {version}; this version reads {SCHEMA_VERSION}")


def _create(path: Path) -> None:
    """An empty study; the file appears whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(fresh)) as connection:
                connection.executescript(_SCHEMA)
                connection.execute("PRAGMA journal_mode = WAL")  # kept in the file
            with suppress(FileExistsError):  # another sweep was first: its study is as good
                os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with _explained(path):
        return sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=60, isolation_level=None)


def _reading_mode(path: Path) -> str:
    """Readers share the writer's index of the WAL, and the last one tidies it up; where nobody can write, none need."""
    archived = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return "immutable=1" if archived else "mode=rw"


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


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors, and what a damaged row makes of ours, as one line."""
    try:
        yield
    except StoreError:
        raise
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be used as a study: {error}") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise StoreError(f"{path}: is damaged: {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
