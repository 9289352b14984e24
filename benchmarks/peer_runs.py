"""What runs in the peers' own interpreter: `python -m benchmarks.peer_runs PEER FILE.npz`, numpy and the peer only.

Reads the arrays of a job, writes the peer's outputs beside them as FILE.out.npy, and prints seconds per run.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import best

Arrays = Mapping[str, NDArray[Any]]


def badcrossbar(job: Arrays) -> Callable[[], NDArray[np.float64]]:
    """Column currents of a passive array: `ohms` (rows, columns), `volts` (vectors, rows), `segment` ohms."""
    sys.modules.setdefault("cairo", MagicMock())  # it only draws, and needs a compiler to install
    import badcrossbar

    logging.getLogger().setLevel(logging.WARNING)
    options = {"r_i": float(job["segment"]), "node_voltages": False, "all_currents": False}
    return lambda: np.asarray(badcrossbar.compute(job["volts"].T, job["ohms"], **options).currents.output)


def aihwkit(job: Arrays) -> Callable[[], NDArray[np.float32]]:
    """A convolution of `spikes` (samples, C, H, W) by `weights` (outputs, C, kh, kw) on torch tiles of 64 x 64.

    No noise. Converters at their defaults: 8 bits behind a tile, and 7 bits and a sign before it, with inputs scaled
    by the largest; or, with `adc_alone`, only the former.
    """
    import torch
    from aihwkit.nn import AnalogConv2dMapped
    from aihwkit.simulator.configs import TorchInferenceRPUConfig
    from aihwkit.simulator.parameters import BoundManagementType, NoiseManagementType

    config = TorchInferenceRPUConfig()
    config.mapping.max_input_size = config.mapping.max_output_size = 64
    config.forward.out_noise = config.forward.w_noise = 0.0
    if job["adc_alone"]:
        config.forward.inp_res = -1.0
        config.forward.noise_management = NoiseManagementType.NONE
        config.forward.bound_management = BoundManagementType.NONE
    outputs, channels, *kernel = job["weights"].shape
    layer = AnalogConv2dMapped(channels, outputs, kernel, padding=kernel[0] // 2, bias=False, rpu_config=config)
    layer.set_weights(torch.from_numpy(job["weights"].astype(np.float32)))
    return _forward(layer, job["spikes"])


def aihwkit_drop(job: Arrays) -> Callable[[], NDArray[np.float32]]:
    """Products of `weights` (outputs, inputs) and `spikes` (vectors, inputs) with IR drop, all at its defaults."""
    import torch
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import TorchInferenceRPUConfigIRDropT

    outputs, inputs = job["weights"].shape
    layer = AnalogLinear(inputs, outputs, bias=False, rpu_config=TorchInferenceRPUConfigIRDropT())
    layer.set_weights(torch.from_numpy(job["weights"].astype(np.float32)))
    return _forward(layer, job["spikes"])


def aihwkit_column(job: Arrays) -> Callable[[], NDArray[np.float32]]:
    """Column sums of `weights` (columns, rows) for `spikes` (vectors, rows), behind an ADC of `lsb` alone.

    Codes reach from -`high` to `high`: sums without a sign use the upper half.
    """
    import torch
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import TorchInferenceRPUConfig
    from aihwkit.simulator.parameters import BoundManagementType, NoiseManagementType

    config = TorchInferenceRPUConfig()
    config.mapping.weight_scaling_omega = 0.0
    forward = config.forward
    forward.out_noise = forward.w_noise = 0.0
    forward.inp_res = forward.inp_bound = -1.0
    forward.noise_management, forward.bound_management = NoiseManagementType.NONE, BoundManagementType.NONE
    forward.out_bound = float(job["lsb"] * job["high"])
    forward.out_res = 1 / (2 * float(job["high"]))
    columns, rows = job["weights"].shape
    layer = AnalogLinear(rows, columns, bias=False, rpu_config=config)
    layer.set_weights(torch.from_numpy(job["weights"].astype(np.float32)))
    return _forward(layer, job["spikes"])


def _forward(layer: Any, spikes: NDArray[np.uint8]) -> Callable[[], NDArray[np.float32]]:
    import torch

    torch.set_num_threads(1)
    given, inference = torch.from_numpy(spikes.astype(np.float32)), layer.eval()

    def forward() -> NDArray[np.float32]:
        with torch.no_grad():
            products: NDArray[np.float32] = inference(given).numpy()
        return products

    return forward


def main(peer: str, path: str) -> None:
    jobs = {
        "badcrossbar": badcrossbar,
        "aihwkit": aihwkit,
        "aihwkit_drop": aihwkit_drop,
        "aihwkit_column": aihwkit_column,
    }
    run = jobs[peer](np.load(path))
    np.save(Path(path).with_suffix(".out.npy"), run())
    print(best(run, seconds=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
