"""MS-ResNets: LIF units stand before the convolutions, and shortcuts carry membrane drives (Hu et al., TNNLS 2024)."""

from __future__ import annotations

from spikesim_py.network import Network

from .graph import Graph
from .resnet import blocks

_BLOCKS = {"msresnet18": (2, 2, 2, 2), "msresnet34": (3, 4, 6, 3)}


def msresnet(graph: Graph) -> Network:
    """The MS-ResNet that the graph is called; reconstructed as the workload msresnet18-cifar10 says.

    A stem of 3 x 3 convolution and batch norm, four stages of 64 to 512 channels, LIF units, the sum of every map, one
    linear layer. The 1 x 1 convolutions of shortcuts that change shape read spikes: crossbar rows take nothing signed.
    """
    stages = [(graph.scaled(64 * 2**stage), count) for stage, count in enumerate(_BLOCKS[graph.name])]
    last = graph.affine("bn1", graph.conv("conv1", "input", stages[0][0]))
    for name, channels, stride in blocks(stages):
        last = _block(graph, name, last, channels, stride)
    last = graph.pool_all("pool", graph.lif("lif_out", last))
    return graph.answer("fc", graph.flatten("flat", last), "out")


def _block(graph: Graph, name: str, source: str, channels: int, stride: int) -> str:
    spikes = graph.lif(f"{name}_lif1", source)
    first = graph.affine(f"{name}_bn1", graph.conv(f"{name}_conv1", spikes, channels, stride=stride))
    second = graph.conv(f"{name}_conv2", graph.lif(f"{name}_lif2", first), channels)
    second = graph.affine(f"{name}_bn2", second)
    if graph.shapes[source] != graph.shapes[second]:
        source = graph.conv(f"{name}_short", spikes, channels, kernel=1, stride=stride)
        source = graph.affine(f"{name}_short_bn", source)
    return graph.add(f"{name}_add", second, source)
