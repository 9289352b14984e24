"""A network as a table that a person can read."""

from __future__ import annotations

import yaml

from .model import MATRIX_OPS, Affine, Network
from .units import Lif


def describe(network: Network) -> str:
    """One line per node: operation, output shape, bits per value, weights."""
    spec = network.model.input
    lines = [
        f"{network.name}: {network.arithmetic} network, T = {network.time_steps}, input {spec.shape} of "
        f"{spec.bits} bits, {spec.coding} coding, encoder {spec.encoder}",
        f"{'node':<12}{'operation':<10}{'reads':<14}{'output':<16}{'bits':>5}  details",
    ]
    for node in network.nodes:
        edge = network.edges[node.name]
        shape = "x".join(map(str, edge.shape))
        lines.append(
            f"{node.name:<12}{node.op:<10}{'+'.join(node.inputs):<14}{shape:<16}{edge.bits:>5}  {_details(node)}"
        )
    metadata = network.model.metadata
    lines += yaml.safe_dump(metadata, sort_keys=False, width=100).splitlines() if metadata else []
    return "\n".join(lines)


def _details(node: object) -> str:
    if isinstance(node, MATRIX_OPS):
        shape = "x".join(map(str, node.weight_shape))
        return f"weights {shape} of {node.weight_bits or 32} bits"
    if isinstance(node, Affine):
        bits = [f"parameters of {node.bits} bits"] if node.bits is not None else []
        return ", ".join(bits + ["own parameters in every time-step"] * node.per_step)
    if isinstance(node, Lif):
        return (
            f"leak {node.leak.multiplier:g} >> {node.leak.shift}, reset {node.reset}, "
            f"membrane {node.membrane_bits} bits ({node.overflow}{'' if node.signed else ', unsigned'})"
        )
    return ""
