"""Spiking ResNets whose adds stand before the LIF units: ResNet-19 and ResNet-20."""

from __future__ import annotations

from collections.abc import Sequence

from spikesim_py.network import Network

from .graph import Graph

#: channels of the stem, (channels, blocks) of each stage, and the hidden linear layer
_STAGES: dict[str, tuple[int, tuple[tuple[int, int], ...], int | None]] = {
    # Zheng et al. 2021 (arXiv 2011.05280), as TET's code has it: see the workload resnet19-cifar10
    "resnet19": (64, ((128, 3), (256, 3), (512, 2)), 256),
    # He et al. 2016 (arXiv 1512.03385), section 4.2, n = 3
    "resnet20": (16, ((16, 3), (32, 3), (64, 3)), None),
}


def resnet(graph: Graph) -> Network:
    """The ResNet that the graph is called.

    A shortcut that keeps its shape carries spikes; its affine gives a spike the weight of one threshold. One that
    changes shape is a 1 x 1 convolution with batch norm.
    """
    stem, stages, hidden = _STAGES[graph.name]
    last = graph.conv("conv1", "input", graph.scaled(stem))
    last = graph.lif("lif1", graph.affine("bn1", last))
    for name, channels, stride in blocks(stages):
        last = _block(graph, name, last, graph.scaled(channels), stride)
    last = graph.flatten("flat", graph.pool_all("pool", last))
    if hidden is not None:
        last = graph.linear("fc1", last, graph.scaled(hidden))
        last = graph.lif("lif_fc1", graph.affine("bn_fc1", last))
    return graph.answer("fc2" if hidden else "fc", last, "out")


def blocks(stages: Sequence[tuple[int, int]]) -> list[tuple[str, int, int]]:
    """(name, channels, stride) of every block: all stages but the first halve the image in their first block."""
    return [
        (f"s{stage}b{block}", channels, 2 if stage > 1 and block == 1 else 1)
        for stage, (channels, count) in enumerate(stages, start=1)
        for block in range(1, count + 1)
    ]


def _block(graph: Graph, name: str, source: str, channels: int, stride: int) -> str:
    first = graph.affine(f"{name}_bn1", graph.conv(f"{name}_conv1", source, channels, stride=stride))
    second = graph.conv(f"{name}_conv2", graph.lif(f"{name}_lif1", first), channels)
    second = graph.affine(f"{name}_bn2", second)
    if graph.shapes[source] == graph.shapes[second]:
        short = graph.affine(f"{name}_short_unit", source)
    else:
        short = graph.affine(f"{name}_short_bn", graph.conv(f"{name}_short", source, channels, kernel=1, stride=stride))
    return graph.lif(f"{name}_lif2", graph.add(f"{name}_add", second, short))
