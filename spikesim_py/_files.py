"""Writing a file so that nothing half-written is ever left under its name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import InputError


def check_target(path: str | Path) -> None:
    """Raise `InputError` where a file cannot be written: a folder, or below something that is no folder."""
    target = Path(path).expanduser()
    if target.is_dir():
        raise InputError(f"{target}: cannot be written: is a folder")
    parent = next((folder for folder in target.absolute().parents if folder.exists()), None)
    if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{target}: cannot be written: {parent} is not a folder that can be written")


def write_atomic(path: str | Path, data: bytes | str) -> Path:
    """Write `data` beside `path`, then rename over it; raises `InputError` if the folder cannot be written."""
    target = Path(path).expanduser()
    raw = data.encode() if isinstance(data, str) else data
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
    finally:
        Path(name).unlink(missing_ok=True)
    return target
