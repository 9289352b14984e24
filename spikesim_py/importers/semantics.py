"""What a checkpoint cannot say: how its equations become time-steps.

A file of weights and time constants means as many networks as there are conventions: how a time constant becomes a
decay, what a spike leaves of the membrane, whether a membrane at its threshold spikes. `Options` is what the user says
of it, `CONVENTIONS` what the framework that wrote the file does; what neither says and the file cannot tell is
assumed, and the assumption is warned of and recorded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from ..errors import InputError, did_you_mean

Decay = Literal["euler", "exponential"]
Gain = Literal["tau", "unit"]
Reset = Literal["zero", "subtract", "none"]
Rest = Literal["zero", "leak", "reset"]
Order = Literal["leak_first", "input_first"]
Reads = Literal["updated", "previous"]
Coding = Literal["direct", "events"]
ReadoutMode = Literal["accumulate", "last", "spike_count"]
Fold = Literal["weights", "affine"]

#: what float32 makes of a ratio of 1
_FLOAT32 = 1e-6
#: spikes per time-step of a unit that may send as many as fit its membrane
MANY_SPIKES = 65535


class AssumedWarning(UserWarning):
    """An import had to assume what its file does not say; the message names the option that says it."""


@dataclass(frozen=True)
class Options:
    """What a user says of a checkpoint; None leaves it to the file, then to the convention.

    Attributes:
        convention: whose time-steps the file means (`CONVENTIONS`).
        dt: seconds per time-step.
        decay: how a time constant tau becomes a factor per step: `euler` 1 - dt / tau, `exponential` exp(-dt / tau).
        gain: what multiplies a unit's input: `tau`, r times (1 - factor), or `unit`, r alone.
        synapse_gain: the same of a synapse's input (w_in in the place of r).
        reset: what a spike leaves of the membrane: `zero` (v_reset), `subtract` (less the threshold), `none` (all).
        reset_delay: whether the reset comes one time-step later, after the decay (snnTorch).
        strict: whether a membrane must exceed its threshold (>), or may equal it (>=).
        max_spikes: spikes of a unit per time-step, at most.
        refractory: time-steps of silence after a spike.
        v_min: least membrane, in thresholds: -1 is the negative threshold.
        v_init: first membrane: `zero`, `leak` (v_leak) or `reset` (v_reset).
        synapse_order, synapse_reads: see `spikesim_py.network.units`.
        time_steps, coding, input_bits, input_shape: what enters, and how often.
        readout: how the answer is made of the last node's values.
        fold: what multiplies a layer's sums (normalization, dt / tau) goes into its `weights`, or stays an `affine`.
        name: of the network.
        architecture: YAML file that says which layers a file of named arrays belongs to (`state_dict`).
        beta, threshold: membrane left after a step, and threshold, of units whose file keeps neither.
        quantizer_bits: of SpikeSim's quantizer, which its training applies and its checkpoints have not.
    """

    convention: str | None = None
    dt: float | None = None
    decay: Decay | None = None
    gain: Gain | None = None
    synapse_gain: Gain | None = None
    reset: Reset | None = None
    reset_delay: bool | None = None
    strict: bool | None = None
    max_spikes: int | None = None
    refractory: int | None = None
    v_min: float | None = None
    v_init: Rest | None = None
    synapse_order: Order | None = None
    synapse_reads: Reads | None = None
    time_steps: int | None = None
    coding: Coding | None = None
    input_bits: int | None = None
    input_shape: tuple[int, ...] | None = None
    readout: ReadoutMode | None = None
    fold: Fold = "weights"
    name: str | None = None
    architecture: str | None = None
    beta: float | None = None
    threshold: float | None = None
    quantizer_bits: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in allowed:
                hint = did_you_mean(str(value), allowed)
                raise InputError(f"{name} = {value!r}: must be one of {', '.join(allowed)}{hint}")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and low <= value <= high):
                raise InputError(f"{name} = {value!r}: must be from {low:g} to {high:g}")
        shape = self.input_shape
        if shape is not None and not (1 <= len(shape) <= 3 and all(type(n) is int and 1 <= n <= 65536 for n in shape)):
            raise InputError(f"input_shape = {shape!r}: must be one to three sizes from 1 to 65536: (C, H, W)")


@dataclass(frozen=True)
class Convention:
    """How a framework steps through time, and where that is written."""

    source: str
    dt: float = 1e-4
    decay: Decay = "euler"
    gain: Gain = "tau"
    synapse_gain: Gain = "tau"
    reset: Reset = "zero"
    reset_delay: bool = False
    strict: bool = True
    max_spikes: int = 1
    refractory: int = 0
    v_min: float | None = None
    v_init: Rest = "zero"
    synapse_order: Order = "leak_first"
    synapse_reads: Reads = "updated"


#: how files of each framework are meant; `nir` is the equations of the format, stepped by Euler's rule
CONVENTIONS: Mapping[str, Convention] = {
    "nir": Convention(
        source="Pedersen et al. 2024, Neuromorphic intermediate representation, table 1: spike where v > v_threshold, "
        "then v = v_reset; the step of 0.1 ms is that of the snnTorch and SpikingJelly exporters"
    ),
    "norse": Convention(
        source="norse 1.1.0, torch/functional/lif_box.py, lif.py (current jumps by the whole input)",
        dt=1e-3,
        v_init="leak",
        synapse_gain="unit",
    ),
    "snntorch": Convention(
        source="snntorch 1.0.0, _neurons/leaky.py, synaptic.py, export_nir.py: the reset of a spike comes a step later",
        reset="subtract",
        reset_delay=True,
    ),
    "spikingjelly": Convention(
        source="spikingjelly 2.0.0, activation_based/functional/neuron.py, nir_exchange/to_nir.py",
        strict=False,
        v_init="reset",
    ),
    "sinabs": Convention(
        source="sinabs 3.1.3, layers/functional/lif.py, nir.py: time constants in time-steps, several spikes per step",
        dt=1.0,
        decay="exponential",
        gain="unit",
        reset="subtract",
        strict=False,
        max_spikes=MANY_SPIKES,
        synapse_order="input_first",
        synapse_gain="unit",
    ),
}

#: options that are one of a few names, and those that are numbers in a range
CHOICES: dict[str, tuple[str, ...]] = {
    "convention": tuple(CONVENTIONS),
    "decay": get_args(Decay),
    "gain": get_args(Gain),
    "synapse_gain": get_args(Gain),
    "reset": get_args(Reset),
    "v_init": get_args(Rest),
    "synapse_order": get_args(Order),
    "synapse_reads": get_args(Reads),
    "coding": get_args(Coding),
    "readout": get_args(ReadoutMode),
    "fold": get_args(Fold),
}
RANGES: dict[str, tuple[float, float]] = {
    "dt": (1e-9, 1e3),
    "max_spikes": (1, MANY_SPIKES),
    "refractory": (0, 255),
    "v_min": (-1e6, 0),
    "time_steps": (1, 10_000),
    "input_bits": (1, 16),
    "beta": (0, 1),
    "threshold": (1e-9, 2**30),
    "quantizer_bits": (2, 8),
}


@dataclass
class Semantics:
    """Options, the convention and what the file tells, in this order; keeps account of what was assumed."""

    options: Options
    convention: Convention
    told: dict[str, Any] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    by_unit: bool = False

    def __getattr__(self, name: str) -> Any:
        """The value of a field of `Convention`."""
        if name.startswith("_") or name not in _FIELDS:
            raise AttributeError(name)
        said = getattr(self.options, name)
        return said if said is not None else self.told.get(name, getattr(self.convention, name))

    def tell(self, name: str, value: Any, how: str) -> None:
        """What the file itself says of a field."""
        if getattr(self.options, name) is None:
            self.note(f"{name} = {value}: {how}")
        self.told[name] = value

    def open(self, name: str) -> bool:
        """Whether nobody has said it: neither user nor file, nor the user by naming a convention."""
        return getattr(self.options, name) is None and name not in self.told and self.options.convention is None

    def assume(self, name: str, why: str, value: Any = None) -> None:
        """Record an assumption about an option that is still open."""
        line = f"{name} = {getattr(self, name) if value is None else value} is assumed: {why}"
        if line not in self.assumed:
            self.assumed.append(line)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def factor(self, tau: Any) -> Any:
        """What is left of a membrane or a current after one step, by its time constant in seconds."""
        import numpy as np

        ratio = self.dt / np.asarray(tau, np.float64)
        if self.decay == "exponential":
            return np.exp(-ratio)
        left = 1 - ratio
        return np.where(np.abs(left) < _FLOAT32, 0.0, left)  # tau = dt, as float32 holds it

    def record(self) -> dict[str, Any]:
        """For the network's metadata: every choice, and which of them were assumed."""
        values = {name: getattr(self, name) for name in _FIELDS}
        kept = {name: value for name, value in values.items() if value is not None}
        return {
            "semantics": "of every unit, as its module states them" if self.by_unit else kept,
            "assumed": list(self.assumed),
            "notes": list(self.notes),
        }


