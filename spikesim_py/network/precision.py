"""A network's numbers at another precision, to be costed: bits of weights, membranes, batch norms and inputs, and T.

A shape-only workload states its bits, so any of them can be set. Each is a cost: weight bits are slices and columns of
the crossbars and the width of what follows; membrane bits are memory and the neuron unit's adders; bits of an affine
(a batch norm) are its multiplier and registers; input bits are planes, read one after the other.

Full precision, by a stated model (`full_precision`), is one of

* ``slices``: the same chip holds the weights as 32-bit fixed-point codes, sliced to cells (Shafiee et al., ISCA 2016,
  slice 16-bit weights so): 32 slices of 1-bit cells, or 31 and a sign as differential pairs and two's complement
  have it. Membranes, affines and the sums that enter them have 32 bits and saturate; converters stay as they are,
  partial sums keep every bit, and inputs theirs: a pixel of 8 bits is exact.
* ``digital``: FP32 weights in SRAM and FP32 multiply-accumulators (Horowitz, ISSCC 2014); see `cost/digital.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..errors import InputError, NetworkError, did_you_mean
from .base import NETWORK_FIELDS
from .build import build
from .model import Network
from .quantize import LEAK_SHIFT

Baseline = Literal["slices", "digital"]
#: what each baseline is, in a line
BASELINES: dict[Baseline, str] = {
    "slices": "32-bit fixed-point codes, sliced to the cells of the same chip; 32-bit membranes and affines",
    "digital": "FP32 weights, membranes and multiply-accumulators at the chip's node and clock",
}
#: what an override of the network, not of the chip, begins with
PREFIX = "network."
FULL_BITS = 32

#: operation -> (field of `with_precision`, field of the node)
_NODE_FIELDS = {
    "conv": ("weight_bits", "weight_bits"),
    "linear": ("weight_bits", "weight_bits"),
    "lif": ("membrane_bits", "membrane_bits"),
    "li": ("membrane_bits", "membrane_bits"),
    "affine": ("affine_bits", "bits"),
}


def split_overrides(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arguments of `with_precision`, overrides of the chip); the former are those of the names ``network.*``.

    Raises:
        InputError: a name ``network.*`` that there is not.
    """
    ours: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in overrides.items():
        name = key.removeprefix(PREFIX)
        (rest if name == key else ours)[name] = value
    for name in ours:
        if name not in NETWORK_FIELDS:
            raise InputError(
                f"{PREFIX}{name}: unknown field{did_you_mean(name, NETWORK_FIELDS)} "
                f"(fields: {', '.join(NETWORK_FIELDS)})"
            )
    return ours, rest


def with_precision(
    network: Network,
    *,
    weight_bits: int | Mapping[str, int] | None = None,
    membrane_bits: int | None = None,
    affine_bits: int | None = None,
    input_bits: int | None = None,
    time_steps: int | None = None,
) -> Network:
    """A copy with other bits or time-steps; its name and metadata say which. What is None stays.

    Stored activity is kept: precision is taken not to change it.

    Args:
        weight_bits: of all layers, or {layer: bits}; 1 to 32.
        membrane_bits: of all units, 2 to 32. affine_bits: of all multipliers and biases, 1 to 32.
        input_bits: of one input value, 1 to 16. time_steps: T.

    Raises:
        NetworkError: the network has no such node, or has arrays that the change would have to round: of a trained
            network only T may change, and membranes and inputs may grow.
        InputError: a number is out of range.
    """
    fields = {
        "weight_bits": weight_bits,
        "membrane_bits": membrane_bits,
        "affine_bits": affine_bits,
        "input_bits": input_bits,
        "time_steps": time_steps,
    }
    wanted = {name: value for name, value in fields.items() if value is not None}
    _check(network, wanted)
    base = network.model.model_dump(mode="python")
    made: dict[str, Any] = base | {"nodes": tuple(_node(node, wanted) for node in base["nodes"])}
    made["time_steps"] = wanted.get("time_steps", network.time_steps)
    made["input"] = base["input"] | {"bits": wanted.get("input_bits", network.model.input.bits)}
    if made == base:
        return network
    if network.arithmetic != "shape":
        _check_exact(network, made)
    changes = base["metadata"].get("precision", {"of": network.name}) | wanted
    if "weight_bits" in changes:
        changes["weight_bits"] = _common({n["name"]: n["weight_bits"] for n in made["nodes"] if "weight_bits" in n})
    made["metadata"] = base["metadata"] | {"precision": changes}
    made["name"] = _name(changes)
    return build(made, network.arrays, f"with_precision({network.name!r})")


def full_precision(network: Network, baseline: Baseline = "slices") -> Network:
    """The shape-only workload that a network is at full precision; see the module for the model.

    Raises:
        InputError: an unknown baseline.
    """
    if baseline not in BASELINES:
        raise InputError(
            f"baseline = {baseline!r}: unknown{did_you_mean(baseline, BASELINES)} (known: {', '.join(BASELINES)})"
        )
    digital = baseline == "digital"
    if digital and network.arithmetic == "float":
        return network
    base = network.model.model_dump(mode="python")
    made = {
        "arithmetic": "float" if digital else "shape",
        "nodes": [_as_float(fields) if digital else _as_fixed(fields) for fields in base["nodes"]],
        "name": _name({"of": network.name, "full_precision": baseline}),
        "metadata": {"full_precision_of": network.name, "baseline": baseline},
    }
    return build(base | made, {}, f"full_precision({network.name!r})")


