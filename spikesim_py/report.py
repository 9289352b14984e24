"""The report: what one evaluation found, with its interval, its breakdown and where it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._files import write_atomic, write_json
from ._units import engineering
from ._version import __version__
from .activity import Activity, LayerQuality
from .cost import CostNode, CostResult, Programming
from .distribution import Distribution, SampleCosts
from .early_exit import EarlyExit
from .metrics import FiguresOfMerit

if TYPE_CHECKING:
    from .cost.band import Band, CostInputs
    from .cost.roofline import Roofline
    from .neurobench import NeuroBench

#: axes that tables and figures offer: attribute of a report -> (label, unit, larger is better)
METRICS: dict[str, tuple[str, str, bool]] = {
    "accuracy": ("accuracy", "-", True),
    "edap": ("EDAP", "J·s·mm²", False),
    "energy_pj": ("energy per inference", "pJ", False),
    "latency_ns": ("latency", "ns", False),
    "interval_ns": ("interval between inferences", "ns", False),
    "area_um2": ("area", "µm²", False),
    "tops": ("throughput at latency", "TOPS", True),
    "tops_throughput": ("steady-state throughput", "TOPS", True),
    "tops_per_watt": ("energy efficiency", "TOPS/W", True),
    "tops_per_mm2": ("area efficiency", "TOPS/mm²", True),
    "ann_tops": ("throughput of the equivalent one-step network", "TOPS", True),
    "inferences_per_joule": ("inferences per joule", "1/J", True),
    "inferences_per_second_mm2": ("inferences per second and area", "1/(s·mm²)", True),
    "synops_per_joule": ("one-bit synaptic operations per joule", "SynOps/J", True),
    "utilization": ("crossbar utilization", "-", True),
    "assumed_energy_share": ("share of energy that is assumed", "-", False),
    "assumed_area_share": ("share of area that is assumed", "-", False),
}


#: share of clipped conversions of a layer above which a report says so
CLIP_WARNING = 0.01

#: columns of the table of layers, after the layer's name
LAYER_COLUMNS = (
    "input activity",
    "ADC clipping",
    "signal/error",
    "bias/rms",
    "gain",
    "own mismatch",
    "mismatch",
    "IR loss",
)


def layer_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table of layers as text, from the plain data of `Report.to_dict` with its `quality`.

    A mismatch is the share of spikes that differ: those of the layer's own doing, then all so far.
    """
    rows = []
    for name, found in report["quality"].items():
        seen, rms = report["activity"]["layers"][name], found["signal_rms"]
        shares = (found["own_mismatch"], found["spike_mismatch"])
        rows.append(
            (
                name,
                *(_shown(value, ".2%") for value in (seen["rate"], seen["clip_rate"])),
                "exact" if not found["error_rms"] else _shown(found["ser_db"], ".1f", " dB"),
                _shown(found["bias"] / rms if rms else None, "+.2%"),
                _shown(found["gain"], ".4f"),
                *(_shown(value, ".2%") for value in shares),
                _shown(found["ir_loss"], ".2%"),
            )
        )
    return rows


