"""Named arrays and a YAML architecture that says what they belong to.

::

    name: lenet
    input: {shape: [1, 28, 28], bits: 8, coding: direct}
    time_steps: 4
    layers:
      - {name: conv1, type: Conv2d, arrays: features.0, stride: 1, padding: 1}
      - {type: BatchNorm2d, arrays: features.1}
      - {name: lif1, type: LIFNode, tau: 2.0, v_threshold: 1.0, v_reset: null, decay_input: false}
      - {type: AvgPool2d, kernel_size: 2}
      - {name: shortcut, type: Conv2d, arrays: down, inputs: [lif1]}
      - {type: Add, inputs: [lif2, shortcut]}
      - {type: Flatten}
      - {type: Linear, arrays: classifier}
    readout: accumulate

Types and their fields are PyTorch's, SpikingJelly's and snnTorch's own names; `arrays` is the prefix of a layer's
arrays, `inputs` what it reads, by default the layer before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._yaml import read_yaml
from ..errors import InputError, NetworkError, did_you_mean
from .graph import Graph, Input, Op, Output
from .modules import LAYERS, Module, Reader, read_module
from .semantics import Semantics, as_options
from .tensors import Arrays, check_finite, named_arrays, read_object

_FIELDS = ("name", "input", "time_steps", "layers", "readout")
_MAX_YAML_BYTES = 2**18
_INPUT = {"shape", "bits", "coding"}


def read(source: Any, semantics: Semantics) -> Graph:
    """The graph of an architecture, with a file's arrays.

    Raises:
        NetworkError: there is no architecture, or it does not fit the arrays.
    """
    if semantics.options.architecture is None:
        raise NetworkError(
            f"{_label(source)}: named arrays do not say what they belong to: give an architecture (YAML)"
        )
    semantics.by_unit = True
    path = Path(semantics.options.architecture).expanduser()
    if path.is_file() and path.stat().st_size > _MAX_YAML_BYTES:
        raise NetworkError(f"{path}: has {path.stat().st_size} bytes (at most {_MAX_YAML_BYTES})")
    data, _ = read_yaml(path)
    for key in data:
        if key not in _FIELDS:
            raise NetworkError(f"{path}: {key}: unknown key{did_you_mean(key, _FIELDS)} (known: {', '.join(_FIELDS)})")
    shape = _told(data, semantics, path)
    return _Layers(arrays_of(source), semantics, path).graph(data, shape)


def _label(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else "state dict"


def arrays_of(source: Any) -> Arrays:
    """The named arrays of a file, or of a state dict in memory."""
    if isinstance(source, str | Path):
        return named_arrays(read_object(Path(source)), Path(source))
    if hasattr(source, "state_dict"):
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise NetworkError(f"a {type(source).__name__}: must be a state dict")
    made = {str(name): _numbers(value, str(name)) for name, value in source.items()}
    return {name: array for name, array in made.items() if array is not None}


def _numbers(value: Any, name: str) -> Any:
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy()
    return check_finite(value, f"state dict: {name!r}") if isinstance(value, np.ndarray) else None


def _told(data: Mapping[str, Any], semantics: Semantics, path: Path) -> tuple[int, ...] | None:
    """What the architecture says of input, time and answer."""
    spec = data.get("input", {})
    if not isinstance(spec, dict) or set(spec) - _INPUT:
        raise NetworkError(f"{path}: input: must be a mapping with {', '.join(sorted(_INPUT))}")
    told = {
        "input_bits": spec.get("bits"),
        "coding": spec.get("coding"),
        "time_steps": data.get("time_steps"),
        "readout": data.get("readout"),
    }
    told = {key: value for key, value in told.items() if value is not None}
    try:
        as_options(told)
    except InputError as error:
        raise NetworkError(f"{path}: {error}") from None
    semantics.told |= told
    if spec.get("shape") is None:
        return None
    shape = spec["shape"]
    if not isinstance(shape, list) or not all(type(n) is int and 1 <= n <= 65536 for n in shape) or len(shape) > 3:
        raise NetworkError(f"{path}: input.shape = {shape!r}: must be one to three sizes from 1 to 65536")
    return tuple(shape)


def _readers() -> dict[str, Reader]:
    from . import snntorch, spikingjelly

    return {**spikingjelly.UNITS, **snntorch.UNITS}


class _Layers:
    def __init__(self, arrays: Arrays, semantics: Semantics, path: Path) -> None:
        self.arrays, self.semantics, self.path = arrays, semantics, path
        self.readers = _readers()
        self.nodes: dict[str, Op] = {}
        self.edges: list[tuple[str, str]] = []
        self.waiting: list[tuple[str, str]] = []
        self.first: dict[str, str] = {}
        self.last: dict[str, str] = {"input": "input"}

    def graph(self, data: Mapping[str, Any], shape: tuple[int, ...] | None) -> Graph:
        layers = data.get("layers")
        if not isinstance(layers, list) or not layers:
            raise NetworkError(f"{self.path}: layers: must be a list of layers")
        self.nodes["input"] = Input(shape)
        before = "input"
        for index, layer in enumerate(layers):
            before = self._layer(layer, index, before)
        self._check_edges()
        self.nodes["output"] = Output()
        edges = [(self.last[a], self.first[b]) for a, b in self.waiting] + self.edges
        return Graph(str(data.get("name", self.path.stem)), self.nodes, (*edges, (self.last[before], "output")))

    def _layer(self, layer: Any, index: int, before: str) -> str:
        where = f"{self.path}: layers.{index}"
        if not isinstance(layer, dict) or not isinstance(layer.get("type"), str):
            raise NetworkError(f"{where}: must be a mapping with a type")
        fields = dict(layer)
        kind, name = fields.pop("type"), str(fields.pop("name", f"{layer['type'].lower()}{index}"))
        prefix, inputs = fields.pop("arrays", None), fields.pop("inputs", [before])
        if name in self.last or name == "output":
            raise NetworkError(f"{where}: name = {name!r}: is taken")
        if not isinstance(inputs, list) or not inputs or not all(isinstance(n, str) for n in inputs):
            raise NetworkError(f"{where}: inputs = {inputs!r}: must be a list of names")
        if len(set(inputs)) < len(inputs):
            raise NetworkError(f"{where}: inputs = {inputs!r}: must differ")
        held = self._held(prefix, where)
        inner = {key[10:]: value for key, value in held.items() if key.startswith("recurrent.")}
        children = {"recurrent": Module("Linear", f"{name}.recurrent", arrays=inner)} if inner else {}
        try:
            made = read_module(Module(kind, name, fields, held, children), self.readers, self.semantics)
        except NetworkError as error:
            raise NetworkError(f"{where}: {error}") from None
        if made is None:
            made = LAYERS["Add"](Module("Add", name), self.semantics)
        assert made is not None
        ops, edges = made
        names = {end: f"{name}.{end}" if end else name for end in ops}
        self.nodes |= {names[end]: op for end, op in ops.items()}
        self.edges += [(names[a], names[b]) for a, b in edges]
        self.first[name], self.last[name] = next(iter(names.values())), list(names.values())[-1]
        self.waiting += [(source, name) for source in inputs]
        return name

    def _held(self, prefix: Any, where: str) -> dict[str, Any]:
        if prefix is None:
            return {}
        found = {name[len(prefix) + 1 :]: array for name, array in self.arrays.items() if name.startswith(f"{prefix}.")}
        if not found:
            tops = sorted({name.rpartition(".")[0] for name in self.arrays})
            raise NetworkError(
                f"{where}: arrays = {prefix!r}: the file has none under it{did_you_mean(str(prefix), tops)} "
                f"(it has: {', '.join(tops[:12])})"
            )
        return found

    def _check_edges(self) -> None:
        for source, name in self.waiting:
            if source not in self.last:
                hint = did_you_mean(source, self.last)
                raise NetworkError(f"{self.path}: layer {name!r}: inputs: there is no layer {source!r}{hint}")
