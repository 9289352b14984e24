"""NIR's primitives in time-steps: what each node's equation becomes at a step and by the rules of the semantics.

Also what a file tells of its time-step, and which of its open questions matter for the units that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError
from .graph import Delay, Flatten, Input, Op, Output, Pool, Scale, Synapse, Unit, Values, Weights, number
from .hdf5 import Tree
from .semantics import Semantics, decays_differ

#: primitives with a membrane
_UNITS = {"I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"}
#: factors of an input that count as one: r dt of float32 files
_NEAR = 1e-3


class Fields:
    """The fields of one node, checked as they are asked for."""

    def __init__(self, path: Path, name: str, node: Tree | None) -> None:
        self.path, self.name, self.node = path, name, node or {}
        self.kind: str = self.node.get("type", "")

    def error(self, field: str, value: Any, rule: str) -> NetworkError:
        return NetworkError(f"{self.path}: node {self.name!r}: {field} = {value}: {rule}")

    def array(self, field: str, default: float | None = None, positive: bool = False) -> Values:
        """Finite numbers, float64."""
        value = self.node.get(field)
        if value is None and default is not None:
            return number(default)
        if not isinstance(value, np.ndarray) or not value.size:
            raise NetworkError(f"{self.path}: node {self.name!r}: {field}: is missing (numbers)")
        array = value.astype(np.float64)
        if not np.isfinite(array).all():
            raise self.error(field, float(array[~np.isfinite(array)].flat[0]), "must be finite")
        if positive and array.min() <= 0:
            raise self.error(field, float(array.min()), "must be positive")
        return array

    def whole(self, field: str, default: tuple[int, ...] | None, low: int, high: int = 65536) -> tuple[int, ...]:
        """A few whole numbers."""
        value = self.node.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, np.ndarray) or not 1 <= value.size <= 16:
            raise NetworkError(f"{self.path}: node {self.name!r}: {field}: must be one or a few whole numbers")
        flat = [float(n) for n in value.reshape(-1)]
        if any(n != int(n) if np.isfinite(n) else True for n in flat) or min(flat) < low or max(flat) > high:
            raise self.error(field, flat if len(flat) > 1 else flat[0], f"must be whole, from {low} to {high}")
        return tuple(int(n) for n in flat)

    def weight(self, dims: int) -> Values:
        weight = self.array("weight")
        if weight.ndim != dims + 2:
            raise self.error("weight", f"an array {weight.shape}", f"must have {dims + 2} dimensions")
        return weight


def infer_dt(nodes: Sequence[Fields], semantics: Semantics) -> None:
    """What a file tells of its time-step: exporters write r so that an input counts as it is, tau / dt or 1 / dt."""
    steps: list[float] = []
    for node in nodes:
        if node.kind in ("LIF", "CubaLIF"):
            tau = node.array("tau" if node.kind == "LIF" else "tau_mem", positive=True)
            r = node.array("r")
            step = (
                np.divide(tau, r, out=np.zeros(np.broadcast_shapes(tau.shape, r.shape)), where=r != 0)
                if tau.shape == r.shape or tau.ndim == 0 or r.ndim == 0
                else np.zeros(1)
            )
            steps.append(_uniform(step) if (r > 1).all() else 0.0)
        elif node.kind == "IF":
            r = node.array("r")
            steps.append(_uniform(1 / r) if (r > 1).all() else 0.0)
    taus = [node.array(name, positive=True).max() for node in nodes for name in ("tau", "tau_mem") if name in node.node]
    if taus and semantics.options.convention == "norse" and max(taus) < semantics.dt:
        semantics.tell("dt", semantics.dt**2, "norse 1.1 writes time constants times its time-step (norse issue 411)")
    told = [step for step in steps if step > 0]
    if told and max(told) - min(told) <= _NEAR * max(told) and 1e-9 <= told[0] <= 1:
        common, why = float(f"{told[0]:.4g}"), "its r makes an input count as it is at this time-step"
        unusual = semantics.open("dt") and abs(common - semantics.dt) > _NEAR * semantics.dt
        semantics.tell("dt", common, why)
        if unusual:  # or r is a resistance
            semantics.assume("dt", f"a file has no time-step, in s; {why}")


def _uniform(values: Values) -> float:
    middle = float(np.median(values))
    return middle if np.all(np.abs(values - middle) <= _NEAR * abs(middle)) else 0.0


def warn_open(nodes: Sequence[Fields], semantics: Semantics) -> None:
    """Assumptions that change what the network computes, for the units that are there."""
    kinds = {node.kind for node in nodes}
    spiking = kinds & {"IF", "LIF", "CubaLIF"}
    if spiking and semantics.open("reset"):
        semantics.assume(
            "reset",
            "a file holds v_reset, but exporters of networks that subtract write it too (the name of the framework, as "
            "convention, says this, and whether thresholds are strict and resets late)",
        )
    if spiking and semantics.open("max_spikes"):
        semantics.assume("max_spikes", "a file does not say whether units may spike several times per step")
    ratios = [
        semantics.dt / float(node.array(name, positive=True).min())
        for node in nodes
        for name in ("tau", "tau_mem", "tau_syn")
        if name in node.node
    ]
    if ratios and semantics.open("dt"):
        semantics.assume("dt", "a file has no time-step, in s")
    if semantics.open("decay") and any(decays_differ(ratio) for ratio in ratios):
        semantics.assume("decay", f"at dt / tau = {max(ratios):.3g} it differs from the other rule by more than 0.001")
    if "IF" in kinds and semantics.options.convention == "sinabs" and semantics.options.v_min is None:
        semantics.assume("v_min", "Sinabs keeps least membranes out of its files, and assumes -1 when it reads", "none")
    if semantics.options.convention == "sinabs" and kinds & {"LIF", "LI"} and semantics.options.gain is None:
        semantics.assume("gain", "Sinabs keeps norm_input, its default, out of its files: with it the gain is tau")
    starts = [node for node in nodes for name in ("v_leak", "v_reset") if name in node.node and node.array(name).any()]
    if starts and semantics.open("v_init"):
        semantics.assume("v_init", f"node {starts[0].name!r} leaks or resets to other potentials than zero")
    if kinds & _UNITS == {"IF"} and semantics.open("strict") and _whole(nodes):
        semantics.assume("strict", "weights and thresholds are whole numbers: membranes may equal their thresholds")
    if "CubaLIF" in kinds and semantics.open("synapse_reads"):
        semantics.assume("synapse_reads", "a file does not say whether a membrane sees this step's current")


def _whole(nodes: Sequence[Fields]) -> bool:
    """Whether all weights and thresholds are whole numbers."""
    arrays = [node.array(name) for node in nodes for name in ("weight", "v_threshold") if name in node.node]
    return all(bool((array == np.round(array)).all()) for array in arrays)


# what each primitive is in time-steps -----------------------------------------------------------------------------


def _input(node: Fields, semantics: Semantics) -> Op:
    if "shape" not in node.node:
        return Input(None)
    shape = node.whole("shape", None, 1)
    shape = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
    if len(shape) > 3:
        raise node.error("shape", shape, "must have one to three sizes: (N), (C, L) or (C, H, W)")
    return Input(shape)


def _affine(node: Fields, semantics: Semantics) -> Op:
    return Weights(node.weight(0), node.array("bias"))


def _linear(node: Fields, semantics: Semantics) -> Op:
    return Weights(node.weight(0))


def _convolution(dims: int) -> Callable[[Fields, Semantics], Op]:
    def read(node: Fields, semantics: Semantics) -> Op:
        padding = node.node.get("padding")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise node.error("padding", repr(padding), "must be sizes, 'same' or 'valid'")
            sizes: Any = "same" if padding == "same" else ()
        else:
            sizes = node.whole("padding", (0,), 0, 1024)
        stride = node.whole("stride", (1,), 1)
        if sizes == "same" and max(stride) > 1:
            raise node.error("stride", stride, "must be 1 with padding = 'same'")
        bias = node.array("bias") if "bias" in node.node else None
        return Weights(
            node.weight(dims), bias, stride, sizes, node.whole("dilation", (1,), 1), node.whole("groups", (1,), 1)[0]
        )

    return read


def _scale(node: Fields, semantics: Semantics) -> Op:
    return Scale(node.array("scale"))


def _pool(kind: Any) -> Callable[[Fields, Semantics], Op]:
    def read(node: Fields, semantics: Semantics) -> Op:
        kernel = node.whole("kernel_size", None, 1)
        stride = node.whole("stride", kernel, 1)
        padding = node.whole("padding", (0,), 0, 1024)
        pairs = [(sizes[0], sizes[-1]) for sizes in (kernel, stride, padding)]
        return Pool(kind, pairs[0], pairs[1], pairs[2])

    return read


def _flatten(node: Fields, semantics: Semantics) -> Op:
    start, end = node.whole("start_dim", (0,), -8, 8)[0], node.whole("end_dim", (-1,), -8, 8)[0]
    return Flatten(start, end)


def _delay(node: Fields, semantics: Semantics) -> Op:
    seconds = node.array("delay")
    if seconds.min() < 0:
        raise node.error("delay", float(seconds.min()), "must not be negative")
    steps = seconds / semantics.dt
    if steps.max() > 1024:
        raise node.error("delay", f"{seconds.max():g} s", f"must be at most 1024 time-steps of dt = {semantics.dt:g} s")
    rounded = np.round(steps).astype(np.int64)
    if np.abs(steps - rounded).max() > 0.01:
        semantics.note(f"node {node.name!r}: delays of {steps.max():.4g} time-steps are rounded to whole ones")
    if semantics.open("dt"):
        semantics.assume("dt", "a file has no time-step, in s")
    return Delay(rounded)


def _threshold(node: Fields, semantics: Semantics) -> Op:
    return Unit(number(0), theta=node.array("threshold"), reset="none", strict=semantics.strict)


def _step_gain(node: Fields, semantics: Semantics) -> Values:
    """What an integrator's input counts per step: r dt, or one where r is 1 or 1 / dt."""
    r = node.array("r")
    if np.all(np.abs(r * semantics.dt - 1) <= _NEAR):
        return number(1)
    if np.all(np.abs(r - 1) <= _NEAR):
        semantics.note(f"node {node.name!r}: r = 1 counts its input as it is, as Norse and Sinabs mean it")
        return number(1)
    return np.asarray(r * semantics.dt, np.float64)


