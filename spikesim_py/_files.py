"""Writing a file so that nothing half-written is ever left under its name."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import InputError


def check_target(path: str | Path) -> Path:
    """Where a file goes (what a link points to).

    Raises:
        InputError: it cannot be written: a folder, a device, below something that is no folder, or no path at all.
    """
    target = Path(path).expanduser()
    try:
        real = target.resolve()
        kind = "a folder" if real.is_dir() else "no regular file" if real.exists() and not real.is_file() else None
        parent = next((folder for folder in real.parents if folder.exists()), None)
    except (OSError, RuntimeError) as error:  # a loop of links, a name that is too long
        reason = getattr(error, "strerror", None) or "is a loop of links"
        raise InputError(f"{target}: cannot be written: {reason}") from None
    if kind or target.absolute().parts[1] in ("dev", "proc"):
        raise InputError(f"{target}: cannot be written: is {kind or 'no regular file'}")
    if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{target}: cannot be written: {parent} is not a folder that can be written")
    return real


def sweep(path: str | Path) -> None:
    """Remove what writers of a file have left beside it that were killed at it; none must be at work."""
    target = Path(path).expanduser()
    for left in target.parent.glob(f".{glob.escape(target.name)}.????????"):  # as `mkstemp` names them
        left.unlink(missing_ok=True)


def write_atomic(path: str | Path, data: bytes | str) -> Path:
    """Write `data` beside `path`, then rename over it; raises `InputError` as `check_target` does."""
    target = check_target(path)
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


def write_json(path: str | Path, data: Any) -> Path:
    """Write plain data as JSON, as `write_atomic` does; a number that JSON has not (NaN) is an error of the program."""
    return write_atomic(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
