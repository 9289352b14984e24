"""Checks a description against its arrays, infers every edge's shape and range, and makes a `Network`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ..errors import NetworkError, did_you_mean
from .model import (
    MATRIX_OPS,
    RESERVED_FIELDS,
    RESERVED_OPS,
    Add,
    Affine,
    AnyNode,
    Conv,
    Edge,
    Flatten,
    Linear,
    Network,
    NetworkModel,
    Pool,
    Readout,
)
from .units import Lif

Arrays = Mapping[str, NDArray[Any]]
_INT32 = 2**31 - 1
#: a float network without arrays: its edges have no range that anything reads
_UNKNOWN_RANGE = (-1, 1)
_OPS = ("conv", "linear", "affine", "lif", "pool", "add", "flatten", "readout")


def build(description: Mapping[str, Any] | NetworkModel, arrays: Arrays, origin: str = "network") -> Network:
    """A `Network` from its description and arrays.

    Args:
        description: the fields of `NetworkModel`.
        arrays: `"<node>.<array>"` to array; integers for integer networks, float32 for float ones. Shape-only
            workloads have none: those of arithmetic `shape`, and float ones that are to be costed only.
        origin: what errors name (a file, usually).

    Raises:
        NetworkError: one line naming the origin, the node and the rule.
    """
    model = _validated(description, origin)
    try:
        _check_names(model)
        _check_arrays(model, arrays)
        edges = _infer(model, arrays)
        _check_answer(model)
        _check_activity(model)
    except NetworkError as error:
        raise NetworkError(f"{origin}: {error}") from None
    frozen = {name: _frozen(array) for name, array in arrays.items()}
    return Network(model, frozen, edges)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only copy; floats as float32, which is what float networks compute with."""
    copy = np.array(array, dtype=np.float32 if array.dtype.kind == "f" else None, order="C")
    copy.flags.writeable = False
    return copy


def _validated(description: Mapping[str, Any] | NetworkModel, origin: str) -> NetworkModel:
    if isinstance(description, NetworkModel):
        return description
    _refuse_reserved(description, origin)
    try:
        return NetworkModel.model_validate(description)
    except ValidationError as error:
        raise NetworkError("; ".join(_line(problem, origin) for problem in error.errors())) from None


def _refuse_reserved(description: Mapping[str, Any], origin: str) -> None:
    version = description.get("format_version", 1)
    if version != 1:
        raise NetworkError(f"{origin}: format_version = {version!r}: this version reads 1")
    nodes = description.get("nodes")
    for index, node in enumerate(nodes if isinstance(nodes, list | tuple) else ()):
        if not isinstance(node, dict):
            continue
        op, name = node.get("op"), node.get("name", index)
        if isinstance(op, str) and op in RESERVED_OPS:
            raise NetworkError(f"{origin}: node {name!r}: op = {op!r}: {RESERVED_OPS[op]}, not supported yet")
        if op not in _OPS:
            hint = did_you_mean(str(op), _OPS)
            raise NetworkError(
                f"{origin}: node {name!r}: op = {op!r}: unknown operation{hint} (known: {', '.join(_OPS)})"
            )
        for key in node.keys() & RESERVED_FIELDS.keys():
            raise NetworkError(f"{origin}: node {name!r}: {key}: {RESERVED_FIELDS[key]}, not supported yet")


def _line(problem: Any, origin: str) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{origin}: {path}: unknown key"
    if problem["type"] == "missing":
        return f"{origin}: {path}: is missing"
    message = problem["msg"].removeprefix("Value error, ")
    value = problem["input"]
    shown = f" = {value!r}" if isinstance(value, str | int | float | bool | None) else ""
    return f"{origin}: {path}{shown}: {message[0].lower()}{message[1:]}"


