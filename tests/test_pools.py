"""Pools with padding, averages, and affines with numbers per unit, against PyTorch and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_executor_kernels import alone, assert_same

from spikesim_py.errors import NetworkError
from spikesim_py.network import build, reference

SHAPE = (2, 5, 4)


@pytest.mark.parametrize("kind", ["sum", "max"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 3), (2, 1), (1, 1)), ((2, 3), (2, 3), (0, 2))])
def test_padded_pools_equal_pytorch(kind: str, kernel: Any, stride: Any, padding: Any) -> None:
    node = {"op": "pool", "kind": kind, "kernel": kernel, "stride": stride, "padding": padding}
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (3, 4, *SHAPE)).astype(np.uint8))
    made = assert_same(alone(node, SHAPE, {}), x)
    padded = F.pad(x.flatten(0, 1).float(), (padding[1], padding[1], padding[0], padding[0]))
    want = (
        F.max_pool2d(padded, kernel, stride)
        if kind == "max"
        else F.avg_pool2d(padded, kernel, stride, divisor_override=1)
    )
    assert torch.equal(made.flatten(0, 1).float(), want)


def test_averages_divide_and_only_floats_have_them() -> None:
    nodes = [
        {"op": "pool", "name": "p", "inputs": ["input"], "kind": "average", "kernel": (2, 2), "padding": (1, 0)},
        {"op": "flatten", "name": "f", "inputs": ["p"]},
        {"op": "linear", "name": "fc", "inputs": ["f"], "in_features": 12, "out_features": 1},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    description = {"name": "p", "arithmetic": "float", "time_steps": 1, "input": {"shape": SHAPE, "bits": 1}}
    network = build({**description, "nodes": nodes}, {"fc.weight": np.ones((1, 12), np.float32)})
    x = torch.rand((3, 1, *SHAPE), generator=torch.Generator().manual_seed(0))
    made = reference.node_output(network, network.by_name["p"], [x])
    assert torch.allclose(made[:, 0], F.avg_pool2d(x[:, 0], (2, 2), padding=(1, 0)))
    with pytest.raises(NetworkError, match="kind = 'average': only float networks divide; sum, and fold 1 / 4"):
        alone({"op": "pool", "kind": "average"}, SHAPE, {})
    with pytest.raises(NetworkError, match=r"padding = \(2, 0\): must be smaller than kernel"):
        alone({"op": "pool", "padding": (2, 0)}, SHAPE, {})


def test_affines_have_numbers_per_unit() -> None:
    random = np.random.default_rng(1)
    arrays = {name: random.integers(-9, 9, SHAPE) for name in ("multiplier", "bias")}
    a = random.integers(-50, 50, (2, 3, *SHAPE)).astype(np.int32)
    made = assert_same(alone({"op": "affine", "shift": 1}, SHAPE, arrays), torch.from_numpy(a))
    assert np.array_equal(made.numpy(), (a * arrays["multiplier"] + arrays["bias"]) >> 1)
