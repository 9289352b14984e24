"""PyTorch modules as they are found: in memory, in a pickle that nobody ran, or in an architecture's YAML.

All three are a `Module`: the name of a class, attributes, arrays and children. `spikingjelly` and `snntorch` add the
units of theirs to the layers below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError, did_you_mean
from .graph import Flatten, Graph, Identity, Input, Op, Output, Pool, Unit, Values, Weights, batch_norm
from .rebuilt import Stub
from .semantics import Semantics
from .tensors import check_finite

#: operations that a module becomes, by the end of their names, and the edges among them; the last one is its output
Parts = tuple[dict[str, Op], list[tuple[str, str]]]
_MAX_DEPTH = 32
_MAX_MODULES = 10_000


@dataclass(frozen=True, eq=False)
class Module:
    """A module: the last part of its class's name, the package that has it ("" if unknown), and what it holds."""

    kind: str
    path: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, Module] = field(default_factory=dict)
    package: str = ""
    identity: int = 0

    def error(self, text: str) -> NetworkError:
        return NetworkError(f"module {self.path or self.kind!r}: {text}")

    def array(self, name: str) -> Values:
        """Finite numbers, float64."""
        value = self.optional(name)
        if value is None:
            raise self.error(f"{name}: is missing (numbers)")
        return value

    def optional(self, name: str) -> Values | None:
        value = self.arrays.get(name)
        value = self.attributes.get(name) if value is None else value
        if value is None or isinstance(value, bool | str):
            return None
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise self.error(f"{name}: must be numbers, is a {type(value).__name__}") from None
        return check_finite(array, f"module {self.path!r}: {name}")

    def number(self, name: str, default: float | None = None) -> float:
        value = self.optional(name)
        if value is None and default is not None:
            return default
        if value is None or value.size != 1:
            raise self.error(f"{name}: must be one number")
        return float(value.reshape(-1)[0])

    def sizes(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        value = self.attributes.get(name)
        if value is None and default is not None:
            return default
        values = (value,) if isinstance(value, int) else value
        if not isinstance(values, tuple | list) or not all(type(n) is int and 0 <= n <= 65536 for n in values):
            raise self.error(f"{name} = {value!r}: must be a whole number, or a few")
        if not 1 <= len(values) <= 3:
            raise self.error(f"{name} = {value!r}: must be one to three whole numbers")
        return tuple(values)

    def truth(self, name: str, default: bool = False) -> bool:
        return bool(self.attributes.get(name, default))


def from_torch(module: Any, path: str = "", depth: int = 0) -> Module:
    """A module in memory, read without a forward pass."""
    state = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    arrays = {}
    for group in ("_parameters", "_buffers"):
        for name, tensor in getattr(module, group).items():
            if tensor is not None and tensor.numel():
                arrays[name] = tensor.detach().cpu().double().numpy()
    children = _children(module._modules, path, depth, from_torch)
    package = type(module).__module__.partition(".")[0]
    return Module(type(module).__name__, path, _plain(state), arrays, children, package, id(module))


def from_stub(stub: Stub, path: str = "", depth: int = 0) -> Module:
    """A module of a pickle, whose class was not loaded."""
    state = stub.state if isinstance(stub.state, dict) else {}
    arrays = {}
    for group in ("_parameters", "_buffers"):
        held = state.get(group)
        for name, value in (held if isinstance(held, dict) else {}).items():
            if isinstance(value, np.ndarray) and value.size:
                arrays[str(name)] = value
    attributes = {key: value for key, value in state.items() if isinstance(key, str) and not key.startswith("_")}
    inner = state.get("_modules")
    stubs = {str(k): v for k, v in (inner if isinstance(inner, dict) else {}).items() if isinstance(v, Stub)}
    package, kind = stub.kind.partition(".")[0], stub.kind.rpartition(".")[2]
    children = _children(stubs, path, depth, from_stub)
    return Module(kind, path, _plain(attributes), arrays, children, package, id(stub))


def _children(held: Mapping[str, Any], path: str, depth: int, make: Callable[..., Module]) -> dict[str, Module]:
    if depth > _MAX_DEPTH:
        raise NetworkError(f"module {path!r}: is nested deeper than {_MAX_DEPTH}")
    prefix = f"{path}." if path else ""
    return {name: make(child, f"{prefix}{name}", depth + 1) for name, child in held.items() if child is not None}


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that are numbers, texts, or tensors."""
    made: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, bool | int | float | str | tuple | list | np.ndarray) or value is None:
            made[key] = value
        elif hasattr(value, "detach") and value.numel():
            made[key] = value.detach().cpu().double().numpy()
    return made


#: what makes operations of a module; None where it is passed over (dropout)
Reader = Callable[[Module, Semantics], Parts | None]
_CONTAINERS = {"Sequential", "ModuleList", "SeqToANNContainer", "MultiStepContainer", "StepModeContainer"}
#: packages whose classes do what their names say here
_PACKAGES = {"", "torch", "snntorch", "spikingjelly"}
_SKIPPED = {"Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"}


def graph_of(root: Module, readers: Mapping[str, Reader], semantics: Semantics, name: str) -> Graph:
    """The modules of a tree in a row, in the order in which containers run them.

    Raises:
        NetworkError: a module is of a class that no reader knows.
    """
    semantics.by_unit = True
    nodes: dict[str, Op] = {"input": Input(None)}
    edges: list[tuple[str, str]] = []
    last = "input"
    units: dict[int, Module] = {}
    for module in _leaves(root, readers, semantics):
        made = read_module(module, readers, semantics)
        if made is None:
            continue
        ops, inner = made
        first = units.setdefault(module.identity or id(module), module)
        if first is not module and any(isinstance(op, Unit) for op in ops.values()):
            raise module.error(f"is the same unit as {first.path!r}: one membrane in two places is not supported")
        names = {end: f"{module.path}.{end}" if end else module.path or module.kind for end in ops}
        nodes |= {names[end]: op for end, op in ops.items()}
        edges += [(names[a], names[b]) for a, b in inner]
        ends = list(names.values())
        edges.append((last, ends[0]))
        last = ends[-1]
    nodes["output"] = Output()
    return Graph(name, nodes, (*edges, (last, "output")))


def read_module(module: Module, readers: Mapping[str, Reader], semantics: Semantics) -> Parts | None:
    """What a module becomes; None where it does nothing to what passes."""
    if module.kind in _SKIPPED:
        return None
    known = {**LAYERS, **readers}
    if module.kind not in known:
        hint = did_you_mean(module.kind, known)
        raise module.error(f"is a {module.kind}, which is not read{hint} (read: {', '.join(sorted(known))})")
    if module.package not in _PACKAGES:
        semantics.assume(
            "architecture",
            f"module {module.path!r} is a {module.kind} of the package {module.package!r}, whose forward() is not read",
            f"what {module.kind} is elsewhere",
        )
    return known[module.kind](module, semantics)


def _leaves(module: Module, readers: Mapping[str, Reader], semantics: Semantics) -> Iterator[Module]:
    if module.kind in LAYERS or module.kind in readers or module.kind in _SKIPPED:
        yield module
    elif module.children and _holds_any(module, {*LAYERS, *readers}):
        if module.kind not in _CONTAINERS and len(module.children) > 1:
            semantics.assume(
                "architecture",
                f"what forward() of {module.kind} does between its modules is not read",
                "modules in the order in which they were registered",
            )
        for child in module.children.values():
            yield from _leaves(child, readers, semantics)
    else:
        yield module


def _holds_any(module: Module, kinds: set[str]) -> bool:
    return any(child.kind in kinds or _holds_any(child, kinds) for child in module.children.values())


def _one(op: Op) -> Parts:
    return {"": op}, []


def _linear(module: Module, semantics: Semantics) -> Parts:
    return _one(Weights(module.array("weight"), module.optional("bias")))


def _conv(module: Module, semantics: Semantics) -> Parts:
    if module.attributes.get("padding_mode", "zeros") != "zeros":
        raise module.error(f"padding_mode = {module.attributes['padding_mode']!r}: must be 'zeros'")
    padding = module.attributes.get("padding", 0)
    sizes: Any = "same" if padding == "same" else () if padding == "valid" else module.sizes("padding", (0,))
    groups = module.sizes("groups", (1,))[0]
    if groups < 1:
        raise module.error("groups = 0: must be at least 1")
    stride, dilation = module.sizes("stride", (1,)), module.sizes("dilation", (1,))
    return _one(Weights(module.array("weight"), module.optional("bias"), stride, sizes, dilation, groups))


def _batch_norm(module: Module, semantics: Semantics) -> Parts:
    mean, variance = module.array("running_mean"), module.array("running_var")
    if variance.min() < 0:
        raise module.error(f"running_var = {variance.min():g}: must not be negative")
    epsilon = module.number("eps", 1e-5)
    return _one(batch_norm(module.optional("weight"), module.optional("bias"), mean, variance, epsilon))


def _pool(kind: Any) -> Reader:
    def read(module: Module, semantics: Semantics) -> Parts:
        kernel = module.sizes("kernel_size")
        stride = module.sizes("stride", kernel)
        padding = module.sizes("padding", (0,))
        if module.truth("ceil_mode") or module.attributes.get("divisor_override") is not None:
            raise module.error("ceil_mode and divisor_override are not supported")
        if any(padding) and not module.truth("count_include_pad", True):
            raise module.error("count_include_pad = False: must be True with padding: zeros of an average count")
        if module.sizes("dilation", (1,)) not in ((1,), (1, 1)):
            raise module.error("dilation: must be 1")
        pairs = [(sizes[0], sizes[-1]) for sizes in (kernel, stride, padding)]
        return _one(Pool(kind, pairs[0], pairs[1], pairs[2]))

    return read


def _flatten(module: Module, semantics: Semantics) -> Parts:
    start, end = (module.number(name, default) for name, default in (("start_dim", 1), ("end_dim", -1)))
    return _one(Flatten(int(start) - (start > 0), int(end) - (end > 0)))


#: PyTorch's layers, and those that SpikingJelly derives from them under the same names
LAYERS: dict[str, Reader] = {
    "Linear": _linear,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "ThresholdDependentBatchNorm1d": _batch_norm,
    "ThresholdDependentBatchNorm2d": _batch_norm,
    "AvgPool2d": _pool("average"),
    "SumPool2d": _pool("sum"),
    "MaxPool2d": _pool("max"),
    "Flatten": _flatten,
    "Add": lambda module, semantics: _one(Identity()),
}


def _check_size(stub: Stub) -> None:
    """A few shared modules may unfold to no end of them."""
    stack, visits = [stub], 0
    while stack:
        state = stack.pop().state
        visits += 1
        if visits > _MAX_MODULES:
            raise NetworkError(f"module {stub.kind!r}: has more than {_MAX_MODULES} modules")
        inner = state.get("_modules") if isinstance(state, dict) else None
        stack += [child for child in (inner if isinstance(inner, dict) else {}).values() if isinstance(child, Stub)]


def module_of(source: Any) -> Module | None:
    """The module of a file or of memory; None where it is a state dict."""
    made = source
    if isinstance(source, str | Path):
        from .tensors import read_object

        made = read_object(Path(source))
    if isinstance(made, Stub):
        _check_size(made)
        return from_stub(made)
    return from_torch(made) if hasattr(made, "_modules") else None
