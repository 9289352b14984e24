"""Whether the process that somebody wrote down is still there."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def process_mark(number: int) -> str | None:
    """A process of this machine, so that another one that gets its number later is not taken for it; None if gone."""
    here = platform.node()
    stat = Path(f"/proc/{number}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{here}:{number}:{fields[19]}"  # state, start time: proc(5)
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return f"{here}:{number}:"


def is_alive(mark: str | None) -> bool:
    """Whether a process that `process_mark` named is still there; one of another machine is believed to be.

    Raises:
        ValueError: that is no mark.
    """
    if not mark:
        return False
    here, number, _ = mark.rsplit(":", 2)
    return here != platform.node() or process_mark(int(number)) == mark
