"""Every edge's shape and range, inferred from the graph and its arrays; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from .base import Node, spread
from .model import Add, Affine, AnyNode, Conv, Delay, Edge, Flatten, Linear, NetworkModel, Pool, Product, Readout
from .units import Leak, Li, Lif, Membrane, replaced_by_arrays

Arrays = Mapping[str, NDArray[Any]]
INT32 = 2**31 - 1
#: a float network without arrays: its edges have no range that anything reads
_UNKNOWN_RANGE = (-1, 1)


def infer(model: NetworkModel, arrays: Arrays) -> dict[str, Edge]:
    """Node to the type of its output.

    What a loop carries is bounded by its units: from shapes, found in a first round, ranges follow round by round.
    """
    edges = {"input": Edge(model.input.shape, 0, 2**model.input.bits - 1)}
    place = {node.name: index for index, node in enumerate(model.nodes)}
    loops = any(place.get(source, -1) >= place[node.name] for node in model.nodes for source in node.inputs)
    if loops:
        edges |= _shapes_of_loops(model, arrays, dict(edges))
    while True:
        before = dict(edges)
        for node in model.nodes:
            edges[node.name] = _edge(model, node, [edges[name] for name in node.inputs], arrays)
        if edges == before or not loops:
            return edges


def _shapes_of_loops(model: NetworkModel, arrays: Arrays, edges: dict[str, Edge]) -> dict[str, Edge]:
    """Edges of all nodes; an add whose inputs are not all known yet takes the shape of the others."""
    left = list(model.nodes)
    while left:
        made = []
        for node in left:
            sources = [edges[name] for name in node.inputs if name in edges]
            if len(sources) == len(node.inputs) or (sources and isinstance(node, Add)):
                edges[node.name] = _edge(model, node, sources, arrays)
                made.append(node)
        if not made:
            raise NetworkError(f"node {left[0].name!r}: is in a loop that no input enters")
        left = [node for node in left if node.name not in edges]
    return edges


def _edge(model: NetworkModel, node: AnyNode, sources: list[Edge], arrays: Arrays) -> Edge:
    try:
        edge = _RULES[type(node)](model, node, sources, arrays)
    except OverflowError:
        raise NetworkError(f"node {node.name!r}: its sums are not finite") from None
    if model.arithmetic == "shape":
        edge = _saturated(edge)
    if model.arithmetic != "float" and max(-edge.low, edge.high) > INT32:
        raise NetworkError(f"node {node.name!r}: sums up to {max(-edge.low, edge.high)}: exceed int32")
    return edge


def _saturated(edge: Edge) -> Edge:
    """A workload states no values: its bounds are the worst that there are, and end where 32-bit sums saturate."""
    return Edge(edge.shape, max(edge.low, -INT32), min(edge.high, INT32))


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


def _per_unit(node: Node, name: str, source: Edge, arrays: Arrays, steps: int | None = None) -> NDArray[Any]:
    """An array of one number for all units, one per channel or one per unit; with `steps`, for every time-step."""
    array, first = arrays[f"{node.name}.{name}"], () if steps is None else (steps,)
    allowed = [(*first, *shape) for shape in ((1,), (source.shape[0],), source.shape)]
    if array.shape not in allowed:
        shapes = ", ".join(str(shape) for shape in dict.fromkeys(allowed[:-1]))
        raise NetworkError(f"array '{node.name}.{name}': shape {array.shape}: must be {shapes} or {allowed[-1]}")
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
    multiplier, bias = (
        spread(_per_unit(node, name, source, arrays, steps)).astype(np.float64) for name in ("multiplier", "bias")
    )
    ends = np.stack(np.broadcast_arrays(source.low * multiplier + bias, source.high * multiplier + bias))
    if np.abs(ends).max() >= 2**53:
        raise NetworkError(f"node {node.name!r}: a * multiplier + bias exceeds 2^53")
    scaled = np.floor(ends / 2**node.shift)
    return Edge(source.shape, int(scaled.min()), int(np.ceil(scaled.max())))


def _membrane(model: NetworkModel, node: Membrane, source: Edge, arrays: Arrays) -> None:
    """Checks what `Lif` and `Li` have in common."""
    for name in replaced_by_arrays(node):
        if f"{node.name}.{name}" in arrays:
            _per_unit(node, name, source, arrays)
    for label, leak in leaks(node).items():
        if model.arithmetic == "float" and (leak.shift or leak.multiplier > 1):
            raise NetworkError(f"node {node.name!r}: a float {label} has multiplier at most 1, shift = 0")
        if model.arithmetic == "integer":
            _check_integer_leak(node, label, leak)
    if model.arithmetic == "float" and node.store_shift:
        raise NetworkError(f"node {node.name!r}: store_shift = {node.store_shift}: must be 0 in a float network")
    if model.arithmetic == "integer":
        _check_integer_levels(node)
    _check_word(model, node, f"{node.name}.v_leak" in arrays)


def leaks(node: Membrane) -> dict[str, Leak]:
    """Every decay of a unit, with the field that holds it."""
    return {"leak": node.leak} | ({"synapse.leak": node.synapse.leak} if node.synapse else {})


def _check_integer_leak(node: Membrane, label: str, leak: Leak) -> None:
    if leak.multiplier != int(leak.multiplier):
        raise NetworkError(f"node {node.name!r}: {label}.multiplier = {leak.multiplier}: must be whole")
    if leak.multiplier > 2**leak.shift:
        raise NetworkError(
            f"node {node.name!r}: {label}.multiplier = {leak.multiplier:g}: must be at most 2^shift = "
            f"{2**leak.shift} (a membrane does not grow by itself)"
        )


def _check_integer_levels(node: Membrane) -> None:
    for name in ("v_leak", "v_min", "v_init", "v_reset"):
        value = getattr(node, name, None)
        if value is not None and (value != int(value) or abs(value) > INT32):
            raise NetworkError(f"node {node.name!r}: {name} = {value:g}: must be a whole number within int32")


def _check_word(model: NetworkModel, node: Membrane, rests: bool) -> None:
    """Whether 64-bit integers hold every product of a decay.

    What decays has the stored bits; where inputs (32 bits) or `v_leak` are added before it does, up to 35.
    """
    integer = model.arithmetic == "integer"
    plain = node.plain_decay and not rests
    widths = {"membrane_bits + store_shift": (node.membrane_bits + node.store_shift, node.leak, plain)}
    if node.synapse:
        first = node.synapse.order == "leak_first"
        widths["synapse.bits"] = (node.synapse.bits, node.synapse.leak, first)
    for label, (bits, leak, alone) in widths.items():
        total = (bits if alone else max(bits, 32) + 3) + (leak.shift if integer else 0)
        if total > 62:
            added = "" if alone else " (at least 35 bits, with what is added)"
            raise NetworkError(
                f"node {node.name!r}: {label}{added} + leak.shift = {total}: must be at most 62 (64-bit arithmetic)"
            )


def _lif(model: NetworkModel, node: Lif, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    if arrays:
        _per_unit(node, "theta", source, arrays)
    _membrane(model, node, source, arrays)
    return Edge(source.shape, 0, node.max_spikes)


def _li(model: NetworkModel, node: Li, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    _membrane(model, node, source, arrays)
    return Edge(source.shape, *(_UNKNOWN_RANGE if model.arithmetic == "float" else node.stored))


def _pool(model: NetworkModel, node: Pool, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    channels, *size = source.shape
    padded = zip(size, node.kernel, node.step, node.padding, strict=True)
    out = [_slide(s, k, step, pad) for s, k, step, pad in padded]
    if min(out) < 1:
        raise NetworkError(f"node {node.name!r}: kernel = {node.kernel}: is larger than its input {size}")
    if node.kind == "average" and model.arithmetic != "float":
        raise NetworkError(
            f"node {node.name!r}: kind = 'average': only float networks divide; sum, and fold 1 / "
            f"{node.kernel[0] * node.kernel[1]} into what follows"
        )
    taps = node.kernel[0] * node.kernel[1] if node.kind == "sum" else 1
    low, high = source.low * taps, source.high * taps
    if any(node.padding):
        low, high = min(low, 0), max(high, 0)
    return Edge((channels, out[0], out[1]), low, high)


def _delay(model: NetworkModel, node: Delay, sources: list[Edge], arrays: Arrays) -> Edge:
    (source,) = sources
    if f"{node.name}.steps" in arrays:
        _per_unit(node, "steps", source, arrays)
    return Edge(source.shape, min(source.low, 0), max(source.high, 0))


def _add(model: NetworkModel, node: Add, sources: list[Edge], arrays: Arrays) -> Edge:
    shapes = {source.shape for source in sources}
    if len(shapes) != 1:
        raise NetworkError(f"node {node.name!r}: adds unequal shapes {sorted(shapes)}")
    return Edge(sources[0].shape, sum(s.low for s in sources), sum(s.high for s in sources))


def _product(model: NetworkModel, node: Product, sources: list[Edge], arrays: Arrays) -> Edge:
    first, second = sources
    channels, height, width = second.shape
    tokens, shape = height * width, f"{first.shape} and {second.shape}"
    if channels % node.heads:
        raise NetworkError(f"node {node.name!r}: heads = {node.heads}: must divide {channels} channels")
    if node.over == "channels" and first.shape != second.shape:
        raise NetworkError(f"node {node.name!r}: over = 'channels': shapes {shape}: must be equal")
    if node.over == "tokens" and first.shape != (node.heads, tokens, tokens):
        wanted = (node.heads, tokens, tokens)
        raise NetworkError(f"node {node.name!r}: over = 'tokens': shapes {shape}: the first must be {wanted}")
    terms, made = channels // node.heads, (node.heads, tokens, tokens)
    if node.over == "tokens":
        terms, made = tokens, second.shape
    ends = [a * b for a in (first.low, first.high) for b in (second.low, second.high)]
    return Edge(made, terms * min(ends), terms * max(ends))


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
    Li: _li,
    Pool: _pool,
    Add: _add,
    Product: _product,
    Flatten: _flatten,
    Delay: _delay,
    Readout: _readout,
}
