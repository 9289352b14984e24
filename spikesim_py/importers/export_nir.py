"""Networks as NIR files. What the format has no place for (step, reset, several spikes ..) goes beside the graph.

Decays become time constants by Euler's rule, tau = dt / (1 - decay), with r = tau / dt, so that inputs count as they
are (as snnTorch's exporter does). An affine becomes the bias of the layer before it, or a 1 x 1 convolution of its own.
The equations are of real numbers: how an integer network rounds, and how wide its words are, stays behind.
"""

from __future__ import annotations

import json
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import write_atomic
from ..errors import InputError, NetworkError
from ..network import Add, Affine, Conv, Delay, Flatten, Li, Lif, Linear, Membrane, Network, Pool, Readout
from .nir import OWN_GROUP

_VERSION = "1.0"
_LARGE = 1024  # numbers: parameters are one per unit, and mostly alike
_MATCHING = ("reset", "reset_delay", "strict", "max_spikes", "refractory")
Fields = dict[str, Any]


def export_nir(network: Network, path: str | Path, dt: float = 1e-4) -> Path:
    """Write a network as a NIR file; `dt` in seconds per time-step.

    Raises:
        NetworkError: NIR has nothing for a node, or its units differ in what the file holds once. InputError: h5py is
            not installed, or `dt` is not positive.
    """
    try:
        import h5py
    except ImportError:
        raise InputError("writing NIR needs h5py: pip install 'spikesim-py[interop]'") from None
    if not 0 < dt < float("inf"):
        raise InputError(f"dt = {dt}: must be a positive number of seconds")
    graph = _Export(network, dt)
    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("version", data=_VERSION, dtype=h5py.string_dtype())
        _write(h5py, file.create_group("node"), graph.tree())
        own = file.create_group(OWN_GROUP)
        own.create_dataset("semantics", data=json.dumps(graph.semantics()), dtype=h5py.string_dtype())
    return write_atomic(path, buffer.getvalue())


