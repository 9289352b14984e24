"""Designs held against each other: two chips in pairs, and one chip with its effects added one after the other."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._files import write_json
from .activity import LayerQuality
from .cost.band import CostInputs, Order, order
from .datasets import network_data
from .errors import InputError
from .evaluate import accuracy_key, check_run, measured_accuracy
from .hardware import Hardware, load_hardware
from .importers import load_network
from .network import Network, zoo
from .report import Accuracy, Report

if TYPE_CHECKING:
    from .inference import PairedDifference

#: effects in the order in which `degradation` adds them, each with the overrides that take it away; {} is a
#: section's default. With `device.ideal` only the last two are left.
EFFECTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (
        "read circuit",
        {
            "adc.capacitor_sigma": 0.0,
            "adc.comparator_sigma_lsb": 0.0,
            "adc.gain_sigma": 0.0,
            "adc.inl_lsb": 0.0,
            "adc.noise_lsb": 0.0,
            "device.read_model": "current",
        },
    ),
    ("on/off ratio", {"device.on_off_ratio": 1e15}),
    (
        "programming and faults",
        {
            "device.program_sigma": 0.0,
            "device.program": {},
            "device.mismatch_sigma": 0.0,
            "device.stuck_on_rate": 0.0,
            "device.stuck_off_rate": 0.0,
            "device.stuck_cluster_alpha": None,
        },
    ),
    ("aging", {"device.age_s": 0.0}),
    ("read noise", {"device.read": {}}),
    ("wires", {"wires": {}}),
    ("mitigation", {"mitigation": {}}),
)


@dataclass(frozen=True)
class Comparison:
    """Two chips that classified the same samples, instance by instance.

    Attributes:
        network, names: of the network and of the two chips.
        first, second: their accuracies.
        difference: accuracy of the first less that of the second, in pairs.
    """

    network: str
    names: tuple[str, str]
    first: Accuracy
    second: Accuracy
    difference: PairedDifference

    def to_json(self, path: str | Path) -> Path:
        """Write all of it as JSON; the file appears whole or not at all."""
        return write_json(path, asdict(self))


@dataclass(frozen=True)
class Stage:
    """One step of `degradation`.

    Attributes:
        name: the effect that this step adds; `float` for the network before it was quantized, `exact` for the
            quantized network itself, `ADC` for ideal devices.
        accuracy, accuracy_ci: with everything up to this effect, and its interval.
        change: this step's accuracy less the one before, in pairs; None for the first.
        quality: how exact each layer is; empty for `float` and `exact`.
    """

    name: str
    accuracy: float
    accuracy_ci: tuple[float, float]
    change: PairedDifference | None
    quality: Mapping[str, LayerQuality]


def compare(
    network: str | Path | Network,
    chip_a: str | Path | Hardware,
    chip_b: str | Path | Hardware,
    *,
    data: str = "digits",
    split: str = "report",
    samples: int | None = None,
    chips: int = 1,
    seed: int = 0,
) -> Comparison:
    """How much more accurate a network is on chip A than on chip B.

    Instance n of both has the same device errors, weight by weight, at any crossbar size: what they share cancels,
    and the interval of the difference is narrower than those of the two accuracies.

    Args:
        network: bundled name, file, or `Network`.
        chip_a, chip_b: bundled names, YAML files, or `Hardware`.
        data, split, samples, chips, seed: as in `evaluate`.

    Raises:
        InputError: one of the inputs cannot be used.
    """
    from .inference import PairedDifference, paired_difference, simulate

    net, designs = load_network(network), [load_hardware(chip_a), load_hardware(chip_b)]
    dataset = check_run(net, data=data, split=split, samples=samples, chips=chips, seed=seed)
    run: dict[str, Any] = {"data": dataset.key, "split": split, "samples": len(dataset), "chips": chips, "seed": seed}
    keys = [accuracy_key(net, design, **run) for design in designs]
    correct = [simulate(net, designs[0], dataset, chips=chips, seed=seed).correct] * 2
    difference = PairedDifference(0.0, (0.0, 0.0), 0.0, 0.0, 1.0)  # of one arithmetic with itself
    if keys[0] != keys[1]:
        correct[1] = simulate(net, designs[1], dataset, chips=chips, seed=seed).correct
        difference = paired_difference(*correct, seed=seed)
    first, second = (
        measured_accuracy(right, data=dataset.name, key=key, seed=seed)
        for right, key in zip(correct, keys, strict=True)
    )
    return Comparison(net.name, (designs[0].name, designs[1].name), first, second, difference)


def degradation(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    *,
    data: str = "digits",
    split: str = "report",
    samples: int | None = None,
    chips: int = 1,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    full_precision: Network | None = None,
) -> tuple[Stage, ...]:
    """What quantizing a network and each group of effects of a chip cost in accuracy, added one after the other.

    The first step is the float network, where it is known; then the quantized network in exact arithmetic, the chip
    with ideal devices, and every group of `EFFECTS` that the chip has. The last step is the chip itself: its accuracy
    is that of `evaluate`.

    Args:
        network, chip, data, split, samples, chips, seed, overrides: as in `evaluate`.
        full_precision: the float network that this one was quantized from, or that taught it; None takes the bundled
            one of the name that the network's description gives, if any (see `float_origin`).

    Raises:
        InputError: one of the inputs cannot be used, or the network is a float network, which runs on no crossbar.
    """
    from .inference import accuracy_interval, paired_difference, simulate
    from .inference.simulation import batch_size

    net, hardware = load_network(network), load_hardware(chip, overrides)
    dataset = check_run(net, data=data, split=split, samples=samples, chips=chips, seed=seed)
    before, stages = None, list[Stage]()
    for name, exact in (("float", full_precision or float_origin(net)), ("exact", net)):
        if exact is None:
            continue
        seen = dataset if exact is net else network_data(exact, data, split, samples)
        right = exact.run(seen.images, batch=batch_size(exact)).predictions == seen.labels
        right = np.repeat(right[None], chips, axis=0)
        change = None if before is None else paired_difference(right, before, seed=seed)
        stages.append(Stage(name, *accuracy_interval(right, seed=seed), change, {}))
        before = right
    assert before is not None
    for name, design in chain(hardware):
        result = simulate(net, design, dataset, chips=chips, seed=seed, quality=True)
        change = paired_difference(result.correct, before, seed=seed)
        stages.append(Stage(name, *accuracy_interval(result.correct, seed=seed), change, result.quality or {}))
        before = result.correct
    return tuple(stages)


def float_origin(network: Network) -> Network | None:
    """The bundled float network that a network was quantized from, or that taught it, if its description names one."""
    metadata = network.model.metadata
    recipe = metadata.get("recipe") or {}
    named = (metadata.get("quantized_from"), (recipe.get("distillation") or {}).get("teacher"))
    for name in named:
        if name in zoo():
            found = load_network(name)
            same = found.model.input.shape == network.model.input.shape
            return found if same and found.arithmetic == "float" else None
    return None


def chain(hardware: Hardware) -> Iterator[tuple[str, Hardware]]:
    """The chip with ideal devices and no wires, then with one more of the effects that it has; the last is itself."""
    effects = EFFECTS[-2:] if hardware.device.ideal else EFFECTS
    missing = [ChainMap(*(dict(off) for _, off in effects[index:])) for index in range(len(effects) + 1)]
    designs = [load_hardware(hardware, off) for off in missing]
    steps = [
        (name, after) for (name, _), (before, after) in zip(effects, pairwise(designs), strict=True) if before != after
    ]
    yield "ADC", load_hardware(designs[0], {"device.ideal": True}) if steps else hardware
    yield from steps


def cost_order(first: Report, second: Report, metric: str = "edap", *, draws: int = 1000, seed: int = 0) -> Order:
    """Which of two designs costs less, and whether that holds whatever calibration is right.

    Both are costed in the same draws of the calibrations: an error of the model that they share cancels. `Order.tied`
    says that neither costs less in 90 % of the draws.

    Args:
        first, second: reports.
        metric: `energy_pj`, `area_um2`, `latency_ns` or `edap`.
        draws, seed: of the calibrations.

    Raises:
        InputError: an unknown metric, no draws, or a report of the library spikesim_released.
    """
    return order(_inputs_of(first).trees, _inputs_of(second).trees, metric, draws=draws, seed=seed)


def _inputs_of(report: Report) -> CostInputs:
    if report.cost_inputs is None:
        raise InputError(
            f"report of {report.network} on {report.chip}: its library is one set of constants, as published; needs a "
            f"chip with cost.library = 'parametric'"
        )
    return report.cost_inputs
