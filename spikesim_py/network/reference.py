"""What a node without a matrix computes, readably, in torch, integers and floats in the same order of operations.

Float networks run on it; `kernels.py` says the same of an integer network's neurons, affines and pools, faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import pad

from .base import spread
from .model import Affine, AnyNode, Delay, Flatten, Network, Pool, Product, Readout
from .units import Leak, Lif, Membrane

Tensor = torch.Tensor
#: a number for all units, or a tensor of one for each, or for each channel
Level = float | int | Tensor


def node_output(network: Network, node: AnyNode, sources: Sequence[Tensor]) -> Tensor:
    """What a node without a matrix makes of its inputs, (samples, steps, C, H, W) each."""
    if isinstance(node, Membrane):
        return Units(network, node, len(sources[0])).run(sources[0], network.time_steps)
    if isinstance(node, Affine):
        return affine(network, node, sources[0])
    if isinstance(node, Pool):
        return _pool(node, sources[0])
    if isinstance(node, Product):
        return product(node, *sources)
    if isinstance(node, Flatten):
        return sources[0].flatten(2)[..., None, None]
    if isinstance(node, Delay):
        return _delay(network, node, sources[0])
    if isinstance(node, Readout):
        return readout(node, sources[0], network.time_steps)
    total = sources[0] if sources[0].is_floating_point() else sources[0].to(torch.int32)  # spikes are bytes
    for other in sources[1:]:
        total = total + other
    return total


def _array(network: Network, name: str) -> Tensor:
    return torch.from_numpy(np.array(spread(network.arrays[name])))


def affine(network: Network, node: Affine, a: Tensor, step: int | None = None) -> Tensor:
    """With `step`, of that time-step alone."""
    multiplier, bias = (_array(network, f"{node.name}.{key}") for key in ("multiplier", "bias"))
    if node.per_step and step is None:
        a = a.expand(-1, network.time_steps, -1, -1, -1)
    elif node.per_step:
        multiplier, bias = multiplier[step], bias[step]
    if network.arithmetic == "float":
        return a * multiplier + bias
    return ((a.to(torch.int64) * multiplier.to(torch.int64) + bias.to(torch.int64)) >> node.shift).to(torch.int32)


class Units:
    """Lif or Li units, from their first time-step on; see `units.py` for the equations."""

    def __init__(self, network: Network, node: Membrane, samples: int) -> None:
        self._network, self._node, self._integer = network, node, network.arithmetic == "integer"
        shape = (samples, *network.edges[node.name].shape)
        dtype = torch.int64 if self._integer else torch.float32
        self._v = torch.zeros(shape, dtype=dtype) + self._level("v_init", node.v_init)
        if self._integer:
            self._v = self._v >> node.store_shift
        self._i, self._emitted = torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)
        self._wait = torch.zeros(shape, dtype=torch.int64)

    def _level(self, name: str, number: float) -> Level:
        """An array of the unit, or the number that it has instead."""
        if f"{self._node.name}.{name}" in self._network.arrays:
            array = _array(self._network, f"{self._node.name}.{name}")
            return array.to(torch.int64) if self._integer else array
        return int(number) if self._integer else number

    @property
    def stored(self) -> tuple[Tensor, Tensor]:
        """Membranes and synaptic currents after the last time-step, (samples, C, H, W) each."""
        return self._v, self._i

    def run(self, a: Tensor, steps: int) -> Tensor:
        """The next `steps` outputs (samples, steps, C, H, W), driven by `a` (samples, 1 or steps, C, H, W)."""
        a = a.to(torch.int64) if self._integer else a
        return torch.stack([self._step(a[:, min(t, a.shape[1] - 1)]) for t in range(steps)], dim=1)

    def _step(self, a: Tensor) -> Tensor:
        node = self._node
        x = self._synapse(a) if node.synapse else a
        v = self._v << node.store_shift if self._integer else self._v
        rest = self._level("v_leak", node.v_leak)
        moved = v - rest if isinstance(rest, Tensor) or rest else v
        decayed = self._decay("leak", node.leak, moved if node.order == "leak_first" else moved + x)
        u = decayed + rest if isinstance(rest, Tensor) or rest else decayed
        u = u + x if node.order == "leak_first" else u
        if isinstance(node, Lif):
            return self._fire(node, u)
        self._v = self._kept(u)
        return self._v.to(torch.int32) if self._integer else self._v

    def _synapse(self, a: Tensor) -> Tensor:
        """What the membrane is driven by: the current, updated or before it was."""
        synapse, before = self._node.synapse, self._i
        assert synapse is not None
        if synapse.order == "leak_first":
            after = self._decay("synapse", synapse.leak, before) + a
        else:
            after = self._decay("synapse", synapse.leak, before + a)
        if self._integer:
            half = 1 << (synapse.bits - 1)
            after = _word(after, -half, half - 1, synapse.overflow)
        self._i = after
        return after if synapse.reads == "updated" else before

    def _fire(self, node: Lif, u: Tensor) -> Tensor:
        theta, floor = self._level("theta", 1), self._level("v_reset", node.v_reset)
        if node.reset_delay:
            u = _reset(node, u, self._emitted, theta, floor)
        count = _spikes(node, u, theta)
        waits = self._wait > 0
        count = torch.where(waits, torch.zeros_like(count), count)
        self._wait = torch.where(waits, self._wait - 1, (count > 0) * node.refractory)
        after = u if node.reset_delay else _reset(node, u, count, theta, floor)
        if node.synapse and node.synapse.resets:
            spiked = self._emitted if node.reset_delay else count
            self._i = torch.where(spiked > 0, torch.zeros_like(self._i), self._i)
        self._v, self._emitted = torch.where(waits, self._v, self._kept(after)), count
        return count.to(torch.uint8 if node.max_spikes < 256 else torch.int32)

    def _decay(self, name: str, leak: Leak, z: Tensor) -> Tensor:
        multiplier = self._level(name, leak.multiplier)
        return _leak(leak, multiplier, z) if self._integer else z * multiplier

    def _kept(self, u: Tensor) -> Tensor:
        """What is stored of a membrane."""
        node = self._node
        if node.v_min is not None or f"{node.name}.v_min" in self._network.arrays:
            u = torch.maximum(u, torch.as_tensor(self._level("v_min", node.v_min or 0), dtype=u.dtype))
        return _word(u >> node.store_shift, *node.stored, node.overflow) if self._integer else u


def _spikes(node: Lif, u: Tensor, theta: Level) -> Tensor:
    """How often units with membranes `u` spike, as numbers of the same type."""
    if node.max_spikes == 1:
        return (u > theta if node.strict else u >= theta).to(u.dtype)
    if u.is_floating_point():
        count = torch.ceil(u / theta) - 1 if node.strict else torch.floor(u / theta)
    else:
        count = torch.div(u - int(node.strict), theta, rounding_mode="floor")
    return count.clamp(0, node.max_spikes)


def _reset(node: Lif, u: Tensor, count: Tensor, theta: Level, floor: Level) -> Tensor:
    """Membranes `u` of units that have spiked `count` times."""
    if node.reset == "subtract":
        return torch.where(count > 0, u - count * theta, u)
    if node.reset == "zero":
        return torch.where(count > 0, torch.as_tensor(floor, dtype=u.dtype), u)
    return u


def _leak(leak: Leak, multiplier: Level, u: Tensor) -> Tensor:
    scaled, shift = u * multiplier, leak.shift
    if shift == 0:
        return scaled
    if leak.rounding == "nearest":
        scaled = scaled + (1 << (shift - 1))
    elif leak.rounding == "toward_zero":
        scaled = torch.where(scaled < 0, scaled + (1 << shift) - 1, scaled)
    return scaled >> shift


def _word(v: Tensor, low: int, high: int, overflow: str) -> Tensor:
    """Whole numbers as a word from `low` to `high` holds them."""
    if overflow == "saturate":
        return v.clamp(low, high)
    return ((v - low) & (high - low)) + low


def product(node: Product, a: Tensor, b: Tensor) -> Tensor:
    """The product of two activations, (samples, 1 or T, C, H, W) each; of integers in float64, which holds them."""
    whole = not b.is_floating_point()
    first, second = (x.double() if whole else x for x in (a, b))
    values = second.reshape(*b.shape[:2], node.heads, -1, b.shape[3] * b.shape[4])
    if node.over == "channels":
        made = first.reshape(*a.shape[:2], *values.shape[2:]).transpose(3, 4) @ values
    else:
        made = (values @ first.transpose(3, 4)).reshape(*a.shape[:2], *b.shape[2:])
    return made.to(torch.int32) if whole else made


def _pool(node: Pool, x: Tensor) -> Tensor:
    flat, kernel, step = pad(x.flatten(0, 1), edges_of(node)), node.kernel, node.step
    windows = flat.unfold(2, kernel[0], step[0]).unfold(3, kernel[1], step[1])
    dtype = flat.dtype if flat.is_floating_point() else torch.int32
    if node.kind == "average":
        pooled = windows.sum((4, 5), dtype=dtype) / (kernel[0] * kernel[1])
    else:
        pooled = windows.amax((4, 5)) if node.kind == "max" else windows.sum((4, 5), dtype=dtype)
    return pooled.reshape(*x.shape[:3], *pooled.shape[2:])


def edges_of(node: Pool) -> tuple[int, int, int, int]:
    """Zeros left, right, above and below, as torch takes them."""
    above, left = node.padding
    return left, left, above, above


def taps(network: Network, node: Delay) -> list[tuple[int, Tensor | None]]:
    """Every number of steps that a delay has, with the units (C, H, W) that have it; None for all of them."""
    if f"{node.name}.steps" not in network.arrays:
        return [(node.steps, None)]
    steps = _array(network, f"{node.name}.steps").expand(network.edges[node.name].shape)
    return [(int(k), steps == k) for k in torch.unique(steps).tolist()]


def zeros(network: Network, node: str, samples: int, steps: int) -> Tensor:
    """Nothing, in the type that holds all values of an edge: floats, bytes, or int32."""
    edge = network.edges[node]
    byte = not edge.signed and edge.high < 256
    dtype = torch.float32 if network.arithmetic == "float" else torch.uint8 if byte else torch.int32
    return torch.zeros((samples, steps, *edge.shape), dtype=dtype)


def _delay(network: Network, node: Delay, x: Tensor) -> Tensor:
    steps = network.time_steps
    x, out = x.expand(-1, steps, -1, -1, -1), zeros(network, node.name, len(x), steps)
    for k, units in taps(network, node):
        past = torch.zeros_like(out)
        past[:, k:] = x[:, : max(steps - k, 0)]
        out = past if units is None else torch.where(units, past, out)
    return out


def readout(node: Readout, x: Tensor, steps: int) -> Tensor:
    """The answer (samples, C, H, W) to `x` (samples, 1 or steps, C, H, W) after `steps` time-steps."""
    if node.mode == "last":
        return x[:, -1]
    dtype = torch.float32 if x.is_floating_point() else torch.int64
    constant = steps if x.shape[1] == 1 else 1  # a value that is the same at every step
    return x.sum(1, dtype=dtype) * constant
