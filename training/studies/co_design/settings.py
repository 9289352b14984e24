"""What is published, on one chip: settings of networks on SpikeSim's organization; and how any design is held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim_py.datasets import Dataset
from spikesim_py.evaluate import cost
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.importers import load_network
from spikesim_py.inference import accuracy_interval, simulate
from spikesim_py.network import Network, with_precision
from spikesim_py.report import Report
from spikesim_py.studies.base import Cell
from spikesim_py.sweep import load_space

from ...config import TrainingConfig, load_config
from ...trainer import finish, fit

SPACE, TEACHER = "co-design", "digits-fp"
#: SpikeSim's organization (c2627bc, ela_spikesim.py), one bit per cell, which suits these cells best (its old README)
SPIKESIM: Mapping[str, Any] = {
    "crossbar.rows": 64,
    "crossbar.cols": 64,
    "crossbar.mux": 8,
    "mapping.rows": "spikeflow",
    "mapping.tap_sum": "adc_shared_serial",
    "mapping.signs": "offset_negative",
    "pe.crossbars": 9,
    "tile.pes": 8,
}
#: SpikeSim's ADC, and as many bits as nearly hold the sum of its 64 rows
ADC_BITS = (4, 6)


@dataclass(frozen=True)
class Setting:
    """Published bits and T of a network; `recipe`: what is trained, over the recipe of its weight bits."""

    name: str
    source: str
    weight_bits: int
    membrane_bits: int
    time_steps: int
    quantization: Mapping[str, Any] | None = None
    losses: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        """As files and networks are called."""
        return f"{self.name.lower()}-w{self.weight_bits}u{self.membrane_bits}"

    def network(self, epochs: int) -> Network:
        """The bundled network where nothing is to be trained, else a trained one."""
        bundled = f"digits-w{self.weight_bits}"
        if self.quantization is None:
            made = load_network(bundled)
            return with_precision(made, membrane_bits=self.membrane_bits, time_steps=self.time_steps)
        fields = load_config(bundled).model_dump(mode="json")
        bits = {"weight_bits": self.weight_bits, "membrane_bits": self.membrane_bits, **self.quantization}
        fields["quantization"] |= bits
        fields |= {"name": self.label, "losses": self.losses, "distillation": {"teacher": TEACHER}}
        return trained(fields, epochs, self.time_steps)


SETTINGS = (
    Setting("SpikeSim", "VGG9: 4-bit weights, memory of 22 bits, T = 5 (c2627bc)", 4, 22, 5),
    Setting(
        "MINT",
        "2-bit weights and membranes of one scale, T = 4",
        2,
        2,
        4,
        {"weights": "mint", "membranes": "shared"},
        {},
    ),
    Setting("MD-SNN", "4-bit weights and membranes, T = 4", 4, 4, 4, {}, {"logits": {}, "membrane": {"weight": 0.1}}),
)


@dataclass(frozen=True)
class Size:
    """How much is done: epochs, accuracies searched, samples and instances of the search, instances reported."""

    epochs: int
    budget: int
    samples: int | None
    chips: int
    reported: int


SHORT, FULL = Size(40, 60, 200, 2, 8), Size(80, 200, None, 4, 16)


@dataclass(frozen=True, eq=False)
class Held:
    """A design on the report split: `correct` (instances, samples), and its costs at the activity seen there."""

    kind: str
    name: str
    network: Network
    hardware: Hardware
    correct: NDArray[np.bool_]
    report: Report

    @property
    def accuracy(self) -> float:
        return float(self.correct.mean())

    def row(self, probability: float | None) -> dict[str, Cell]:
        chip, low_high = self.hardware, accuracy_interval(self.correct, seed=0)[1]
        bits = {node.weight_bits for node in self.network.layers}
        adc = [chip.adc.bits_of(node.name) for node in self.network.layers]
        return {
            "kind": self.kind,
            "design": self.name,
            "weight_bits": max(bit or 32 for bit in bits),
            "time_steps": self.network.time_steps,
            "signs": chip.mapping.signs.value,
            "cell_bits": chip.device.cell_bits,
            "rows": chip.crossbar.rows,
            "cols": chip.crossbar.cols,
            "mux": chip.crossbar.mux,
            "adc_bits": " ".join(map(str, adc)),
            "accuracy": self.accuracy,
            "accuracy_low": low_high[0],
            "accuracy_high": low_high[1],
            "energy_nj": self.report.energy_pj * 1e-3,
            "latency_us": self.report.latency_ns * 1e-3,
            "area_mm2": self.report.area_um2 * 1e-6,
            "edap": self.report.edap,
            "p_dominated": probability,
        }


def held(kind: str, name: str, network: Network, hardware: Hardware, data: Dataset, size: Size) -> Held:
    """A design on device instances that no search saw."""
    result = simulate(network, hardware, data, chips=size.reported)
    activity = replace(result.activity, each=None)
    return Held(kind, name, network, hardware, result.correct, cost(network, hardware, activity=activity))


def published(networks: Mapping[str, Network], data: Dataset, size: Size) -> list[Held]:
    """Every setting on SpikeSim's organization, at every resolution of `ADC_BITS`."""
    chip = load_space(SPACE).chip
    assert chip is not None
    return [
        held(
            "published", f"{one.name}, {bits}-bit ADC", networks[one.label], _chip(chip, {"adc.bits": bits}), data, size
        )
        for one in SETTINGS
        for bits in ADC_BITS
    ]


def _chip(base: str, more: Mapping[str, Any]) -> Hardware:
    return load_hardware(base, {**SPIKESIM, **more})


def trained(fields: dict[str, Any], epochs: int, time_steps: int) -> Network:
    fields["optimization"] |= {"epochs": epochs}
    fields["architecture"] |= {"time_steps": time_steps}
    recipe = TrainingConfig.model_validate(fields)
    return finish(fit(recipe)[0], recipe, "spikesim study co-design")
