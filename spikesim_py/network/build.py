"""Checks a description against its arrays, infers every edge's shape and range, and makes a `Network`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from .._validation import shortened
from ..errors import NetworkError, did_you_mean
from .graph import groups, is_loop
from .infer import INT32, Arrays, infer
from .model import (
    MATRIX_OPS,
    RESERVED_FIELDS,
    RESERVED_OPS,
    Add,
    Affine,
    Delay,
    Network,
    NetworkModel,
    Product,
    Readout,
)
from .units import Lif, Membrane, replaced_by_arrays

_OPS = ("conv", "linear", "affine", "lif", "li", "pool", "add", "product", "flatten", "delay", "readout")


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
        _check_loops(model)
        _check_arrays(model, arrays)
        edges = infer(model, arrays)
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
            raise NetworkError(f"{origin}: node {name!r}: {key}: is not a field: {RESERVED_FIELDS[key]}")


def _line(problem: Any, origin: str) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{origin}: {path}: unknown key"
    if problem["type"] == "missing":
        return f"{origin}: {path}: is missing"
    message = problem["msg"].removeprefix("Value error, ")
    value = problem["input"]
    shown = f" = {shortened(value)}" if isinstance(value, str | int | float | bool | None) else ""
    return f"{origin}: {path}{shown}: {message[0].lower()}{message[1:]}"


def _check_names(model: NetworkModel) -> None:
    """Names are unique and every input was defined before, but for what a delay reads."""
    known, every = {"input"}, {"input", *(node.name for node in model.nodes[:-1])}
    if not any(isinstance(node, MATRIX_OPS) for node in model.nodes):
        raise NetworkError("has no layer with weights")
    for node in model.nodes:
        if node.name == "shared":
            raise NetworkError("node 'shared': the name is reserved for what layers share on a chip")
        if node.name in known:
            raise NetworkError(f"node {node.name!r}: the name is taken")
        allowed = every if isinstance(node, Delay) else known
        for source in node.inputs:
            if source not in allowed:
                earlier = "" if isinstance(node, Delay) else "earlier "
                hint = did_you_mean(source, allowed) or (" (loops close through a delay)" if source in every else "")
                raise NetworkError(f"node {node.name!r}: reads {source!r}, which no {earlier}node is{hint}")
        if not isinstance(node, Add | Product) and len(node.inputs) != 1:
            raise NetworkError(f"node {node.name!r}: {node.op} reads one node, not {len(node.inputs)}")
        known.add(node.name)


def _check_loops(model: NetworkModel) -> None:
    """Every loop passes units: nothing else bounds what comes around."""
    if any(is_loop(group) for group in groups(model.nodes)):
        rest = [node for node in model.nodes if not isinstance(node, Membrane)]
        for group in groups(rest):
            if is_loop(group):
                raise NetworkError(f"node {group[0].name!r}: is in a loop without units (lif or li)")


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


def _optional(model: NetworkModel) -> dict[str, bool]:
    """Arrays that there may be, and whether the number that each replaces keeps its default."""
    names: dict[str, bool] = {}
    for node in model.nodes:
        if isinstance(node, Membrane):
            names |= {f"{node.name}.{name}": kept for name, kept in replaced_by_arrays(node).items()}
        elif isinstance(node, Delay):
            names[f"{node.name}.steps"] = True
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
    optional = _optional(model)
    for name, array in arrays.items():
        if name not in expected and name not in optional:
            raise NetworkError(f"array {name!r}: no node uses it")
        if not optional.get(name, True):
            raise NetworkError(f"array {name!r}: the description has a number for it, too: leave one of them out")
        _check_values(model, name, array)


def _check_values(model: NetworkModel, name: str, array: NDArray[Any]) -> None:
    whole = model.arithmetic == "integer" or name.endswith(".steps")
    if array.dtype.kind not in ("iu" if whole else "f"):
        want = "integers" if whole else "floats"
        raise NetworkError(f"array {name!r}: dtype {array.dtype}: an {model.arithmetic} network has {want}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NetworkError(f"array {name!r}: holds NaN or infinity")
    if array.dtype.kind in "iu" and array.size and max(-int(array.min()), int(array.max())) > INT32:
        raise NetworkError(f"array {name!r}: holds values beyond int32")
    if name.endswith(".theta") and array.size and array.min() <= 0:
        raise NetworkError(f"array {name!r}: holds {array.min()}: thresholds must be positive")
    if name.endswith((".leak", ".synapse")):
        _check_decays(model, name, array)
    if name.endswith(".steps"):
        _check_delays(model, name, array)
    if name.endswith(".weight") and model.arithmetic == "integer":
        node = next(n for n in model.nodes if n.name == name.removesuffix(".weight"))
        _check_weight_bits(node, array)


def _check_decays(model: NetworkModel, name: str, array: NDArray[Any]) -> None:
    node = next(n for n in model.nodes if n.name == name.rpartition(".")[0])
    leak = node.leak if name.endswith(".leak") else node.synapse.leak  # type: ignore[union-attr]
    top = 2**leak.shift
    if array.size and (array.min() < 0 or array.max() > top):
        value = array.min() if array.min() < 0 else array.max()
        raise NetworkError(f"array {name!r}: holds {value}: decays are from 0 to 2^shift = {top}")


def _check_delays(model: NetworkModel, name: str, array: NDArray[Any]) -> None:
    """Delays are from 0 to those of their node; at least 1 where it is in a loop."""
    owner = name.removesuffix(".steps")
    group = next(group for group in groups(model.nodes) if owner in [node.name for node in group])
    (node,) = (node for node in group if node.name == owner)
    low, top = int(is_loop(group)), node.steps  # type: ignore[union-attr]
    if array.size and (array.min() < low or array.max() > top):
        value = array.min() if array.min() < low else array.max()
        raise NetworkError(f"array {name!r}: holds {value}: delays here are from {low} to {top}")


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
