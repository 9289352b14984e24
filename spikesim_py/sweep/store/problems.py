"""What SQLite and the file system complain of, said in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import StoreError

#: beginning of SQLite's name of an error, and what it means for the owner of a study
_MEANINGS = {
    "SQLITE_FULL": "cannot be written: the disk is full; make room and resume, what is stored is safe",
    "SQLITE_READONLY": "cannot be written: the file, its folder or its disk is read-only",
    "SQLITE_CANTOPEN": "cannot be opened: its folder must be one that can be read and written",
    "SQLITE_IOERR": "cannot be read or written: the disk refuses, or is full; what is stored is safe",
    "SQLITE_BUSY": "is held by another process for more than a minute",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors as one line."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        meaning = next((text for start, text in _MEANINGS.items() if name.startswith(start)), None)
        raise StoreError(f"{path}: {meaning or f'cannot be used as a study: {error}'}") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None


@contextmanager
def decoded(path: Path) -> Iterator[None]:
    """The same, and what a damaged row makes of whoever reads it."""
    try:
        with explained(path):
            yield
    except StoreError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise StoreError(f"{path}: is damaged: {str(error).splitlines()[0]}") from None
