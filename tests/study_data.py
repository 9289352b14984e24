"""Small reports and a study in memory, for tests of what draws them. Their numbers are made up and ship nowhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost import CostResult
from spikesim_py.cost.tree import CostNode, Grade, branch, component
from spikesim_py.errors import StoreError
from spikesim_py.hardware import load_hardware
from spikesim_py.report import METRICS, Accuracy, Report
from spikesim_py.sweep import Bulk, Space

GRADES: tuple[Grade, ...] = ("silicon-validated", "simulator-validated", "sourced", "assumed")


def tree(layers: int = 3, components: int = 4, scale: float = 1.0) -> CostNode:
    """Every leaf is different, so that a swapped row or column shows."""
    parts = []
    for i in range(layers):
        leaves = [
            component(
                f"part{j}",
                energy_pj=scale * (100 * i + 10 * j + 7),
                area_um2=scale * (1000 + 300 * i + 50 * j),
                critical_ns=20.0 + 5 * i + j,
                grade=GRADES[j % 4],
                source=f"source {j}",
            )
            for j in range(components)
        ]
        parts.append(branch(f"layer{i}", leaves))
    link = component("NoC", energy_pj=3.0, area_um2=500.0, critical_ns=9.0, grade="sourced", source="DSENT")
    return branch("chip", [*parts, branch("shared", [link])])


def report(
    bits: int = 4, overrides: dict[str, Any] | None = None, *, accuracy: float | None = 0.9, **fields: Any
) -> Report:
    hardware = load_hardware("rram_32nm", overrides)
    scale = bits * hardware.adc.bits * 128 / hardware.crossbar.rows
    measured = None
    if accuracy is not None:
        low, high = accuracy - 0.02, min(1.0, accuracy + 0.01)
        measured = Accuracy(
            accuracy, (low, high), (accuracy - 0.005, accuracy + 0.005), 600, "digits/report", "ab" * 32, 3
        )
    rates = {f"layer{i}": LayerActivity(0.1 * (i + 1), 0.05, 0.01 * i, 0.5, 0.08) for i in range(3)}
    digest = hashlib.sha256(repr((bits, sorted((overrides or {}).items()))).encode()).hexdigest()
    about = {
        "network": f"digits-w{bits}",
        "chip": hardware.name,
        "hardware": hardware.model_dump(mode="json"),
        "measured": measured,
        "cost": CostResult(
            tree(scale=scale), 50.0, "layer2", 12 * bits, 3 * bits, 2, 0.41, {"layer1": 1_900_000}, ("a note",)
        ),
        "activity": Activity(rates, "measured", 600),
        "macs": 1_900_000,
        "synops": 2.0e5,
        "time_steps": 4,
        "report_hash": digest,
        "inputs": {},
    }
    return Report(**(about | fields))


class MemoryStudy:
    """What the figures and the explorer ask of a study, over reports in memory."""

    imported = False

    def __init__(self, reports: list[Report]) -> None:
        self.reports = {item.report_hash: item.to_dict() for item in reports}

    def __len__(self) -> int:
        return len(self.reports)

    def version(self) -> str:
        return str(len(self))

    def frame(self) -> dict[str, np.ndarray]:
        rows = [self._row(item) for item in self.reports.values()]
        names = list(rows[0]) if rows else ["report_hash"]
        return {name: np.array([row[name] for row in rows]) for name in names}

    def on_front(self, *metrics: str) -> np.ndarray:
        """By definition: a design is out if another is no worse in all metrics and better in one."""
        frame = self.frame()
        points = np.stack([frame[name] * (-1.0 if METRICS[name][2] else 1.0) for name in metrics], 1)
        return np.array([not ((points <= p).all(1) & (points < p).any(1)).any() for p in points], bool)

    def report(self, report_hash: str) -> dict[str, Any]:
        if report_hash not in self.reports:
            raise StoreError(f"no report {report_hash!r}")
        return self.reports[report_hash]

    @property
    def space(self) -> Space:
        return Space(name="in-memory", network="digits-w4", chip="rram_32nm", axes={"adc.bits": [4, 5]})

    def bulk_sweeps(self) -> list[Bulk]:
        return []

    def failures(self) -> list[str]:
        return []

    @staticmethod
    def _row(item: dict[str, Any]) -> dict[str, Any]:
        found = item["accuracy"] or {"interval": [np.nan, np.nan]}
        metrics = {name: np.nan if value is None else value for name, value in item["metrics"].items()}
        return {
            "network": item["network"],
            "chip": item["chip"],
            "weight_bits": int(item["network"].removeprefix("digits-w")),
            "crossbar.rows": item["hardware"]["crossbar"]["rows"],
            "adc.bits": item["hardware"]["adc"]["bits"],
            **metrics,
            "accuracy_low": found["interval"][0],
            "accuracy_high": found["interval"][1],
            "report_hash": item["report_hash"],
        }


def study(bits: tuple[int, ...] = (2, 4, 8), adc: tuple[int, ...] = (4, 5, 6)) -> MemoryStudy:
    """A grid of weight bits, ADC bits and crossbar rows in which some designs are dominated."""
    return MemoryStudy(
        [
            report(b, {"adc.bits": a, "crossbar.rows": rows}, accuracy=0.99 - 0.2 / b - 0.1 / a - 2e-4 * rows)
            for b in bits
            for a in adc
            for rows in (64, 128)
        ]
    )


class Shelf:
    """Stands in for `load_study`: one study that can grow or break, over a file whose change is seen."""

    def __init__(self, path: Path) -> None:
        self.path, self.loads = path, 0
        self.put(study())

    def put(self, content: MemoryStudy | Exception) -> None:
        self.content = content
        with self.path.open("a") as stream:
            stream.write("x")

    def load(self, path: Path) -> MemoryStudy:
        assert path == self.path
        self.loads += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content
