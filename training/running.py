"""One pass through a spiking network: node by node, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from spikesim_py.network import Affine, Conv, Lif, Linear, Pool, Product, Readout
from spikesim_py.network.reference import node_output, product

from .methods.qcfs import clip_floor_shift, started
from .neurons import Memory, lif, step_by_step
from .quantizers import BatchRange, apply_affine, instead

if TYPE_CHECKING:
    from .module import SpikingNetwork

Tensor = torch.Tensor
#: float32 holds whole numbers exactly below this
_EXACT = 2**24


@dataclass(frozen=True)
class Answer:
    """One pass. Time is the second axis; what lies behind is computed when asked for.

    Attributes:
        outputs: (samples, classes), the readout in the units of the exported network.
        step_logits: (samples, T, classes), every time-step's answer in real units.
        stages: names of the LIF nodes, in order of execution.
        spikes: of each stage, (samples, T, C, H, W).
    """

    outputs: Tensor
    step_logits: Tensor
    stages: tuple[str, ...]
    spikes: list[Tensor]
    _membranes: list[tuple[Tensor, Tensor]] = field(repr=False)
    _last: bool = False

    @cached_property
    def logits(self) -> Tensor:
        """(samples, classes): the mean over time, or the last step's where the readout is of the last."""
        return self.step_logits[:, -1] if self._last else self.step_logits.mean(1)

    @cached_property
    def membranes(self) -> list[Tensor]:
        """Of each stage (samples, T, C, H, W), before the reset, in thresholds."""
        return [u / theta for u, theta in self._membranes]


class Pass:
    """One pass through a network: what nodes make, and how large and in what unit it is.

    Attributes:
        largest: of a node's output, the size of its values, at most.
        scale: of a node's output, the real value of one unit.
    """

    def __init__(self, module: SpikingNetwork) -> None:
        self.module = module
        edge = module.blueprint.edges["input"]
        self.largest: dict[str, float] = {"input": float(edge.high)}
        self.scale: dict[str, Any] = {"input": 1.0}
        self.spikes: dict[str, Tensor] = {}
        self.membranes: dict[str, tuple[Tensor, Tensor]] = {}

    def node(self, node: Any, sources: list[Tensor]) -> Tensor:
        """A node's output, (samples, 1 or T, C, H, W)."""
        first = node.inputs[0]
        self.largest[node.name] = sum(self.largest[name] for name in node.inputs)
        self.scale[node.name] = self.scale[first]
        if isinstance(node, Conv | Linear):
            return self._layer(node, sources[0])
        if isinstance(node, Affine):
            return self._affine(node, sources[0])
        if isinstance(node, Lif):
            return self._lif(node, sources[0])
        if isinstance(node, Pool):
            return self._pool(node, sources[0])
        if isinstance(node, Readout):
            self._mode = node.mode
            return sources[0].flatten(2)
        if isinstance(node, Product):
            return self._product(node, sources)
        return node_output(self.module.blueprint, node, sources)

    def _layer(self, node: Conv | Linear, x: Tensor) -> Tensor:
        weight, scale = self.module.stored(node.name)
        self.scale[node.name] = self.scale[node.inputs[0]] * scale
        sums = weight.detach().abs().flatten(1).sum(1).max() if self.module.quantized else 0.0
        self.largest[node.name] = self.largest[node.inputs[0]] * float(sums)
        if self.module.weight_noise and self.module.training:
            largest = weight.detach().abs().max()
            weight = weight + self.module.weight_noise * largest * torch.randn_like(weight)
        if self.largest[node.name] >= _EXACT and self.module.product is None:  # float32 sums would not be exact
            return self.module.multiply(node, x.double(), weight.double())
        return self.module.multiply(node, x, weight)

    def _affine(self, node: Affine, a: Tensor) -> Tensor:
        module, largest = self.module, self.largest[node.inputs[0]]
        theta = module.theta(node.name)
        self.scale[node.name] = 1 / theta
        self.largest[node.name] = float("inf")
        if node.name not in module.norms:
            return a * theta
        norm = module.norm(node.name)
        if norm.training:
            smooth = norm.normalized(a.float(), theta)
            if not module.quantized:
                return smooth
            return instead(smooth, apply_affine(a.detach(), module.folded(node.name), largest))
        exact = apply_affine(a, module.folded(node.name), largest)
        if not module.quantized or not torch.is_grad_enabled():
            return exact
        gain, offset = (theta * x[..., None, None] for x in norm.affine())
        return instead(a.float() * gain + offset, exact.detach())

    def _lif(self, node: Lif, a: Tensor) -> Tensor:
        module, name = self.module, node.name
        assert node.reset != "none"  # the module takes plain units only
        self.largest[name], self.scale[name] = 1.0, 1.0
        leak, theta = module.leak(name), module.thresholds(name)
        how = (module.blueprint.time_steps, leak, theta, node.reset, module.neuron.surrogate)
        memory = module.range_of(name) if module.quantized else None
        levels = module.neuron.levels
        if levels is not None and module.analog:
            self.spikes[name], self.membranes[name] = clip_floor_shift(a, levels), (a, theta)
            return self.spikes[name]
        if levels is not None:
            a = started(a, module.blueprint.time_steps)
        if isinstance(memory, BatchRange):
            spikes, u = step_by_step(a, *how, Memory(lambda v, leak: v * leak, memory.store))
        else:
            spikes, u = lif(a, *how, module.word())
        self.spikes[name], self.membranes[name] = spikes, (u, theta)
        return spikes

    def _product(self, node: Product, sources: list[Tensor]) -> Tensor:
        first, second = node.inputs
        self.largest[node.name] = self.module.blueprint.terms(node) * self.largest[first] * self.largest[second]
        self.scale[node.name] = self.scale[first] * self.scale[second]
        if self.largest[node.name] >= _EXACT:
            sources = [x.double() for x in sources]
        return product(node, *sources)

    def _pool(self, node: Pool, x: Tensor) -> Tensor:
        flat, window = x.flatten(0, 1), node.kernel[0] * node.kernel[1]
        if node.kind == "max":
            made = F.max_pool2d(flat, node.kernel, node.step)
        else:
            made = F.avg_pool2d(flat, node.kernel, node.step, divisor_override=1)
            self.largest[node.name] *= window
            self.scale[node.name] = self.scale[node.name] / window
        return made.reshape(*x.shape[:2], *made.shape[1:])

    def answer(self, x: Tensor) -> Answer:
        """`x` (samples, 1 or T, classes) enters the readout."""
        module, steps = self.module, self.module.blueprint.time_steps
        x = x.expand(-1, steps, -1)
        last = self._mode == "last"
        scale = self.scale[module.blueprint.nodes[-1].name]
        return Answer(
            outputs=x[:, -1] if last else x.sum(1),
            step_logits=x.float() * scale,
            stages=tuple(self.spikes),
            spikes=list(self.spikes.values()),
            _membranes=list(self.membranes.values()),
            _last=last,
        )
