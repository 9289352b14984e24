"""A spiking transformer: attention of spikes, without a softmax."""

from __future__ import annotations

from collections.abc import Callable

from spikesim_py.network import Network

from .graph import Graph
from .sei import around

_BLOCKS, _HEADS, _HEAD_CHANNELS = 4, 12, 32
_FFN = 4  # hidden channels of the feed-forward layers, over the embedding's


def spikformer(graph: Graph) -> Network:
    """Spikformer-4-384's attention (Zhou et al. 2023, arXiv 2209.15425) between shortcuts that carry membrane drives.

    Those are Spikingformer's (Zhou et al. 2023, arXiv 2304.11954), so that every layer reads spikes. A token is a
    pixel of the embedding: four convolutions 3 x 3, the last two with a max pool 2 x 2 (theirs is 3 x 3 with stride 2),
    and one more for the place. Queries, keys and values are spikes; ``(Q^T K) V`` is summed in integers, and a batch
    norm stands where the paper has the factor 1/8. Feed-forward layers are called `b<n>_ffn1` and `b<n>_ffn2`.
    """
    return _blocks(graph, _feed_forward)


def sei_spikformer(graph: Graph) -> Network:
    """`spikformer` for feed-forward layers of one bit (`layer_bits: {"*_ffn?*": 1}`), each with a shortcut around it.

    Those are beside the one around both; see `sei`.
    """
    return _blocks(graph, _sei_feed_forward)


def _blocks(graph: Graph, feed_forward: Callable[[Graph, str, str, int], str]) -> Network:
    channels = _HEADS * graph.scaled(_HEAD_CHANNELS)
    stream = _embedding(graph, channels)
    for block in range(1, _BLOCKS + 1):
        stream = _attention(graph, f"b{block}", stream, channels)
        stream = feed_forward(graph, f"b{block}", stream, channels)
    last = graph.pool_all("pool", graph.lif("lif_out", stream))
    return graph.answer("fc", graph.flatten("flat", last), "out")


def _embedding(graph: Graph, channels: int) -> str:
    last = "input"
    for index, share in enumerate((8, 4, 2, 1), start=1):
        drive = graph.affine(f"bn{index}", graph.conv(f"conv{index}", last, max(1, channels // share)))
        last = graph.lif(f"lif{index}", drive)
        if index > 2:
            last = graph.pool(f"pool{index}", last, kind="max")
    return graph.affine("bn5", graph.conv("conv5", last, channels))


def _attention(graph: Graph, name: str, stream: str, channels: int) -> str:
    spikes = graph.lif(f"{name}_lif1", stream)
    query, key, value = (_tokens(graph, f"{name}_{part}", spikes, channels) for part in "qkv")
    weights = graph.product(f"{name}_qk", query, key, "channels", _HEADS)
    mixed = graph.product(f"{name}_qkv", weights, value, "tokens", _HEADS)
    mixed = graph.lif(f"{name}_attention_lif", graph.affine(f"{name}_attention_bn", mixed))
    made = graph.affine(f"{name}_out_bn", graph.conv(f"{name}_out", mixed, channels, kernel=1))
    return graph.add(f"{name}_add1", made, stream)


def _tokens(graph: Graph, name: str, source: str, channels: int) -> str:
    """A linear layer on every token, its batch norm and its LIF units."""
    return graph.lif(f"{name}_lif", graph.affine(f"{name}_bn", graph.conv(name, source, channels, kernel=1)))


def _feed_forward(graph: Graph, name: str, stream: str, channels: int) -> str:
    hidden = _tokens(graph, f"{name}_ffn1", graph.lif(f"{name}_lif2", stream), _FFN * channels)
    made = graph.affine(f"{name}_ffn2_bn", graph.conv(f"{name}_ffn2", hidden, channels, kernel=1))
    return graph.add(f"{name}_add2", made, stream)


def _sei_feed_forward(graph: Graph, name: str, stream: str, channels: int) -> str:
    spikes = graph.lif(f"{name}_lif2", stream)
    hidden = graph.affine(f"{name}_ffn1_bn", graph.conv(f"{name}_ffn1", spikes, _FFN * channels, kernel=1))
    inner = graph.lif(f"{name}_ffn1_lif", around(graph, f"{name}_ffn1", hidden, spikes))
    made = graph.affine(f"{name}_ffn2_bn", graph.conv(f"{name}_ffn2", inner, channels, kernel=1))
    return graph.add(f"{name}_add2", around(graph, f"{name}_ffn2", made, inner), stream)
