"""What units, affines and pools of an integer network compute, by the compiled kernels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from . import kernels
from .base import spread
from .model import Affine, Network, Pool
from .reference import edges_of
from .units import Lif, Membrane, replaced_by_arrays

Tensor = torch.Tensor


def node_output(network: Network, node: Membrane | Affine | Pool, source: Tensor) -> Tensor:
    """As `reference.node_output`; sums of bytes that a byte holds stay bytes."""
    if isinstance(node, Lif) and node.plain and not _own_arrays(network, node):
        return _plain_lif(network, node, source)
    if isinstance(node, Membrane):
        return Units(network, node, len(source)).run(source, network.time_steps)
    if isinstance(node, Affine):
        return affine(network, node, source)
    return _pool(network, node, source)


def _own_arrays(network: Network, node: Membrane) -> bool:
    return any(f"{node.name}.{name}" in network.arrays for name in replaced_by_arrays(node))


def _plain_lif(network: Network, node: Lif, a: Tensor) -> Tensor:
    spikes = np.empty((len(a), network.time_steps, a[0, 0].numel()), np.uint8)
    theta = _per_unit(network, f"{node.name}.theta", a.shape[2:])[0]
    kernels.spikes_of(_whole(a.flatten(2)), theta, kernels.dynamics(node), spikes)
    return torch.from_numpy(spikes).reshape(len(a), network.time_steps, *a.shape[2:])


class Units:
    """As `reference.Units`."""

    def __init__(self, network: Network, node: Membrane, samples: int) -> None:
        self._network, self._node, self._rules = network, node, kernels.rules(node)
        shape = network.edges[node.name].shape
        units = int(np.prod(shape))
        self._shape = (samples, *shape)

        def level(name: str, number: float) -> NDArray[np.int64]:
            if f"{node.name}.{name}" in network.arrays:
                own: NDArray[np.int64] = _per_unit(network, f"{node.name}.{name}", shape)[0].astype(np.int64)
                return own
            return np.full(units, number, np.int64)

        lowest = np.iinfo(np.int64).min if node.v_min is None else node.v_min
        self._levels = kernels.Levels(
            theta=level("theta", 1),
            leak=level("leak", node.leak.multiplier),
            synapse=level("synapse", node.synapse.leak.multiplier if node.synapse else 1),
            rest=level("v_leak", node.v_leak),
            reset=level("v_reset", node.v_reset if isinstance(node, Lif) else 0),
            least=level("v_min", lowest),
        )
        blank = np.zeros((samples, units), np.int64)
        first = blank + (level("v_init", node.v_init) >> node.store_shift)
        self._state = kernels.State(first, blank, blank.copy(), blank.copy())

    @property
    def stored(self) -> tuple[Tensor, Tensor]:
        """As `reference.Units.stored`; the next run changes them."""
        membrane, current = (torch.from_numpy(state.reshape(self._shape)) for state in self._state[:2])
        return membrane, current

    def run(self, a: Tensor, steps: int) -> Tensor:
        """The next `steps` outputs (samples, steps, C, H, W), driven by `a` (samples, 1 or steps, C, H, W)."""
        byte = isinstance(self._node, Lif) and self._node.max_spikes < 256
        out = np.empty((len(a), steps, a[0, 0].numel()), np.uint8 if byte else np.int32)
        kernels.advance(_whole(a.flatten(2)), self._levels, self._rules, self._state, out)
        return torch.from_numpy(out).reshape(len(a), steps, *a.shape[2:])


def affine(network: Network, node: Affine, a: Tensor, step: int | None = None) -> Tensor:
    """With `step`, of that time-step alone."""
    if node.per_step and step is None:
        a = a.expand(-1, network.time_steps, -1, -1, -1)
    values = _whole(a.flatten(0, 1).flatten(1))
    multiplier, bias = (_per_unit(network, f"{node.name}.{key}", a.shape[2:]) for key in ("multiplier", "bias"))
    if node.per_step and step is not None:
        multiplier, bias = multiplier[step : step + 1], bias[step : step + 1]
    out = np.empty_like(values)
    kernels.scale(values, multiplier, bias, node.shift, out)
    return torch.from_numpy(out).reshape(a.shape)


def _pool(network: Network, node: Pool, x: Tensor) -> Tensor:
    edge = network.edges[node.name]
    if any(node.padding):
        x = torch.nn.functional.pad(x, edges_of(node))
    bytes_hold = x.dtype == torch.uint8 and edge.high <= 255
    values = x.contiguous().numpy() if bytes_hold else _whole(x)
    maps = values.reshape(-1, *x.shape[3:])
    out = np.empty((len(maps), *edge.shape[1:]), maps.dtype)
    kernels.pool(maps, node.kernel, node.step, node.kind == "max", out)
    return torch.from_numpy(out).reshape(*x.shape[:3], *edge.shape[1:])


def _whole(a: Tensor) -> NDArray[np.int32]:
    """As contiguous int32: no kernel is compiled for more types than it needs."""
    values: NDArray[np.int32] = a.to(torch.int32).contiguous().numpy()
    return values


def _per_unit(network: Network, name: str, shape: tuple[int, ...]) -> NDArray[np.int32]:
    """An array for every unit of (C, H, W): (1, units), or with T sets of them."""
    array = spread(network.arrays[name].astype(np.int32))
    sets = array.shape[0] if array.ndim == 4 else 1
    return np.ascontiguousarray(np.broadcast_to(array, (sets, *shape)).reshape(sets, -1))
