"""What was active, and how exact each layer was: plain records that inference fills, and that noc and cost read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._arrays import Real, is_array
from .early_exit import ExitOperations
from .errors import InputError, did_you_mean

Origin = Literal["measured", "stored", "assumed", "given"]


@dataclass(frozen=True)
class LayerActivity:
    """Activity of one layer; of many designs at once where numbers are arrays.

    Attributes:
        rate: ones over (driven rows x planes x reads) at the layer's input; zeros of the padding count.
        idle_reads: share of (crossbar row block, read) pairs in which no row is active.
        clip_rate: share of ADC conversions that hit the end of the range; None if not measured.
        background: mean stored level over 2^cell_bits - 1 of the cells on active rows; None if not measured.
        output_rate: share of (unit, time-step) pairs in which the units behind the layer spike; None if not measured.
    """

    rate: Real
    idle_reads: Real | None = None
    clip_rate: float | None = None
    background: Real | None = None
    output_rate: Real | None = None


@dataclass(frozen=True)
class LayerQuality:
    """How far a layer on the chip is from the exact product of the same inputs.

    The inputs are those that the layer had on the chip, so that every number but `spike_mismatch` is the layer's
    own, whatever the layers before it did. Over several chips: all outputs together; `ir_loss` is their mean.

    Attributes:
        signal_rms: root mean square of the exact product, in whole numbers (the unit of the layer's sums).
        error_rms: root mean square of the chip's product less the exact one.
        bias: mean of the chip's product less the exact one.
        gain: slope of the regression line of the chip's product on the exact one; None if that is constant.
        own_mismatch: share of (unit, time-step) pairs in which the LIF units behind the layer spike otherwise
            than on the exact product of the same inputs; None where no LIF follows.
        spike_mismatch: the same against the exact network on the same images: errors of all layers so far.
        ir_loss: share of the active cells' current that the wires take; None without wires, and for gated cells,
            where it depends on which other rows are active.
        wire_error: bound of the error of any column current that the solver of the wires left, as a share of the
            largest; None without such a solution.
    """

    signal_rms: float
    error_rms: float
    bias: float
    gain: float | None
    own_mismatch: float | None
    spike_mismatch: float | None
    ir_loss: float | None = None
    wire_error: float | None = None

    @property
    def ser_db(self) -> float:
        """Signal-to-error ratio, ``20 log10(signal_rms / error_rms)``; infinite where there is no error."""
        if not self.error_rms:
            return math.inf
        return 20 * math.log10(self.signal_rms / self.error_rms) if self.signal_rms else -math.inf

    def to_dict(self) -> dict[str, Any]:
        """Plain data; an infinite ratio is None (`error_rms` or `signal_rms` is 0 then)."""
        ser = self.ser_db
        return {"ser_db": ser if math.isfinite(ser) else None, **asdict(self)}


@dataclass(frozen=True, eq=False)
class LayerSamples:
    """Activity of one layer in every sample: (samples,) float32 each, as in `LayerActivity`; None if not measured."""

    rate: NDArray[np.float32]
    idle_reads: NDArray[np.float32] | None = None
    output_rate: NDArray[np.float32] | None = None

    def items(self) -> list[tuple[str, NDArray[np.float32]]]:
        """What was measured, by name."""
        return [(name, values) for name, values in vars(self).items() if values is not None]


@dataclass(frozen=True, eq=False)
class Samples:
    """Activity of every sample by itself, in the order of the dataset.

    Attributes:
        steps: (samples,) time-steps that were run: T, or up to the early exit. Over several chips: their mean.
        layers: layer name to its rates over these time-steps; over several chips, over all their reads.
    """

    steps: NDArray[np.float64]
    layers: Mapping[str, LayerSamples]

    def to_dict(self) -> dict[str, Any]:
        """Mean and percentiles; the samples themselves stay in memory."""
        return {
            "steps": spread(self.steps),
            "layers": {
                layer: {name: spread(values) for name, values in seen.items()} for layer, seen in self.layers.items()
            },
        }


def spread(values: NDArray[Any]) -> dict[str, float]:
    """Mean, and 5th, 50th and 95th percentile (linear between samples)."""
    exact = np.asarray(values, np.float64)
    p5, p50, p95 = np.percentile(exact, (5, 50, 95)).tolist()
    return {"mean": float(exact.mean()), "p5": p5, "p50": p50, "p95": p95}


@dataclass(frozen=True)
class Activity:
    """Activity of a network: one record per layer, and where the numbers come from.

    Attributes:
        layers: layer name to its record.
        origin: `measured` (by inference), `stored` (in the network's file), `assumed` (the chip's default
            rate) or `given` (by the caller).
        samples: how many samples it was measured on; 0 if it was not.
        each: the same for every sample by itself, where it was measured and kept. Without early exit, `layers` are
            the means.
        exit: what is computed after every time-step to see whether an inference may end; None if nothing is.
    """

    layers: Mapping[str, LayerActivity]
    origin: Origin
    samples: int = 0
    exit: ExitOperations | None = None
    each: Samples | None = field(default=None, repr=False, compare=False)

    def means(self) -> dict[str, Any]:
        """Plain data, without what is known of every sample."""
        return {
            "origin": self.origin,
            "samples": self.samples,
            "layers": {name: asdict(record) for name, record in self.layers.items()},
        } | ({"exit": asdict(self.exit)} if self.exit else {})

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Activity:
        """The inverse of `means` and, but for the samples, of `to_dict`."""
        layers = {name: LayerActivity(**record) for name, record in data["layers"].items()}
        exit = ExitOperations(**data["exit"]) if data.get("exit") else None
        return Activity(layers, data["origin"], data["samples"], exit)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; of the samples, mean and percentiles."""
        return self.means() | ({"each": self.each.to_dict()} if self.each else {})

    def by_sample(self) -> Activity:
        """Records whose numbers are arrays (samples,); what is not known of every sample is the mean.

        Raises:
            ValueError: no sample was kept.
        """
        if self.each is None:
            raise ValueError("activity of single samples was not kept")
        own: dict[str, dict[str, Any]] = {
            layer: {name: values.astype(np.float64) for name, values in seen.items()}
            for layer, seen in self.each.layers.items()
        }
        return replace(
            self, layers={name: replace(record, **own[name]) for name, record in self.layers.items()}, each=None
        )


def of_design(activity: Activity, part: int | slice | NDArray[np.int64]) -> Activity:
    """The activity of one design (or sample), or of some, where numbers are arrays with one element each."""
    records = {
        layer: LayerActivity(**{key: value[part] if is_array(value) else value for key, value in vars(record).items()})
        for layer, record in activity.layers.items()
    }
    return replace(activity, layers=records)


def resolve_activity(
    given: Activity | float | Mapping[str, float] | None,
    layers: tuple[str, ...],
    stored: Mapping[str, float],
    assumed: Real,
) -> Activity:
    """The activity to cost with: what is given, else what the network stores, else an assumed rate.

    Args:
        given: a measured record, one rate for all layers, or {layer: rate}; rates from 0 to 1.
        layers: names of the network's layers.
        stored: rates in the network's description.
        assumed: the chip's `cost.assumed_activity`.

    Raises:
        InputError: a rate is out of range, or a layer is unknown or missing.
    """
    if isinstance(given, Activity):
        _check_layers(given.layers, layers)
        for name, record in given.layers.items():
            _check_rate(name, record.rate)
        return given
    if given is None:
        complete = all(name in stored for name in layers)
        rates = {name: stored[name] if complete else assumed for name in layers}
        return Activity(_records(rates), "stored" if complete else "assumed")
    rates = dict(given) if isinstance(given, Mapping) else dict.fromkeys(layers, given)
    _check_layers(rates, layers)
    for name, rate in rates.items():
        _check_rate(name, rate)
    return Activity(_records(rates), "given")


def _check_rate(name: str, rate: object) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise InputError(f"activity.{name} = {rate!r}: must be a number from 0 to 1")


def _records(rates: Mapping[str, Real]) -> dict[str, LayerActivity]:
    return {name: LayerActivity(rate if is_array(rate) else float(rate)) for name, rate in rates.items()}


def _check_layers(given: Mapping[str, Any], layers: tuple[str, ...]) -> None:
    for name in given:
        if name not in layers:
            raise InputError(
                f"activity.{name}: is not a layer{did_you_mean(name, layers)} (layers: {', '.join(layers)})"
            )
    for name in layers:
        if name not in given:
            raise InputError(f"activity.{name}: is missing (layers: {', '.join(layers)})")
