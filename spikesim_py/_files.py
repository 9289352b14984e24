"""Writing a file so that nothing half-written is ever left under its name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import InputError


def check_target(path: str | Path) -> None:
    """Raise `InputError` where a file cannot be written: a folder, a device, or below something that is no folder."""
    target = Path(path).expanduser()
    if target.is_dir():
        raise InputError(f"{target}: cannot be written: is a folder")
    if target.exists() and not target.is_file():
        raise InputError(f"{target}: cannot be written: is no regular file")
    parent = next((folder for folder in target.absolute().parents if folder.exists()), None)
    if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{target}: cannot be written: {parent} is not a folder that can be written")


def write_atomic(path: str | Path, data: bytes | str) -> Path:
    """Write `data` beside `path`, then rename over it (over what a link points to).

    Raises:
        InputError: the folder cannot be written, or the path is a folder or a device.
    """
    check_target(path)
    target = Path(path).expanduser().resolve()
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
    return Path(path).expanduser()
