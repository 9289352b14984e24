"""lava-dl's exchange files (`.net`, HDF5) as integer networks, exactly as lava's fixed-point units run them.

Per time-step (lava 0.9, `proc/lif/models.py`, AbstractPyLifModelFixed and PyLifModelBitAcc; lava-dl `netx/hdf5.py`)::

    u = trunc(u (4096 - iDecay) / 4096) + 64 a          24 bits, wraps
    v = trunc(v (4096 - vDecay) / 4096) + u + 64 bias   24 bits, saturates
    spike where v > 64 vThMant; then v = 0

An axonal delay holds a unit's spikes back. Weights that are all even or multiples of 4 .. are stored without the zeros.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from ..network import Network, build
from .hdf5 import Tree, read_tree
from .reading import as_chw
from .semantics import Semantics

_SCALE_BITS = 6
_DECAY_BITS = 12
_STATE_BITS = 24
_MAX_LAYERS = 1000
_RUN = ("dense", "conv", "flatten", "input")
_Ints = NDArray[np.int64]


def network(source: Any, semantics: Semantics, format_name: str) -> Network:
    """The integer network of a `.net` file.

    Raises:
        NetworkError: a layer or unit that lava's own reader does not run either, or numbers that are not whole.
    """
    path = Path(source)
    tree = read_tree(path)
    layers = tree.get("layer")
    if not isinstance(layers, dict) or not layers:
        raise NetworkError(f"{path}: layer: must be a group of layers")
    if len(layers) > _MAX_LAYERS or any(not name.isdigit() for name in layers):
        raise NetworkError(f"{path}: layer: must be numbered from 0, at most {_MAX_LAYERS}")
    made = _Layers(path, semantics)
    for name in sorted(layers, key=int):
        made.add(f"layer{name}", layers[name])
    steps = semantics.options.time_steps
    if steps is None:
        steps = 16
        semantics.assume("time_steps", "the file does not say for how long it runs", steps)
    description = {
        "name": (semantics.options.name or path.stem)[:128],
        "arithmetic": "integer",
        "time_steps": steps,
        "input": {
            "shape": made.input_shape,
            "bits": semantics.options.input_bits or 1,
            "coding": semantics.options.coding or "events",
            "encoder": "every_step",
        },
        "nodes": [
            *made.nodes,
            {"op": "readout", "name": "out", "inputs": [made.last], "mode": semantics.options.readout or "spike_count"},
        ],
        "metadata": {"import": {"format": format_name, "units": "lava fixed point (CUBA)"} | _account(semantics)},
    }
    return build(description, made.arrays, str(path))


def _account(semantics: Semantics) -> dict[str, Any]:
    return {"assumed": list(semantics.assumed), "notes": list(semantics.notes)}


class _Layers:
    def __init__(self, path: Path, semantics: Semantics) -> None:
        self.path, self.semantics = path, semantics
        self.nodes: list[dict[str, Any]] = []
        self.arrays: dict[str, _Ints] = {}
        self.last = "input"
        self.shape: tuple[int, int, int] | None = None
        self.input_shape: tuple[int, int, int] | None = None

    def error(self, name: str, text: str) -> NetworkError:
        return NetworkError(f"{self.path}: {name}: {text}")

    def add(self, name: str, layer: Any) -> None:
        kind = _text(layer.get("type")) if isinstance(layer, dict) else None
        if kind not in _RUN:
            raise self.error(name, f"type = {kind!r}: must be one of {', '.join(_RUN)} (lava-dl's netx runs no other)")
        if kind == "input":
            self._input(name, layer)
        elif kind == "flatten":
            self._flatten(name)
        elif kind == "dense":
            self._dense(name, layer)
        else:
            self._conv(name, layer)

    def _whole(self, name: str, layer: Tree, key: str, default: Any = None) -> _Ints:
        value = layer.get(key)
        if value is None and default is not None:
            return np.asarray(default, np.int64)
        if not isinstance(value, np.ndarray) or not value.size:
            raise self.error(name, f"{key}: is missing (whole numbers)")
        array = value.astype(np.float64)
        if not np.isfinite(array).all() or (array != np.round(array)).any() or np.abs(array).max() > 2**31:
            bad = array[~((array == np.round(array)) & (np.abs(array) <= 2**31))].flat[0]
            raise self.error(name, f"{key} = {bad}: must be whole numbers of 32 bits")
        return array.astype(np.int64)

    def _emit(self, name: str, op: str, **fields: Any) -> None:
        self.nodes.append({"op": op, "name": name, "inputs": [self.last]} | fields)
        self.last = name

    def _enter(self, shape: tuple[int, ...]) -> None:
        """The first layer says what enters."""
        if self.shape is None:
            given = self.semantics.options.input_shape
            self.input_shape = self.shape = as_chw(given or shape)

    def _input(self, name: str, layer: Tree) -> None:
        if self.shape is not None:
            raise self.error(name, "an input must be the first layer")
        self._enter(tuple(int(n) for n in self._whole(name, layer, "shape").reshape(-1)[:3]))
        weight, bias = (
            int(self._whole(name, layer, key, default).reshape(-1)[0]) for key, default in (("weight", 64), ("bias", 0))
        )
        scale = 2**_SCALE_BITS
        self.arrays |= {
            f"{name}_scale.multiplier": np.array([2 * weight * scale]),
            f"{name}_scale.bias": np.array([(bias - weight) * scale]),
        }
        self._emit(f"{name}_scale", "affine")
        self._unit(name, layer)

    def _flatten(self, name: str) -> None:
        if self.shape is None:
            raise self.error(name, "a flatten cannot be the first layer: give an input")
        if self.shape[1:] != (1, 1):
            self._emit(name, "flatten")
            self.shape = (int(np.prod(self.shape)), 1, 1)

    def _dense(self, name: str, layer: Tree) -> None:
        weight = self._whole(name, layer, "weight")
        outputs = int(np.prod(self._whole(name, layer, "shape", [len(weight)])))
        if weight.ndim == 1 and outputs > 0 and weight.size % outputs == 0:
            weight = weight.reshape(outputs, -1)
        weight = weight.reshape(weight.shape[:2]) if weight.ndim > 2 and set(weight.shape[2:]) == {1} else weight
        if weight.ndim != 2 or len(weight) != outputs:
            raise self.error(name, f"weight has shape {weight.shape}: must be ({outputs}, inputs)")
        self._enter((weight.shape[1],))
        assert self.shape is not None
        if self.shape[1:] != (1, 1) and int(np.prod(self.shape)) == weight.shape[1]:
            self._flatten(f"{name}_flat")
        kept, zeros, bits = _without_zeros(weight)
        self._emit(name, "linear", in_features=weight.shape[1], out_features=outputs, weight_bits=bits)
        self.arrays[f"{name}.weight"] = kept
        self.shape = (outputs, 1, 1)
        self._biased_unit(name, layer, zeros)

    def _conv(self, name: str, layer: Tree) -> None:
        weight = self._whole(name, layer, "weight")
        if weight.ndim == 5 and weight.shape[4] == 1:
            weight = weight[..., 0]
        if weight.ndim != 4:
            raise self.error(name, f"weight has shape {weight.shape}: must be (out, in / groups, height, width)")
        stride, padding, dilation = (
            self._pair(name, layer, key, value) for key, value in (("stride", 1), ("padding", 0), ("dilation", 1))
        )
        groups = int(self._whole(name, layer, "groups", 1).reshape(-1)[0])
        if dilation != (1, 1):
            raise self.error(name, f"dilation = {dilation}: must be 1")
        if self.shape is None and self.semantics.options.input_shape is None:
            raise self.error(name, "a convolution cannot tell the size of its input: give input_shape")
        self._enter((1,))
        kept, zeros, bits = _without_zeros(weight)
        self._emit(
            name,
            "conv",
            in_channels=weight.shape[1] * groups,
            out_channels=len(weight),
            kernel=weight.shape[2:],
            stride=stride,
            padding=padding,
            groups=groups,
            weight_bits=bits,
        )
        self.arrays[f"{name}.weight"] = kept
        assert self.shape is not None
        sizes = zip(self.shape[1:], weight.shape[2:], stride, padding, strict=True)
        out = [(n + 2 * p - k) // s + 1 for n, k, s, p in sizes]
        self.shape = (len(weight), out[0], out[1])
        self._biased_unit(name, layer, zeros)

    def _pair(self, name: str, layer: Tree, key: str, default: int) -> tuple[int, int]:
        sizes = self._whole(name, layer, key, [default]).reshape(-1)
        low, high = (0, 1024) if key == "padding" else (1, 65536)
        if len(sizes) > 3 or sizes.min() < low or sizes.max() > high:
            raise self.error(name, f"{key} = {sizes.tolist()[:4]}: must be from {low} to {high}")
        return int(sizes[0]), int(sizes[min(1, len(sizes) - 1)])

    def _biased_unit(self, name: str, layer: Tree, zeros: int) -> None:
        """64 times the sums, with the bias, into the units."""
        assert self.shape is not None
        scale = 2**_SCALE_BITS
        bias = self._whole(name, layer, "bias", [0]).reshape(-1)
        if len(bias) not in (1, self.shape[0]):
            raise self.error(name, f"bias has {len(bias)} numbers: must be 1 or {self.shape[0]}")
        self.arrays[f"{name}_scale.multiplier"] = np.full(len(bias), scale << zeros)
        self.arrays[f"{name}_scale.bias"] = bias * scale
        self._emit(f"{name}_scale", "affine")
        self._unit(name, layer)

    def _unit(self, name: str, layer: Tree) -> None:
        neuron = layer.get("neuron")
        kind = _text(neuron.get("type")) if isinstance(neuron, dict) else None
        if not isinstance(neuron, dict) or kind not in ("CUBA", "LOIHI"):
            raise self.error(name, f"neuron.type = {kind!r}: must be CUBA or LOIHI (others send graded spikes)")
        if neuron.get("gradedSpike") is not None and np.any(neuron["gradedSpike"]):
            raise self.error(name, "neuron.gradedSpike: must be false")
        unit = f"{name}_units"
        fields: dict[str, Any] = {
            "reset": "zero",
            "strict": True,
            "membrane_bits": _STATE_BITS,
            "v_min": float(-(2 ** (_STATE_BITS - 1)) + 1),
            "refractory": self._refractory(name, neuron),
            "leak": self._leak(name, unit, neuron, "vDecay", "leak"),
        }
        current = self._leak(name, unit, neuron, "iDecay", "synapse")
        if current["multiplier"] or f"{unit}.synapse" in self.arrays:
            fields["synapse"] = {"leak": current, "bits": _STATE_BITS, "overflow": "wrap"}
        theta = self._whole(name, neuron, "vThMant").reshape(-1)
        if theta.min() < 1 or theta.max() >= 2**17:
            raise self.error(name, f"neuron.vThMant = {theta.min()}: must be from 1 to {2**17 - 1}")
        self.arrays[f"{unit}.theta"] = theta << _SCALE_BITS
        self._emit(unit, "lif", **fields)
        self._delay(name, layer)

    def _refractory(self, name: str, neuron: Tree) -> int:
        delay = int(self._whole(name, neuron, "refDelay", 1).reshape(-1)[0])
        if not 1 <= delay <= 64:
            raise self.error(name, f"neuron.refDelay = {delay}: must be from 1 to 64")
        return delay - 1

    def _leak(self, name: str, unit: str, neuron: Tree, key: str, array: str) -> dict[str, Any]:
        decay = self._whole(name, neuron, key).reshape(-1)
        if decay.min() < 0 or decay.max() > 2**_DECAY_BITS:
            raise self.error(name, f"neuron.{key} = {decay.min()}: must be from 0 to {2**_DECAY_BITS}")
        left = 2**_DECAY_BITS - decay
        leak = {"shift": _DECAY_BITS, "rounding": "toward_zero"}
        if len(left) == 1:
            return leak | {"multiplier": int(left[0])}
        self.arrays[f"{unit}.{array}"] = left
        return leak | {"multiplier": 1}

    def _delay(self, name: str, layer: Tree) -> None:
        if "delay" not in layer:
            return
        delay = self._whole(name, layer, "delay").reshape(-1)
        if delay.min() < 0 or delay.max() > 1024:
            raise self.error(name, f"delay = {delay.max()}: must be from 0 to 1024 time-steps")
        if delay.max() == 0:
            return
        assert self.shape is not None
        made = f"{name}_delay"
        if len(delay) not in (1, self.shape[0]):
            raise self.error(name, f"delay has {len(delay)} numbers: must be 1 or {self.shape[0]}")
        if len(delay) > 1:
            self.arrays[f"{made}.steps"] = delay
        self._emit(made, "delay", steps=int(delay.max()))


def _text(value: Any) -> str | None:
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else None


def _without_zeros(weight: _Ints) -> tuple[_Ints, int, int]:
    """Weights without the zero bits that all of them end in, how many those are, and the bits that are left."""
    low, high = int(weight.min()), int(weight.max())
    common = int(np.bitwise_or.reduce(np.abs(weight), axis=None))
    zeros = (common & -common).bit_length() - 1 if common else 0
    low, high = low >> zeros, high >> zeros
    return weight >> zeros, zeros, max(2, high.bit_length() + 1, (-low - 1).bit_length() + 1 if low < 0 else 1)
