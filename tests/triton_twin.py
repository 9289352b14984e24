"""Triton's kernels in its interpreter (TRITON_INTERPRET=1) against the compiled ones; run by test_training_device."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from training import kernels, triton_kernels

_FLOATS, _WORDS = (0.5, 1.0, 0, 0, 0, 0), (0.5, 64.0, 1, 16, -8, 7)
_SAMPLES, _STEPS, _UNITS = 3, 4, 1100  # more than a block


def _agree(numbers: tuple[float, ...], drives: int, surrogate: int, also_membranes: bool) -> None:
    random = torch.Generator().manual_seed(surrogate)
    rule = kernels.Rule(*map(np.float32, numbers))
    a = torch.randn(_SAMPLES, drives, _UNITS, generator=random)
    a = (60 * a).round() if rule.step else a
    made, twin = ([torch.full((_SAMPLES, _STEPS, _UNITS), np.nan) for _ in range(2)] for _ in range(2))
    triton_kernels.forward(a, rule, *made)
    kernels.forward(a.numpy(), rule, *(x.numpy() for x in twin))
    for got, expected in zip(made, twin, strict=True):
        assert torch.equal(got, expected)
    of_spikes, of_membranes = (torch.randn(_SAMPLES, _STEPS, _UNITS, generator=random) for _ in range(2))
    also = of_membranes if also_membranes else torch.empty(0, 0, 0)
    got, expected = (torch.full((_SAMPLES, drives, _UNITS), np.nan) for _ in range(2))
    triton_kernels.backward(of_spikes, also, twin[1], rule, surrogate, got)
    kernels.backward(of_spikes.numpy(), also.numpy(), twin[1].numpy(), rule, surrogate, False, expected.numpy())
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    cases = list(product((_FLOATS, _WORDS), (1, 4), range(5), (True, False)))
    for case in cases:
        _agree(*case)
    print(f"{len(cases)} cases agree")