def _gain(r: Values, factor: Values, rule: str) -> Values:
    """What an input counts per step: r (1 - factor), the exact solution of a constant input over one step."""
    gain = r if rule == "unit" else r * (1 - factor)
    return number(1) if np.all(np.abs(gain - 1) <= _NEAR * 1e-2) else np.asarray(gain, np.float64)


def _spiking(node: Fields, semantics: Semantics, factor: Values, gain: Values, **more: Any) -> Op:
    theta, v_reset = node.array("v_threshold"), node.array("v_reset", 0)
    v_leak = more.get("v_leak", number(0))
    rest = {"zero": number(0), "leak": v_leak, "reset": v_reset}[semantics.v_init]
    v_min = None if semantics.v_min is None else semantics.v_min * theta
    return Unit(
        factor,
        gain,
        theta,
        v_reset=v_reset,
        v_init=rest,
        v_min=v_min,
        reset=semantics.reset,
        reset_delay=_late(semantics, "synapse" in more),
        strict=semantics.strict,
        max_spikes=semantics.max_spikes,
        refractory=semantics.refractory,
        **more,
    )


def _late(semantics: Semantics, synapse: bool) -> bool:
    """Whether a reset comes a step late; snnTorch's `Leaky` empties its membrane before the next input, so that its
    reset to zero does not, unless it is said to."""
    said = semantics.options.reset_delay is not None or "reset_delay" in semantics.told
    return semantics.reset_delay and semantics.reset != "none" and (said or synapse or semantics.reset != "zero")


