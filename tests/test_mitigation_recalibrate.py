"""Recalibration: lines undone, nothing done to exact chips, layer after layer, what it gains, costs and refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost.technology import load_technology
from spikesim_py.crossbar import ProgrammedLayer, program
from spikesim_py.crossbar.correction import Correction
from spikesim_py.crossbar.mitigation import drift_correction
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.evaluate import accuracy_key, cost
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import simulate
from spikesim_py.inference.recalibrate import fitted, recalibrated, recalibration_images
from spikesim_py.mapping import map_network
from spikesim_py.network import load_network, run

BIAS, AFFINE = ({"mitigation.recalibrate": kind, "mitigation.recalibrate_images": 12} for kind in ("bias", "affine"))
IDEAL = {"device.ideal": True, "adc.bits": 8}
NOISY = {"device.program_sigma": 0.2, "adc.bits": 4}


def chip(name: str = "rram_32nm", *overrides: dict[str, Any]) -> Hardware:
    return load_hardware(name, {key: value for part in overrides for key, value in part.items()})


def data(samples: int = 12) -> Dataset:
    return Dataset("tiny", tiny_images(samples), np.arange(samples) % 3)


def layers_of(hardware: Hardware) -> dict[str, ProgrammedLayer]:
    mapping = map_network(tiny_network(), hardware)
    return {name: program(mapping, name) for name in mapping.layers}


def line(y: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Slope of y over e, per channel of (reads, C, H, W)."""
    y, e = (part.swapaxes(0, 1).reshape(part.shape[1], -1).astype(float) for part in (y, e))
    return np.array([np.polyfit(b, a, 1)[0] for a, b in zip(y, e, strict=True)])


