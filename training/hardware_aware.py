"""Products as the crossbars of a chip compute them, with gradients: what a network trains through to survive its chip.

Forward, `crossbar_product` is the engine's product, in torch. It takes a `ProgrammedLayer`: cells, wires, slices,
signs, row cuts and converters are the engine's own, and a chip that was trained on is one that can be evaluated.
`Crossbars` programs such layers anew as the weights move, on other device instances at every step.

Backward, what has no slope passes the gradient straight through (Bengio et al. 2013, arXiv 1308.3432):

* a conversion passes 1 where its code is kept, 0 where it is cut off. Where none is cut off, an input's gradient is
  that of the linear product with the weights that the cells, errors included, amount to;
* a weight moves the cells of the columns that carry it (those of its own sign, where columns come in pairs), each
  column in the share of its coefficient. Where none is cut off, its gradient is that of the plain product;
* an input value moves each of its bit planes, in the share of their place values.

Training with drawn weight errors goes back to A. F. Murray and P. J. Edwards (IEEE Trans. Neural Networks 5, 1994);
V. Joshi et al. (Nature Communications 11, 2020) do it for phase-change memory.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from itertools import groupby, pairwise, product
from operator import itemgetter
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from spikesim_py.crossbar import ProgrammedLayer, program
from spikesim_py.datasets import Dataset
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.hardware import Hardware, Topology
from spikesim_py.inference.calibrate import ranged
from spikesim_py.mapping import map_network
from spikesim_py.mapping.digital import digital_layers
from spikesim_py.network import Conv, Network

Tensor = torch.Tensor
#: conversions that are held at once: their sums stay in a core's cache
_CHUNK = 2**18
#: float32 holds whole numbers exactly below this
_EXACT = 2**24
#: keeps training's device instances apart from those that are evaluated
_TRAINING_SEED = 2**63


class Crossbars(nn.Module):
    """A network's products on device instances of a chip. It has no parameters: weights come with every call.

    In training mode every call draws `chips` new instances, for equal parts of the batch; in eval mode the instance
    is the one that the engine simulates as (`seed`, `chip`).

    Args:
        network: integer network: names, shapes and bit widths of the layers.
        hardware: the chip.
        seed: names the device instances; those of training mode are none that `evaluate` meets with a seed below 2^63.
        chips: device instances that share a batch in training mode.

    Attributes:
        chip: number of the device instance in eval mode.
        drawn: instances drawn so far in training mode, by layer.

    Raises:
        ConfigError: see `check_trainable`.
    """

    def __init__(self, network: Network, hardware: Hardware, *, seed: int = 0, chips: int = 1) -> None:
        super().__init__()
        check_trainable(hardware)
        self.network, self.hardware, self.seed, self.chips, self.chip = network, hardware, seed, chips, 0
        self._digital, self._ranged = digital_layers(network, hardware), hardware
        self.drawn: dict[str, int] = {}

    def calibrate(self, network: Network, images: Dataset) -> None:
        """Where the chip asks for calibrated converters, fit their ranges to `network` on `images`."""
        self._ranged = ranged(network, self.hardware, images, images)

    def forward(self, layer: str, x: Tensor, weight: Tensor) -> Tensor:
        """What crossbars make of ``weight . x``.

        Args:
            layer: name of a layer of the network.
            x: (samples, steps, ...) unsigned integers. weight: integers in the layer's shape.

        Returns:
            (samples, steps, ...) integers.
        """
        parts = [part for part in x.tensor_split(self.chips if self.training else 1) if len(part)]
        made = torch.cat([self._product(layer, part.flatten(0, 1), weight) for part in parts])
        return made.reshape(*x.shape[:2], *made.shape[1:])

    def _product(self, layer: str, x: Tensor, weight: Tensor) -> Tensor:
        node = self.network.by_name[layer]
        if layer not in self._digital:
            return crossbar_product(x, weight, self._program(layer, weight))
        return _linear(x, weight, node.stride, node.padding, node.groups) if isinstance(node, Conv) else x @ weight.T

    def _program(self, layer: str, weight: Tensor) -> ProgrammedLayer:
        name = f"{layer}.weight"
        codes = weight.detach().numpy().astype(self.network.arrays[name].dtype)
        mapping = map_network(replace(self.network, arrays={**self.network.arrays, name: codes}), self._ranged)
        if not self.training:
            return program(mapping, layer, seed=self.seed, chip=self.chip)
        self.drawn[layer] = self.drawn.get(layer, 0) + 1
        return program(mapping, layer, seed=self.seed + _TRAINING_SEED, chip=self.drawn[layer])


def check_trainable(hardware: Hardware) -> None:
    """Raise `ConfigError` where a read is not a linear product of its own, with noise that adds up row by row."""
    wires, device = hardware.wires, hardware.device
    refused = {
        "wires.topology = 'gated_1t1r': is not linear in the inputs": wires.topology is Topology.GATED_1T1R,
        "wires.inactive_rows = 'floating': is not linear in the inputs": wires.inactive_rows == "floating",
        "wires.read_noise = 'adjoint': depends on all inputs together": wires.read_noise == "adjoint",
        "device.read.noise = 'telegraph': ties the reads of a sample together": device.read.noise == "telegraph"
        and not device.ideal,
    }
    for why, applies in refused.items():
        if applies:
            raise ConfigError(f"{why}; training through a chip needs another setting")


def crossbar_product(x: Tensor, weight: Tensor, layer: ProgrammedLayer) -> Tensor:
    """``weight . x`` as a programmed layer computes it, with straight-through gradients.

    Equal to ``layer.multiply`` where cells are whole and converters ideal. Elsewhere both round their sums (in x's
    dtype; the engine in float32), in another order: a sum within rounding of a threshold may get the code beside.
    Read noise has the engine's distribution and comes from torch's generator.

    Args:
        x: (reads, C, H, W), or (reads, features) of a linear layer: unsigned integers.
        weight: (outputs, C / groups, kh, kw) or (outputs, features): the integers that `layer` was programmed with.

    Returns:
        (reads, outputs, H, W) or (reads, outputs), integers.

    Raises:
        InputError: the layer's reads are not linear products; see `check_trainable`.
    """
    if layer.ladder.rows or layer.solved is not None or layer.telegraph is not None:
        raise InputError(f"layer {layer.name!r}: its reads are not linear products, each of its own")
    columns = _Columns(layer, weight.detach(), x.dtype)
    with torch.no_grad():
        made, cut = columns.read(x)
    if not torch.is_grad_enabled():
        return made
    moved = weight - weight.detach()
    straight = columns.linear(x, columns.response + moved) - columns.lost(x, moved, cut)
    return made + (straight - straight.detach())


#: what was cut off, by (plane, group, block): the numbers of the driven vectors concerned, (n,), and which of their
#: conversions, (n, kinds, outputs) bool
_Cut = dict[tuple[int, int, int], tuple[Tensor, Tensor]]


class _Slope(torch.autograd.Function):
    """0, with the gradient of ``sum_k coefficient[k] (driven . cells)[k]`` over the conversions in `where`."""

    @staticmethod
    def forward(ctx: Any, driven: Tensor, cells: Tensor, where: Tensor, coefficient: Tensor) -> Tensor:
        ctx.save_for_backward(driven, cells, where, coefficient)
        return cells.new_zeros(len(where), where.shape[2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        driven, cells, where, coefficient = ctx.saved_tensors
        sums = (where * (grad[:, None] * coefficient[:, None])).flatten(1)
        return sums @ cells.T if ctx.needs_input_grad[0] else None, driven.T @ sums, None, None


class _Columns:
    """A programmed layer as tensors.

    A driven vector, (groups, rows in the order of reading), is what the rows see of one read at one position.

    Attributes:
        cells: (groups, rows, kinds, outputs) levels.
        coefficient: (kinds,) how often a level counts in an output.
        gain: (groups, 1, outputs) of the digital correction.
        blocks: the rows of each conversion.
    """

    def __init__(self, layer: ProgrammedLayer, weight: Tensor, dtype: torch.dtype) -> None:
        adc, conversion, rows = layer.adc, layer.conversion, layer.rows
        self.blocks = [slice(*pair) for pair in pairwise([0, *(rows.segments[end - 1].stop for end in rows.ends)])]
        whole = layer.scaling is not None
        largest = max(adc.high, -adc.low) * len(self.blocks) << layer.window.planes
        self._dtype = torch.float64 if largest >= _EXACT or (whole and set(adc.ranges) != {adc.steps}) else dtype
        self._layer, self._weight = layer, weight
        self._order = None if (np.diff(rows.order) == 1).all() else torch.from_numpy(rows.order)
        self._shape = (len(layer.cells), len(rows.order), layer.kinds, layer.outputs)
        self.cells = self._by_kind(layer.cells)
        ranges, correction = self._tensor(adc.ranges), layer.correction
        self.coefficient = self._tensor(conversion.factor) * adc.unit / ranges
        gain = np.ones(1) if correction is None else correction.multiplier / 2**correction.shift
        self.gain = self._tensor(gain).expand(self._shape[0] * self._shape[3]).reshape(self._shape[0], 1, -1)
        lsb = (ranges / adc.steps)[:, None].expand(self._shape[2:])
        self._in_lsb = (self.cells / lsb).flatten(2)
        self._variance = (self._by_kind(layer.variance) / lsb**2).flatten(2) if layer.variance.size else None
        self._noise = (self._tensor(conversion.noise)[:, None] / lsb).flatten() ** 2
        self._background, self._removed = (x / lsb.flatten() for x in (conversion.background, conversion.removed))
        self._row_noise = conversion.row_variance / lsb.flatten() ** 2
        # sums of whole cells lie at least 1 / (2 range) from a tie: half of that is beyond rounding
        half = 0.5 + (1 / (4 * max(adc.ranges)) if whole else 0.0)
        self._half = self._tensor(0.0 if len(conversion.thresholds) else half)

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """The plain product."""
        window = self._layer.window
        return x @ weight.T if weight.dim() == 2 else _linear(x, weight, window.stride, window.padding, len(self.cells))

    @cached_property
    def response(self) -> Tensor:
        """The weights that the cells amount to where no conversion is cut off."""
        held = torch.einsum("grko,k->gro", self.cells + self._left(), self.coefficient)
        return self._in_shape((held - self._in_rows(self.offset)) * self.gain)

    @cached_property
    def offset(self) -> Tensor:
        """What is subtracted per input, in the weight's shape."""
        mask = self._layer.mask
        if mask is None:
            return torch.full_like(self._weight, self._layer.offset)
        return self._in_shape(torch.from_numpy(mask.cells[:, :, : self._layer.outputs])) * self._layer.offset

    def read(self, x: Tensor) -> tuple[Tensor, _Cut]:
        """The product, rounded as the engine does, and what was cut off."""
        positions = len(self._layer.window.bases)
        step = max(1, _CHUNK // (positions * self._in_lsb.shape[2]))
        made: list[Tensor] = []
        cut: defaultdict[tuple[int, int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for first in range(0, len(x), step):
            driven = [self._driven(bits) for bits in self._planes(x[first : first + step])]
            codes = self.cells.new_zeros(len(driven[0]), *self._in_lsb[:, 0].shape)
            for place in product(range(len(driven)), range(len(self.cells)), range(len(self.blocks))):
                plane, group, block = place
                code, vectors, where = self._convert(driven[plane][:, group, self.blocks[block]], group, block)
                codes[:, group].add_(code, alpha=2**plane)
                if len(vectors):
                    cut[place].append((vectors + first * positions, where))
            made.append(self._joined(codes))
        values = self._as_output(torch.cat(made), len(x))
        if self._layer.offset:
            values = values - self.linear(x, self.offset)
        joined = {place: (torch.cat([v for v, _ in c]), torch.cat([w for _, w in c])) for place, c in cut.items()}
        return self._corrected(values).to(x.dtype), joined

    def lost(self, x: Tensor, moved: Tensor, cut: _Cut) -> Tensor:
        """0, with the gradient of what passes through the conversions that were cut off.

        Args:
            moved: 0, with the gradient of the weight.
        """
        groups, _, _, outputs = self._shape
        planes, change = self._planes(x), self._in_rows(moved)[:, :, None] * self._moves
        held = (self.cells + self._layer.conversion.background) * self.gain[:, :, None]
        lost = [x.new_zeros(len(x) * len(self._layer.window.bases), outputs) for _ in range(groups)]
        for plane, places in groupby(sorted(cut), itemgetter(0)):
            driven = self._driven(planes[plane] + (x - x.detach()) / (2 ** len(planes) - 1))
            for _, group, block in places:
                (vectors, where), rows = cut[plane, group, block], self.blocks[block]
                cells = (held[group, rows] + change[group, rows]).flatten(1)
                parts = driven[:, group, rows][vectors], cells, where, self.coefficient * 2**plane
                through: Tensor = _Slope.apply(*parts)  # type: ignore[no-untyped-call]
                lost[group] = lost[group].index_add(0, vectors, through.to(x.dtype))
        return self._as_output(torch.cat(lost, 1), len(x))

    @cached_property
    def _moves(self) -> Tensor:
        """(groups, rows, kinds, outputs): by how much a weight moves the cell in each of its columns."""
        sign, size = self.coefficient.sign()[:, None], self.coefficient.abs()[:, None]
        pairs = len(sign) % 2 == 0 and torch.equal(self.coefficient[::2], -self.coefficient[1::2])
        weight = self._in_rows(self._weight).to(self._dtype)[:, :, None]
        carries = (weight * sign >= 0) if pairs else torch.ones_like(self.cells)
        return carries * sign / (carries * size).sum(2, keepdim=True)

    def _left(self) -> float:
        """Levels of background per active row that are left in an output's columns."""
        return float(self._layer.conversion.background - self._layer.conversion.removed)

    def _convert(self, driven: Tensor, group: int, block: int) -> tuple[Tensor, Tensor, Tensor]:
        """Codes less the removed background, (vectors, kinds x outputs); what was cut off, as in `_Cut`."""
        adc, conversion, rows = self._layer.adc, self._layer.conversion, self.blocks[block]
        own = len(conversion.thresholds) > 0
        sums = torch.addmm(self._half, driven, self._in_lsb[group, rows])
        ones = driven.sum(1, keepdim=True)
        if conversion.background:
            sums.addmm_(ones, self._background[None])
        if self._variance is not None or conversion.row_variance or conversion.noise.any():
            spread = torch.addmm(self._noise, ones, self._row_noise[None])
            if self._variance is not None:
                spread.addmm_(driven, self._variance[group, rows])
            sums.addcmul_(spread.sqrt_(), torch.randn_like(sums))
        low, high = (adc.low - 0.5, adc.high + 0.5) if own else (adc.low, adc.high + 1)
        vectors = ((sums.amin(1) < low) | (sums.amax(1) >= high)).nonzero()[:, 0]
        where = (sums[vectors] < low) | (sums[vectors] >= high)
        if own:
            sums = self._looked_up(sums, group, block)
            if not conversion.always:  # nothing is read where no row is active
                sums *= ones > 0
        else:
            sums.floor_()
            if len(vectors):
                sums.clamp_(adc.low, adc.high)
        if conversion.removed:
            sums -= torch.floor(ones * self._removed + 0.5)
        return sums, vectors, where.reshape(-1, *self._shape[2:])

    def _looked_up(self, sums: Tensor, group: int, block: int) -> Tensor:
        """Codes by the thresholds of each column's own converter."""
        conversion, outputs = self._layer.conversion, self._layer.outputs
        table = conversion.table[block, :, group * outputs : (group + 1) * outputs].ravel()
        above = torch.searchsorted(self._tensor(conversion.thresholds[table]), sums.T.contiguous(), right=True)
        return (above.T + self._layer.adc.low).to(sums.dtype)

    def _joined(self, codes: Tensor) -> Tensor:
        """Codes (vectors, groups, kinds x outputs), shifted and added, rounded once: (vectors, groups x outputs)."""
        adc, factor = self._layer.adc, torch.from_numpy(self._layer.conversion.factor).double()
        total = torch.einsum("vgko,k->vgo", codes.reshape(*codes.shape[:2], *self._shape[2:]).double(), factor)
        return torch.floor((2 * adc.unit * total + adc.steps) / (2 * adc.steps)).flatten(1)

    def _corrected(self, values: Tensor) -> Tensor:
        correction = self._layer.correction
        if correction is None:
            return values
        shape = (-1,) + (1,) * (values.dim() - 2)
        multiplier, bias = (torch.from_numpy(x).reshape(shape) for x in (correction.multiplier, correction.bias))
        return torch.floor((values.double() * multiplier + bias) / 2**correction.shift)

    def _planes(self, x: Tensor) -> list[Tensor]:
        """Bits of unsigned integers, the lowest first."""
        planes = self._layer.window.planes
        if planes == 1:
            return [x.detach()]
        whole = x.detach().to(torch.int32)
        return [((whole >> plane) & 1).to(x.dtype) for plane in range(planes)]

    def _driven(self, x: Tensor) -> Tensor:
        """(reads x positions, groups, rows in the order of reading) of (reads, ...)."""
        x, window, weight = x.to(self._dtype), self._layer.window, self._weight
        if weight.dim() == 4:
            (above, left), (sy, sx) = window.padding, window.stride
            x = F.pad(x, (left, left, above, above)).unfold(2, weight.shape[2], sy).unfold(3, weight.shape[3], sx)
            x = x.permute(0, 2, 3, 1, 4, 5)
        rows = x.reshape(-1, *self._shape[:2])
        return rows if self._order is None else rows[..., self._order]

    def _as_output(self, values: Tensor, reads: int) -> Tensor:
        """(reads x positions, all outputs) in the shape of a product."""
        if self._weight.dim() == 2:
            return values
        return values.reshape(reads, *self._layer.window.output_shape[1:], -1).permute(0, 3, 1, 2)

    def _tensor(self, values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values)).to(self._dtype)

    def _by_kind(self, columns: Any) -> Tensor:
        """(groups, rows, kinds, outputs) of columns with padding behind each kind."""
        groups, rows, kinds, outputs = self._shape
        return self._tensor(columns).reshape(groups, rows, kinds, -1)[..., :outputs]

    def _in_shape(self, matrix: Tensor) -> Tensor:
        """(groups, rows in the order of reading, outputs) in the shape of the weight."""
        if self._order is not None:
            matrix = matrix[:, self._order.argsort()]
        return matrix.transpose(1, 2).reshape(self._weight.shape).to(self._weight.dtype)

    def _in_rows(self, weight: Tensor) -> Tensor:
        """The way back of `_in_shape`."""
        groups, rows, _, outputs = self._shape
        matrix = weight.reshape(groups, outputs, rows).transpose(1, 2)
        return matrix if self._order is None else matrix[:, self._order]


def _linear(x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int], groups: int) -> Tensor:
    return F.conv2d(x, weight, stride=stride, padding=padding, groups=groups)
