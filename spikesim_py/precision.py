"""Quantized against full precision: one network on one chip, costed as it is and at full precision, as ratios.

The model of full precision is that of `spikesim_py.network.precision`. Both runs see the same activity. As the
operations are the same, the ratio of TOPS/W is the inverse of that of the energy, the ratio of TOPS/mm2 the inverse
of that of latency times area, and the ratio of EDAP the inverse of their product. (MD-SNN, DATE 2026, states 14.85x,
2.64x and 6.19x for its network; 2.64 x 6.19 is 16.34, so its definitions or operation counts differ from these.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .activity import Activity
from .errors import InputError
from .evaluate import cost
from .hardware import Hardware, load_hardware
from .importers import load_network
from .network import Network
from .network.precision import Baseline, full_precision
from .report import METRICS, Report

#: metrics that are compared
COMPARED = ("energy_pj", "latency_ns", "area_um2", "edap", "tops_per_watt", "tops_per_mm2")


@dataclass(frozen=True)
class PrecisionRatio:
    """Two reports of one network: as it is, and at full precision (`baseline` says by which model)."""

    baseline: Baseline
    quantized: Report
    full: Report

    @property
    def ratios(self) -> dict[str, float]:
        """Metric to quantized over full precision."""
        return {name: getattr(self.quantized, name) / getattr(self.full, name) for name in COMPARED}

    @property
    def gains(self) -> dict[str, float]:
        """Metric to how many times better the quantized network is: above 1 is better, whatever the metric."""
        return {name: ratio if METRICS[name][2] else 1 / ratio for name, ratio in self.ratios.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain data: ratios, gains and both reports."""
        return {
            "baseline": self.baseline,
            "ratios": self.ratios,
            "gains": self.gains,
            "quantized": self.quantized.to_dict(),
            "full": self.full.to_dict(),
        }


def precision_ratio(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    *,
    baseline: Baseline = "slices",
    activity: Activity | float | Mapping[str, float] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> PrecisionRatio:
    """What quantization saves: the network's costs over those of the same network at full precision.

    Args:
        baseline: `slices` (32-bit codes on the same chip) or `digital` (FP32 multiply-accumulators at its node and
            clock).
        activity, overrides: as in `cost`; what was measured of the quantized cells does not describe others.

    Raises:
        InputError: one of the inputs cannot be used.
    """
    net, hardware = load_network(network), load_hardware(chip, overrides)
    if hardware.cost.library != "parametric":
        raise InputError(
            f"chip {hardware.name!r}: its cost.library = {hardware.cost.library!r} knows no bits to compare"
        )
    full_net = full_precision(net, baseline)
    quantized = cost(net, hardware, activity=activity)
    seen = quantized.activity
    kept = {name: replace(record, background=None, clip_rate=None) for name, record in seen.layers.items()}
    full = cost(full_net, hardware, activity=seen if full_net is net else replace(seen, layers=kept))
    return PrecisionRatio(baseline, quantized, full)
