"""A graph of operations to a `Network`: float, validated, with its conventions in the metadata.

`Reading` says what an operation reads, and `Emitter`, its base, collects what the methods below make of it, in the
order of the schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import NetworkError
from ..network import Network, build
from .arrays import compact, expanded_kernel, flattened, is_number, per_part, same_padding
from .emit import ONE, Shape, Value
from .graph import Delay, Flatten, Graph, Identity, Input, Output, Pool, Scale, Unit, Values, Weights
from .reading import Reading, as_chw
from .semantics import Semantics
from .units import lowered_unit

_MAX_NODES = 5000


def lower(graph: Graph, semantics: Semantics, origin: str, source: str) -> Network:
    """The network of a graph; `source` names the format that it was read from.

    Raises:
        NetworkError: the graph cannot be a network: its shapes do not fit, or hardware has nothing for a part of it.
    """
    return _Lowering(graph, semantics, origin).network(source)


class _Lowering(Reading):
    """One method per kind of operation; each returns the value that it emits."""

    def network(self, source: str) -> Network:
        for name in self.plan.dropped:
            self.semantics.note(f"node {name!r} is left out: no path through it joins input and output")
        if len(self.plan.names) > _MAX_NODES:
            raise NetworkError(f"{self.origin}: has {len(self.plan.names)} nodes: must be at most {_MAX_NODES}")
        for name in self.plan.names:
            op = self.graph.nodes[name]
            self.values[name] = _LOWER[type(op)](self, name, op)
            self._arrived(name)
        self.nodes.sort(key=lambda node: node["op"] == "readout")  # a loop may end behind it, and it is the last
        options = self.semantics.options
        description = {
            "name": (options.name or self.graph.name)[:128] or "imported",
            "arithmetic": "float",
            "time_steps": self._time_steps(),
            "input": self._input_spec(),
            "nodes": self.nodes,
            "metadata": {"import": {"format": source} | self.semantics.record()},
        }
        return build(description, self.arrays, self.origin)

    def _time_steps(self) -> int:
        steps = self.semantics.options.time_steps or self.semantics.told.get("time_steps")
        if steps is None:
            steps = 16
            self.semantics.assume("time_steps", "the file does not say for how long it runs", steps)
        return int(steps)

    def _input_spec(self) -> dict[str, Any]:
        options, told = self.semantics.options, self.semantics.told
        coding = options.coding or told.get("coding") or "events"
        bits = options.input_bits or told.get("input_bits")
        if bits is None:
            bits = 8 if coding == "direct" else 1
            self.semantics.assume(
                "input_bits", "a file does not say how large its inputs are; events are clipped", bits
            )
        shape = self.values[next(n for n, op in self.graph.nodes.items() if isinstance(op, Input))].shape
        return {"shape": shape, "bits": bits, "coding": coding, "encoder": "every_step"}

    # operations ------------------------------------------------------------------------------------------------------

    def _input(self, name: str, op: Input) -> Value:
        shape = self.semantics.options.input_shape or op.shape or self._first_layer_shape(name)
        return Value("input", as_chw(shape))

    def _first_layer_shape(self, name: str) -> tuple[int, ...]:
        """The shape of an input that the file does not state: what the one layer that reads it takes."""
        for op in (self.graph.nodes[target] for target in self.readers.get(name, ())):
            if isinstance(op, Weights) and op.dims == 0:
                return (op.weight.shape[1],)
        raise NetworkError(f"{self.origin}: does not say the shape of its input: give input_shape, for example 2,34,34")

    def _output(self, name: str, op: Output) -> Value:
        value = self.settle(self._read(name))
        mode = self.semantics.options.readout or self.semantics.told.get("readout")
        if mode is None:
            mode = "spike_count" if value.spikes else "accumulate"
            self.semantics.note(f"readout = {mode}: the last node emits {'spikes' if value.spikes else 'numbers'}")
        self.emit(self.names[name], "readout", [value.node], mode=mode)
        return value

    def _identity(self, name: str, op: Identity) -> Value:
        return self._read(name)

    def _weights(self, name: str, op: Weights) -> Value:
        value = self._read(name)
        if op.dims == 0:
            return self._linear(name, op, value)
        return self._conv(name, op, value)

    def _linear(self, name: str, op: Weights, value: Value) -> Value:
        outputs, inputs = op.weight.shape
        if value.shape != (inputs, 1, 1):
            if int(np.prod(value.shape)) != inputs:
                raise self.error(name, f"its matrix {op.weight.shape} reads {inputs} values, but gets {value.shape}")
            self.semantics.note(f"node {name!r}: its input of shape {value.shape} is flattened")
            value = self._flat(f"{self.names[name]}_flat", value)
        weight, value = self._columns(op.weight, value, 1)
        made = self.emit(self.names[name], "linear", [value.node], in_features=inputs, out_features=outputs)
        self.arrays[f"{made}.weight"] = self._single(name, "weight", weight)
        return self._biased(name, op, made, (outputs, 1, 1))

    def _columns(self, weight: Values, value: Value, groups: int) -> tuple[Values, Value]:
        """Move the factor of what a layer reads into its columns; an offset needs a node of its own."""
        per_channel = value.factor.ndim == 0 or (groups == 1 and value.factor.shape[1:] == (1, 1))
        if not is_number(value.offset, 0) or not per_channel:
            return weight, self.settle(value)
        factor = value.factor.reshape(-1, *(1,) * (weight.ndim - 2)) if value.factor.ndim else value.factor
        return weight * factor, replace(value, factor=ONE)

    def _conv(self, name: str, op: Weights, value: Value) -> Value:
        weight = op.weight if op.dims == 2 else op.weight[:, :, None, :]
        stride, dilation = (_pair(sizes, op.dims, 1) for sizes in (op.stride, op.dilation))
        channels, *size = value.shape
        if weight.shape[1] * op.groups != channels:
            raise self.error(
                name,
                f"its kernel {op.weight.shape} with groups = {op.groups} reads "
                f"{weight.shape[1] * op.groups} channels, but gets {channels}",
            )
        weight = expanded_kernel(weight, dilation, tuple(size), lambda text: self.error(name, text))
        if dilation != (1, 1):
            self.semantics.note(f"node {name!r}: dilation {dilation} is written out: zeros between the taps")
        if op.padding == "same":
            weight, padding = same_padding(weight)
        else:
            padding = _pair(op.padding, op.dims, 0)
        out = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(size, padding, weight.shape[2:], stride, strict=True)]
        if min(out) < 1:
            raise self.error(name, f"its kernel {weight.shape[2:]} is larger than its padded input {tuple(size)}")
        weight, value = self._columns(weight, value, op.groups)
        made = self.emit(
            self.names[name],
            "conv",
            [value.node],
            in_channels=channels,
            out_channels=weight.shape[0],
            kernel=weight.shape[2:],
            stride=stride,
            padding=padding,
            groups=op.groups,
        )
        self.arrays[f"{made}.weight"] = self._single(name, "weight", weight)
        return self._biased(name, op, made, (weight.shape[0], out[0], out[1]))

    def _biased(self, name: str, op: Weights, made: str, shape: Shape) -> Value:
        if op.bias is None or is_number(op.bias, 0):
            return Value(made, shape)
        return Value(made, shape, offset=self.parameter(name, "bias", op.bias, shape))

    def _scale(self, name: str, op: Scale) -> Value:
        value = self._read(name)
        factor = self.parameter(name, "factor", op.factor, value.shape)
        offset = self.parameter(name, "offset", op.offset, value.shape)
        return replace(
            value,
            factor=compact(value.factor * factor, value.shape),
            offset=compact(value.offset * factor + offset, value.shape),
            spikes=False,
        )

    def _pool(self, name: str, op: Pool) -> Value:
        value = self._read(name)
        if (
            (value.factor.ndim == 3 and value.factor.shape[1:] != (1, 1))
            or value.offset.ndim == 3
            or (not is_number(value.offset, 0) and (any(op.padding) or op.kind != "max"))
            or (op.kind == "max" and not (value.factor > 0).all())
        ):
            value = self.settle(value)
        if op.kind == "max" and any(op.padding) and not self._never_negative(name):
            raise self.error(name, "padding: a maximum is padded with the least number: must be 0, or pool spikes")
        sizes = zip(value.shape[1:], op.kernel, op.stride, op.padding, strict=True)
        out = [(n + 2 * p - k) // s + 1 for n, k, s, p in sizes]
        if min(out) < 1:
            raise self.error(name, f"its window {op.kernel} is larger than its padded input {value.shape[1:]}")
        padding = {"padding": op.padding} if any(op.padding) else {}
        kind = "max" if op.kind == "max" else "sum"
        made = self.emit(
            self.names[name], "pool", [value.node], kind=kind, kernel=op.kernel, stride=op.stride, **padding
        )
        factor = value.factor / (op.kernel[0] * op.kernel[1]) if op.kind == "average" else value.factor
        return Value(made, (value.shape[0], out[0], out[1]), factor, value.offset)

    def _flatten(self, name: str, op: Flatten) -> Value:
        value = self._read(name)
        matrices = [
            isinstance(reader, Weights) and reader.dims == 0
            for reader in (self.graph.nodes[target] for target in self.readers.get(name, ()))
        ]
        partial = op.start not in (0, -3) or op.end not in (-1, 2)
        if partial and sum(n > 1 for n in value.shape) > 1:
            if not all(matrices):
                raise self.error(name, f"flattens dimensions {op.start} to {op.end} of {value.shape}: must be all")
            self.semantics.note(
                f"node {name!r}: start_dim = {op.start} counts the batch: all of {value.shape} is flattened"
            )
        return self._flat(self.names[name], value)

    def _flat(self, name: str, value: Value) -> Value:
        if value.shape[1:] == (1, 1):
            return value
        made = self.emit(name, "flatten", [value.node])
        try:
            factor, offset = (flattened(part, value.shape) for part in (value.factor, value.offset))
        except ValueError as error:
            raise self.error(name, f"flattens {value.shape}: {error}") from None
        return Value(made, (int(np.prod(value.shape)), 1, 1), factor, offset, value.spikes)

    def _delay(self, name: str, op: Delay) -> Value:
        sources = self.plan.reads[name]
        later = [source for source in sources if source not in self.values and (source, name) not in self.plan.late]
        if later and len(sources) > 1:
            raise self.error(name, f"delays the sum of {', '.join(map(repr, sources))}, of which a part comes later")
        value = self._later(sources[0], name) if later else self.settle(self._read(name))
        steps = self.parameter(name, "delay", np.asarray(op.steps, np.float64), value.shape)
        if int(steps.max()) == 0:
            return value
        made = self._before(self.names[name], later[0] if later else sources[0], value, int(steps.max()))
        if steps.ndim:
            self.keep(made, "steps", steps)
            self.arrays[f"{made}.steps"] = self.arrays[f"{made}.steps"].astype(np.int64)
        return replace(value, node=made)

    def _unit(self, name: str, op: Unit) -> Value:
        value = self._read(name)
        gain = op.gain if op.synapse is None else op.gain * op.synapse.gain
        gain = self.parameter(name, "gain", gain, value.shape)
        driven = replace(
            value, factor=compact(value.factor * gain, value.shape), offset=compact(value.offset * gain, value.shape)
        )
        driven = self.settle(driven, self.names[name] if driven.node == "input" else "")
        fields, arrays = lowered_unit(
            op, lambda key, part: self.parameter(name, key, part, value.shape), lambda text: self.error(name, text)
        )
        kind = fields.pop("op")
        made = self.emit(self.names[name], kind, [driven.node], **fields)
        for key, array in arrays.items():
            self.keep(made, key, array)
        hard = per_part(arrays, value.shape)
        if hard:
            self.semantics.note(f"node {name!r}: {', '.join(hard)} differ within a channel: one register per unit")
        return Value(made, value.shape, spikes=op.theta is not None)


def _pair(sizes: tuple[int, ...], dims: int, default: int) -> tuple[int, int]:
    """Sizes along height and width; one dimension is the width."""
    if not sizes:
        return (default, default)
    return (default, int(sizes[-1])) if dims == 1 else (int(sizes[0]), int(sizes[-1]))


_LOWER: dict[type, Callable[[_Lowering, str, Any], Value]] = {
    Input: _Lowering._input,
    Output: _Lowering._output,
    Identity: _Lowering._identity,
    Weights: _Lowering._weights,
    Scale: _Lowering._scale,
    Pool: _Lowering._pool,
    Flatten: _Lowering._flatten,
    Delay: _Lowering._delay,
    Unit: _Lowering._unit,
}
