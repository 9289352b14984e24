"""What compiling costs once after installation: `python -m benchmarks.first_use`.

A fresh process with an empty cache runs digits-w4 on chips that need every kernel; a second one finds them cached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from typing import Any

from benchmarks.timing import Row, show

#: chips that between them use every kernel
_CHIPS: tuple[dict[str, Any], ...] = (
    {"device.ideal": True},
    {"device.ideal": True, "mapping.rows": "spikeflow", "crossbar.rows": 64},
    {},
    {"adc.noise_lsb": 0.5},
    {"wires.topology": "passive"},
    {"wires.topology": "gated_1t1r"},
)
_GOAL_S = 20


def run(cache: str) -> dict[str, Any]:
    """One process: its CPU seconds, and what it compiled."""
    command = [sys.executable, "-m", __spec__.name, "child"]
    told = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"NUMBA_CACHE_DIR": cache}
    )
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def child() -> dict[str, Any]:
    """Evaluate every chip: {"seconds": CPU, "compiled": {kernel: [times, CPU seconds without callees]}}."""
    from numba.core import event

    import spikesim_py as ss

    compiled: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    open_: list[list[Any]] = []

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            open_.append([event.data["dispatcher"].py_func, time.process_time(), 0.0])

        def on_end(self, event: Any) -> None:
            function, start, callees = open_.pop()
            taken = time.process_time() - start
            if open_:
                open_[-1][2] += taken
            if function.__module__.startswith("spikesim_py"):
                own = compiled[f"{function.__module__.removeprefix('spikesim_py.')}.{function.__name__}"]
                own[0], own[1] = own[0] + 1, own[1] + taken - callees
            elif open_:
                open_[-1][2] -= taken  # Numba's own functions count where they are called

    event.register("numba:compile", Listener())
    for fields in _CHIPS:
        ss.evaluate("digits-w4", ss.load_hardware("rram_32nm", fields), samples=600)
    return {"seconds": time.process_time(), "compiled": compiled}


def first_use_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as cache:
        first, again = run(cache), run(cache)
    slowest = sorted(first["compiled"].items(), key=lambda item: -item[1][1])[:5]
    twice = [f"{name} {int(times)} times" for name, (times, _) in first["compiled"].items() if times > 1]
    rows = [
        ("first use after installation, all kernels", f"{first['seconds']:.1f} s", "", f"<= {_GOAL_S} s"),
        ("the same with everything cached", f"{again['seconds']:.1f} s", "", ""),
        ("kernels compiled more than once", ", ".join(twice) or "none", "", "none"),
    ]
    return rows + [(f"  {name}", f"{seconds:.1f} s", "", "") for name, (_, seconds) in slowest]


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        print(json.dumps(child()))
    else:
        show("compiling, CPU time", first_use_rows())