def _if(node: Fields, semantics: Semantics) -> Op:
    return _spiking(node, semantics, number(1), _step_gain(node, semantics))


def _lif(node: Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau", positive=True))
    gain = _gain(node.array("r"), factor, semantics.gain)
    return _spiking(node, semantics, factor, gain, v_leak=node.array("v_leak", 0))


def _synapse(node: Fields, semantics: Semantics) -> Synapse:
    factor = semantics.factor(node.array("tau_syn", positive=True))
    gain = _gain(node.array("w_in", 1), factor, semantics.synapse_gain)
    return Synapse(factor, gain, semantics.synapse_order, semantics.synapse_reads)


def _cuba_lif(node: Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau_mem", positive=True))
    gain = _gain(node.array("r"), factor, semantics.gain)
    synapse = _synapse(node, semantics)
    return _spiking(node, semantics, factor, gain, v_leak=node.array("v_leak", 0), synapse=synapse)


def _li(node: Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau", positive=True))
    v_leak = node.array("v_leak", 0)
    start = v_leak if semantics.v_init == "leak" else number(0)
    return Unit(factor, _gain(node.array("r"), factor, semantics.gain), v_leak=v_leak, v_init=start)


def _cuba_li(node: Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau_mem", positive=True))
    v_leak = node.array("v_leak", 0)
    start = v_leak if semantics.v_init == "leak" else number(0)
    gain = _gain(node.array("r"), factor, semantics.gain)
    return Unit(factor, gain, v_leak=v_leak, v_init=start, synapse=_synapse(node, semantics))


def _integrator(node: Fields, semantics: Semantics) -> Op:
    return Unit(number(1), _step_gain(node, semantics))


PRIMITIVES: dict[str, Callable[[Fields, Semantics], Op]] = {
    "Input": _input,
    "Output": lambda node, semantics: Output(),
    "Affine": _affine,
    "Linear": _linear,
    "Scale": _scale,
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "Flatten": _flatten,
    "AvgPool2d": _pool("average"),
    "SumPool2d": _pool("sum"),
    "Delay": _delay,
    "Threshold": _threshold,
    "I": _integrator,
    "IF": _if,
    "LI": _li,
    "LIF": _lif,
    "CubaLI": _cuba_li,
    "CubaLIF": _cuba_lif,
}