def _check(network: Network, wanted: Mapping[str, Any]) -> None:
    present = {_NODE_FIELDS[node.op][0] for node in network.nodes if node.op in _NODE_FIELDS}
    for name, value in wanted.items():
        low, high = NETWORK_FIELDS[name]
        layers = value if isinstance(value, Mapping) and name == "weight_bits" else {}
        names = [node.name for node in network.layers]
        for layer in layers:
            if layer not in names:
                raise NetworkError(
                    f"{name}.{layer}: is not a layer of network {network.name!r}{did_you_mean(layer, names)} "
                    f"(layers: {', '.join(names)})"
                )
        for label, bits in ({f"{name}.{layer}": bits for layer, bits in layers.items()} or {name: value}).items():
            if isinstance(bits, bool) or not isinstance(bits, int) or not low <= bits <= high:
                raise InputError(f"{label} = {bits!r}: must be a whole number from {low} to {high}")
        if name not in {*present, "input_bits", "time_steps"}:
            raise NetworkError(f"{name}: network {network.name!r} has no node that it could be set of")


def _node(fields: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    name, field = _NODE_FIELDS.get(fields["op"], ("", ""))
    value = wanted.get(name)
    if isinstance(value, Mapping):
        value = value.get(fields["name"])
    return fields if value is None else fields | {field: value}


def _check_exact(network: Network, made: Mapping[str, Any]) -> None:
    """Of a network with arrays only T changes; inputs grow, and membranes of an integer one."""
    for node, fields in zip(network.nodes, made["nodes"], strict=True):
        if (
            node.op in ("lif", "li")
            and network.arithmetic == "integer"
            and fields["membrane_bits"] >= node.membrane_bits
        ):
            continue
        field = _NODE_FIELDS.get(node.op, ("", ""))[1]
        if field and fields.get(field) != getattr(node, field):
            raise _inexact(network, f"node {node.name!r}: {field}", getattr(node, field), fields[field])
    if made["input"]["bits"] < network.model.input.bits:
        raise _inexact(network, "input.bits", network.model.input.bits, made["input"]["bits"])


def _inexact(network: Network, field: str, old: Any, new: Any) -> NetworkError:
    return NetworkError(
        f"network {network.name!r}: {field} = {new}, was {old}: {network.arithmetic} networks keep their numbers "
        f"(only time_steps can change, input_bits grow, and integer membranes); make another with "
        f"spikesim_py.network.quantize(float_network, weight_bits=...) or by training"
    )


def _common(bits: dict[str, int]) -> int | dict[str, int]:
    """One number, where all layers have the same."""
    first, *others = set(bits.values())
    return bits if others else first


def _name(changes: Mapping[str, Any]) -> str:
    shown = [
        f"{name}={'mixed' if isinstance(value, Mapping) else value}" for name, value in changes.items() if name != "of"
    ]
    return f"{changes['of']} ({', '.join(shown)})"[:128]


def _as_fixed(fields: dict[str, Any]) -> dict[str, Any]:
    """A node of the workload with 32-bit codes everywhere; a float's leak is rounded as `quantize` does."""
    if fields["op"] not in _NODE_FIELDS:
        return fields
    made = fields | {_NODE_FIELDS[fields["op"]][1]: FULL_BITS}
    if fields["op"] in ("lif", "li"):
        made |= {"leak": _fixed_leak(fields["leak"]), "store_shift": 0}
        if synapse := fields.get("synapse"):
            made["synapse"] = synapse | {"leak": _fixed_leak(synapse["leak"]), "bits": FULL_BITS}
    return made


def _fixed_leak(leak: dict[str, Any]) -> dict[str, Any]:
    multiplier = leak["multiplier"]
    if multiplier == int(multiplier):
        return leak
    return leak | {"multiplier": round(multiplier * 2**LEAK_SHIFT), "shift": leak["shift"] + LEAK_SHIFT}


def _as_float(fields: dict[str, Any]) -> dict[str, Any]:
    """A node in FP32: no fixed-point shifts and no declared bits."""
    if fields["op"] in ("conv", "linear"):
        return fields | {"weight_bits": None}
    if fields["op"] == "affine":
        return fields | {"bits": None, "shift": 0}
    if fields["op"] in ("lif", "li"):
        made = fields | {"membrane_bits": FULL_BITS, "store_shift": 0, "leak": _float_leak(fields["leak"])}
        if synapse := fields.get("synapse"):
            made["synapse"] = synapse | {"leak": _float_leak(synapse["leak"]), "bits": FULL_BITS}
        return made
    return fields


def _float_leak(leak: dict[str, Any]) -> dict[str, Any]:
    return leak | {"multiplier": leak["multiplier"] / 2 ** leak["shift"], "shift": 0}
