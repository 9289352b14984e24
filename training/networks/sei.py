"""Multiple shortcuts: one around every layer, so that what one-bit weights lose does not add up from layer to layer.

Meng et al., arXiv 2508.12609 (SEI-BWSNN), train networks of one-bit weights with "a structure of multiple shortcuts",
in a transformer those of its feed-forward layers. *Reconstruction*: the text could not be read beyond its abstract.
Kept is that a block has several shortcuts; where they lie is that of binary networks of its kind: one around every
binary layer (Bi-Real Net, Liu et al. 2018, arXiv 1808.00278), with channels repeated or averaged where their number
changes (ReActNet, Liu et al. 2020, arXiv 2003.03488).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from spikesim_py.network import Network

from .graph import Graph
from .plain import head


def around(graph: Graph, name: str, made: str, spikes: str, drive: str | None = None) -> str:
    """The drive `made` of a layer with a shortcut around it: the name of their sum.

    Where the shape stays, it carries the membrane drive from before the LIF units that the layer reads. Elsewhere it
    carries their spikes, channel by channel: a grouped 1 x 1 convolution that gives each output channel its share of
    the input's channels, one where they grow more, and a batch norm that weighs them. Its weights may have one bit.

    Args:
        made: a drive. spikes: what the layer reads. drive: what those spikes came from, if not pooled since.
    """
    if drive is not None and graph.shapes[drive] == graph.shapes[made]:
        return graph.add(f"{name}_sum", made, drive)
    inside, outside = graph.shapes[spikes][0], graph.shapes[made][0]
    short = graph.conv(f"{name}_short", spikes, outside, kernel=1, groups=gcd(inside, outside))
    return graph.add(f"{name}_sum", made, graph.affine(f"{name}_short_norm", short))


def sei_convnet(
    graph: Graph, channels: Sequence[int], pool_after: Sequence[int] = (), hidden: Sequence[int] = ()
) -> Network:
    """`convnet` with a shortcut around every convolution but the first, which reads the input's values.

    Args:
        channels, pool_after, hidden: as of `convnet`.
    """
    drive, spikes = None, "input"
    for index, outputs in enumerate(channels, start=1):
        made = graph.affine(f"norm{index}", graph.conv(f"conv{index}", spikes, outputs))
        drive = made if index == 1 else around(graph, f"conv{index}", made, spikes, drive)
        spikes = graph.lif(f"lif{index}", drive)
        if index in pool_after:
            drive, spikes = None, graph.pool(f"pool{index}", spikes)
    return head(graph, spikes, hidden)
