"""Float networks of any units to integer ones, after training, with or without calibration samples.

Weights get a scale per output channel (or one per layer), chosen so that they lose least. Where units forget (leaks,
synapses), or biases are corrected, an affine takes sums to the units' own fine steps; plain integrators keep the sums,
and scales become thresholds per channel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NetworkError
from .build import build
from .calibrate import Seen, observe
from .model import Add, Affine, Conv, Delay, Flatten, Linear, Network, Pool, Readout
from .quantize import quantize_weights
from .rounding import best_scales, compensated, rounded
from .units import Li, Lif

#: bits of the largest multiplier of an affine, and its most fraction bits
_MULTIPLIER_BITS, _MOST_SHIFT = 15, 24
_LEAK_SHIFT = 12
_STEP_BITS = 12
_Floats = NDArray[np.float64]
_ONE = np.ones(1)


def quantize_network(
    network: Network,
    weight_bits: int | Mapping[str, int],
    *,
    per_channel: bool = True,
    calibration: Any = None,
    bias_correction: bool = True,
    membrane_error: bool = False,
    membrane_bits: int = 16,
    name: str | None = None,
) -> Network:
    """An integer network with `weight_bits`-bit weights (1 to 8) from a float one.

    Args:
        weight_bits: of all layers, or {layer: bits} of every layer.
        per_channel: a scale per output channel; else one per layer.
        calibration: samples as `run` takes them; needed by the next two, which without it do nothing or are refused.
        bias_correction: add to each channel what its rounded weights lose of the mean sum.
        membrane_error: round weights so that membranes err least (slow: a matrix of (rows, rows) per layer).
        membrane_bits: of units behind an affine (4 to 32); plain integrators hold sums, in 32.

    Raises:
        NetworkError: the network is not float, or has no weights. InputError: a wrong option.
    """
    if network.arithmetic != "float" or network.shape_only:
        raise NetworkError(f"network {network.name!r}: only float networks with weights quantize")
    layers = [node.name for node in network.layers]
    widths = dict(weight_bits) if isinstance(weight_bits, Mapping) else dict.fromkeys(layers, weight_bits)
    if sorted(widths) != sorted(layers):
        raise InputError(f"weight_bits = {widths}: must name every layer (layers: {', '.join(layers)})")
    if any(isinstance(bits, bool) or not 1 <= bits <= 8 for bits in widths.values()):
        raise InputError(f"weight_bits = {weight_bits}: must be from 1 to 8")
    if not 4 <= membrane_bits <= 32:
        raise InputError(f"membrane_bits = {membrane_bits}: must be from 4 to 32")
    if membrane_error and (calibration is None or 1 in widths.values()):
        raise InputError("membrane_error = True: needs calibration samples, and weight_bits of at least 2")
    seen = {} if calibration is None else observe(network, calibration, membrane_error)
    made = _Quantizer(network, widths, per_channel, seen if bias_correction or membrane_error else {})
    made.correct, made.membrane_bits = bias_correction, membrane_bits
    for node in network.nodes:
        made.node(node)
    model = network.model.model_dump(mode="python")
    options = {
        "per_channel": per_channel,
        "calibrated": calibration is not None,
        "bias_correction": bias_correction and calibration is not None,
        "membrane_error": membrane_error,
    }
    model |= {
        "arithmetic": "integer",
        "nodes": made.nodes,
        "name": name or f"{network.name}-w{weight_bits if isinstance(weight_bits, int) else 'mixed'}"[:128],
        "activity": {},
        "metadata": network.model.metadata
        | {"quantized_from": network.name, "weight_bits": widths if isinstance(weight_bits, Mapping) else weight_bits}
        | options,
    }
    return build(model, made.arrays, f"quantize_network({network.name!r})")


class _Quantizer:
    """Node after node; `scales` say what one of an edge's integers is worth, per channel or for all."""

    def __init__(self, network: Network, bits: Mapping[str, int], per_channel: bool, seen: dict[str, Seen]) -> None:
        self.network, self.bits, self.per_channel, self.seen = network, bits, per_channel, seen
        self.correct, self.membrane_bits = True, 16
        self.scales: dict[str, _Floats] = {"input": _ONE}
        self.biases: dict[str, _Floats] = {}
        self.awaited: dict[str, list[dict[str, Any]]] = {}
        self.renamed: dict[str, str] = {"input": "input"}
        self.nodes: list[dict[str, Any]] = []
        self.arrays: dict[str, NDArray[Any]] = {}

    def node(self, node: Any) -> None:
        fields: dict[str, Any] = node.model_dump(mode="python")
        fields["inputs"] = [self.renamed.get(source, source) for source in node.inputs]
        self.renamed[node.name] = node.name
        if isinstance(node, Conv | Linear):
            self._layer(node, fields)
        elif isinstance(node, Affine):
            self._affine(node, fields)
        elif isinstance(node, Lif | Li):
            self._unit(node, fields)
        elif isinstance(node, Add):
            self._add(node, fields)
        elif isinstance(node, Readout):
            self._common_scale(node.inputs[0], fields, 0)
        elif isinstance(node, Pool | Flatten | Delay):
            self._passing(node, fields)
        else:
            raise NetworkError(f"node {node.name!r}: {node.op}: is not quantized after training")
        self.nodes.append(fields)
        for delay in self.awaited.pop(node.name, ()):
            self._rescaled(node.name, float(self.scales[delay["name"]][0]), delay["inputs"], 0)

    def _passing(self, node: Pool | Flatten | Delay, fields: dict[str, Any]) -> None:
        """Nodes that leave a scale as it is, or spread it."""
        source = node.inputs[0]
        scale = self.scales.get(source, _ONE)
        later = self.network.by_name.get(source) if source not in self.scales else None
        if later is not None and not isinstance(later, Lif):  # sums of a loop: in steps of the unit that they drive
            self.awaited.setdefault(source, []).append(fields)
            scale = np.array([self._unit_of(node.name)])
        if isinstance(node, Pool) and node.kind == "average":
            fields["kind"] = "sum"
            scale = scale / (node.kernel[0] * node.kernel[1])
        if isinstance(node, Flatten) and len(scale) > 1:
            scale = np.repeat(scale, self.network.edges[source].size // len(scale))
        if f"{node.name}.steps" in self.network.arrays:
            self.arrays[f"{node.name}.steps"] = self.network.arrays[f"{node.name}.steps"].astype(np.int64)
        self.scales[node.name] = scale
        if source in self.biases:
            self._common_scale(source, fields, 0)
            self.scales[node.name] = self.scales[fields["inputs"][0]]

    def _layer(self, node: Conv | Linear, fields: dict[str, Any]) -> None:
        source = node.inputs[0]
        weight = self.network.weight(node.name).astype(np.float64)
        scale = self.scales[source]
        if source in self.biases or (len(scale) > 1 and getattr(node, "groups", 1) > 1):
            scale = self._common_scale(source, fields, 0)
        real = weight * (scale.reshape(-1, *(1,) * (weight.ndim - 2)) if len(scale) > 1 else scale)
        integers, scales = self._integers(node, real)
        self.arrays[f"{node.name}.weight"] = integers
        self.scales[node.name] = scales
        fields["weight_bits"] = self.bits[node.name]
        seen = self.seen.get(node.name)
        if seen is not None and self.correct:
            shape = (-1, *(1,) * (weight.ndim - 1))
            lost = weight - integers * scales.reshape(shape) / (
                scale.reshape(-1, *(1,) * (weight.ndim - 2)) if len(scale) > 1 else scale
            )
            bias = _mean_sum(node, lost, seen.mean)
            if np.abs(bias / scales).max() > 1e-6:
                self.biases[node.name] = bias

    def _integers(self, node: Conv | Linear, weight: _Floats) -> tuple[NDArray[np.int64], _Floats]:
        bits = self.bits[node.name]
        if bits == 1:
            signs, scale = quantize_weights(weight, 1)
            return signs.astype(np.int64), np.full(len(weight) if self.per_channel else 1, scale)
        scales = best_scales(weight, bits, self.per_channel)
        seen = self.seen.get(node.name)
        if seen is not None and seen.moment is not None:
            integers = compensated(weight, scales, bits, seen.moment)
        else:
            integers = rounded(weight, scales, bits)
        return integers, scales if self.per_channel else scales[:1]

    def _affine(self, node: Affine, fields: dict[str, Any]) -> None:
        source = node.inputs[0]
        multiplier, bias = (
            self.network.arrays[f"{node.name}.{key}"].astype(np.float64) for key in ("multiplier", "bias")
        )
        unit = self._unit_of(node.name)
        scale = _broad(self.scales[source], multiplier)
        if source in self.biases:
            bias = bias + multiplier * _broad(self.biases.pop(source), multiplier)
        fields["shift"] = self._write_affine(node.name, multiplier * scale, bias, unit)
        self.scales[node.name] = np.array([unit])

    def _write_affine(self, name: str, multiplier: _Floats, bias: _Floats, unit: float) -> int:
        """The arrays of an affine, and its shift: as many fraction bits as its multipliers have room for."""
        largest = float(np.abs(multiplier).max()) / unit
        shift = _MOST_SHIFT if not largest else min(_MOST_SHIFT, max(0, _MULTIPLIER_BITS - math.frexp(largest)[1]))
        room = 31 - math.frexp(float(np.abs(bias).max()) / unit + 1)[1]
        shift = max(0, min(shift, room))
        factor, half = 2.0**shift / unit, 2.0**shift / 2
        multiplier, bias = np.broadcast_arrays(np.atleast_1d(multiplier), np.atleast_1d(bias))
        self.arrays[f"{name}.multiplier"] = np.round(multiplier * factor).astype(np.int64)
        self.arrays[f"{name}.bias"] = np.floor(bias * factor + half).astype(np.int64)
        return shift

    def _rescaled(self, source: str, unit: float, inputs: list[str], place: int) -> None:
        """An affine of its own that takes a node's output to steps of `unit`, where it has others."""
        if self.scales[source].tolist() == [unit] and source not in self.biases:
            return
        name, count = f"{source}_steps"[:60], 1
        while name in self.scales and self.scales[name][0] != unit:
            name, count = f"{source}_steps"[:60] + str(count + 1), count + 1
        if name not in self.scales:
            bias = self.biases.get(source, np.zeros(1))
            shift = self._write_affine(name, self.scales[source], bias, unit)
            self.nodes.append({"op": "affine", "name": name, "inputs": [self.renamed[source]], "shift": shift})
            self.scales[name] = np.array([unit])
        inputs[place] = name

    def _common_scale(self, source: str, fields: dict[str, Any], place: int) -> _Floats:
        """One scale for all channels, without a bias to come: what does not know units needs it."""
        scale = self.scales.get(source, _ONE)
        if (len(scale) > 1 and (scale != scale[0]).any()) or source in self.biases:
            self._rescaled(source, float(scale.min()) / 2**4, fields["inputs"], place)
            return self.scales[fields["inputs"][place]]
        return scale[:1]

    def _add(self, node: Add, fields: dict[str, Any]) -> None:
        scales = [self.scales.get(source, _ONE) for source in node.inputs]
        alike = all(len(s) == 1 and s[0] == scales[0][0] for s in scales)
        if alike and not any(source in self.biases for source in node.inputs):
            self.scales[node.name] = scales[0]
            return
        unit = self._unit_of(node.name)
        for place, source in enumerate(node.inputs):
            self._rescaled(source, unit, fields["inputs"], place)
        self.scales[node.name] = np.array([unit])

    def _unit_of(self, name: str) -> float:
        """The step of the membranes that a node drives: a quarter of their range holds the least threshold."""
        for _ in range(8):
            node = next(
                (node for node in self.network.nodes if name in node.inputs and not isinstance(node, Delay)), None
            )
            if isinstance(node, Lif):
                return self._step(node)
            if node is None or isinstance(node, Li):
                break
            name = node.name
        return 2.0**-_STEP_BITS

    def _step(self, node: Lif) -> float:
        return float(self.network.arrays[f"{node.name}.theta"].min()) / 2.0 ** (self.membrane_bits - 3)

    def _unit(self, node: Lif | Li, fields: dict[str, Any]) -> None:
        source = node.inputs[0]
        leaks = node.leak.multiplier != 1 or f"{node.name}.leak" in self.network.arrays or node.synapse is not None
        step = self._step(node) if isinstance(node, Lif) else 2.0**-_STEP_BITS
        fields["membrane_bits"] = 32 if isinstance(node, Li) else self.membrane_bits
        if leaks or source in self.biases or isinstance(node, Li):
            self._rescaled(source, step, fields["inputs"], 0)
            scale = np.array([step])
        else:
            scale = self.scales[source]
            fields["membrane_bits"] = 32  # plain integrators hold sums as they come
        self.scales[node.name] = _ONE if isinstance(node, Lif) else scale
        self._decays(node, fields)
        self._potentials(node, fields, scale)

    def _decays(self, node: Lif | Li, fields: dict[str, Any]) -> None:
        fields["leak"] = self._decay(f"{node.name}.leak", node.leak.multiplier)
        if node.synapse is not None:
            fields["synapse"] |= {"leak": self._decay(f"{node.name}.synapse", node.synapse.leak.multiplier), "bits": 32}

    def _decay(self, array: str, multiplier: float) -> dict[str, Any]:
        held = self.network.arrays.get(array)
        if held is not None:
            self.arrays[array] = np.round(held.astype(np.float64) * 2**_LEAK_SHIFT).astype(np.int64)
            return {"multiplier": 1, "shift": _LEAK_SHIFT, "rounding": "nearest"}
        if multiplier == int(multiplier):
            return {"multiplier": multiplier, "shift": 0}
        return {"multiplier": round(multiplier * 2**_LEAK_SHIFT), "shift": _LEAK_SHIFT, "rounding": "nearest"}

    def _potentials(self, node: Lif | Li, fields: dict[str, Any], scale: _Floats) -> None:
        """Thresholds and potentials in steps of the membrane."""
        if isinstance(node, Lif):
            theta = self._in_steps(self.network.arrays[f"{node.name}.theta"], scale)
            whole = np.floor(theta + 1e-9) if node.strict else np.ceil(theta - 1e-9)
            self.arrays[f"{node.name}.theta"] = np.maximum(whole, 1).astype(np.int64)
        for key in ("v_leak", "v_reset", "v_min", "v_init"):
            held, value = self.network.arrays.get(f"{node.name}.{key}"), getattr(node, key, None)
            if held is None and not value:
                continue
            numbers = np.atleast_1d(np.asarray(value or 0 if held is None else held, np.float64))
            steps = np.round(self._in_steps(numbers, scale))
            if held is not None or len(scale) > 1:
                self.arrays[f"{node.name}.{key}"] = steps.astype(np.int64)
                fields.pop(key, None)
            else:
                fields[key] = float(steps.reshape(-1)[0])

    @staticmethod
    def _in_steps(values: NDArray[Any], scale: _Floats) -> _Floats:
        return np.asarray(values.astype(np.float64) / _broad(scale, values))


def _broad(scale: _Floats, like: NDArray[Any]) -> _Floats:
    """A scale per channel, in the shape that it needs beside an array per channel or per unit."""
    return scale.reshape(-1, 1, 1) if len(scale) > 1 and like.ndim == 3 else scale


def _mean_sum(node: Conv | Linear, weight: _Floats, mean: _Floats) -> _Floats:
    """Per output channel, the mean of ``weight . x`` over positions, for inputs of that mean."""
    import torch
    import torch.nn.functional as F

    x, kernel = torch.from_numpy(mean)[None], torch.from_numpy(weight)
    if isinstance(node, Linear):
        return np.asarray(F.linear(x.flatten(1), kernel)[0].numpy())
    out = F.conv2d(x, kernel, None, node.stride, node.padding, 1, node.groups)
    return np.asarray(out.mean((0, 2, 3)).numpy())
