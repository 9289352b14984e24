"""Joins accuracy and cost into one `Report`. Follow `evaluate` to meet every room in order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import Real
from .activity import Activity, LayerQuality, resolve_activity
from .cost import CostResult, Programming, check_exit, cost_network, programming_cost
from .cost.band import CostInputs
from .datasets import Dataset, network_data, step_seconds
from .distribution import sample_costs
from .early_exit import EarlyExit, parse_exit
from .errors import InputError
from .hardware import Hardware, TapSum, hardware_fields, load_hardware
from .importers import load_network
from .mapping import map_network
from .network import Network, split_overrides, with_precision
from .report import Accuracy, Report

if TYPE_CHECKING:
    from .crossbar import Engine
    from .neurobench import NeuroBench

#: raised by one whenever a model changes its numbers: part of every key
MODEL_VERSION = 5


@dataclass(frozen=True)
class Measurement:
    """What was measured on simulated chips.

    Attributes:
        accuracy: at the end, or at the exits.
        activity: that was seen meanwhile.
        quality: of each layer, if that was asked for.
        accuracy_by_step: accuracy if every inference ended after this time-step.
        exit: where inferences end early; its scale is known.
        neurobench: NeuroBench's metrics on the same samples, if they were asked for.
    """

    accuracy: Accuracy
    activity: Activity
    quality: Mapping[str, LayerQuality] | None = None
    accuracy_by_step: tuple[float, ...] | None = None
    exit: EarlyExit | None = None
    neurobench: NeuroBench | None = None


def evaluate(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    *,
    data: str = "digits",
    split: str = "report",
    samples: int | None = None,
    chips: int = 1,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    quality: bool = False,
    engine: Engine = "auto",
    exit: EarlyExit | str | None = None,
    neurobench: bool = False,
) -> Report:
    """How accurate a network is on a chip, and what it costs.

    Args:
        network: bundled name, file, or `Network`.
        chip: bundled name, YAML file, or `Hardware`.
        data: dataset by name, with options, see `load_dataset`.
        split: which of its disjoint splits; results are reported on `report`.
        samples: images to classify (all of the split if None).
        chips: Monte-Carlo device instances; ideal devices need one.
        seed: of the device instances and of the bootstrap.
        overrides: dotted hardware fields, as in `load_hardware`, and `network.*` fields, as in `with_precision`.
        quality: also measure how exact each layer is (`Report.quality`); changes no other number.
        engine: how column sums are formed: `auto` takes the fastest; `bits` (counts bits), `rows` (adds rows), `real`
            (float32) or `reference` (plain NumPy) where the chip allows it. Whole cells give equal results in all.
        exit: end inferences early, e.g. `"entropy:0.3"` (see `parse_exit`). The accuracy is that at the exits, and
            `Report.energy_distribution` and `latency_distribution` are of what ran until then; every other number
            stays that of T time-steps.
        neurobench: also count what NeuroBench counts, on the same samples in exact arithmetic (`Report.neurobench`);
            changes no other number.

    Raises:
        InputError: one of the inputs cannot be used.
    """
    net, hardware = design(network, chip, overrides, data)
    measured = measure(
        net,
        hardware,
        data=data,
        split=split,
        samples=samples,
        chips=chips,
        seed=seed,
        quality=quality,
        engine=engine,
        exit=exit if exit is None or isinstance(exit, EarlyExit) else parse_exit(exit),
        neurobench=neurobench,
    )
    return assemble(net, hardware, measured)


def design(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    overrides: Mapping[str, Any] | None = None,
    data: str = "",
) -> tuple[Network, Hardware]:
    """Network and chip with their overrides; those of the network begin with `network.`.

    A checkpoint that tells no time-step has that of `data`, where this has one.
    """
    ours, rest = split_overrides(overrides or {})
    return with_precision(load_network(network, data_dt=step_seconds(data)), **ours), load_hardware(chip, rest)


def cost(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    *,
    activity: Activity | float | Mapping[str, float] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Report:
    """Energy, latency and area without data.

    Args:
        activity: a measured record, one rate for all layers, or {layer: rate}; None takes what the network
            stores, else the chip's `cost.assumed_activity`.
    """
    net, hardware = design(network, chip, overrides)
    names = tuple(node.name for node in net.layers)
    resolved = resolve_activity(activity, names, net.model.activity, hardware.cost.assumed_activity)
    return _report(net, hardware, resolved)


def measure(
    net: Network,
    hardware: Hardware,
    *,
    data: str,
    split: str,
    samples: int | None,
    chips: int,
    seed: int,
    quality: bool = False,
    engine: Engine = "auto",
    exit: EarlyExit | None = None,
    neurobench: bool = False,
) -> Measurement:
    """The accuracy of a network on simulated chips: the expensive half of `evaluate`."""
    from .inference import simulate
    from .inference.simulation import scaled
    from .neurobench import measured as count_operations

    dataset = check_run(net, data=data, split=split, samples=samples, chips=chips, seed=seed)
    if exit:
        if net.arithmetic != "float":
            check_exit(map_network(net, hardware))
        exit = scaled(exit, net, dataset)
    key = accuracy_key(
        net, hardware, data=dataset.key, split=split, samples=len(dataset), chips=chips, seed=seed, exit=exit
    )
    result = simulate(net, hardware, dataset, chips=chips, seed=seed, quality=quality, engine=engine, exit=exit)
    accuracy = measured_accuracy(result.correct, data=dataset.name, key=key, seed=seed)
    by_step = tuple(result.correct_by_step.mean((0, 2)).tolist())
    counted = count_operations(net, dataset.images, dataset.name) if neurobench else None
    return Measurement(accuracy, result.activity, result.quality, by_step, exit, counted)


def check_run(net: Network, *, data: str, split: str, samples: int | None, chips: int, seed: int) -> Dataset:
    """The samples to run; raises `InputError` where a count is none, or network and data do not fit."""
    for name, given, least in (("chips", chips, 1), ("seed", seed, 0), ("samples", samples, 1)):
        if given is None and name == "samples":
            continue
        if isinstance(given, bool) or not isinstance(given, int) or given < least:
            raise InputError(f"{name} = {given!r}: must be a whole number, at least {least}")
    dataset = network_data(net, data, split, samples)
    check_fits(net, dataset)
    return dataset


def measured_accuracy(correct: NDArray[np.bool_], *, data: str, key: str, seed: int) -> Accuracy:
    """The record of (chips, samples) right answers."""
    from .inference import accuracy_interval
    from .inference.paired import packed

    value, interval = accuracy_interval(correct, seed=seed)
    per_chip = tuple(float(chip) for chip in correct.mean(1))
    return Accuracy(value, interval, per_chip, correct.shape[1], data, key, seed, packed(correct))


def assemble(net: Network, hardware: Hardware, measured: Measurement) -> Report:
    """A report from a measurement: the cheap half of `evaluate`."""
    return _report(net, hardware, measured.activity, measured)


def _report(net: Network, hardware: Hardware, activity: Activity, measured: Measurement | None = None) -> Report:
    accuracy = measured.accuracy if measured else None
    result: CostResult = cost_network(net, hardware, activity)
    inputs = {
        "network": network_digest(net),
        "hardware": _canonical(hardware),
        "activity": activity.means(),  # whoever keeps the single samples has the same report, and more of it
        "accuracy_key": accuracy.key if accuracy else None,
        "model_version": MODEL_VERSION,
    }
    macs = result.macs
    ours = net.arithmetic == "float" or hardware.cost.library == "parametric"  # else one set, as published
    return Report(
        network=net.name,
        chip=hardware.name,
        hardware=hardware.model_dump(mode="json"),
        measured=accuracy,
        cost=result,
        activity=activity,
        macs=sum(macs.values()),
        synops=synops(net, macs, activity),
        time_steps=net.time_steps,
        report_hash=_digest(inputs),
        inputs=inputs,
        quality=measured.quality if measured else None,
        programming=_programming(net, hardware, result.interval_ns),
        accuracy_by_step=measured.accuracy_by_step if measured else None,
        exit=measured.exit if measured else None,
        sample_costs=partial(sample_costs, net, hardware, activity),
        cost_inputs=CostInputs(net, hardware, activity) if ours else None,
        imported=net.model.metadata.get("import"),
        neurobench=measured.neurobench if measured else None,
    )


def _programming(net: Network, hardware: Hardware, interval_ns: float) -> Programming | None:
    """What writing the network costs; None for digital designs and chips that do not say what a pulse costs."""
    device, parametric = hardware.device, hardware.cost.library == "parametric"
    if net.arithmetic == "float" or not parametric or device.write_energy_pj is None:
        return None
    mapping = map_network(net, hardware)
    pending = {name: np.ones(1) for name, plan in mapping.layers.items() if plan.crossbars}
    if hardware.mitigation.write_verify_tolerance is not None:
        from .crossbar.mitigation import pending_tries

        pending = {name: pending_tries(mapping, name) for name in pending}
    return programming_cost(mapping, pending, interval_ns)


def synops(net: Network, macs: Mapping[str, int], activity: Activity) -> Real:
    """One-bit products with an active input per inference: every one in an input value's digits meets every weight."""
    total = 0.0
    for name, count in macs.items():
        bits = net.edges[net.by_name[name].inputs[0]].bits
        total = total + count * activity.layers[name].rate * bits * (1 if net.runs_once(name) else net.time_steps)
    return total


