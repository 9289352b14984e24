"""The explorer over a million stored designs: `python -m benchmarks.explorer_scale [STORE.db] [--json FILE]`.

Costs a million designs into a study file (or takes one that has them), serves it as `spikesim explore` does, in a
process of its own, and asks for what a page asks for: the page itself, every answer to a filter, a range and a limit,
with their sizes, and the memory of the server. Then a headless Chromium opens the page, if there is one. Times are
those of the clock: on a busy machine look at the processor's beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests

from benchmarks.sweep_store import MILLION
from benchmarks.timing import Row, show
from spikesim_py.sweep import cost_sweep, load_study

ROOT = Path(__file__).resolve().parent.parent
#: goals: seconds to a usable page and from a filter to its redrawing, bytes of an answer and of the server
USABLE_S, REDRAW_S, PAYLOAD, MEMORY = 4.0, 0.5, 1e6, 1e9
VIEW: dict[str, Any] = {"of": "measured", "x": "edap", "y": "tops_per_watt", "third": "", "color": "adc.bits"}
VIEW |= {"size": "", "log": "auto", "below": "lines", "scheme": "light", "search": "", "brush": {}}
AXES = ["technology.node_nm", "device.cell_bits", "crossbar.rows", "crossbar.cols", "adc.bits", "crossbar.mux"]
AXES += ["edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt"]
#: what a reader asks for -> how the page's state differs
ASKED: dict[str, dict[str, Any]] = {
    "filter: adc.bits > 4": {"search": "adc.bits > 4"},
    "filter: area <= 1 mm2 and latency < 100 us": {"search": "area <= 1 mm2 and latency < 100 us"},
    "filter: rows in (64, 128) and node = 22 nm": {"search": "crossbar.rows in (64, 128) and technology.node_nm = 22"},
    "ranges of two axes": {"brush": {"crossbar.rows": [64, 128], "edap": [None, 1e-11]}},
    "other axes": {"x": "area_um2", "y": "latency_ns"},
    "a third objective": {"third": "area_um2"},
    "zoom": {"zoom": {"x": [-0.5, 0.5], "y": [1.5, 2.0]}},
}


@contextmanager
def served(store: Path) -> Iterator[tuple[str, psutil.Process, float]]:
    """Address of an explorer in a process of its own, the process, and the seconds that it took to start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start = time.perf_counter()
    command = [sys.executable, "-m", "spikesim_py.cli", "explore", str(store), "--port", str(port)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}", psutil.Process(server.pid), time.perf_counter() - start
        finally:
            server.terminate()


class Page:
    """Asks a server what a page asks it."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url, self.process, self.session = url, process, requests.Session()
        self.known = self.session.get(f"{url}/_dash-dependencies").json()
        self.largest = 0

    def ask(self, output: str, **state: Any) -> tuple[float, float, int]:
        """Seconds by the clock and of the processor, and bytes, of one answer."""
        entry = next(item for item in self.known if output in item["output"].strip(".").split("..."))
        outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in _outputs(entry)]
        given = {side: [_filled(part, VIEW | state) for part in entry[side]] for side in ("inputs", "state")}
        body = {"output": entry["output"], "outputs": outputs if entry["output"].startswith("..") else outputs[0]}
        before, start = sum(self.process.cpu_times()[:2]), time.perf_counter()
        changed = {"changedPropIds": ["version.data"]}
        answer = self.session.post(f"{self.url}/_dash-update-component", json=body | given | changed)
        seconds = time.perf_counter() - start
        answer.raise_for_status()
        self.largest = max(self.largest, len(answer.content))
        return seconds, sum(self.process.cpu_times()[:2]) - before, len(answer.content)


def _outputs(entry: dict[str, Any]) -> list[str]:
    return str(entry["output"]).strip(".").split("...")


def _filled(part: dict[str, str], state: dict[str, Any]) -> Any:
    if part["id"].startswith("{"):
        return []
    own = {"lines-axes": AXES, "matrix-axes": AXES[-4:]}
    value = state.get(f"{part['id']}.{part['property']}", state.get(part["id"], own.get(part["id"])))
    return {**part, "value": value}


def rows_of(page: Page) -> dict[str, Any]:
    """Every request: seconds, seconds of the processor, bytes."""
    found: dict[str, Any] = {}
    for output in ("status.children", "third.data", "limits.children", "drawn.data", "table-key.data"):
        found[f"first: {output}"] = page.ask(output, version="1", asked={})
    block = {"startRow": 0, "endRow": 100, "sortModel": [{"colId": "area_um2", "sort": "desc"}]}
    for name, state in ASKED.items():
        found[name] = page.ask("drawn.data", version="1", **state)
        found[f"{name}, its rows sorted by area"] = page.ask(
            "designs.getRowsResponse", version="1", **state, **{"designs.getRowsRequest": block}
        )
        found[f"{name}, its lines"] = page.ask("lines.data", version="1", **state)
    return found


def in_a_browser(url: str, server: psutil.Process) -> dict[str, float] | None:
    """Seconds until a page can be used, and until a filter has redrawn it; None without Chromium.

    By the clock, and of the processors: what browser and server together computed meanwhile.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import CHROMIUM, DRIVER, Browser, browser

    if not (CHROMIUM.exists() and DRIVER.exists()):
        return None

    def busy(page: Browser) -> float:
        driver = psutil.Process(page.driver.service.process.pid)
        return sum(sum(process.cpu_times()[:2]) for process in (server, *driver.children(recursive=True)))

    drawn = "return document.querySelector('#pareto .js-plotly-plot')?._fullData?.length ?? 0"
    with browser() as page:
        start, before = time.perf_counter(), busy(page)
        page.open(url)
        page.wait(lambda: page.js(drawn) > 1 and page.count("#designs .ag-row") > 5, "the page", 120)
        found = {"usable_s": time.perf_counter() - start, "usable_cpu_s": busy(page) - before}
        time.sleep(5)  # what else the first page does is no part of the filter's time
        before = busy(page)
        found["filter_to_redraw_s"] = float(page.driver.execute_async_script(_TYPE, "adc.bits > 4"))
        return found | {"filter_to_redraw_cpu_s": busy(page) - before}


