"""Any network's nodes as a torch module that trains in either arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from spikesim_py.errors import InputError, did_you_mean
from spikesim_py.network import Affine, Conv, Delay, Li, Lif, Linear, Network, Readout

from .methods.qcfs import check_convertible
from .neurons import SURROGATES, Neuron
from .norms import NORMS, Norm
from .quantizers import (
    RANGES,
    WEIGHTS,
    Arithmetic,
    BatchRange,
    FixedRange,
    Folded,
    Integer,
    LearnedRange,
    Membrane,
    Mint,
    SharedRange,
    SubBit,
    WeightQuantizer,
    Word,
    fold,
    ste_round,
)
from .running import Answer, Pass
from .units import is_norm, membrane_groups

Tensor = torch.Tensor
_LEAK_SHIFT = 8  # fraction bits of a leak that is no shorter fraction
_MOST_THETA = 2**23  # membranes that are compared with it are whole numbers that float32 holds exactly


class Weights(nn.Module):
    """A layer's latent weights and how they are stored.

    Attributes:
        mask: None, or 1 where a weight is left and 0 where it is pruned; see `pruning`.
    """

    mask: Tensor | None

    def __init__(self, node: Conv | Linear, quantizer: WeightQuantizer | None) -> None:
        super().__init__()
        rows = nn.Linear(node.in_features, node.out_features, bias=False) if isinstance(node, Linear) else _conv(node)
        self.latent = nn.Parameter(rows.weight.detach())  # torch's usual start
        self.quantizer = quantizer
        self.register_buffer("mask", None)
        self.start()

    def start(self) -> None:
        """Let the quantizer start from the weights as they are."""
        if self.quantizer is not None:
            self.quantizer.start(self.latent)

    def spare_all(self) -> None:
        """A mask that leaves everything."""
        self.mask = torch.ones_like(self.latent)

    def kept(self) -> Tensor:
        """The latent weights, zero where they are pruned."""
        return self.latent if self.mask is None else self.latent * self.mask

    def stored(self, quantized: bool) -> tuple[Tensor, Tensor]:
        """The weights as they are stored, and their scale: that of those which are left."""
        if not quantized or self.quantizer is None:
            return self.kept(), self.latent.new_ones(())
        if self.mask is None:
            codes, scale = self.quantizer(self.latent)
            return codes, scale
        # in the place of what is pruned, the others' mean magnitude: what a quantizer takes of a layer is theirs
        mean = (self.kept().detach().abs().sum() / self.mask.sum()).expand_as(self.latent)
        codes, scale = self.quantizer(torch.where(self.mask > 0, self.latent, mean))
        return codes * self.mask, scale


def _conv(node: Conv) -> nn.Conv2d:
    return nn.Conv2d(node.in_channels, node.out_channels, node.kernel, groups=node.groups, bias=False)


class Units(nn.Module):
    """A LIF node's leak."""

    def __init__(self, node: Lif, neuron: Neuron) -> None:
        super().__init__()
        self.neuron, self.reset = neuron, node.reset
        leak = torch.tensor(float(node.leak.multiplier))
        if neuron.decay_input and not leak < 1:
            raise InputError(f"node {node.name!r}: leak = {float(leak)}: must be below 1 where the input decays")
        self.logit: Tensor | None = None
        if neuron.learn_leak:
            self.logit = nn.Parameter(torch.logit(leak, eps=1e-3))
        self.register_buffer("fixed", leak, persistent=False)

    def leak(self, quantized: bool) -> Tensor:
        leak = torch.sigmoid(self.logit) if self.logit is not None else self.get_buffer("fixed")
        if not quantized:
            return leak
        # an input that decays needs a leak below 1
        most = 2**_LEAK_SHIFT - int(self.neuron.decay_input)
        whole = ste_round(leak * 2**_LEAK_SHIFT).clamp(max=most)
        rounded: Tensor = whole / 2**_LEAK_SHIFT
        return rounded


