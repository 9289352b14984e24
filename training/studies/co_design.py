"""Bits, T, ADC and chip searched jointly, the winners trained through their chips, against published settings.

Everything is the same network (three convolutions on the digits) on cells and circuits of one kind (`rram_32nm`), in
one model. Published are a network's bits and T, and SpikeSim's organization: 64 x 64 crossbars, a set for every kernel
position that takes turns at the ADCs, a digital correction of negative weights. `configs/sweeps/co-design.yaml` is what
is searched; what wins on the search split is trained through its chip, and its ADCs lose bits layer by layer. The
report split, and device instances that nothing was chosen on, tell how often the front dominates: every draw has its
samples and instances (one bootstrap for all designs) and its calibration of the costs (`cost.band`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.evaluate import cost
from spikesim_py.figures.chart import Axis, Series, xy_chart
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.importers import load_network
from spikesim_py.inference import accuracy_interval, simulate
from spikesim_py.inference.precision import choose_adc_bits
from spikesim_py.network import Network, with_precision
from spikesim_py.report import Report
from spikesim_py.studies.base import Cell, Claim, Findings, PaperStudy, Verdict
from spikesim_py.sweep import Search, Space, cost_draws, load_space, sweep
from spikesim_py.sweep.study import Frame

from ..config import TrainingConfig, load_config
from ..trainer import finish, fit

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
#: costs that a design must not exceed to dominate
COSTS = ("energy_pj", "latency_ns", "area_um2")
AIM, DRAWS = 0.95, 2000
#: cost to its value in every draw
Draws = Mapping[str, NDArray[np.float64]]
#: accuracy on the search split that ADC bits may cost
LOSS = 0.005


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
        return _trained(fields, epochs, self.time_steps)


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


def searched(files: Mapping[str, Path], folder: Path, size: Size) -> tuple[Space, Frame]:
    """The space with the published networks in it, and what a search found there."""
    space = load_space(SPACE)
    networks = [*space.axes["network"], *map(str, files.values())]
    space = space.model_copy(update={"axes": space.axes | {"network": networks}, "chips": size.chips})
    how = Search(budget=size.budget, samples=size.samples)
    return space, sweep(space, store=folder / "search.db", search=how, executor="serial").frame()


def winners(frame: Frame, against: Sequence[Held], costs_of: Callable[[int], Draws]) -> list[int]:
    """Rows, each once: for every published design the most accurate one that surely costs no more.

    Accuracy is that on the search split; sure is a probability of `AIM` over the calibrations. Where no row reaches
    it, the likeliest is taken.
    """
    found: dict[int, None] = {}
    for other in against:
        theirs, chances = drawn_costs(other.report), dict[int, float]()
        cheaper = np.flatnonzero(np.all([frame[name] <= getattr(other.report, name) for name in COSTS], axis=0))
        for row in cheaper[np.lexsort((frame["edap"][cheaper], -frame["search_accuracy"][cheaper]))].tolist():
            ours = costs_of(row)
            chances[row] = float(np.all([ours[name] <= theirs[name] for name in COSTS], axis=0).mean())
            if chances[row] >= AIM:
                break
        if chances:
            found[max(chances, key=lambda row: chances[row])] = None
    return list(found)


def drawn_costs(report: Report) -> Draws:
    """What a design costs in every draw of the calibrations."""
    assert report.cost_inputs is not None
    return {name: draws[:, 0] for name, draws in cost_draws([report.cost_inputs.trees], COSTS, draws=DRAWS).items()}


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a winner became: the network that was trained through its chip, and the ADC bits that it needs by layer."""

    network: Network
    layer_bits: Mapping[str, int]