def check_fits(net: Network, dataset: Dataset) -> int:
    """How many samples a network can be measured on; raises `InputError` where data and network do not fit."""
    if net.shape_only:
        raise InputError(
            f"network {net.name!r} is a shape-only workload: it has no accuracy; use cost() or `spikesim cost`"
        )
    shape, spec = dataset.images.shape[1:], net.model.input
    steps = (net.time_steps,) if spec.coding == "events" else ()
    if shape != (*steps, *spec.shape) or int(dataset.images.max()) >= 2**spec.bits:
        raise InputError(
            f"data {dataset.name!r} has images {shape} up to {dataset.images.max()}: network {net.name!r} "
            f"takes {(*steps, *spec.shape)} of {spec.bits} bits"
            + ("; images need a coding, such as digits:poisson" if steps and len(shape) == 3 else "")
            + (_shape_hint(net, shape[-3:]) or _data_hint(net, dataset))
        )
    return len(dataset)


def _data_hint(net: Network, dataset: Dataset) -> str:
    """The data that a network was trained on, where it says so."""
    own = str(net.model.metadata.get("dataset") or "")
    return f"; it was trained on {own}: data = {own!r}" if own and own != dataset.name.partition("/")[0] else ""


def _shape_hint(net: Network, shape: tuple[int, ...]) -> str:
    """How an imported network takes maps where it states vectors of as many numbers."""
    takes = net.model.input.shape
    if "import" not in net.model.metadata or shape == takes or np.prod(shape) != np.prod(takes):
        return ""
    return f"; import it with input_shape = {','.join(map(str, shape))}"


