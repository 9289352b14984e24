"""The tables of a study file, their versions, and what a file must be to be one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ...errors import StoreError
from .problems import explained

#: "SPKS" in the file's header says whose file it is
APPLICATION_ID = 0x53504B53
_MAGIC = b"SQLite format 3\x00"

#: version 1, as it was first written
_FIRST = """
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
"""

#: what makes a study of one version a study of the next. Tables only grow: readers of all versions share their queries.
MIGRATIONS: dict[int, str] = {
    1: """
ALTER TABLE measurement ADD COLUMN samples INTEGER;
ALTER TABLE measurement ADD COLUMN chips INTEGER;
ALTER TABLE measurement ADD COLUMN config TEXT;
UPDATE measurement SET
    samples = json_extract(data, '$.accuracy.samples'),
    chips = json_array_length(data, '$.accuracy.chips');
CREATE TABLE bulk (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    total INTEGER NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE chunk (
    bulk INTEGER NOT NULL REFERENCES bulk (id),
    name TEXT NOT NULL,
    start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    dtype TEXT NOT NULL,
    packed INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (bulk, name, start)
);
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('sweep', 'cost')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'cancelled', 'done', 'failed')),
    request TEXT CHECK (request IN ('pause', 'cancel')),
    origin TEXT NOT NULL,
    spec TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    process TEXT,
    created REAL NOT NULL,
    heartbeat REAL NOT NULL
);
""",
}
SCHEMA_VERSION = 1 + len(MIGRATIONS)


def check_file(path: Path) -> int:
    """The schema version of a study file; raises `StoreError` if it is none that can be read."""
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
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: is an SQLite file, but not a study")
    if not 1 <= version <= SCHEMA_VERSION:
        raise StoreError(
            f"{path}: is a study of schema version {version}; this version reads 1 to {SCHEMA_VERSION}: "
            "update spikesim_py"
        )
    return version


def create(path: Path) -> None:
    """An empty study; the file appears whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                migrate(connection)
                connection.execute("PRAGMA journal_mode = WAL")  # kept in the file
            with suppress(FileExistsError):  # another sweep was first: its study is as good
                os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a study to this version, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()  # another process may have been first
        for statement in _statements(version):
            connection.execute(statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(version: int) -> list[str]:
    """What is missing in a study of that version; 0 is an empty file. No statement holds another semicolon."""
    script = "" if version else f"PRAGMA application_id = {APPLICATION_ID};{_FIRST}"
    script += "".join(MIGRATIONS[step] for step in range(max(version, 1), SCHEMA_VERSION))
    return [*(part for part in script.split(";") if part.strip()), f"PRAGMA user_version = {SCHEMA_VERSION}"]