def _shown(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


@dataclass(frozen=True)
class Accuracy:
    """A measured accuracy.

    Attributes:
        value: mean over chips and samples.
        interval: (low, high) at 95 %: Wilson for one chip, a crossed bootstrap for several.
        chips: accuracy of every simulated chip.
        samples: images per chip.
        data: dataset and split.
        key: SHA-256 of everything that the number depends on.
        seed: of the device instances and of the bootstrap.
        answers: which of them were right, as `inference.paired.packed` has them; empty where nobody kept them.
    """

    value: float
    interval: tuple[float, float]
    chips: tuple[float, ...]
    samples: int
    data: str
    key: str
    seed: int = 0
    answers: str = field(repr=False, default="")


@dataclass(frozen=True)
class Report(FiguresOfMerit):
    """Accuracy, energy, latency and area of one network on one chip. All costs are per inference.

    `quality` says how exact each layer is on the chip; None if it was not measured. `programming` is what writing the
    weights costs, once; no other number contains it. None where the chip does not say what a pulse costs. From
    `cost_inputs` the cost can be made again in another calibration; None where it is one set of published constants.
    `accuracy_by_step` is the accuracy if every inference ended after this time-step; None if none was measured. With
    an early `exit`, the accuracy and the distributions are those of inferences that end there, every other number is
    that of all T time-steps. `sample_costs` finds what every sample costs. `imported` says by which conventions the
    network was read from another framework's file; None if it was not. `neurobench` has NeuroBench's metrics; None if
    they were not asked for.
    """

    network: str
    chip: str
    hardware: dict[str, Any] = field(repr=False)
    measured: Accuracy | None
    cost: CostResult = field(repr=False)
    activity: Activity = field(repr=False)
    macs: int
    synops: float
    time_steps: int
    report_hash: str
    inputs: dict[str, Any] = field(repr=False)
    quality: Mapping[str, LayerQuality] | None = field(repr=False, default=None)
    programming: Programming | None = field(repr=False, default=None)
    accuracy_by_step: tuple[float, ...] | None = field(repr=False, default=None)
    exit: EarlyExit | None = field(repr=False, default=None)
    sample_costs: Callable[[], SampleCosts | None] = field(repr=False, compare=False, default=lambda: None)
    cost_inputs: CostInputs | None = field(repr=False, compare=False, default=None)
    imported: Mapping[str, Any] | None = field(repr=False, default=None)
    neurobench: NeuroBench | None = field(repr=False, default=None)

    @property
    def accuracy(self) -> float | None:
        return self.measured.value if self.measured else None

    @property
    def accuracy_ci(self) -> tuple[float, float] | None:
        return self.measured.interval if self.measured else None

    @property
    def tree(self) -> CostNode:
        return self.cost.tree

    @cached_property
    def roofline(self) -> Roofline:
        """What limits each layer's time, and the chip's."""
        from .cost.roofline import operations_of, roofline

        pipelined = self.hardware["schedule"]["pipeline"] == "time_step"
        operations = operations_of(self.cost.macs, self.time_steps)
        return roofline(self.tree, operations, self.time_steps if pipelined else 1)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers must know: of the costs, and which layers' converters clip often."""
        rates = {name: record.clip_rate or 0.0 for name, record in self.activity.layers.items()}
        often = [f"{name} ({rate:.1%})" for name, rate in rates.items() if rate > CLIP_WARNING]
        clipped = f"ADC clips more than {CLIP_WARNING:.0%} of the conversions of {', '.join(often)}"
        ended = f"early exit: energy, latency and EDAP without a distribution are of all {self.time_steps} time-steps"
        assumed = [f"import: {line}" for line in (self.imported or {}).get("assumed", ())]
        return (*self.cost.notes, *[clipped] * bool(often), *[ended] * bool(self.exit), *assumed)

    @property
    def energy_pj(self) -> float:
        return self.tree.energy_pj

    @property
    def area_um2(self) -> float:
        return self.tree.area_um2

    @property
    def latency_ns(self) -> float:
        """One inference end to end, all time-steps."""
        return self.tree.critical_ns

    @property
    def interval_ns(self) -> float:
        """Steady state between inferences."""
        return self.cost.interval_ns

    @property
    def utilization(self) -> float:
        return self.cost.utilization

    @cached_property
    def assumed_energy_share(self) -> float:
        return self.tree.share("assumed", "energy_pj")

    @cached_property
    def assumed_area_share(self) -> float:
        return self.tree.share("assumed", "area_um2")

    @cached_property
    def band(self) -> Band | None:
        """Energy, area, latency and EDAP over 1000 draws of the calibrations; None without `cost_inputs`.

        Its medians are not the costs above: those are in the one calibration that the chip names (`cost.adc_anchor`),
        a draw takes any ADC anchor that has figures for the chip. Where these disagree, as they do up to tenfold, the
        median lies apart from the number, and near it with a single anchor.
        """
        if self.cost_inputs is None:
            return None
        from .cost.band import band

        return band(self.cost_inputs.trees, self.tree)

    @cached_property
    def _sample_costs(self) -> SampleCosts | None:
        return self.sample_costs()

    @cached_property
    def energy_distribution(self) -> Distribution | None:
        """Energy in pJ over samples, up to their exits; None where single samples were not kept."""
        return Distribution(self._sample_costs.energy_pj) if self._sample_costs else None

    @cached_property
    def latency_distribution(self) -> Distribution | None:
        """Latency in ns over samples, up to their exits; None where single samples were not kept."""
        return Distribution(self._sample_costs.latency_ns) if self._sample_costs else None

    @cached_property
    def edap_distribution(self) -> Distribution | None:
        """Energy x delay x area of each sample in J·s·mm²; None where single samples were not kept."""
        costs = self._sample_costs
        return Distribution(costs.energy_pj * costs.latency_ns * (self.area_um2 * 1e-27)) if costs else None

    @property
    def steps_distribution(self) -> Distribution | None:
        """Time-steps that samples ran for; None where single samples were not kept."""
        return Distribution(self.activity.each.steps) if self.activity.each else None

    def distributions(self) -> dict[str, dict[str, float]] | None:
        """Mean and percentiles over samples; None where single samples were not kept."""
        found = {
            "energy_pj": self.energy_distribution,
            "latency_ns": self.latency_distribution,
            "edap": self.edap_distribution,
            "time_steps": self.steps_distribution,
        }
        kept = {name: one.to_dict() for name, one in found.items() if one}
        return kept or None

    def metrics(self) -> dict[str, float | None]:
        """Every number of `METRICS` by name."""
        return {name: getattr(self, name) for name in METRICS}

    def to_dict(self) -> dict[str, Any]:
        """Plain data: numbers, intervals, tree, activity, frozen configuration, versions."""
        measured = None
        if self.measured:
            measured = {**self.measured.__dict__, "interval": list(self.measured.interval)}
            measured["chips"] = list(self.measured.chips)
        quality = None
        if self.quality is not None:
            quality = {name: record.to_dict() for name, record in self.quality.items()}
        optional = {
            "import": self.imported and dict(self.imported),
            "neurobench": self.neurobench and self.neurobench.to_dict(),
        }
        return {
            "network": self.network,
            "chip": self.chip,
            "version": __version__,
            "report_hash": self.report_hash,
            "metrics": self.metrics(),
            "band": self.band and asdict(self.band),
            "accuracy": measured,
            "accuracy_by_step": self.accuracy_by_step and list(self.accuracy_by_step),
            "exit": self.exit and asdict(self.exit),
            "distributions": self.distributions(),
            "macs": self.macs,
            "layer_macs": dict(self.cost.macs),
            "synops": self.synops,
            "time_steps": self.time_steps,
            "crossbars": self.cost.crossbars,
            "pes": self.cost.pes,
            "tiles": self.cost.tiles,
            "notes": list(self.notes),
            "methods": self.cite(),
            "tree": self.tree.to_dict(),
            "activity": self.activity.to_dict(),
            "quality": quality,
            "programming": self.programming and asdict(self.programming),
            "hardware": self.hardware,
            "inputs": self.inputs,
        } | {name: found for name, found in optional.items() if found}

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict` as JSON; the file appears whole or not at all."""
        return write_json(path, self.to_dict())

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained page (no network needed to open it)."""
        from .figures.html import report_page

        return write_atomic(path, report_page(self.to_dict()))

    def cite(self) -> str:
        """A methods paragraph: what was evaluated, with which models, from which sources."""
        sources = dict.fromkeys(node.source for _, node in self.tree.walk() if node.source)
        accuracy = "No accuracy was measured."
        if self.measured:
            low, high = self.measured.interval
            accuracy = (
                f"Accuracy on {self.measured.data} ({self.measured.samples} samples, "
                f"{len(self.measured.chips)} simulated chips) was {self.measured.value:.2%} "
                f"(95 % interval {low:.2%} to {high:.2%})."
            )
        return (
            f"{self.network} (T = {self.time_steps}) was evaluated on {self.chip} with spikesim_py "
            f"{__version__} (report {self.report_hash[:12]}). {accuracy}{self._ended()} "
            f"Energy {self.energy_pj:.6g} pJ, latency {self.latency_ns:.6g} ns and area {self.area_um2:.6g} um2 "
            f"per inference use the library "
            f"{self.hardware['cost']['library']!r} with {self.activity.origin} activity; "
            f"{self.assumed_energy_share:.1%} of the energy and {self.assumed_area_share:.1%} of the area rest "
            f"on assumed constants. {self._band_in_words()} Sources: {'; '.join(sources)}."
        )

    def _band_in_words(self) -> str:
        if self.band is None:
            return "The constants are one published set: no band is stated."
        edap, anchors = self.band.edap, ", ".join(self.band.anchors) or "none"
        low, middle, high = (engineering(end, METRICS["edap"][1]) for end in (edap.low, edap.median, edap.high))
        own = f"; the costs above are in those of {self.hardware['cost']['adc_anchor']} alone"
        return (
            f"In 90 % of {self.band.draws} draws of the calibrations (ADC figures of {anchors}) EDAP is {low} to "
            f"{high}, with the median {middle}{own * (len(self.band.anchors) > 1)}."
        )

    def _ended(self) -> str:
        """The sentence on early exit, if there is one."""
        steps, energy, latency = self.steps_distribution, self.energy_distribution, self.latency_distribution
        if not (self.exit and steps and energy and latency):
            return ""
        return (
            f" Inferences ended early ({self.exit}), on average after {steps.mean:.4g} time-steps, "
            f"{energy.mean:.6g} pJ and {latency.mean:.6g} ns; what follows is for all {self.time_steps} time-steps."
        )