def tuned(network: Network, chip: str, overrides: Mapping[str, Any], size: Size) -> Tuned:
    """A winner's network trained again through its chip, from the float teacher, at its own bits.

    It learns at its recipe's T and runs at the winner's: those that learn two time-steps are worse at two.
    """
    own = network.model.metadata
    recipe = load_config(f"digits-w{own['weight_bits']}").model_dump(mode="json")
    recipe["quantization"] |= {"membrane_bits": own["membrane_bits"]}
    begin = 1 + size.epochs * 3 // 4  # the chip's errors act on what is nearly trained
    recipe["hardware"] = {"chip": chip, "overrides": dict(overrides), "start_epoch": begin}
    made = _trained(recipe, size.epochs, recipe["architecture"]["time_steps"])
    made = with_precision(made, time_steps=network.time_steps)
    seen, hardware = load_dataset("digits", "search", size.samples), load_hardware(chip, overrides)
    return Tuned(made, choose_adc_bits(made, hardware, seen, budget=LOSS, chips=size.chips, seed=1).after)


def refined(
    space: Space, frame: Frame, networks: Mapping[str, Network], against: Sequence[Held], data: Dataset, size: Size
) -> Iterator[Held]:
    """Every winner as it was found, then trained through its chip, then with fewer bits in ADCs that need fewer.

    Winners that compute the same, and differ in costs alone, are trained once.
    """
    made: dict[str, Tuned] = {}
    assert space.chip is not None
    chip = space.chip

    @cache
    def design(row: int) -> tuple[Network, Mapping[str, Any]]:
        source, steps = str(frame["network"][row]).partition(" ")[0], int(frame["network.time_steps"][row])
        network = networks[source] if source in networks else load_network(source)
        fields = {name: frame[name][row].item() for name in space.fields if not name.startswith("network")}
        return with_precision(network, time_steps=steps), fields

    @cache
    def costs_of(row: int) -> Draws:
        network, fields = design(row)
        return drawn_costs(cost(network, chip, overrides=fields))

    for row in winners(frame, against, costs_of):
        network, fields = design(row)
        hardware, key = load_hardware(chip, fields), str(frame["accuracy_key"][row])
        if key not in made:
            made[key] = tuned(network, chip, fields, size)
        own = made[key]
        at, label = hardware.crossbar, network.name.partition(" ")[0]
        name = f"{label}, T = {network.time_steps}, {at.rows} x {at.cols}, mux {at.mux}"
        yield held("searched", name, network, hardware, data, size)
        yield held("trained through its chip", name, own.network, hardware, data, size)
        fewer = load_hardware(hardware, {"adc.layer_bits": dict(own.layer_bits)})
        yield held("and ADC by layer", name, own.network, fewer, data, size)


def _trained(fields: dict[str, Any], epochs: int, time_steps: int) -> Network:
    fields["optimization"] |= {"epochs": epochs}
    fields["architecture"] |= {"time_steps": time_steps}
    recipe = TrainingConfig.model_validate(fields)
    return finish(fit(recipe)[0], recipe, "spikesim study co-design")


def dominations(
    designs: Sequence[Held], others: Sequence[Held], *, draws: int = DRAWS, seed: int = 0
) -> NDArray[np.bool_]:
    """(draws, designs, others): at least as accurate, and no more energy, latency or area.

    A draw takes samples and device instances with replacement, the same ones for all, and one calibration.
    """
    every = [*designs, *others]
    random, (chips, samples) = np.random.default_rng(seed), every[0].correct.shape
    by_chip = random.multinomial(chips, np.full(chips, 1 / chips), draws) / chips
    by_sample = random.multinomial(samples, np.full(samples, 1 / samples), draws) / samples
    right = [one.correct if len(one.correct) == chips else np.repeat(one.correct, chips, 0) for one in every]
    accuracy = np.stack([np.einsum("dc,cs,ds->d", by_chip, each, by_sample, optimize=True) for each in right], axis=1)
    inputs = [one.report.cost_inputs for one in every]
    drawn = cost_draws([each.trees for each in inputs if each], COSTS, draws=draws, seed=seed)
    split = len(designs)
    better = accuracy[:, :split, None] >= accuracy[:, None, split:] - 1e-12
    for values in drawn.values():
        better &= values[:, :split, None] <= values[:, None, split:]
    return better