def accuracy_key(
    net: Network,
    hardware: Hardware,
    *,
    data: str,
    split: str,
    samples: int,
    chips: int,
    seed: int,
    exit: EarlyExit | None = None,
) -> str:
    """SHA-256 of everything that a measured accuracy depends on, in resolved form.

    Two chips whose crossbars cut a network's rows alike, and whose ADCs quantize alike, share a key.
    """
    from .inference import chip_varies

    varies = chip_varies(net, hardware)
    inputs = {
        "network": network_digest(net),
        "arithmetic": effective_arithmetic(net, hardware),
        "data": [data, split, samples],
        "chips": chips,
        "seed": seed if varies or chips > 1 else 0,
        "model_version": MODEL_VERSION,
    }
    return _digest(inputs | ({"exit": asdict(exit)} if exit else {}))


def effective_arithmetic(net: Network, hardware: Hardware) -> dict[str, Any]:
    """What of the chip reaches the arithmetic: row cuts, converter, sign scheme, device errors."""
    if net.arithmetic == "float":
        return {"digital": "float32"}
    from .crossbar.adc import converter_inputs
    from .crossbar.device import device_inputs
    from .crossbar.effective import readable_levels, wire_inputs
    from .crossbar.mitigation import mitigation_inputs

    device, rules = hardware.device, hardware.mapping
    layers = {
        name: "digital"
        if not plan.crossbars
        else {"rows": plan.max_rows, "blocks": plan.conversion_blocks, "adc": converter_inputs(plan, hardware)}
        for name, plan in map_network(net, hardware).layers.items()
    }
    limit = readable_levels(hardware)
    return {
        "layers": layers,
        "rows": rules.rows.value,
        "analog_tap_sum": rules.tap_sum is TapSum.ANALOG_SUM,
        "signs": rules.signs.value,
        "subtract": rules.subtract.value,
        "baseline": hardware.baseline.value,
        "device": device_inputs(device),
        "wires": wire_inputs(hardware),
        "mitigation": mitigation_inputs(hardware),
    } | ({} if limit is None else {"readable_levels": limit})


def design_key(net: Network, hardware: Hardware, measured_by: str) -> str:
    """SHA-256 of a design before it is evaluated: network, every field of the chip, and its accuracy key."""
    return _digest([network_digest(net), _canonical(hardware), measured_by])


@lru_cache(maxsize=64)
def network_digest(net: Network) -> str:
    """SHA-256 of a network's description (without name, metadata and stored activity) and arrays."""
    description = net.model.model_dump(mode="json", exclude={"name", "metadata", "activity"})
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(net.arrays):
        array = np.ascontiguousarray(net.arrays[name])
        kind = "<i8" if array.dtype.kind in "iu" else "<f8"
        digest.update(f"{name}{array.shape}".encode() + array.astype(kind).tobytes())
    return digest.hexdigest()


def _canonical(hardware: Hardware) -> dict[str, Any]:
    """Every field but names and prose, and which of them have a source (grades depend on it)."""
    values: dict[str, Any] = hardware.model_dump(mode="json")
    flat = {}
    for key, _ in hardware_fields():
        if key in ("name", "description"):
            continue
        part: Any = values
        for name in key.split("."):
            part = part[name]
        flat[key] = part
    flat["sourced"] = sorted(field for field in hardware.sources if hardware.is_sourced(field))
    if hardware.plugins:
        flat["plugins"] = hardware.plugins
    return flat


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


__all__ = [
    "MODEL_VERSION",
    "Measurement",
    "accuracy_key",
    "assemble",
    "check_fits",
    "check_run",
    "cost",
    "design_key",
    "effective_arithmetic",
    "evaluate",
    "measure",
    "measured_accuracy",
    "network_digest",
]