#: where the name of an attribute begins in a docstring
_NAMED = 8
_FIELDS = tuple(f.name for f in fields(Convention) if f.name != "source")


def decays_differ(ratio: float) -> bool:
    """Whether Euler's factor and the exponential one differ by more than a thousandth, at dt / tau."""
    return abs(math.exp(-ratio) - (1 - ratio)) > 1e-3


def as_options(values: Mapping[str, Any]) -> Options:
    """`Options` of keywords; raises `InputError` for an unknown one."""
    known = [f.name for f in fields(Options)]
    for name in values:
        if name not in known:
            raise InputError(
                f"{name}: unknown option of an import{did_you_mean(name, known)} (known: {', '.join(known)})"
            )
    made = dict(values)
    if made.get("input_shape") is not None:
        made["input_shape"] = tuple(made["input_shape"])
    return Options(**made)


def about_options() -> dict[str, str]:
    """What each option means, as `Options` says it."""
    about: dict[str, str] = {}
    names: list[str] = []
    for line in (Options.__doc__ or "").partition("Attributes:")[2].splitlines():
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if text and indent <= _NAMED:
            listed, _, text = text.partition(": ")
            names = listed.split(", ")
            about |= dict.fromkeys(names, text)
        elif text:
            about |= {name: f"{about[name]} {text}" for name in names}
    return about


def said(options: Options) -> dict[str, Any]:
    """The options that were given: those that are not as they are by default."""
    default = Options()
    return {name: value for name, value in asdict(options).items() if value != getattr(default, name)}
