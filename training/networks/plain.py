"""Convolutions one after the other: the VGGs, and the small nets for digits."""

from __future__ import annotations

from collections.abc import Sequence

from spikesim_py.network import Network

from .graph import Graph

#: output channels of the convolutions, the convolutions that pools follow, and the hidden linear layers
_VGG: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    # layer counts include the linear ones; after Rathi et al. 2020 (arXiv 2005.01807)
    "vgg5": ((64, 128, 128), (1, 3), (1024,)),
    # SpikeSim c2627bc, ela_spikesim.py
    "vgg9": ((64, 64, 128, 128, 256, 256, 256), (2, 4, 7), (1024,)),
    # Simonyan and Zisserman 2015 (arXiv 1409.1556), configurations A and D, with the narrow head for small images
    "vgg11": ((64, 128, 256, 256, 512, 512, 512, 512), (1, 2, 4, 6, 8), (512,)),
    "vgg16": ((64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512), (2, 4, 7, 10, 13), (512,)),
}


def vgg(graph: Graph) -> Network:
    """The VGG that the graph is called: convolutions 3 x 3 and linear layers, each with batch norm and LIF units."""
    channels, pools, hidden = _VGG[graph.name]
    return convnet(graph, [graph.scaled(c) for c in channels], pools, [graph.scaled(c) for c in hidden])


def convnet(
    graph: Graph, channels: Sequence[int], pool_after: Sequence[int] = (), hidden: Sequence[int] = ()
) -> Network:
    """Convolutions 3 x 3, each with batch norm and LIF units; a linear readout over time.

    Args:
        channels: outputs of each convolution.
        pool_after: convolutions, counted from 1, whose spikes are sum-pooled 2 x 2.
        hidden: outputs of linear layers before the last, with batch norm and LIF units too.
    """
    last = "input"
    for index, outputs in enumerate(channels, start=1):
        last = graph.conv(f"conv{index}", last, outputs)
        last = graph.lif(f"lif{index}", graph.affine(f"norm{index}", last))
        if index in pool_after:
            last = graph.pool(f"pool{index}", last)
    return head(graph, last, hidden)


def head(graph: Graph, last: str, hidden: Sequence[int]) -> Network:
    """The linear layers behind the last convolution, and the readout: the whole network."""
    last = graph.flatten("flatten", last)
    for index, outputs in enumerate(hidden, start=1):
        last = graph.linear(f"fc{index}", last, outputs)
        last = graph.lif(f"lif_fc{index}", graph.affine(f"norm_fc{index}", last))
    return graph.answer(f"fc{len(hidden) + 1}" if hidden else "fc", last, "readout")