@given(st.integers(0, 2**32 - 1), st.integers(3, 16), st.floats(0.3, 2.5), st.floats(0, 40), st.floats(-99, 99))
def test_no_slope_gets_farther_from_one_and_means_agree(
    seed: int, bits: int, slope: float, noise: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    exact = rng.integers(-200, 200, (30, 3, 4, 4)).astype(np.int32)
    raw = np.rint(exact * slope + offset + rng.normal(0, noise + 1e-9, exact.shape)).astype(np.int32)
    made = fitted(raw, exact, chip("rram_32nm", AFFINE, {"mitigation.gain_bits": bits}))
    y = made.apply(raw)
    rounding = 0.02  # sums are whole numbers, exact ones have a standard deviation of 115
    assert (np.abs(line(y, exact) - 1) <= np.abs(line(raw, exact) - 1) + rounding).all()
    step = 2.0**-made.shift
    assert np.abs((y - exact.astype(float)).mean((0, 2, 3))).max() <= step / 2 + 0.5


def test_a_distorted_line_is_undone_to_the_factors_step() -> None:
    exact = np.arange(-1000, 1000, dtype=np.int32).reshape(-1, 2, 1, 1)
    raw = np.stack([exact[:, 0] * 3 // 4 + 11, exact[:, 1] * 3 // 2 - 5], axis=1)
    made = fitted(raw, exact, chip("rram_32nm", AFFINE, {"mitigation.gain_bits": 12}))
    assert made.multiplier / 2**made.shift == pytest.approx([4 / 3, 2 / 3], abs=2.0**-11)
    assert np.abs(made.apply(raw) - exact).max() <= 2


def test_a_bias_is_the_mean_difference() -> None:
    exact = np.arange(-1000, 1000, dtype=np.int32).reshape(-1, 2, 1, 1)
    made = fitted(exact - np.array([7, -3]).reshape(2, 1, 1), exact, chip("rram_32nm", BIAS))
    assert (made.multiplier.tolist(), made.bias.tolist(), made.shift) == ([1], [7, -3], 0)
    drift = Correction(np.array([200]), np.array([64]), 7)
    behind = fitted(exact, exact, chip("rram_32nm", BIAS), drift)
    assert (behind.multiplier.tolist(), behind.shift) == ([200], 7)
    assert np.abs((behind.apply(exact) - exact).mean((0, 2, 3))).max() < 0.1


@given(st.integers(0, 2**32 - 1), st.integers(2, 16), st.booleans())
def test_exact_sums_and_constant_channels_are_left_alone(seed: int, bits: int, constant: bool) -> None:
    exact = np.random.default_rng(seed).integers(-999, 999, (6, 3, 2, 2)).astype(np.int32)
    exact[:, 1] = 5 if constant else exact[:, 1]
    for rule in (BIAS, AFFINE | {"mitigation.gain_bits": bits}):
        assert (fitted(exact, exact, chip("rram_32nm", rule)).apply(exact) == exact).all()


@pytest.mark.parametrize("rule", [BIAS, AFFINE])
def test_an_exact_chip_stays_as_it_is(rule: dict[str, Any]) -> None:
    plain, corrected = (
        simulate(tiny_network(), chip("rram_32nm", IDEAL, r), data(), calibration=data()) for r in ({}, rule)
    )
    assert (plain.correct == corrected.correct).all()
    assert plain.activity == corrected.activity


def test_each_layer_is_fitted_behind_the_corrected_layers_before_it() -> None:
    network, hardware, images = tiny_network(), chip("rram_32nm", NOISY, AFFINE), data()
    raw = layers_of(hardware)
    made = recalibrated(network, hardware, raw, images)
    seen: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def product(node: Any, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(0, 1).numpy()
        seen[node.name] = flat, made[node.name].multiply(flat)[0]
        return torch.from_numpy(seen[node.name][1]).reshape(*x.shape[:2], *network.edges[node.name].shape)

    run(network, images.images, product=product)
    exact = layers_of(chip("rram_32nm", IDEAL, {"adc.bits": 12}))
    for name, (x, y) in seen.items():
        again = fitted(raw[name].multiply(x)[0], exact[name].multiply(x)[0], hardware)
        assert (again.apply(raw[name].multiply(x)[0]) == y).all()
        assert (made[name].cells == raw[name].cells).all()
    alone = fitted(
        *(layer["conv2"].multiply(tiny_images(12)[:, :1].repeat(6, 1))[0] for layer in (raw, exact)), hardware
    )
    assert alone.multiplier.tolist() != made["conv2"].correction.multiplier.tolist()


def test_calibration_reads_have_noise_of_their_own() -> None:
    noisy = {"device.read.noise": "white", "device.read.sigma": 0.1}
    hardware = chip("rram_32nm", noisy, AFFINE)
    layers, images = layers_of(hardware), data()
    made = recalibrated(tiny_network(), hardware, layers, images)
    x = tiny_images(12)
    exact = layers_of(chip("rram_32nm", IDEAL, {"adc.bits": 12}))["conv1"].multiply(x)[0]
    first = fitted(layers["conv1"].multiply(x)[0], exact, hardware)
    assert made["conv1"].correction is not None
    assert made["conv1"].correction.bias.tolist() != first.bias.tolist()
    again = recalibrated(tiny_network(), hardware, layers, images)
    assert again["conv1"].correction.bias.tolist() == made["conv1"].correction.bias.tolist()


def test_a_bias_goes_with_the_gain_against_drift() -> None:
    both = {"device.age_s": 1e6, "mitigation.drift_gain": "layer"} | BIAS
    hardware = chip("pcm_joshi2020", both)
    mapping = map_network(tiny_network(), hardware)
    gain = drift_correction(mapping.cells("conv1"), hardware)
    made = recalibrated(tiny_network(), hardware, layers_of(hardware), data())["conv1"].correction
    assert gain is not None
    assert made is not None
    assert (made.multiplier.tolist(), made.shift) == (gain.multiplier.tolist(), gain.shift)
    assert len(made.bias) == 6


def test_accuracy_comes_back_without_training() -> None:
    """Two chips of digits-w4 on 150 images that no calibration saw."""
    network, search = load_network("digits-w4"), load_dataset("digits", "search").head(150)
    rules = ({}, {"mitigation.recalibrate": "bias"}, {"mitigation.recalibrate": "affine"})
    plain, bias, affine = (
        simulate(network, chip("rram_32nm", {"device.program_sigma": 0.15}, rule), search, chips=2).correct.mean()
        for rule in rules
    )
    assert plain + 0.05 < bias
    assert plain + 0.05 < affine


def test_keys_and_images() -> None:
    def key(*rules: dict[str, Any]) -> str:
        design = chip("rram_32nm", *rules)
        return accuracy_key(tiny_network(), design, data="digits", split="report", samples=5, chips=1, seed=0)

    keys = [key(), key(BIAS), key(AFFINE), key(AFFINE, {"mitigation.gain_bits": 6})]
    keys.append(key(BIAS, {"mitigation.recalibrate_images": 13}))
    assert len(set(keys)) == 5
    report = load_dataset("digits", "report")
    images = recalibration_images(chip("rram_32nm", BIAS), report)
    assert images is not None
    assert (images.name, len(images)) == ("digits/calibration", 12)
    assert recalibration_images(chip(), report) is None
    with pytest.raises(InputError, match=r"mitigation.recalibrate_images = 101: digits/calibration has 100"):
        recalibration_images(chip("rram_32nm", BIAS, {"mitigation.recalibrate_images": 101}), report)


def test_a_layer_pays_for_adders_multipliers_and_registers() -> None:
    """conv1: sums of 5 + 4 + 3 - 1 bits (code, slices, planes), 6 channels, 8 lanes."""
    law, sums = load_technology(32)["digital"], 5 + 4 + 3 - 1
    trees = {name: cost(tiny_network(), chip("rram_32nm", rule)) for name, rule in (("bias", BIAS), ("affine", AFFINE))}
    bias, affine = (report.tree.child("conv1").child("recalibration") for report in trees.values())
    assert bias.area_um2 == pytest.approx(8 * sums * law["adder_area"] + 6 * sums * law["register_area"])
    full_adders, held = sums * 7 + sums + 8, 6 * (sums + 2 * 8)
    assert affine.area_um2 == pytest.approx(8 * full_adders * law["adder_area"] + held * law["register_area"])
    assert affine.energy_pj > bias.energy_pj > 6 * 36 * sums * law["adder"] * 1e-3
    assert affine.critical_ns == 0
    report = trees["affine"]
    shown = f"recalibration: 12 calibration inferences per chip ({12 * report.energy_pj:.4g} pJ)"
    assert any(note.startswith(shown) for note in report.notes)


@pytest.mark.parametrize(
    ("name", "overrides", "reason"),
    [
        ("pcm_joshi2020", AFFINE | {"mitigation.drift_gain": "layer"}, "'affine' finds every channel's gain"),
        ("rram_32nm", {"mitigation.recalibrate_images": 9}, "recalibrate_images = 9: needs recalibrate"),
        ("rram_32nm", BIAS | {"mitigation.gain_bits": 9}, "gain_bits = 9: needs drift_gain"),
        (
            "sram_32nm",
            BIAS | {"adc.kind": "adder_tree", "crossbar.mux": 1, "device.mismatch_sigma": 0.0},
            "the sums of adc.kind = 'adder_tree' are exact",
        ),
    ],
)
def test_what_cannot_apply_is_refused(name: str, overrides: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_hardware(name, overrides)
