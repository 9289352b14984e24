"""A small space, and waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: 8 designs, 4 accuracies
SPACE: dict[str, Any] = {
    "name": "store",
    "network": "digits-w1",
    "chip": "rram_32nm",
    "samples": 12,
    "axes": {"crossbar.rows+crossbar.cols": [64, 128], "adc.bits": [3, 6], "technology.node_nm": [32, 45]},
}


def until(condition: Callable[[], Any], seconds: float = 180) -> None:
    """Wait for it; fails when that takes too long."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "has waited too long"
        time.sleep(0.02)