def claims(designs: Sequence[Held], others: Sequence[Held], better: NDArray[np.bool_]) -> tuple[Claim, ...]:
    """One for each published design: how likely some design of the front dominates it, and which one does best."""
    made = []
    for index, other in enumerate(others):
        front = float(better[:, :, index].any(1).mean())
        single = better[:, :, index].mean(0)
        best = designs[int(single.argmax())]
        verdict: Verdict = "reproduced" if front >= AIM else "trend only" if front >= 0.5 else "not reproduced"
        less, points = other.report.edap / best.report.edap, 100 * (best.accuracy - other.accuracy)
        made.append(
            Claim(
                f"the front dominates: {other.name}",
                f"{other.accuracy:.2%}; aim: probability {AIM}",
                f"probability {front:.3f}; the best one alone {single.max():.3f}",
                verdict,
                f"best: {best.name} ({best.kind}): {less:.3g}x less EDAP, {points:+.2f} points",
            )
        )
    return tuple(made)


def figure(found: Sequence[Held], frame: Frame) -> str:
    """Accuracy against EDAP."""
    kinds = dict.fromkeys(one.kind for one in found)
    series = [Series("searched, all", frame["edap"].tolist(), frame["accuracy"].tolist(), False)]
    for kind in kinds:
        own = [one for one in found if one.kind == kind]
        series.append(Series(kind, [one.report.edap for one in own], [one.accuracy for one in own], False))
    return xy_chart(
        series, Axis("EDAP (J s mm²)", log=True), Axis("accuracy on the report split"), width=820, height=440
    )


def study(size: Size) -> Findings:
    """All of it, at one size."""
    data = load_dataset("digits", "report")
    networks = {one.label: one.network(size.epochs) for one in SETTINGS}
    others = published(networks, data, size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = {one.label: one for one in SETTINGS if one.quantization is not None}
        files = {label: folder / f"{label}.safetensors" for label in trained}
        for label, path in files.items():
            networks[label].save(path)
        space, frame = searched(files, folder, size)
    designs = list(refined(space, frame, networks, others, data, size))
    better = dominations(designs, others)
    chances = better.any(1).mean(0)
    rows = [one.row(None) for one in designs] + [one.row(float(p)) for one, p in zip(others, chances, strict=True)]
    notes = (
        "Searched jointly: bits of weights and membranes (by network), T, signs, bits per cell, rows, columns, columns "
        f"per ADC, ADC bits: {space.size} designs, {size.budget} accuracies measured on the search split. ADC bits by "
        "layer are chosen after training. Not searched: devices, node, clock, wires, placement, architecture.",
        "Published settings are on SpikeSim's organization with the same cells, errors and circuits; MINT and MD-SNN "
        "were published with other hardware, and MD-SNN's bits are assumed. Their networks are trained here, for "
        f"{size.epochs} epochs from {TEACHER}; SpikeSim's is digits-w4.",
        "To dominate: at least as accurate, and no more energy, latency and area. Probability over "
        f"{DRAWS} draws of {size.reported} device instances, {len(data)} samples and the calibrations of the costs.",
        "The digits are an easy task, and the only one with bundled data: what dominates here need not elsewhere.",
    )
    return Findings(tuple(rows), figure([*designs, *others], frame), claims(designs, others, better), notes)


STUDY = PaperStudy(
    name="co-design",
    about="bits, T, ADC and chip searched jointly and trained through the chip, against published settings",
    sources=(
        "SpikeSim (Moitra et al., TCAD 2023, arXiv 2210.12899), and its code at c2627bc",
        "MINT (Yin et al., ASP-DAC 2024, arXiv 2305.09850), abstract",
        "MD-SNN (DATE 2026, arXiv 2512.04443), abstract",
    ),
    run=lambda full: study(FULL if full else SHORT),
)
