"""An accuracy sweep on one process and on two: `python -m benchmarks.sweep_scaling`; the machine should be quiet.

The time of a run is that from its first design to its last: processes start and compile before.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import Row, show
from spikesim_py import sweep

#: 24 accuracies of about two seconds each
SPACE: dict[str, Any] = {
    "name": "scaling",
    "network": "digits-w4",
    "chip": "rram_32nm",
    "samples": 600,
    "chips": 8,
    "axes": {"adc.bits": [3, 4, 5, 6, 7, 8], "crossbar.rows": [32, 64, 128, 256]},
}


def rate(workers: int, samples: int) -> float:
    """Accuracies per second once every process has finished its first one."""
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        sweep(
            SPACE | {"samples": samples},
            store=Path(folder) / "study.db",
            workers=workers,
            progress=lambda done, total, what: times.append(time.perf_counter()),
        )
    finished = times[1:]  # the first call says that none is done
    return (len(finished) - workers) / (finished[-1] - finished[workers - 1])


def scaling_rows(samples: int) -> list[Row]:
    one, two = rate(1, samples), rate(2, samples)
    return [
        ("one process", f"{one:.2f} accuracies/s", "1.00x", ""),
        ("two processes", f"{two:.2f} accuracies/s", f"{two / one:.2f}x", ">= 1.8x"),
    ]


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    show("accuracy sweep", scaling_rows(int(sys.argv[1]) if len(sys.argv) > 1 else 600))


if __name__ == "__main__":
    main()