#: types a filter; answers with the seconds until the cloud is drawn anew
_TYPE = """
const [text, done] = arguments, field = document.querySelector('#search'), start = performance.now();
const cloud = document.querySelector('#pareto .js-plotly-plot');
const drawn = () => { cloud.removeListener('plotly_afterplot', drawn); done((performance.now() - start) / 1000); };
cloud.on('plotly_afterplot', drawn);
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, text);
field.dispatchEvent(new Event('input', {bubbles: true}));
field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
"""


def measured(store: Path) -> dict[str, Any]:
    with served(store) as (url, process, started):
        page = Page(url, process)
        asked = rows_of(page)
        memory = process.memory_info().rss
        seen = in_a_browser(url, process)
        memory = max(memory, process.memory_info().rss)
    redraws = [value for name, value in asked.items() if not name.startswith("first")]
    return {
        "designs": load_study(store).bulk_sweeps()[-1].stored,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "server_start_s": started,
        "browser": seen,
        "first_answers_s": sum(value[0] for name, value in asked.items() if name.startswith("first")),
        "first_answers_cpu_s": sum(value[1] for name, value in asked.items() if name.startswith("first")),
        "slowest_redraw_s": max(value[0] for value in redraws),
        "slowest_redraw_cpu_s": max(value[1] for value in redraws),
        "largest_payload_bytes": page.largest,
        "server_memory_bytes": memory,
        "requests": {
            name: dict(zip(("seconds", "cpu_seconds", "bytes"), value, strict=True)) for name, value in asked.items()
        },
    }


def table(found: dict[str, Any]) -> Iterator[Row]:
    for name, value in found["requests"].items():
        yield name, f"{value['seconds']:.2f} s ({value['cpu_seconds']:.2f} s CPU)", f"{value['bytes'] / 1e6:.2f} MB", ""
    for name, key, goal in (
        ("page usable in Chromium", "usable", USABLE_S),
        ("filter to redraw in Chromium, 0.1 s of it to see that typing has ended", "filter_to_redraw", REDRAW_S),
    ):
        if found["browser"]:
            told = f"{found['browser'][f'{key}_s']:.2f} s ({found['browser'][f'{key}_cpu_s']:.2f} s CPU)"
            yield name, told, "", f"<= {goal:g} s"
    slowest = f"{found['slowest_redraw_s']:.2f} s ({found['slowest_redraw_cpu_s']:.2f} s CPU)"
    yield "slowest answer after the first", slowest, "", f"<= {REDRAW_S:g} s"
    yield "largest answer", f"{found['largest_payload_bytes'] / 1e6:.2f} MB", "", f"<= {PAYLOAD / 1e6:g} MB"
    yield "memory of the server", f"{found['server_memory_bytes'] / 1e6:.0f} MB", "", f"<= {MEMORY / 1e6:g} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", nargs="?", type=Path, help="a study file with bulk costs; else one is made")
    parser.add_argument("--json", type=Path, help="write what was measured to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = given.store or Path(folder) / "million.db"
        if not given.store:
            cost_sweep(MILLION, store=store, executor="serial")
        found = measured(store)
    show(f"explorer, {found['designs']:,} designs, {found['cores']} cores, load {found['load']:.1f}", table(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
