"""An open study file: connections, transactions, rows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import StoreError
from .problems import decoded, explained
from .schema import SCHEMA_VERSION, check_file, create, migrate

#: seconds to wait for another process that writes
_PATIENCE_S = 60
#: pages of the log before it is copied into the file: 16 MB; SQLite's 4 MB halve the rate at which reports are stored
_LOG_PAGES = 4000


class Database:
    """A study file, opened for reading or for writing."""

    def __init__(self, path: Path, connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
        self.path, self.version, self._db = path, version, connection

    @staticmethod
    def read(path: str | Path) -> Database:
        """Open a study that exists; raises `StoreError` if it is none. Nothing is created or changed."""
        target = Path(path).expanduser()
        version = check_file(target)
        base = Database(target, _connect(target, _reading_mode(target)), version)
        with base.closed_on_error():
            base._db.execute("PRAGMA query_only = ON")
            base._db.execute("SELECT count(*) FROM meta").fetchone()
        return base

    @staticmethod
    def write(path: str | Path, make: bool = True) -> Database:
        """Open a study for writing, as this version has it; make it if it is not there and `make` says so."""
        target = Path(path).expanduser()
        if make and not target.exists():
            create(target)
        version = check_file(target)
        for place in (target, target.resolve().parent):
            if not _writable(place):
                raise StoreError(
                    f"{target}: cannot be written: {'the file' if place == target else place} is read-only"
                )
        base = Database(target, _connect(target, "mode=rw"))
        with base.closed_on_error():
            base._db.execute("PRAGMA synchronous = NORMAL")
            base._db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            if version < SCHEMA_VERSION:
                base.check_undamaged()
                migrate(base._db)
        return base

    @contextmanager
    def closed_on_error(self) -> Iterator[None]:
        try:
            with decoded(self.path):
                yield
        except BaseException:
            self.close()
            raise

    def check_undamaged(self) -> None:
        (finding,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise StoreError(f"{self.path}: is damaged: {finding.splitlines()[-1]}")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; one inside another is part of it."""
        with explained(self.path):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")  # may fail too: on a full disk
            except BaseException:
                if self._db.in_transaction:  # some errors have ended it already
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read in it is of one moment, whatever others write meanwhile."""
        with explained(self.path):
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def rows(self, query: str, *arguments: Any) -> list[Any]:
        with explained(self.path):
            return self._db.execute(query, arguments).fetchall()

    def put(self, query: str, *rows: Sequence[Any]) -> None:
        """Run a statement for each row, all in one transaction."""
        with self.transaction():
            self._db.executemany(query, rows)

    def meta(self, key: str) -> str:
        rows = self.rows("SELECT value FROM meta WHERE key = ?", key)
        if not rows:
            raise StoreError(f"{self.path}: is damaged: has no {key!r}")
        return str(rows[0][0])


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with explained(path):
        uri = f"{path.resolve().as_uri()}?{mode}"
        return sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _reading_mode(path: Path) -> str:
    """Readers share the writer's index of the WAL, and the last one tidies it up; where nobody can write, none need."""
    archived = not _writable(path.parent) and not path.with_name(f"{path.name}-wal").exists()
    return "immutable=1" if archived else "mode=rw"
