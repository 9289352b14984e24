"""The neuron module's share of a chip's area at SpikeSim's operating point: `python -m benchmarks.neuron_share`.

VGG9 on CIFAR-10, T = 5, 4-bit weights in 64 x 64 crossbars of 4-bit RRAM, 4-bit ADCs, 8 columns each, 65 nm. The module
is LIF arithmetic and membrane memory. SpikeSim's paper (TCAD 2023, abstract) says "> 11 %" of the total hardware area;
its released constants do not reproduce that, and neither paper nor script say what the other 89 % are.
"""

from __future__ import annotations

import math

from spikesim_py.cost import CostNode, branch
from spikesim_py.cost.resources import NEURON_MODULE, neuron_share
from spikesim_py.studies.spikesim_paper.costs import NEURON_SHARE as PAPER
from spikesim_py.studies.spikesim_paper.costs import designs

from .timing import Row, show

#: what the released constants have no counterpart of
_NOT_RELEASED = ("level_shifter", "sign_count", "preactivation_buffer", "noc_routers", "noc_links")

WHY = """\
As published the module is memory alone: 22 bits per value at 0.74 um2 (175 F2) per bit, for five layers after their
pools; the script has no area for LIF arithmetic. Input buffers of 22 bits per spike hold the share down; corrected, it
rises. With the FC layers the chip has 1,040 more PEs (48 before) but 0.4 % more neurons: the share falls below the
bound. The parametric library has LIF lanes and 1.4 um2 per membrane bit (cells of 280 F2, and their edges), but also
level shifters for writing and masks for `offset_negative`, which the constants lack and which take most of that chip.
So the bound holds wherever the convolutions are the chip, and fails where 4 million FC weights count; the paper does
not say which chip its 11 % are of."""


def neuron_rows() -> list[Row]:
    """Share of the area, over the paper's bound."""
    found = [(name, report.tree) for name, report in designs()]
    whole = found[-1][1]
    convolutions = branch("chip", [node for node in whole.children if not node.name.startswith("fc")])
    found.append(("parametric, convolutions and what is shared only", convolutions))
    found.append(("the same, without what the released constants lack", _without(convolutions)))
    return [_row(name, tree) for name, tree in found]


def _without(tree: CostNode) -> CostNode:
    kept = [(node.name, [leaf for leaf in node.children if leaf.name not in _NOT_RELEASED]) for node in tree.children]
    return branch(tree.name, [branch(name, leaves) for name, leaves in kept])


def _row(name: str, tree: CostNode) -> Row:
    parts, share = tree.components(), neuron_share(tree)
    module = math.fsum(parts[part].area_um2 for part in NEURON_MODULE if part in parts)
    measured = f"{module * 1e-6:.2f} of {tree.area_um2 * 1e-6:.2f} mm², {share:.1%}"
    return name, measured, f"{share / PAPER:.2f}x", f"> {PAPER:.0%} (paper)"


if __name__ == "__main__":
    show("the neuron module's share of the area, VGG9 at SpikeSim's operating point", neuron_rows())
    print(WHY)
