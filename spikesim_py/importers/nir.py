"""NIR files (Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9): all primitives, by our own tolerant reader.

The format is a graph of continuous-time equations. What it leaves open, step, reset, several spikes per step, comes
from `Options` and a convention. Files that the format's own package refuses are read: inner edges that name a node
which is not there are repaired where only one can be meant, convolutions without an input shape get it from what
reaches them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError, did_you_mean
from .graph import (
    Delay,
    Flatten,
    Graph,
    Identity,
    Input,
    Op,
    Output,
    Pool,
    Scale,
    Synapse,
    Unit,
    Values,
    Weights,
    number,
)
from .hdf5 import Tree, read_tree
from .semantics import Semantics, as_options, decays_differ

_MAX_DEPTH = 12
#: where our own files keep what the format has no place for, beside the graph
OWN_GROUP = "spikesim"
OWN_FIELDS = (
    "dt",
    "decay",
    "reset",
    "reset_delay",
    "strict",
    "max_spikes",
    "refractory",
    "synapse_order",
    "synapse_reads",
    "time_steps",
    "coding",
    "input_bits",
    "readout",
    "v_init",
)
#: factors of an input that count as one: r dt of float32 files
_NEAR = 1e-3


def read(path: Path, semantics: Semantics) -> Graph:
    """The graph of a `.nir` file, in time-steps of the semantics.

    Raises:
        NetworkError: one line that names file, node, field, value and what is allowed.
    """
    whole = read_tree(path, skip=("metadata",))
    root = whole.get("node")
    if not isinstance(root, dict):
        raise NetworkError(f"{path}: node: must be a group: is no NIR file")
    _read_own(whole.get(OWN_GROUP), semantics)
    flat = _Flat(path, semantics)
    if root.get("type") != "NIRGraph":
        raise NetworkError(f"{path}: node: type = {root.get('type')!r}: must be NIRGraph")
    flat.inline(root, "", 0)
    fields = {name: _Fields(path, name, node) for name, node in flat.nodes.items()}
    infer_dt(fields.values(), semantics)
    nodes: dict[str, Op] = {}
    for name, node in fields.items():
        nodes[name] = _READERS[node.kind](node, semantics) if node.kind else Identity()
    warn_open(fields.values(), semantics)
    return Graph(path.stem, nodes, tuple(dict.fromkeys(flat.edges)))


def _read_own(tree: Any, semantics: Semantics) -> None:
    """What our own exporter wrote beside the graph: the conventions that the format has no place for."""
    text = tree.get("semantics") if isinstance(tree, dict) else None
    try:
        told = json.loads(text) if isinstance(text, str) and len(text) < 4096 else {}
    except (ValueError, RecursionError):
        told = {}
    if isinstance(told, dict):
        known = as_options({name: told[name] for name in OWN_FIELDS if name in told})
        semantics.told |= {name: getattr(known, name) for name in OWN_FIELDS if getattr(known, name) is not None}


class _Flat:
    """Nodes and edges of nested graphs in one: `outer.inner`; inputs and outputs of inner graphs pass on."""

    def __init__(self, path: Path, semantics: Semantics) -> None:
        self.path, self.semantics = path, semantics
        self.nodes: dict[str, Tree | None] = {}
        self.edges: list[tuple[str, str]] = []
        self.entries: dict[str, str] = {}
        self.exits: dict[str, str] = {}

    def inline(self, graph: Tree, prefix: str, depth: int) -> None:
        where = prefix.rstrip(".") or "node"
        if depth > _MAX_DEPTH:
            raise NetworkError(f"{self.path}: {where}: graphs are nested deeper than {_MAX_DEPTH}")
        nodes = graph.get("nodes")
        if not isinstance(nodes, dict) or not nodes:
            raise NetworkError(f"{self.path}: {where}: nodes: must be a group of nodes")
        names = {name: f"{prefix}{name}" for name in nodes}
        for name, node in nodes.items():
            self._add(names[name], node, prefix, depth)
        for source, target in self._edges(graph, where, names, nodes):
            self.edges.append((self.exits.get(source, source), self.entries.get(target, target)))

    def _add(self, full: str, node: Any, prefix: str, depth: int) -> None:
        if not isinstance(node, dict):
            raise NetworkError(f"{self.path}: node {full!r}: must be a group with a type")
        kind = node.get("type")
        if kind == "NIRGraph":
            self.inline(node, f"{full}.", depth + 1)
            for word, table in (("Input", self.entries), ("Output", self.exits)):
                inner = [f"{full}.{name}" for name, part in node["nodes"].items() if part.get("type") == word]
                if len(inner) != 1:
                    raise NetworkError(
                        f"{self.path}: node {full!r}: has {len(inner)} nodes of type {word}: must be one"
                    )
                table[full] = inner[0]
        elif kind in ("Input", "Output") and prefix:
            self.nodes[full] = None
        elif isinstance(kind, str) and kind in _READERS:
            self.nodes[full] = node
        else:
            known = f"{', '.join([*_READERS, 'NIRGraph'])}{did_you_mean(str(kind), _READERS)}"
            raise NetworkError(f"{self.path}: node {full!r}: type = {kind!r}: must be one of {known}")

    def _edges(self, graph: Tree, where: str, names: Mapping[str, str], nodes: Tree) -> list[tuple[str, str]]:
        edges = graph.get("edges", [])
        if isinstance(edges, np.ndarray) and edges.size == 0:
            edges = []
        if not isinstance(edges, list) or any(len(row) != 2 for row in edges):
            raise NetworkError(f"{self.path}: {where}: edges: must be a table of pairs of names")
        repaired = self._repaired(edges, where, list(nodes))
        return [(self._full(a, repaired, names), self._full(b, repaired, names)) for a, b in edges]

    def _full(self, name: str, repaired: Mapping[str, str], names: Mapping[str, str]) -> str:
        head, _, port = repaired.get(name, name).partition(".")
        if repaired.get(name, name) in names:
            return names[repaired.get(name, name)]
        full = names.get(head, name)
        return full if port in ("input", "output") else f"{full}.{port}"

    def _repaired(self, edges: list[list[str]], where: str, names: list[str]) -> dict[str, str]:
        """Names in edges that no node has, and the one node that each must mean."""
        known = set(names)
        used = {end for edge in edges for end in edge}
        lost = sorted(
            name for name in used - known if name.partition(".")[0] not in known or name.partition(".")[2] == ""
        )
        free = [name for name in names if name not in used]
        repaired: dict[str, str] = {}
        for name in lost[:100]:
            alike = [other for other in free if _stem(other) == _stem(name)]
            meant = alike if alike else free if len(lost) == 1 else []
            if len(meant) != 1:
                raise NetworkError(
                    f"{self.path}: {where}: edges name {name!r}, which is no node"
                    f"{did_you_mean(name, names)} (nodes: {', '.join(names[:12])})"
                )
            repaired[name] = meant[0]
            self.semantics.note(
                f"{where}: edges name {name!r}, which is no node; {meant[0]!r} is the only one that is meant"
            )
        if len(set(repaired.values())) < len(repaired):
            raise NetworkError(f"{self.path}: {where}: edges name {', '.join(map(repr, lost[:4]))}, which are no nodes")
        return repaired


def _stem(name: str) -> str:
    return re.sub(r"[\d_]+$", "", name).lower()


class _Fields:
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


def infer_dt(nodes: Any, semantics: Semantics) -> None:
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
        semantics.tell("dt", float(f"{told[0]:.4g}"), "its r makes an input count as it is at this time-step")


def _uniform(values: Values) -> float:
    middle = float(np.median(values))
    return middle if np.all(np.abs(values - middle) <= _NEAR * abs(middle)) else 0.0


def warn_open(nodes: Any, semantics: Semantics) -> None:
    """Assumptions that change what the network computes, for the units that are there."""
    kinds = {node.kind for node in nodes}
    spiking = kinds & {"IF", "LIF", "CubaLIF"}
    if spiking and semantics.open("reset"):
        semantics.assume("reset", "a file holds v_reset, but exporters of networks that subtract write it too")
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
    if "CubaLIF" in kinds and semantics.open("synapse_reads"):
        semantics.assume("synapse_reads", "a file does not say whether a membrane sees this step's current")


# what each primitive is in time-steps -----------------------------------------------------------------------------


def _input(node: _Fields, semantics: Semantics) -> Op:
    if "shape" not in node.node:
        return Input(None)
    shape = node.whole("shape", None, 1)
    shape = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
    if len(shape) > 3:
        raise node.error("shape", shape, "must have one to three sizes: (N), (C, L) or (C, H, W)")
    return Input(shape)


def _affine(node: _Fields, semantics: Semantics) -> Op:
    return Weights(node.weight(0), node.array("bias"))


def _linear(node: _Fields, semantics: Semantics) -> Op:
    return Weights(node.weight(0))


def _convolution(dims: int) -> Callable[[_Fields, Semantics], Op]:
    def read(node: _Fields, semantics: Semantics) -> Op:
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


def _scale(node: _Fields, semantics: Semantics) -> Op:
    return Scale(node.array("scale"))


def _pool(kind: Any) -> Callable[[_Fields, Semantics], Op]:
    def read(node: _Fields, semantics: Semantics) -> Op:
        kernel = node.whole("kernel_size", None, 1)
        stride = node.whole("stride", kernel, 1)
        padding = node.whole("padding", (0,), 0, 1024)
        pairs = [(sizes[0], sizes[-1]) for sizes in (kernel, stride, padding)]
        return Pool(kind, pairs[0], pairs[1], pairs[2])

    return read


def _flatten(node: _Fields, semantics: Semantics) -> Op:
    start, end = node.whole("start_dim", (0,), -8, 8)[0], node.whole("end_dim", (-1,), -8, 8)[0]
    return Flatten(start, end)


def _delay(node: _Fields, semantics: Semantics) -> Op:
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


def _threshold(node: _Fields, semantics: Semantics) -> Op:
    return Unit(number(0), theta=node.array("threshold"), reset="none", strict=semantics.strict)


def _step_gain(node: _Fields, semantics: Semantics) -> Values:
    """What an integrator's input counts per step: r dt, or one where r is 1 or 1 / dt."""
    r = node.array("r")
    if np.all(np.abs(r - 1) <= _NEAR) or np.all(np.abs(r * semantics.dt - 1) <= _NEAR):
        return number(1)
    return np.asarray(r * semantics.dt, np.float64)