class SpikingNetwork(nn.Module):
    """A network that trains: its nodes are those of `blueprint`, its layers have weights, its affines batch norms.

    An affine behind a layer or a product is a batch norm; one behind spikes gives a spike the weight of one threshold.
    Layers multiply exactly, or as `product` does (a module, see `hardware_aware.Crossbars`) where it is set.

    Args:
        blueprint: a float network; its arrays, if any, are not read (see `export.adopt`).
        arithmetic: what it computes with in the end.
        neuron: what its LIF units have in common.
        norm: a name in `NORMS`.

    Attributes:
        quantized: whether it computes in `arithmetic`, or in floats for a warm-up; see `quantize`.
        product: what multiplies, where it is not exact arithmetic.
        weight_noise: see `config.Optimization`; in training mode only.
        analog: whether units that are to be converted answer as activations, in one time-step: in training mode, and
            where batch norms measure. Otherwise they spike.

    Raises:
        InputError: a node that does not train, or an unknown name.
    """

    product: nn.Module | None

    def __init__(
        self, blueprint: Network, arithmetic: Arithmetic, neuron: Neuron | None = None, norm: str = "tdbn"
    ) -> None:
        super().__init__()
        self.blueprint, self.arithmetic, self.neuron = blueprint, arithmetic, neuron or Neuron()
        _known("surrogate", self.neuron.surrogate, SURROGATES)
        _known("norm", norm, NORMS)
        self.quantized, self.product = isinstance(arithmetic, Integer), None
        self.weight_noise, self.analog = 0.0, False
        if self.neuron.levels is not None:
            self._check_conversion(norm)
        self._groups = membrane_groups(blueprint)
        edges = blueprint.edges
        self.weights, self.norms = nn.ModuleDict(), nn.ModuleDict()
        self.units, self.ranges = nn.ModuleDict(), nn.ModuleDict()
        for node in blueprint.nodes:
            if isinstance(node, Li | Delay) or (isinstance(node, Lif) and not node.plain):
                raise InputError(
                    f"node {node.name!r}: op = {node.op!r}: only units with a leak, a threshold and a reset train, and "
                    f"no delays"
                )
            if isinstance(node, Conv | Linear):
                self.weights[node.name] = Weights(node, self._quantizer(node))
            elif isinstance(node, Affine) and is_norm(blueprint, node):
                self.norms[node.name] = NORMS[norm](edges[node.name].shape[0], blueprint.time_steps)
            elif isinstance(node, Lif):
                self.units[node.name] = Units(node, self.neuron)
        if isinstance(arithmetic, Integer):
            self._check_patterns(arithmetic)
            for group in dict.fromkeys(self._groups.values()):
                self.ranges[group] = self._range(group, arithmetic)
        self._readers = {source: node.name for node in blueprint.nodes for source in node.inputs}

    # ------------------------------------------------------------------------------------------------- quantization

    def _quantizer(self, node: Conv | Linear) -> WeightQuantizer | None:
        how = self.arithmetic
        if not isinstance(how, Integer):
            return None
        taken_up = all(isinstance(other, Affine) for other in self._readers_of(node))
        bits, method = how.stored(node.name, self.at_edge(node))
        _known("weights", method, WEIGHTS)
        kind = WEIGHTS[method]
        if not kind.least <= bits <= kind.most:
            allowed = f"{kind.least} to {kind.most}" if kind.least < kind.most else str(kind.least)
            raise InputError(f"weights = {method!r}: weight_bits = {bits}: must be {allowed}")
        per_channel = how.per_channel and taken_up
        if issubclass(kind, SubBit):
            return kind(bits, per_channel, how.power_of_two, how.kernel_bits)
        return kind(bits, per_channel, how.power_of_two)

    def _check_conversion(self, norm: str) -> None:
        check_convertible(self.blueprint)
        if self.quantized:
            raise InputError("conversion: trains in floats: quantize the network that it exports")
        if self.neuron.learn_leak or NORMS[norm].per_step:
            raise InputError(
                f"conversion: learn_leak = {self.neuron.learn_leak}, norm = {norm!r}: must be False, and the same at "
                f"every time-step"
            )

    def at_edge(self, node: Any) -> bool:
        """Whether a layer reads the input or gives the answer."""
        return "input" in node.inputs or any(isinstance(other, Readout) for other in self._readers_of(node))

    def _readers_of(self, node: Any) -> list[Any]:
        return [other for other in self.blueprint.nodes if node.name in other.inputs]

    def _check_patterns(self, how: Integer) -> None:
        for pattern in how.layer_bits:
            if not any(fnmatchcase(name, pattern) for name in self.weights):
                raise InputError(f"layer_bits: {pattern!r} is the name of no layer (layers: {', '.join(self.weights)})")

    def _range(self, group: str, how: Integer) -> Membrane:
        _known("membranes", how.membranes, RANGES)
        word = Word(how.membrane_bits)
        members = [node for node in self.blueprint.nodes if self._groups.get(node.name) == group]
        if how.membranes == "learned":
            neurons = [self.blueprint.edges[node.name].size for node in members if isinstance(node, Lif)]
            return LearnedRange(word, max(sum(neurons), 1))
        layers = [name for node in members if (name := node.inputs[0]) in self.weights]
        if how.membranes == "shared" and layers:  # behind products alone there is none
            return SharedRange(word, self._betas(layers))
        return BatchRange(word) if how.membranes == "batch" else FixedRange(word)

    def _betas(self, layers: list[str]) -> Callable[[], Tensor]:
        quantizers = [q for name in layers if isinstance(q := self.layer(name).quantizer, Mint)]
        if len(quantizers) < len(layers):
            raise InputError("membranes = 'shared': needs weights = 'mint' in every layer before LIF units")
        return lambda: torch.stack([q.beta.mean() for q in quantizers]).mean()

    def quantize(self, on: bool = True) -> None:
        """End a warm-up in floats (or begin one): what quantizers learn then starts from the weights as they are."""
        if on and not isinstance(self.arithmetic, Integer):
            raise InputError("a float network has no integers to compute in")
        self.quantized = on
        for name in self.weights:
            self.layer(name).start()

    def temper(self, progress: float) -> None:
        """Tell quantizers with a schedule how far training is, from 0 to 1."""
        for quantizer in self.quantizers():
            quantizer.temper(progress)

    def methods_parameters(self) -> list[nn.Parameter]:
        """Steps, ranges and leaks that are learned: weight decay is not for them."""
        return [p for part in (*self.quantizers(), self.ranges, self.units) for p in part.parameters()]

    def quantizers(self) -> list[WeightQuantizer]:
        """Those of all layers, in order of execution."""
        return [quantizer for name in self.weights if (quantizer := self.layer(name).quantizer) is not None]

    # ------------------------------------------------------------------------------------------ what nodes compute with

    def layer(self, name: str) -> Weights:
        return cast(Weights, self.weights[name])

    def norm(self, name: str) -> Norm:
        return cast(Norm, self.norms[name])

    def range_of(self, node: str) -> Membrane:
        """How the membranes are stored that a node carries, or reads."""
        return cast(Membrane, self.ranges[self._groups[node]])

    def together(self, first: str, second: str) -> bool:
        """Whether two nodes carry, or read, membranes of one unit."""
        return self._groups[first] == self._groups[second]

    def stored(self, layer: str) -> tuple[Tensor, Tensor]:
        """A layer's weights as they are stored, and their scale."""
        return self.layer(layer).stored(self.quantized)

    def theta(self, node: str) -> float | Tensor:
        """One threshold in the units of a node that carries membranes."""
        if not self.quantized:
            return 1.0
        theta = self.range_of(node).theta()
        return theta.clamp(max=_MOST_THETA) if isinstance(theta, Tensor) else theta

    def leak(self, node: str) -> Tensor:
        """A LIF node's leak, as its integers have it."""
        return cast(Units, self.units[node]).leak(self.quantized)

    def thresholds(self, node: str) -> Tensor:
        """A LIF node's threshold in its units: 1, or higher where the input decays instead."""
        theta = torch.as_tensor(self.theta(node), dtype=torch.float32)
        if self.neuron.decay_input:
            theta = theta / (1 - self.leak(node))
            theta = ste_round(theta).clamp(max=_MOST_THETA) if self.quantized else theta
        return theta

    def word(self) -> Word | None:
        """How membranes are stored; None as floats."""
        how = self.arithmetic
        whole = self.quantized and isinstance(how, Integer) and how.membranes != "batch"
        return Word(how.membrane_bits) if whole else None  # type: ignore[union-attr]

    def folded(self, node: str) -> Folded:
        """An affine as the file holds it."""
        if node in self.norms:
            gain, offset = self.norm(node).affine()
            if not self.quantized:
                return Folded(gain, offset)
            assert isinstance(self.arithmetic, Integer)
            return fold(gain, offset, self.theta(node), self.arithmetic.multiplier_bits)
        unit = torch.as_tensor(self.theta(node), dtype=torch.float32).reshape(1).to(next(self.parameters()).device)
        return Folded(unit, torch.zeros_like(unit), 0 if self.quantized else None)

    # ----------------------------------------------------------------------------------------------------- running

    def train(self, mode: bool = True) -> SpikingNetwork:
        self.analog = mode and self.neuron.levels is not None
        return super().train(mode)

    @torch.no_grad()
    def settle(self, images: Tensor) -> None:
        """Fix every batch norm to its exact statistics over `images`, one batch; then eval mode.

        Precise BN (Wu and Johnson 2021, arXiv 2105.07576, section 3).
        """
        self.eval()
        self.norms.train()
        self.analog = self.neuron.levels is not None
        if self.product is not None:
            self.product.train()
        self(images)
        self.eval()

    def forward(self, images: Tensor) -> Answer:
        """`images` (samples, C, H, W), or events (samples, T, C, H, W): whole numbers as float32."""
        spec, steps = self.blueprint.model.input, self.blueprint.time_steps
        x = images[:, None] if spec.coding == "direct" else images
        if self.training and x.shape[2] > 1:  # in eval mode sums are taken in the order of the reference executor
            x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).reshape(x.shape)
        if spec.encoder == "every_step":
            x = x.expand(-1, steps, -1, -1, -1)
        values = {"input": x}
        run = Pass(self)
        for node in self.blueprint.nodes:
            values[node.name] = run.node(node, [values[name] for name in node.inputs])
            for name in node.inputs:
                if self._readers[name] == node.name:
                    values.pop(name, None)
        return run.answer(values[self.blueprint.nodes[-1].name])

    def multiply(self, node: Conv | Linear, x: Tensor, weight: Tensor) -> Tensor:
        """``weight . x``: exactly, or as `product` does."""
        if self.product is not None:
            made: Tensor = self.product(node.name, x.flatten(2) if isinstance(node, Linear) else x, weight)
        else:
            flat = x.flatten(0, 1)
            if isinstance(node, Conv):
                made = F.conv2d(flat, weight, None, node.stride, node.padding, 1, node.groups)
            else:
                made = F.linear(flat.flatten(1), weight)
            made = made.float() if made.dtype == torch.bfloat16 else made  # only products are taken in half precision
            made = made.reshape(*x.shape[:2], *made.shape[1:])
        return made[..., None, None] if isinstance(node, Linear) else made


def _known(what: str, name: str, names: Mapping[str, Any] | tuple[str, ...]) -> None:
    if name not in names:
        raise InputError(f"{what} = {name!r}: unknown{did_you_mean(name, names)} (known: {', '.join(names)})")
