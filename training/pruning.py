"""Recipes that empty crossbars: which blocks of weights go, when, and the loss that drives them there.

Blocks, masks and the group lasso: `methods.pruning`. How the share falls: Zhu and Gupta 2017, arXiv 1710.01878, eq. 1.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, model_validator

from spikesim_py.errors import InputError
from spikesim_py.hardware import RowMapping
from spikesim_py.mapping import map_network

from ._part import OfChip, Share
from .export import export
from .methods.pruning import Blocks, Layout
from .module import SpikingNetwork

Tensor = torch.Tensor


class Pruning(OfChip):
    """Crossbars of a chip that training empties: their weights are zero from then on.

    Layers of one-bit weights, which hold no zero, and those that the chip computes digitally are left as they are.

    Attributes:
        chip, overrides: as in `load_hardware`; what a crossbar of it holds is a block.
        keep: share of every layer's blocks that is left; one at least.
        start_epoch, ramp: blocks are chosen at the beginning of `ramp` epochs, of which this is the first; in the last
            the share is `keep`.
        lasso: weight of the group lasso in the total loss, the mean over layers.
        edges: whether layers that read the input or give the answer are pruned, too.
    """

    keep: Annotated[float, Field(gt=0, lt=1)]
    start_epoch: Annotated[int, Field(ge=1)] = 1
    ramp: Annotated[int, Field(ge=1)] = 1
    lasso: Share = 0.0
    edges: bool = False

    @model_validator(mode="after")
    def _usable(self) -> Pruning:
        self.load()
        return self

    @property
    def end_epoch(self) -> int:
        """The first epoch in which no more than `keep` is left."""
        return self.start_epoch + self.ramp - 1

    def share(self, epoch: int) -> float:
        """``keep + (1 - keep) (1 - progress)^3`` of the blocks are left in an epoch of the ramp."""
        progress = (epoch - self.start_epoch + 1) / self.ramp
        return self.keep + (1 - self.keep) * (1 - progress) ** 3


class Pruner:
    """Chooses the masks of a module's layers, epoch by epoch.

    Args:
        module: on the CPU, in the arithmetic that it ends in; its layers get masks that leave everything.

    Attributes:
        blocks: of every layer that is pruned.

    Raises:
        InputError: the network does not fit the chip, or no layer takes two of its crossbars.
    """

    def __init__(self, module: SpikingNetwork, how: Pruning) -> None:
        self.module, self.how = module, how
        self.blocks = _blocks(module, how)
        for name in self.blocks:
            module.layer(name).spare_all()

    def begin(self, epoch: int) -> None:
        """In an epoch of the ramp, empty the weakest blocks; what is empty stays so."""
        if self.how.start_epoch <= epoch <= self.how.end_epoch:
            for name, blocks in self.blocks.items():
                layer = self.module.layer(name)
                layer.mask = blocks.mask(layer.kept(), self.how.share(epoch))

    def with_lasso(self, total: Tensor, each: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The total loss and its parts, with the group lasso of what is left as the part ``pruning``."""
        if not self.how.lasso:
            return total, each
        parts = [blocks.group_lasso(self.module.layer(name).kept()) for name, blocks in self.blocks.items()]
        lasso = torch.stack(parts).mean()
        return total + self.how.lasso * lasso, each | {"pruning": lasso}


def _blocks(module: SpikingNetwork, how: Pruning) -> dict[str, Blocks]:
    """The crossbars of a module's layers, as they are mapped now."""
    hardware, found = how.load(), {}
    layout: Layout = "spikeflow" if hardware.mapping.rows is RowMapping.SPIKEFLOW else "unrolled"
    for name, plan in map_network(export(module, module.blueprint.name), hardware).layers.items():
        node, quantizer = module.blueprint.by_name[name], module.layer(name).quantizer
        one_bit = quantizer is None or quantizer.bits == 1
        if plan.digital or one_bit or (module.at_edge(node) and not how.edges):
            continue
        if plan.read_crossbars > 1:
            sizes = hardware.input_rows, hardware.weight_columns
            found[name] = Blocks(*sizes, layout, plan.groups, plan.columns_per_output)
    if not found:
        raise InputError(
            f"pruning.chip = {how.chip!r}: no layer to prune takes two crossbars; choose smaller ones, or edges: true"
        )
    return found
