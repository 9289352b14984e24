"""Costs of many designs, in columns: a number of a million designs is a few blobs, not a million rows."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, StoreError, did_you_mean
from ...metrics import FiguresOfMerit
from ...report import METRICS
from .database import Database
from .problems import decoded

Column = NDArray[Any]
#: data type, whether it is packed by zlib, bytes
Encoded = tuple[str, bool, bytes]
#: designs of one chunk
BLOCK = 65_536
#: packing must save this much, or reading costs more than the disk does
_WORTH = 0.75


def encode(values: Column) -> Encoded:
    """A column's part as bytes. Whole numbers go as small integers; nothing is rounded."""
    if values.dtype.kind == "O":  # text, and None where an axis is inactive
        values = np.array(["" if value is None else str(value) for value in values], dtype=str)
    if values.dtype.kind == "f" and (values == np.rint(values)).all() and np.abs(values).max(initial=0) < 2**31:
        values = values.astype(np.int32)
    raw = np.ascontiguousarray(values).tobytes()
    packed = zlib.compress(raw, 1)
    worth = len(packed) < _WORTH * len(raw)
    return values.dtype.newbyteorder("<").str, worth, packed if worth else raw


def decode(encoded: Encoded) -> Column:
    """The column's part again; raises ValueError if it is damaged."""
    dtype, packed, data = encoded
    try:
        return np.frombuffer(zlib.decompress(data) if packed else data, np.dtype(dtype))
    except zlib.error as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True)
class Bulk:
    """One sweep over costs.

    Attributes:
        hash: SHA-256 of all that its numbers depend on. spec: space, activity, versions.
        total: combinations of the space. stored: designs so far: combinations that the space allows.
    """

    id: int
    hash: str
    spec: Mapping[str, Any]
    total: int
    stored: int


class BulkTable:
    """Bulk sweeps of one study."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Bulk]:
        """Every bulk sweep, the oldest first."""
        if self._db.version < 2:
            return []
        stored = "SELECT coalesce(sum(count), 0) FROM chunk WHERE chunk.bulk = bulk.id"
        first = "SELECT min(name) FROM chunk WHERE chunk.bulk = bulk.id"
        query = f"SELECT id, hash, spec, total, ({stored} AND chunk.name = ({first})) FROM bulk ORDER BY id"
        with decoded(self._db.path):
            return [
                Bulk(number, digest, json.loads(spec), total, count)
                for number, digest, spec, total, count in self._db.rows(query)
            ]

    def begin(self, digest: str, spec: Mapping[str, Any], total: int) -> int:
        """The number of the bulk sweep of that content hash; made if it is not there."""
        query = "INSERT OR IGNORE INTO bulk (hash, spec, total, created) VALUES (?, ?, ?, ?)"
        self._db.put(query, (digest, json.dumps(spec), total, time.time()))
        return int(self._db.rows("SELECT id FROM bulk WHERE hash = ?", digest)[0][0])

    def starts(self, number: int) -> set[int]:
        """First designs of the chunks that are stored."""
        return {start for (start,) in self._db.rows("SELECT DISTINCT start FROM chunk WHERE bulk = ?", number)}

    def add(self, number: int, start: int, count: int, columns: Mapping[str, Encoded]) -> None:
        """Store the columns of `count` designs, all or none."""
        rows = ((number, name, start, count, *encoded) for name, encoded in columns.items())
        self._db.put("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)", *rows)

    def snapshot(self) -> AbstractContextManager[None]:
        """Columns that are read in it are of one moment and equally long, while a sweep adds to them."""
        return self._db.snapshot()

    def names(self, number: int) -> list[str]:
        """Columns that are stored, in the order in which they were."""
        query = "SELECT name FROM chunk WHERE bulk = ? GROUP BY name ORDER BY min(rowid)"
        return [name for (name,) in self._db.rows(query, number)]

    def column(self, number: int, name: str) -> Column:
        """A stored column, in the order of the space."""
        query = "SELECT dtype, packed, data FROM chunk WHERE bulk = ? AND name = ? AND count ORDER BY start"
        rows = self._db.rows(query, number, name)
        if not rows:
            raise StoreError(f"{self._db.path}: has no column {name!r} of bulk sweep {number}")
        with decoded(self._db.path):
            return np.concatenate([decode(row) for row in rows])

    def costs(self, number: int | None = None) -> Costs:
        """A bulk sweep's numbers (the newest's if None); raises `StoreError` if there is none."""
        known = {bulk.id: bulk for bulk in self.all()}
        if not known:
            how = "make one with `spikesim sweep SPACE --cost-only --store FILE.db`"
            raise StoreError(f"{self._db.path}: holds no bulk costs ({how})")
        if number is not None and number not in known:
            raise StoreError(f"{self._db.path}: has no bulk sweep {number} (bulk sweeps: {', '.join(map(str, known))})")
        return Costs(self, known[number or max(known)])


class Costs(FiguresOfMerit):
    """A bulk sweep's columns by name, each read when it is first asked for: axes, base numbers, figures of merit."""

    def __init__(self, table: BulkTable, about: Bulk) -> None:
        self._table, self.about = table, about
        self._stored = table.names(about.id)

    def __len__(self) -> int:
        return self.about.stored

    def __getattr__(self, name: str) -> Column:
        """Of stored columns; the figures of merit are made of them."""
        if name.startswith("_") or name not in self._stored:
            raise AttributeError(name)
        values = self._table.column(self.about.id, name)
        setattr(self, name, values)
        return values

    @property
    def names(self) -> list[str]:
        """Stored columns, and the metrics that follow from them."""
        derived = [name for name in METRICS if name not in self._stored and hasattr(FiguresOfMerit, name)]
        return [*self._stored, *derived]

    def frame(self, names: Sequence[str] | None = None) -> dict[str, Column]:
        """Columns by name (all if None); raises `InputError` for one that is unknown."""
        known = self.names
        for name in names or ():
            if name not in known:
                raise InputError(f"column {name!r}: unknown{did_you_mean(name, known)} (known: {', '.join(known)})")
        return {name: getattr(self, name) for name in names or known}