def _write(h5py: Any, group: Any, tree: Fields) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _write(h5py, group.create_group(key), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        elif key == "edges":
            group.create_dataset(key, data=np.array(value, dtype=object), dtype=h5py.string_dtype())
        else:
            packed = {"compression": "gzip"} if np.size(value) >= _LARGE else {}
            group.create_dataset(key, data=value, **packed)


class _Export:
    def __init__(self, network: Network, dt: float) -> None:
        self.network, self.dt = network, dt
        self.nodes: dict[str, Fields] = {}
        self.edges: list[list[str]] = []
        self.ends: dict[str, list[str]] = {"input": ["input"]}

    def error(self, name: str, text: str) -> NetworkError:
        return NetworkError(f"network {self.network.name!r}: node {name!r}: {text}: NIR has no place for it")

    def tree(self) -> Fields:
        if self.network.shape_only:
            raise NetworkError(f"network {self.network.name!r} has no weights: nothing to export")
        self.nodes["input"] = {"type": "Input", "shape": self._shape("input")}
        for node in self.network.nodes:
            self._node(node)
        return {"type": "NIRGraph", "nodes": self.nodes, "edges": self._resolved()}

    def _resolved(self) -> list[list[str]]:
        """Edges between nodes of the file; those of a loop named what came later."""
        counted = Counter((end, target) for source, target in self.edges for end in self._ends(source))
        for (source, target), times in counted.items():
            if times > 1:
                raise self.error(target, f"reads {source!r} {times} times")
        return [list(edge) for edge in counted]

    def _ends(self, name: str) -> list[str]:
        """The nodes whose sum a value is."""
        ends = self.ends[name]
        return ends if ends == [name] else [end for source in ends for end in self._ends(source)]

    def semantics(self) -> Fields:
        """The fields that units share; those of the readout and the input."""
        units = [node for node in self.network.nodes if isinstance(node, Lif)]
        told: Fields = {"dt": self.dt, "decay": "euler", "gain": "tau", "synapse_gain": "tau"}
        told |= {"v_init": self._start(), "time_steps": self.network.time_steps}
        for name in _MATCHING:
            values = {getattr(unit, name) for unit in units}
            if len(values) > 1:
                raise NetworkError(f"network {self.network.name!r}: its units differ in {name}: NIR keeps none")
            if values:
                told[name] = values.pop()
        membranes = [node for node in self.network.nodes if isinstance(node, Membrane)]
        orders = {(unit.synapse.order, unit.synapse.reads) for unit in membranes if unit.synapse}
        if len(orders) > 1:
            raise NetworkError(f"network {self.network.name!r}: its synapses differ in order: NIR keeps none")
        for order, reads in orders:
            told |= {"synapse_order": order, "synapse_reads": reads}
        spec, readout = self.network.model.input, self.network.nodes[-1]
        assert isinstance(readout, Readout)
        return told | {"coding": spec.coding, "input_bits": spec.bits, "readout": readout.mode}

    def _start(self) -> str:
        """Where all membranes are at first, in the words of `Options`."""
        nodes = [node for node in self.network.nodes if isinstance(node, Membrane)]
        for choice, name in (("zero", ""), ("leak", "v_leak"), ("reset", "v_reset")):
            if all(self._starts_at(node, name) for node in nodes):
                return choice
        raise NetworkError(f"network {self.network.name!r}: its membranes differ in where they start: NIR keeps none")

    def _starts_at(self, node: Membrane, name: str) -> bool:
        """Whether v_init is the level of a name; what the file has no level for starts at 0."""
        shape = self._shape(node.name)
        kept = "v_threshold" in self.nodes[node.name] if name == "v_reset" else name in self.nodes[node.name]
        level = self._full(node, name, getattr(node, name), shape) if kept else 0
        return bool((self._full(node, "v_init", node.v_init, shape) == level).all())

    def _shape(self, name: str) -> NDArray[np.int64]:
        """(N,) of vectors, (C, H, W) of maps."""
        shape = self.network.edges[name].shape
        flat = shape[1:] == (1, 1) and not any(
            isinstance(n, Conv | Pool) for n in self.network.nodes if name in n.inputs
        )
        return np.array(shape[:1] if flat else shape)

    def _put(self, name: str, sources: list[str], fields: Fields) -> None:
        self.nodes[name] = fields
        self.edges += [[source, name] for source in sources]
        self.ends[name] = [name]

    def _node(self, node: Any) -> None:
        sources = node.inputs
        if isinstance(node, Conv | Linear):
            self._put(node.name, sources, self._layer(node))
        elif isinstance(node, Affine):
            self._affine(node, sources)
        elif isinstance(node, Lif | Li):
            self._put(node.name, sources, self._unit(node))
        elif isinstance(node, Pool):
            self._put(node.name, sources, self._pool(node))
        elif isinstance(node, Add):
            self.ends[node.name] = sources
        elif isinstance(node, Flatten):
            shape = np.array(self.network.edges[node.inputs[0]].shape)
            self._put(node.name, sources, {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": shape})
        elif isinstance(node, Delay):
            self._delay(node, sources)
        elif not isinstance(node, Readout):
            raise self.error(node.name, node.op)
        else:
            self._put(
                "output" if "output" not in self.nodes else node.name,
                sources,
                {"type": "Output", "shape": self._shape(node.inputs[0])},
            )

    def _layer(self, node: Conv | Linear) -> Fields:
        weight = self.network.weight(node.name).astype(np.float64)
        if isinstance(node, Linear):
            return {"type": "Linear", "weight": weight}
        return {
            "type": "Conv2d",
            "input_shape": np.array(self.network.edges[node.inputs[0]].shape[1:]),
            "weight": weight,
            "stride": np.array(node.stride),
            "padding": np.array(node.padding),
            "dilation": np.array([1, 1]),
            "groups": node.groups,
            "bias": np.zeros(node.out_channels),
        }

    def _affine(self, node: Affine, sources: list[str]) -> None:
        """Into the layer before it, if that drives nothing else; else a layer of its own."""
        if node.per_step:
            raise self.error(node.name, "per_step")
        source, scale = node.inputs[0], 2.0**-node.shift
        multiplier, bias = (self.network.arrays[f"{node.name}.{key}"] * scale for key in ("multiplier", "bias"))
        readers = sum(source in other.inputs for other in self.network.nodes)
        before = self.nodes.get(source, {})
        per_channel = all(part.ndim < 3 or part.shape[1:] == (1, 1) for part in (multiplier, bias))
        if before.get("type") in ("Linear", "Conv2d") and readers == 1 and per_channel:
            rows = len(before["weight"])
            factor, offset = (np.broadcast_to(part.reshape(-1), rows) for part in (multiplier, bias))
            before["weight"] = before["weight"] * factor.reshape(-1, *(1,) * (before["weight"].ndim - 1))
            before["type"] = "Affine" if before["type"] == "Linear" else "Conv2d"
            before["bias"] = offset.copy()
            self.ends[node.name] = [source]
            return
        if not per_channel:
            raise self.error(node.name, "a multiplier or bias per unit")
        channels, height, width = self.network.edges[node.name].shape
        factor, offset = (np.broadcast_to(part.reshape(-1), channels).copy() for part in (multiplier, bias))
        if len(self._shape(source)) == 1:
            self._put(node.name, sources, {"type": "Affine", "weight": np.diag(factor), "bias": offset})
            return
        self._put(
            node.name,
            sources,
            {
                "type": "Conv2d",
                "input_shape": np.array([height, width]),
                "weight": factor.reshape(-1, 1, 1, 1),
                "stride": np.array([1, 1]),
                "padding": np.array([0, 0]),
                "dilation": np.array([1, 1]),
                "groups": channels,
                "bias": offset,
            },
        )

    def _delay(self, node: Delay, sources: list[str]) -> None:
        """Spikes that close a loop, a step late, are what an edge back is; other delays are nodes."""
        steps = self.network.arrays.get(f"{node.name}.steps", np.array(node.steps))
        later = sources[0] not in self.ends
        if later and (steps == 1).all() and isinstance(self.network.by_name[sources[0]], Lif):
            self.ends[node.name] = sources
            return
        shape = self._shape(node.inputs[0])
        full = np.broadcast_to(_as_parts(steps, shape), shape).astype(np.float64)
        self._put(node.name, sources, {"type": "Delay", "delay": full * self.dt})

    def _pool(self, node: Pool) -> Fields:
        if node.kind == "max":
            raise self.error(node.name, "max pooling")
        kind = "SumPool2d" if node.kind == "sum" else "AvgPool2d"
        sizes = {"kernel_size": node.kernel, "stride": node.step, "padding": node.padding}
        return {"type": kind} | {key: np.array(value) for key, value in sizes.items()}

    def _unit(self, node: Lif | Li) -> Fields:
        if node.order != "leak_first":
            raise self.error(node.name, f"order = {node.order!r}")
        if node.store_shift:
            raise self.error(node.name, "store_shift")
        if node.synapse and node.synapse.resets:
            raise self.error(node.name, "a synapse that resets empty")
        if node.v_min is not None or f"{node.name}.v_min" in self.network.arrays:
            raise self.error(node.name, "v_min")
        shape = self._shape(node.name)
        factor = self._full(node, "leak", node.leak.multiplier, shape) / 2.0**node.leak.shift
        theta = self._full(node, "theta", 1, shape) if isinstance(node, Lif) else None
        fields: Fields = {}
        if theta is not None:
            reset = node.v_reset if isinstance(node, Lif) else 0
            fields |= {"v_threshold": theta, "v_reset": self._full(node, "v_reset", reset, shape)}
        if node.synapse is None and (factor == 1).all():
            kind = "I" if theta is None else "IF"
            return {"type": kind, "r": np.full(shape, 1 / self.dt)} | fields
        if (factor == 1).any():
            raise self.error(node.name, "a decay of 1 beside others, or a synapse")
        tau = self.dt / (1 - factor)
        fields |= {"r": tau / self.dt, "v_leak": self._full(node, "v_leak", node.v_leak, shape)}
        if node.synapse is None:
            return {"type": "LI" if theta is None else "LIF", "tau": tau} | fields
        current = self._full(node, "synapse", node.synapse.leak.multiplier, shape) / 2.0**node.synapse.leak.shift
        if (current == 1).any():
            raise self.error(node.name, "a synapse that does not decay")
        tau_syn = self.dt / (1 - current)
        kind = "CubaLI" if theta is None else "CubaLIF"
        return {"type": kind, "tau_mem": tau, "tau_syn": tau_syn, "w_in": tau_syn / self.dt} | fields

    def _full(self, node: Any, key: str, number: float, shape: NDArray[np.int64]) -> NDArray[np.float64]:
        """A parameter of every unit: NIR wants them all in one shape."""
        array = self.network.arrays.get(f"{node.name}.{key}", np.array(number))
        return np.broadcast_to(_as_parts(array, shape), shape).astype(np.float64)


def _as_parts(array: NDArray[Any], shape: NDArray[np.int64]) -> NDArray[Any]:
    """A number, one per channel, or one per unit, so that it broadcasts to a shape."""
    if array.size == 1 or array.ndim == len(shape):
        return array.reshape(-1) if array.size == 1 else array.reshape(array.shape)
    return array.reshape(-1) if len(shape) == 1 else array.reshape(-1, 1, 1)
