"""A network run on simulated chips: which samples are right, what was active, and how exact each layer was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..activity import Activity, LayerQuality
from ..crossbar import Engine, ProgrammedLayer, device_varies, program
from ..crossbar.adc import converters_vary
from ..crossbar.fluctuation import fluctuates
from ..datasets import Dataset, load_dataset
from ..early_exit import EarlyExit, fitted_scale, per_step
from ..errors import InputError
from ..hardware import Hardware
from ..hardware.device import ReadModel
from ..mapping import map_network
from ..mapping.digital import digital_layers
from ..network import Conv, Linear, Network, Readout, run
from ..network.executor import Product, exact_product
from .calibrate import ranged
from .quality import Errors, Meter
from .recalibrate import recalibrated, recalibration_images
from .steps import Steps
from .tally import DigitalTally, Share, Tally, layer_activity, layer_shares, mean_activity, samples_of
from .watch import Watch

#: what one batch may keep in memory: every node's output over all time-steps, 8 bytes each
_BATCH_BYTES = 64 * 2**20
#: called with the chip's number, a layer on crossbars, and the batch (reads, C, H, W) that it is about to read
Probe = Callable[[int, ProgrammedLayer, NDArray[Any]], None]


@dataclass(frozen=True)
class Simulation:
    """What `simulate` returns.

    Attributes:
        correct: (chips, samples) bool, whether the sample's largest output is its label; with early exit, the
            output at its exit.
        activity: measured on all chips. Its means are of all T time-steps; its samples end at their exits.
        quality: layer to how exact it was, on all chips; None if it was not asked for.
        correct_by_step: (chips, T, samples) bool, the same if every sample ended after this time-step.
        exit_steps: (chips, samples) time-steps that were run: T without early exit.
    """

    correct: NDArray[np.bool_]
    activity: Activity
    quality: Mapping[str, LayerQuality] | None
    correct_by_step: NDArray[np.bool_]
    exit_steps: NDArray[np.int64]


def simulate(
    network: Network,
    hardware: Hardware,
    dataset: Dataset,
    *,
    chips: int = 1,
    seed: int = 0,
    quality: bool = False,
    calibration: Dataset | None = None,
    engine: Engine = "auto",
    exit: EarlyExit | None = None,
    probe: Probe | None = None,
) -> Simulation:
    """Classify a dataset on `chips` device instances of a chip.

    Every product runs on the programmed crossbars, but for layers that are declared digital; neurons, pools and
    adds run in the network's own executor. A float network runs in the executor alone (crossbars hold integers).
    Where instances cannot differ, one is simulated and stands for all.

    Args:
        network: integer or float network.
        hardware: the chip.
        dataset: images that fit the network's input, and labels.
        chips: device instances, numbered from 0.
        seed: with its number, names a device instance.
        quality: also measure how exact each layer is; takes an exact run of the network beside each chip's, and
            changes nothing else.
        engine: how sums are formed, see `ProgrammedLayer.multiply`; whole cells give the same result in all of them.
        calibration: images on which a chip with `adc.range: percentile` and no full scales is calibrated first, and
            one with `mitigation.recalibrate` corrected (None: the split `calibration` of the dataset, by its name).
            A scale of `exit` that is not given is found on them, too.
        exit: where inferences end; None after T time-steps. The whole run is simulated, and cut afterwards.
        probe: sees what every layer on crossbars reads, in the dataset's order; changes nothing.

    Raises:
        InputError: `chips` is not positive; the network cannot be mapped or has no weights; the quality of a
            float network is asked for; an early exit of fewer than two classes.
    """
    if chips < 1:
        raise InputError(f"chips = {chips}: must be at least 1")
    if quality and network.arithmetic == "float":
        raise InputError(f"quality: float network {network.name!r} runs on no crossbar, so that no layer has errors")
    hardware = ranged(network, hardware, dataset, calibration)
    if exit:
        exit = scaled(exit, network, dataset, calibration)
    runs = chips if chip_varies(network, hardware) else 1
    images = recalibration_images(hardware, dataset, calibration)
    results = [
        _run_chip(
            network,
            hardware,
            dataset,
            images,
            seed=seed,
            chip=chip,
            quality=quality,
            engine=engine,
            exit=exit,
            probe=probe,
        )
        for chip in range(runs)
    ]
    by_step = np.repeat(np.stack([result.correct for result in results]), chips // runs, axis=0)
    steps = np.repeat(np.stack([result.steps for result in results]), chips // runs, axis=0)
    activity = mean_activity([result.activity for result in results])
    return Simulation(
        np.take_along_axis(by_step, steps[:, None] - 1, axis=1)[:, 0],
        replace(activity, each=samples_of([(result.steps, result.shares) for result in results])),
        {node.name: _quality(node.name, results) for node in network.layers} if quality else None,
        by_step,
        steps,
    )


def scaled(exit: EarlyExit, network: Network, dataset: Dataset, calibration: Dataset | None = None) -> EarlyExit:
    """The rule with a scale: its own, or the one that fits the exact network's answers on held-out images.

    Args:
        dataset: names the dataset ("digits/report"), whose split `calibration` is taken.
        calibration: images to take instead.
    """
    if exit.scale is not None:
        return exit
    images = load_dataset(dataset.name.partition("/")[0], "calibration") if calibration is None else calibration
    watch = Watch(network)
    run(network, images.images, observer=watch.observe, batch=batch_size(network))
    return replace(exit, scale=fitted_scale(_per_step(network, watch)[:, -1], images.labels))


def _per_step(network: Network, watch: Watch) -> NDArray[np.float64]:
    node = network.nodes[-1]
    assert isinstance(node, Readout)
    return per_step(watch.readouts, accumulated=node.mode != "last")


def chip_varies(network: Network, hardware: Hardware) -> bool:
    """Whether two device instances of this chip can differ: in their cells, their converters, or their noise."""
    if hardware.device.ideal or len(digital_layers(network, hardware)) == len(network.layers):
        return False
    noisy = fluctuates(hardware.device) or hardware.adc.noise_lsb or hardware.device.read_model is ReadModel.CHARGE
    return bool(noisy) or device_varies(hardware.device) or converters_vary(hardware)


@dataclass(frozen=True)
class _Run:
    """One chip.

    Attributes:
        correct: (T, samples) right answers after every time-step. steps: (samples,) time-steps that were run.
        activity: over all samples and time-steps. shares: layer to what each sample saw while it ran.
        errors, ir_loss, wire_error: per layer what `Meter` and the wires say.
    """

    correct: NDArray[np.bool_]
    steps: NDArray[np.int64]
    activity: Activity
    shares: Mapping[str, Mapping[str, Share]]
    errors: Mapping[str, Errors]
    ir_loss: Mapping[str, float | None]
    wire_error: Mapping[str, float | None]


def _quality(layer: str, runs: Sequence[_Run]) -> LayerQuality:
    losses = [loss for run in runs if (loss := run.ir_loss[layer]) is not None]
    bounds = [bound for run in runs if (bound := run.wire_error.get(layer)) is not None]
    errors = sum((run.errors[layer] for run in runs), Errors())
    return errors.quality(float(np.mean(losses)) if losses else None, max(bounds, default=None))


def _run_chip(
    network: Network,
    hardware: Hardware,
    dataset: Dataset,
    calibration: Dataset | None,
    *,
    seed: int,
    chip: int,
    quality: bool,
    engine: Engine,
    exit: EarlyExit | None,
    probe: Probe | None,
) -> _Run:
    digital, exact = digital_layers(network, hardware), exact_product(network)
    analog = [node.name for node in network.layers if node.name not in digital]
    mapping = map_network(network, hardware) if analog else None
    layers = {} if mapping is None else {name: program(mapping, name, seed=seed, chip=chip) for name in analog}
    if calibration is not None:
        layers = recalibrated(network, hardware, layers, calibration)
    tallies = {
        node.name: Tally(layers[node.name]) if node.name in layers else DigitalTally(network, node)
        for node in network.layers
    }
    order = Steps(network)

    def product(node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        tally, (first, every) = tallies[node.name], order.numbers(node.name, x)
        watched = isinstance(tally, DigitalTally) or probe is not None
        inputs = order.inputs(node.name, x) if watched else None
        if isinstance(tally, DigitalTally):
            if inputs is not None:
                tally.add(inputs)
            return exact(node, x)
        if probe is not None and inputs is not None:
            probe(chip, layers[node.name], inputs)
        values, reads = layers[node.name].multiply(
            x.flatten(0, 1).numpy(), first_read=first, every=every, engine=engine
        )
        if (seen := order.reads(node.name, reads, len(x))) is not None:
            tally.add(seen)
        return torch.from_numpy(values).reshape(*x.shape[:2], *values.shape[1:])

    meter, watch = Meter(network, product) if quality else None, Watch(network)
    _watched_run(network, dataset, product, meter, watch)
    answers, spikes = watch.readouts, watch.spikes
    steps = np.full(len(dataset), network.time_steps)
    if exit:
        steps = exit.steps(_per_step(network, watch))
    records = {name: layer_activity(network, name, tally, spikes) for name, tally in tallies.items()}
    return _Run(
        dataset.labels == answers.argmax(2).T,
        steps,
        Activity(records, "measured", len(dataset), exit.operations(network.classes) if exit else None),
        {name: layer_shares(network, name, tally, spikes, steps) for name, tally in tallies.items()},
        meter.errors if meter else {},
        {name: tally.ir_loss() for name, tally in tallies.items()},
        {name: layer.wire_error for name, layer in layers.items()},
    )


def _watched_run(network: Network, dataset: Dataset, product: Product, meter: Meter | None, watch: Watch) -> None:
    """Run all samples, watched."""

    def observe(name: str, value: torch.Tensor) -> None:
        watch.observe(name, value)
        if meter:
            meter.observe(name, value)

    size = batch_size(network)
    for start in range(0, max(1, len(dataset)), size):  # no samples are refused by `run`
        images = dataset.images[start : start + size]
        if meter:
            meter.begin(images)
        run(network, images, product=meter.product if meter else product, observer=observe, batch=size)


def batch_size(network: Network) -> int:
    """Samples that fit `_BATCH_BYTES`, 256 at most; no result depends on it."""
    per_sample = 8 * network.time_steps * sum(edge.size for edge in network.edges.values())
    return max(1, min(256, _BATCH_BYTES // per_sample))