def _check_names(model: NetworkModel) -> None:
    """Names are unique and every input was defined before: the order of the nodes is a topological order."""
    known = {"input"}
    if not any(isinstance(node, MATRIX_OPS) for node in model.nodes):
        raise NetworkError("has no layer with weights")
    for node in model.nodes:
        if node.name == "shared":
            raise NetworkError("node 'shared': the name is reserved for what layers share on a chip")
        if node.name in known:
            raise NetworkError(f"node {node.name!r}: the name is taken")
        for source in node.inputs:
            if source not in known:
                hint = did_you_mean(source, known)
                raise NetworkError(f"node {node.name!r}: reads {source!r}, which no earlier node is{hint}")
        if not isinstance(node, Add) and len(node.inputs) != 1:
            raise NetworkError(f"node {node.name!r}: {node.op} reads one node, not {len(node.inputs)}")
        known.add(node.name)


def _expected(model: NetworkModel) -> dict[str, tuple[int, ...] | None]:
    """Array name to its shape, None where the shape depends on the graph."""
    names: dict[str, tuple[int, ...] | None] = {}
    for node in model.nodes:
        if isinstance(node, MATRIX_OPS):
            names[f"{node.name}.weight"] = node.weight_shape
        elif isinstance(node, Affine):
            names[f"{node.name}.multiplier"] = names[f"{node.name}.bias"] = None
        elif isinstance(node, Lif):
            names[f"{node.name}.theta"] = None
    return names


def _check_arrays(model: NetworkModel, arrays: Arrays) -> None:
    expected = _expected(model)
    if model.arithmetic == "shape":
        if arrays:
            raise NetworkError(f"arithmetic = 'shape': must have no arrays, has {next(iter(arrays))!r}")
        missing = [n.name for n in model.nodes if isinstance(n, MATRIX_OPS) and n.weight_bits is None]
        if missing:
            raise NetworkError(f"node {missing[0]!r}: weight_bits: is missing (a shape-only layer states it)")
        return
    declared = [node.name for node in model.nodes if isinstance(node, Affine) and node.bits is not None]
    if declared:
        raise NetworkError(f"node {declared[0]!r}: bits: only workloads of arithmetic 'shape' declare them")
    if model.arithmetic == "float" and not arrays:
        return
    for name, shape in expected.items():
        if name not in arrays:
            raise NetworkError(f"array {name!r} is missing")
        if shape is not None and arrays[name].shape != shape:
            raise NetworkError(f"array {name!r}: shape {arrays[name].shape}: must be {shape}")
    for name, array in arrays.items():
        if name not in expected:
            raise NetworkError(f"array {name!r}: no node uses it")
        _check_values(model, name, array)


