"""Which nodes carry membrane drives, and which of them must share a unit because shortcuts add them."""

from __future__ import annotations

from spikesim_py.errors import InputError
from spikesim_py.network import Add, Affine, Conv, Flatten, Lif, Linear, Network, Pool, Product


def is_norm(network: Network, node: Affine) -> bool:
    """Whether an affine is a batch norm: of a layer's sums, or a product's."""
    source = network.by_name.get(node.inputs[0])
    return isinstance(source, Conv | Linear | Product)


def membrane_groups(network: Network) -> dict[str, str]:
    """Each node that carries, or reads, membrane drives, and the name of its group: the first node in it.

    Affines make them; adds join groups; LIF nodes read them.

    Raises:
        InputError: a node reads what it cannot: LIF units something else than affines and sums of them, layers
            something signed, adds both of drives and other values.
    """
    groups: dict[str, str] = {}
    for node in network.nodes:
        drives = [name for name in node.inputs if name in groups and not isinstance(network.by_name[name], Lif)]
        mixed = 0 < len(drives) < len(node.inputs)
        if isinstance(node, Affine) and not drives:
            groups[node.name] = node.name
        elif isinstance(node, Add) and drives and not mixed:
            _join(groups, node.name, [groups[name] for name in drives])
        elif isinstance(node, Pool | Flatten | Lif) and drives:
            groups[node.name] = groups[drives[0]]
        elif isinstance(node, Lif):
            raise InputError(f"node {node.name!r}: LIF units to be trained read an affine, or a sum of affines")
        elif isinstance(node, Conv | Linear | Product | Affine) and drives:
            raise InputError(f"node {node.name!r}: reads {drives[0]!r}, a membrane drive; put a LIF node between")
        elif isinstance(node, Add) and mixed:
            raise InputError(f"node {node.name!r}: adds membrane drives to other values; put an affine behind those")
    return groups


def _join(groups: dict[str, str], node: str, joined: list[str]) -> None:
    first = next(group for group in groups.values() if group in joined)
    groups[node] = first
    for name, group in groups.items():
        if group in joined:
            groups[name] = first
