"""A network as a table that a person can read."""

from __future__ import annotations

import yaml

from .model import MATRIX_OPS, Affine, Delay, Network
from .units import Leak, Lif, Membrane, replaced_by_arrays


def describe(network: Network) -> str:
    """One line per node: operation, output shape, bits per value, weights."""
    spec = network.model.input
    first = max(10, *(len(node.name) for node in network.nodes)) + 2
    third = max(12, *(len("+".join(node.inputs)) for node in network.nodes)) + 2
    lines = [
        f"{network.name}: {network.arithmetic} network, T = {network.time_steps}, input {spec.shape} of "
        f"{spec.bits} bits, {spec.coding} coding, encoder {spec.encoder}",
        f"{'node':<{first}}{'operation':<10}{'reads':<{third}}{'output':<16}{'bits':>5}  details",
    ]
    for node in network.nodes:
        edge = network.edges[node.name]
        shape = "x".join(map(str, edge.shape))
        said = _details(network, node)
        lines.append(
            f"{node.name:<{first}}{node.op:<10}{'+'.join(node.inputs):<{third}}{shape:<16}{edge.bits:>5}  {said}"
        )
    metadata = network.model.metadata
    lines += yaml.safe_dump(metadata, sort_keys=False, width=100).splitlines() if metadata else []
    return "\n".join(lines)


def _details(network: Network, node: object) -> str:
    if isinstance(node, MATRIX_OPS):
        shape = "x".join(map(str, node.weight_shape))
        return f"weights {shape} of {node.weight_bits or 32} bits"
    if isinstance(node, Affine):
        bits = [f"parameters of {node.bits} bits"] if node.bits is not None else []
        return ", ".join(bits + ["own parameters in every time-step"] * node.per_step)
    if isinstance(node, Delay):
        upto = "up to " if f"{node.name}.steps" in network.arrays else ""
        return f"{upto}{node.steps} time-step{'s' * (node.steps > 1)} later"
    if not isinstance(node, Membrane):
        return ""
    own = [name for name in replaced_by_arrays(node) if f"{node.name}.{name}" in network.arrays]
    return ", ".join(_unit(node, network.arithmetic != "float") + [f"{name} from an array" for name in own])


def _unit(node: Membrane, whole: bool) -> list[str]:
    """What units do, beginning with what all of them have; the rest only where it is not the default.

    Words have bits, and may overflow, where numbers are `whole`.
    """
    said = [f"leak {_leak(node.leak)}"]
    if whole:
        said.append(f"membrane {node.membrane_bits} bits ({node.overflow}{'' if node.signed else ', unsigned'})")
    if isinstance(node, Lif):
        level = f" to {node.v_reset:g}" if node.v_reset else ""
        said.insert(1, f"reset {node.reset}{level}{' one step later' if node.reset_delay else ''}")
        said += ["strictly above theta"] * node.strict
        said += [f"up to {node.max_spikes} spikes"] * (node.max_spikes > 1)
        said += [f"refractory {node.refractory}"] * (node.refractory > 0)
    said += ["input first, then leak"] * (node.order == "input_first")
    said += [f"v_leak {node.v_leak:g}"] * bool(node.v_leak) + [f"v_init {node.v_init:g}"] * bool(node.v_init)
    said += [] if node.v_min is None else [f"v_min {node.v_min:g}"]
    if node.synapse:
        late = ", read before it is updated" if node.synapse.reads == "previous" else ""
        first = ", input first, then leak" if node.synapse.order == "input_first" else ""
        bits = f" of {node.synapse.bits} bits" if whole else ""
        empties = ", emptied by resets" if node.synapse.resets else ""
        said.append(f"synapse {_leak(node.synapse.leak)}{bits}{first}{late}{empties}")
    return said


def _leak(leak: Leak) -> str:
    return f"{leak.multiplier:g} >> {leak.shift}" if leak.shift else f"{leak.multiplier:g}"
