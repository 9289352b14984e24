"""Recalibration of a chip: a gain and a bias per output channel that undo its systematic errors, without training.

Per device instance, on held-out images: layer after layer, with the inputs that the layer has on this chip behind the
corrected layers before it. The least-squares line of a channel's sums c over the exact ones e of the same inputs,
``c = s e + d``, is inverted::

    affine  y = g c + b,  g = 1 / s = var(e) / cov(c, e),  b = mean(e) - g mean(c)
    bias    y = c + b,    b = mean(e) - mean(c)        (behind the gain of `mitigation.drift_gain`, if there is one)

so that the line of y over e has slope 1 and no offset. (The factor that makes the mean square error smallest is
smaller by the share of noise in var(c): neurons would fire less, and classify worse.) In fixed point: the nearest
factors of `mitigation.gain_bits` bits, with the step, one per layer, that leaves the least systematic error. A factor
of 1 is always among the choices, so that no slope is farther from 1 than before; means agree to half a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..crossbar import ProgrammedLayer
from ..crossbar.correction import Correction
from ..datasets import Dataset, load_dataset
from ..errors import InputError
from ..hardware import Hardware
from ..hardware.mitigation import Recalibrate
from ..network import Conv, Linear, Network, run
from ..network.executor import exact_product

#: sample from which on calibration reads are numbered: no sample of a dataset shares their read noise
_FIRST_SAMPLE = 2**36
#: a channel that keeps less of its signal would gain more noise than signal (assumed)
_LARGEST_GAIN = 4.0


def recalibration_images(hardware: Hardware, dataset: Dataset, calibration: Dataset | None = None) -> Dataset | None:
    """The images on which a chip is recalibrated; None if it is not.

    Args:
        dataset: names the dataset ("digits/report"), whose split `calibration` is taken.
        calibration: images to take instead.

    Raises:
        InputError: there are fewer than `mitigation.recalibrate_images`.
    """
    rule = hardware.mitigation
    if rule.recalibrate is Recalibrate.NONE:
        return None
    if calibration is None:
        calibration = load_dataset(dataset.name.partition("/")[0], "calibration")
    if rule.recalibrate_images > len(calibration):
        raise InputError(
            f"mitigation.recalibrate_images = {rule.recalibrate_images}: {calibration.name} has {len(calibration)}"
        )
    return calibration.head(rule.recalibrate_images)


def recalibrated(
    network: Network, hardware: Hardware, layers: Mapping[str, ProgrammedLayer], images: Dataset
) -> dict[str, ProgrammedLayer]:
    """The layers of one chip with their corrections, found on `images`, which run as one batch."""
    exact, made = exact_product(network), dict(layers)
    looped = [name for name in layers if name in network.looped]
    if looped:
        raise InputError(
            f"mitigation.recalibrate = {hardware.mitigation.recalibrate.value!r}: layer {looped[0]!r} is in a loop: "
            f"what it reads depends on its own correction; use 'none'"
        )

    def product(node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        truth = exact(node, x)
        if node.name not in made:
            return truth
        layer = made[node.name]
        raw, _ = replace(layer, correction=None).multiply(
            x.flatten(0, 1).numpy(), first_read=_FIRST_SAMPLE * layer.steps
        )
        correction = fitted(raw, truth.flatten(0, 1).numpy(), hardware, layer.correction)
        made[node.name] = replace(layer, correction=correction)
        return torch.from_numpy(correction.apply(raw)).reshape(truth.shape)

    if made:
        run(network, images.images, product=product, batch=len(images))
    return made


def fitted(
    chip: NDArray[np.int32], exact: NDArray[np.int32], hardware: Hardware, drift: Correction | None = None
) -> Correction:
    """The correction of a layer whose sums are `chip` where they should be `exact`, both (reads, C, H, W).

    Args:
        drift: the gain that a bias goes with; None for 1.
    """
    c, e = (part.swapaxes(0, 1).reshape(part.shape[1], -1).astype(np.float64) for part in (chip, exact))
    bits = hardware.mitigation.gain_bits
    if hardware.mitigation.recalibrate is Recalibrate.BIAS:
        one = Correction(np.ones(1, np.int64), np.zeros(1, np.int64), 0)
        return _with_bias((drift or one).multiplier, (drift or one).shift, c, e)
    centred = e - e.mean(1, keepdims=True)
    power, common = (np.einsum("ij,ij->i", centred, part) for part in (centred, c))
    gain = np.divide(power, common, out=np.ones_like(power), where=common > 0)
    gain = np.minimum(gain, _LARGEST_GAIN)
    factors = {
        shift: np.clip(np.rint(gain * 2**shift), 0, 2**bits - 1).astype(np.int64) for shift in reversed(range(bits))
    }
    left = {
        shift: float(np.square(common * (made / 2**shift - gain)) @ (1 / np.maximum(power, 1)))
        for shift, made in factors.items()
    }
    shift = min(left, key=left.__getitem__)
    return _with_bias(factors[shift], shift, c, e)


def _with_bias(multiplier: NDArray[np.int64], shift: int, c: NDArray[np.float64], e: NDArray[np.float64]) -> Correction:
    """The bias that brings the means (of channels, reads) together, behind given factors."""
    bias = np.rint(e.mean(1) * 2**shift - multiplier * c.mean(1)).astype(np.int64)
    return Correction(multiplier, bias + ((1 << shift) >> 1), shift)
