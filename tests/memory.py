"""How much memory a call takes at its height, above what the process has before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _megabytes(field: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    """The high-water mark of what is resident, which Linux lets a process set back to the present."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        pytest.skip("needs Linux: /proc/self/clear_refs")
    before = _megabytes("VmRSS")
    yield
    assert _megabytes("VmHWM") - before < megabytes
