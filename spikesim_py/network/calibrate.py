"""What a float network's layers see of calibration samples: means, and second moments of what its membranes sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from .model import Conv, Linear, Network
from .units import Li, Lif

#: rows of a second moment; a layer with more gets plain rounding
MAX_ROWS = 4608
_Floats = NDArray[np.float64]


class Seen:
    """Inputs of a layer over calibration samples.

    Attributes:
        mean: (C, H, W) of what it reads.
        moment: (rows, rows) second moment of its columns' inputs, decayed as the membrane behind it decays; or None.
    """

    def __init__(self, mean: _Floats) -> None:
        self.mean = mean
        self.moment: _Floats | None = None
        self.count = 0


def observe(network: Network, samples: Any, moments: bool) -> dict[str, Seen]:
    """Run `network` on `samples`; by layer, what it reads (and `moments`, where they are not too large)."""
    seen: dict[str, Seen] = {}
    readers = {node.inputs[0]: node for node in network.nodes if isinstance(node, Conv | Linear)}
    layers = {name: [n for n in network.layers if n.inputs[0] == name] for name in readers}

    def note(name: str, value: torch.Tensor) -> None:
        for layer in layers.get(name, ()):
            entry = seen.setdefault(layer.name, Seen(np.zeros(value.shape[2:])))
            entry.mean += value.double().mean(1).sum(0).numpy()
            entry.count += len(value)
            if moments and int(np.prod(layer.weight_shape[1:])) <= MAX_ROWS and getattr(layer, "groups", 1) == 1:
                _add_moment(entry, layer, _decayed(network, layer, value))

    network.run(samples, observer=_with_input(network, samples, note), batch=32)
    for entry in seen.values():
        entry.mean /= max(1, entry.count)
    return seen


def _with_input(network: Network, samples: Any, note: Callable[[str, torch.Tensor], None]) -> Callable[..., None]:
    """An observer that also sees the input, before the first node of each batch."""
    from .executor import check_input

    images, place = check_input(network, samples), [0]
    first = network.nodes[0].name

    def observer(name: str, value: torch.Tensor) -> None:
        if name == first:
            part = images[place[0] : place[0] + len(value)]
            place[0] += len(value)
            note("input", part)
        note(name, value)

    return observer


def _decayed(network: Network, layer: Conv | Linear, value: torch.Tensor) -> torch.Tensor:
    """``z_t = beta z_(t-1) + x_t``: between resets a membrane is the layer's weights times this."""
    beta = _decay_behind(network, layer.name)
    steps = value if value.shape[1] > 1 else value.expand(-1, network.time_steps, -1, -1, -1)
    total = torch.zeros_like(steps[:, 0])
    made = []
    for step in range(steps.shape[1]):
        total = beta * total + steps[:, step]
        made.append(total)
    return torch.stack(made, 1)


def _decay_behind(network: Network, name: str) -> float:
    """The mean decay of the units that a layer drives; 0 where there are none."""
    for _ in range(8):
        node = next((node for node in network.nodes if name in node.inputs), None)
        if node is None:
            break
        if isinstance(node, Lif | Li):
            array = network.arrays.get(f"{node.name}.leak")
            return float(node.leak.multiplier if array is None else array.mean())
        name = node.name
    return 0.0


def _add_moment(entry: Seen, layer: Conv | Linear, value: torch.Tensor) -> None:
    flat = value.flatten(0, 1).float()
    if isinstance(layer, Conv):
        columns = F.unfold(flat, layer.kernel, padding=layer.padding, stride=layer.stride)
        rows = columns.transpose(1, 2).flatten(0, 1)
    else:
        rows = flat.flatten(1)
    moment = (rows.T @ rows).double().numpy()
    entry.moment = moment if entry.moment is None else entry.moment + moment
