"""Networks as plain numbers for whoever builds hardware: one JSON, one `.npy` per array, and golden vectors.

The folder has `network.json` (nodes in order with all fields, shapes and ranges of edges, the equations' place),
`arrays/NODE.ARRAY.npy`, and with samples `golden/`: `input.npy`, per node `NODE.npy` (its output at every time-step:
sums, affines, spikes), per unit `NODE.membrane.npy` and `NODE.current.npy` (as stored after every time-step).
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import check_target, write_atomic
from ..errors import InputError, NetworkError
from ..network import Li, Lif, Network


def export_bundle(network: Network, folder: str | Path, samples: Any = None) -> Path:
    """Write a network, and what its nodes hold for some samples, into a new or empty folder.

    Args:
        samples: as `Network.run` takes them; None writes no golden vectors.

    Raises:
        NetworkError: the network has no weights. InputError: the folder cannot be written, or is not empty.
    """
    if network.shape_only:
        raise NetworkError(f"network {network.name!r} has no weights: nothing to export")
    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: cannot be written: must be a new or an empty folder")
    check_target(target / "network.json")
    for name, array in network.arrays.items():
        _save(target / "arrays" / f"{name}.npy", array)
    if samples is not None:
        for name, array in golden(network, samples).items():
            _save(target / "golden" / f"{name}.npy", array)
    write_atomic(target / "network.json", json.dumps(_description(network), indent=1) + "\n")
    return target


def golden(network: Network, samples: Any) -> dict[str, NDArray[Any]]:
    """Arrays (samples, T or 1, C, H, W): every node's output; of units also `NODE.membrane` and `NODE.current`."""
    from ..network.executor import check_input
    from ..network.states import stored_states

    inputs = check_input(network, samples)
    values: dict[str, Any] = {"input": inputs}
    network.run(samples, observer=values.__setitem__, batch=len(inputs))
    arrays = {name: np.asarray(value.numpy()) for name, value in values.items()}
    for node in network.nodes:
        if isinstance(node, Lif | Li):
            stored = stored_states(network, node, values[node.inputs[0]])
            membranes, currents = (np.stack(states, 1) for states in zip(*stored, strict=True))
            arrays[f"{node.name}.membrane"] = membranes
            if node.synapse is not None:
                arrays[f"{node.name}.current"] = currents
    return arrays


def _description(network: Network) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(network.model.model_dump_json())
    edges = {
        name: {"shape": edge.shape, "low": edge.low, "high": edge.high, "bits": edge.bits}
        for name, edge in network.edges.items()
    }
    return fields | {"edges": edges, "arrays": {name: list(a.shape) for name, a in network.arrays.items()}}


def _save(path: Path, array: NDArray[Any]) -> None:
    buffer = BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    write_atomic(path, buffer.getvalue())