def _check_values(model: NetworkModel, name: str, array: NDArray[Any]) -> None:
    kind = "iu" if model.arithmetic == "integer" else "f"
    if array.dtype.kind not in kind:
        want = "integers" if model.arithmetic == "integer" else "floats"
        raise NetworkError(f"array {name!r}: dtype {array.dtype}: an {model.arithmetic} network has {want}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NetworkError(f"array {name!r}: holds NaN or infinity")
    if array.dtype.kind in "iu" and array.size and max(-int(array.min()), int(array.max())) > _INT32:
        raise NetworkError(f"array {name!r}: holds values beyond int32")
    if name.endswith(".theta") and array.size and array.min() <= 0:
        raise NetworkError(f"array {name!r}: holds {array.min()}: thresholds must be positive")
    if name.endswith(".weight") and model.arithmetic == "integer":
        node = next(n for n in model.nodes if n.name == name.removesuffix(".weight"))
        _check_weight_bits(node, array)


def _check_weight_bits(node: Any, weight: NDArray[Any]) -> None:
    if node.weight_bits is None:
        raise NetworkError(f"node {node.name!r}: weight_bits: is missing (integer weights state theirs)")
    if node.weight_bits > 16:
        raise NetworkError(f"node {node.name!r}: weight_bits = {node.weight_bits}: at most 16 where weights are stored")
    if node.weight_bits == 1:
        if not np.isin(weight, (-1, 1)).all():
            raise NetworkError(f"array '{node.name}.weight': weight_bits = 1: weights must be -1 or +1")
        return
    half = 2 ** (node.weight_bits - 1)
    low, high = int(weight.min()), int(weight.max())
    if low < -half or high > half - 1:
        raise NetworkError(
            f"array '{node.name}.weight': holds {low if low < -half else high}: weight_bits = "
            f"{node.weight_bits} allows {-half} to {half - 1}"
        )


def _infer(model: NetworkModel, arrays: Arrays) -> dict[str, Edge]:
    edges = {"input": Edge(model.input.shape, 0, 2**model.input.bits - 1)}
    for node in model.nodes:
        sources = [edges[name] for name in node.inputs]
        try:
            edge = _RULES[type(node)](model, node, sources, arrays)
        except OverflowError:
            raise NetworkError(f"node {node.name!r}: its sums are not finite") from None
        if model.arithmetic == "shape":
            edge = _saturated(edge)
        if model.arithmetic != "float" and max(-edge.low, edge.high) > _INT32:
            raise NetworkError(f"node {node.name!r}: sums up to {max(-edge.low, edge.high)}: exceed int32")
        edges[node.name] = edge
    return edges


def _saturated(edge: Edge) -> Edge:
    """A workload states no values: its bounds are the worst that there are, and end where 32-bit sums saturate."""
    return Edge(edge.shape, max(edge.low, -_INT32), min(edge.high, _INT32))


def _slide(size: int, kernel: int, stride: int, padding: int) -> int:
    return (size + 2 * padding - kernel) // stride + 1


def _sum_range(model: NetworkModel, node: Any, source: Edge, arrays: Arrays) -> tuple[int, int]:
    """Exact bounds of ``W . x`` over all inputs of the edge's range."""
    if model.arithmetic == "shape":
        rows = int(np.prod(node.weight_shape[1:]))
        half = 2 ** (node.weight_bits - 1)
        return -half * rows * source.high, half * rows * source.high
    if not arrays:
        return _UNKNOWN_RANGE
    weight = arrays[f"{node.name}.weight"]
    flat = weight.reshape(weight.shape[0], -1).astype(np.float64)
    positive, negative = np.maximum(flat, 0).sum(1), np.minimum(flat, 0).sum(1)
    high = (positive * source.high + negative * source.low).max()
    low = (negative * source.high + positive * source.low).min()
    return int(np.floor(low)), int(np.ceil(high))


def _conv(model: NetworkModel, node: Conv, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    channels, *size = source.shape
    if channels != node.in_channels:
        raise NetworkError(
            f"node {node.name!r}: in_channels = {node.in_channels}: but {node.inputs[0]!r} has {channels}"
        )
    out = [_slide(*dims) for dims in zip(size, node.kernel, node.stride, node.padding, strict=True)]
    if min(out) < 1:
        raise NetworkError(f"node {node.name!r}: kernel = {node.kernel}: is larger than its padded input {tuple(size)}")
    low, high = _sum_range(model, node, source, arrays)
    return Edge((node.out_channels, out[0], out[1]), min(low, 0), max(high, 0))


def _linear(model: NetworkModel, node: Linear, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    if source.shape != (node.in_features, 1, 1):
        hint = ""
        if source.size == node.in_features:
            hint = " (put a flatten node between)"
        raise NetworkError(
            f"node {node.name!r}: in_features = {node.in_features}: but {node.inputs[0]!r} has shape "
            f"{source.shape}{hint}"
        )
    low, high = _sum_range(model, node, source, arrays)
    return Edge((node.out_features, 1, 1), low, high)


def _channels(node: AnyNode, name: str, source: Edge, arrays: Arrays, steps: int | None = None) -> NDArray[Any]:
    """An array of one number per channel (or one for all), with `steps` for every time-step."""
    array, first = arrays[f"{node.name}.{name}"], () if steps is None else (steps,)
    allowed = (*first, 1), (*first, source.shape[0])
    if array.shape not in allowed:
        raise NetworkError(f"array '{node.name}.{name}': shape {array.shape}: must be {allowed[0]} or {allowed[1]}")
    return array


def _affine(model: NetworkModel, node: Affine, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    if model.arithmetic == "shape":
        return source
    if model.arithmetic == "float" and node.shift:
        raise NetworkError(f"node {node.name!r}: shift = {node.shift}: a float affine has no shift")
    if not arrays:
        return Edge(source.shape, *_UNKNOWN_RANGE)
    steps = model.time_steps if node.per_step else None
    multiplier = _channels(node, "multiplier", source, arrays, steps).astype(np.float64)
    bias = _channels(node, "bias", source, arrays, steps).astype(np.float64)
    ends = np.stack([source.low * multiplier + bias, source.high * multiplier + bias])
    if np.abs(ends).max() >= 2**53:
        raise NetworkError(f"node {node.name!r}: a * multiplier + bias exceeds 2^53")
    scaled = np.floor(ends / 2**node.shift)
    return Edge(source.shape, int(scaled.min()), int(np.ceil(scaled.max())))


def _lif(model: NetworkModel, node: Lif, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    if arrays:
        _channels(node, "theta", source, arrays)
    if model.arithmetic == "integer" and node.leak.multiplier != int(node.leak.multiplier):
        raise NetworkError(f"node {node.name!r}: leak.multiplier = {node.leak.multiplier}: must be whole")
    if model.arithmetic == "integer" and node.leak.multiplier > 2**node.leak.shift:
        raise NetworkError(
            f"node {node.name!r}: leak.multiplier = {node.leak.multiplier:g}: must be at most "
            f"2^shift = {2**node.leak.shift} (a membrane does not grow by itself)"
        )
    fraction = node.leak.shift if model.arithmetic == "integer" else 0
    if node.membrane_bits + node.store_shift + fraction > 62:
        raise NetworkError(
            f"node {node.name!r}: membrane_bits + store_shift + leak.shift = "
            f"{node.membrane_bits + node.store_shift + fraction}: must be at most 62 (64-bit arithmetic)"
        )
    if model.arithmetic == "float" and (node.leak.shift or node.leak.multiplier > 1 or node.store_shift):
        raise NetworkError(
            f"node {node.name!r}: a float LIF has leak.multiplier at most 1, leak.shift = 0, store_shift = 0"
        )
    return Edge(source.shape, 0, 1)


def _pool(model: NetworkModel, node: Pool, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    channels, *size = source.shape
    out = [_slide(s, k, step, 0) for s, k, step in zip(size, node.kernel, node.step, strict=True)]
    if min(out) < 1:
        raise NetworkError(f"node {node.name!r}: kernel = {node.kernel}: is larger than its input {size}")
    taps = node.kernel[0] * node.kernel[1] if node.kind == "sum" else 1
    return Edge((channels, out[0], out[1]), source.low * taps, source.high * taps)


def _add(model: NetworkModel, node: Add, sources: list[Edge], arrays: Arrays) -> Edge:
    shapes = {source.shape for source in sources}
    if len(shapes) != 1:
        raise NetworkError(f"node {node.name!r}: adds unequal shapes {sorted(shapes)}")
    return Edge(sources[0].shape, sum(s.low for s in sources), sum(s.high for s in sources))


def _flatten(model: NetworkModel, node: Flatten, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    return Edge((source.size, 1, 1), source.low, source.high)


def _readout(model: NetworkModel, node: Readout, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    if node.mode == "spike_count" and source.signed:
        raise NetworkError(f"node {node.name!r}: mode = 'spike_count': {node.inputs[0]!r} carries no spikes")
    steps = 1 if node.mode == "last" else model.time_steps
    return Edge(source.shape, source.low * steps, source.high * steps)


_RULES: dict[type, Callable[..., Edge]] = {
    Conv: _conv,
    Linear: _linear,
    Affine: _affine,
    Lif: _lif,
    Pool: _pool,
    Add: _add,
    Flatten: _flatten,
    Readout: _readout,
}


def _check_answer(model: NetworkModel) -> None:
    readouts = [node.name for node in model.nodes if isinstance(node, Readout)]
    if readouts != [model.nodes[-1].name]:
        raise NetworkError(f"must have one readout, as its last node (found: {', '.join(readouts) or 'none'})")
    read = {source for node in model.nodes for source in node.inputs}
    for name in ("input", *(node.name for node in model.nodes[:-1])):
        if name not in read:
            raise NetworkError(f"node {name!r}: nothing reads it")


def _check_activity(model: NetworkModel) -> None:
    layers = [node.name for node in model.nodes if isinstance(node, MATRIX_OPS)]
    for name in model.activity:
        if name not in layers:
            hint = did_you_mean(name, layers)
            raise NetworkError(f"activity.{name}: is not a layer{hint} (layers: {', '.join(layers)})")