def _gain(r: Values, factor: Values, rule: str) -> Values:
    """What an input counts per step: r (1 - factor), the exact solution of a constant input over one step."""
    gain = r if rule == "unit" else r * (1 - factor)
    return number(1) if np.all(np.abs(gain - 1) <= _NEAR * 1e-2) else np.asarray(gain, np.float64)


def _spiking(node: _Fields, semantics: Semantics, factor: Values, gain: Values, **more: Any) -> Op:
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
        reset_delay=semantics.reset_delay
        and semantics.reset != "none"
        and not (semantics.reset == "zero" and "synapse" not in more),
        strict=semantics.strict,
        max_spikes=semantics.max_spikes,
        refractory=semantics.refractory,
        **more,
    )


def _if(node: _Fields, semantics: Semantics) -> Op:
    return _spiking(node, semantics, number(1), _step_gain(node, semantics))


def _lif(node: _Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau", positive=True))
    gain = _gain(node.array("r"), factor, semantics.gain)
    return _spiking(node, semantics, factor, gain, v_leak=node.array("v_leak", 0))


def _synapse(node: _Fields, semantics: Semantics) -> Synapse:
    factor = semantics.factor(node.array("tau_syn", positive=True))
    gain = _gain(node.array("w_in", 1), factor, semantics.synapse_gain)
    return Synapse(factor, gain, semantics.synapse_order, semantics.synapse_reads)


def _cuba_lif(node: _Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau_mem", positive=True))
    gain = _gain(node.array("r"), factor, semantics.gain)
    synapse = _synapse(node, semantics)
    return _spiking(node, semantics, factor, gain, v_leak=node.array("v_leak", 0), synapse=synapse)


def _li(node: _Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau", positive=True))
    v_leak = node.array("v_leak", 0)
    start = v_leak if semantics.v_init == "leak" else number(0)
    return Unit(factor, _gain(node.array("r"), factor, semantics.gain), v_leak=v_leak, v_init=start)


def _cuba_li(node: _Fields, semantics: Semantics) -> Op:
    factor = semantics.factor(node.array("tau_mem", positive=True))
    v_leak = node.array("v_leak", 0)
    start = v_leak if semantics.v_init == "leak" else number(0)
    gain = _gain(node.array("r"), factor, semantics.gain)
    return Unit(factor, gain, v_leak=v_leak, v_init=start, synapse=_synapse(node, semantics))


def _integrator(node: _Fields, semantics: Semantics) -> Op:
    return Unit(number(1), _step_gain(node, semantics))


_READERS: dict[str, Callable[[_Fields, Semantics], Op]] = {
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
