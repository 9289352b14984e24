"""Products on crossbars: the kernels against their twin and the plain product, and the laws of conversion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import conv, random_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.crossbar import Adc, ProgrammedLayer, layer_adc, program
from spikesim_py.crossbar.whole.scaling import exact_scaling
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build
from spikesim_py.network.executor import exact_product

SIGNS = [
    ("differential", "digital"),
    ("differential", "analog"),
    ("offset", "digital"),
    ("offset_negative", "digital"),
    ("twos_complement", "digital"),
]
ROWS = [
    ("unrolled", "adc_per_crossbar"),
    ("spikeflow", "adc_per_crossbar"),
    ("spikeflow", "adc_shared_serial"),
    ("spikeflow", "analog_sum"),
]


def one_conv(seed: int = 0, bits: int = 4, input_bits: int = 2, **more: Any) -> Network:
    fields = {"groups": 2, "stride": (2, 1), "padding": (1, 0), "k": 3, "shape": (4, 5, 6)} | more
    shape, kernel = fields.pop("shape"), fields.pop("k")
    rng = np.random.default_rng(seed)
    node = conv("c", "input", shape[0], 6, kernel, weight_bits=bits, **fields)
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": 1,
        "input": {"shape": shape, "bits": input_bits},
        "nodes": [node, {"op": "readout", "name": "out", "inputs": ["c"]}],
    }
    weight = random_weights(rng, (6, shape[0] // fields["groups"], kernel, kernel), bits)
    return build(description, {"c.weight": weight})


def images(network: Network, count: int = 3, seed: int = 1) -> np.ndarray:
    spec = network.model.input
    return np.random.default_rng(seed).integers(0, 2**spec.bits, (count, *spec.shape))


def chip(signs: tuple[str, str] = SIGNS[0], rows: tuple[str, str] = ROWS[0], **fields: Any) -> Hardware:
    overrides: dict[str, Any] = {"adc.bits": 12, "crossbar.rows": 8}
    overrides |= {"mapping.signs": signs[0], "mapping.subtract": signs[1]}
    overrides |= {"mapping.rows": rows[0], "mapping.tap_sum": rows[1]}
    return load_hardware("rram_32nm", overrides | {key.replace("__", "."): value for key, value in fields.items()})


def programmed(network: Network, hardware: Hardware, **key: int) -> ProgrammedLayer:
    return program(map_network(network, hardware), "c", **key)


def twin(layer: ProgrammedLayer, x: np.ndarray) -> np.ndarray:
    return layer.multiply(x, engine="reference")[0]


def exact(network: Network, x: np.ndarray) -> np.ndarray:
    return exact_product(network)(network.layers[0], torch.from_numpy(x)[:, None])[:, 0].numpy()


@pytest.mark.parametrize("rows", ROWS, ids="-".join)
@pytest.mark.parametrize("signs", SIGNS, ids="-".join)
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_ideal_cells_and_a_lossless_adc_give_the_exact_product(
    signs: tuple[str, str], rows: tuple[str, str], bits: int
) -> None:
    network = one_conv(bits=bits)
    x = images(network)
    for cell_bits in (1, 2, 3, 4):
        layer = programmed(network, chip(signs, rows, device__ideal=True, device__cell_bits=cell_bits))
        assert layer.adc.lossless
        values, reads = layer.multiply(x)
        assert np.array_equal(values, exact(network, x))
        assert reads.clipped == 0


@given(
    signs=st.sampled_from(SIGNS),
    rows=st.sampled_from(ROWS),
    bits=st.sampled_from([1, 2, 3, 8]),
    input_bits=st.sampled_from([1, 3, 9]),
    fields=st.fixed_dictionaries(
        {
            "adc__bits": st.integers(2, 7),
            "adc__range": st.sampled_from(["max", "granular"]),
            "device__cell_bits": st.integers(1, 4),
            "device__program_sigma": st.sampled_from([0.0, 0.1]),
            "device__stuck_on_rate": st.sampled_from([0.0, 0.1]),
            "device__on_off_ratio": st.sampled_from([2.0, 17.0]),
            "device__ideal": st.booleans(),
            "mapping__baseline": st.sampled_from(["none", "dummy_column", "digital_count"]),
            "crossbar__rows": st.sampled_from([1, 5, 64]),
        }
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_the_kernels_compute_what_their_twin_does(
    signs: tuple[str, str], rows: tuple[str, str], bits: int, input_bits: int, fields: Any, seed: int
) -> None:
    network = one_conv(seed, bits, input_bits)
    layer = programmed(network, chip(signs, rows, **fields), seed=seed)
    x = images(network, 2, seed)
    expected, seen = layer.multiply(x, engine="reference")
    engines = ["auto", "real"] + ["rows"] * (layer.scaling is not None) + ["bits"] * layer.countable
    for engine in engines:
        values, reads = layer.multiply(x, engine=engine)
        assert np.array_equal(values, expected), engine
        assert np.array_equal(reads.idle_of, seen.idle_of), engine
        assert reads.clipped == seen.clipped, engine
        assert reads.ones_of.sum() == reads.hits.sum()


@given(full_scale=st.integers(1, 20_000), bits=st.integers(1, 12), signed=st.booleans())
@settings(max_examples=300)
def test_whole_sums_are_converted_as_integer_arithmetic_says(full_scale: int, bits: int, signed: bool) -> None:
    """Product and shift, at every sum that can occur: ties go up."""
    high = max(1, 2 ** (bits - signed) - 1)
    adc = Adc(full_scale, (max(full_scale, high),), high, -high - 1 if signed else 0, high)
    x = np.arange(-full_scale if signed else 0, full_scale + 1)
    scaling = exact_scaling(adc, np.ones(1, np.int64))
    code = (x * scaling.scale[0] + scaling.half[0]) >> scaling.shift
    assert np.array_equal(code, adc.code(x))
    error = 2 * np.abs(code * adc.ranges[0] - x * adc.steps)
    assert (error <= adc.ranges[0]).all()  # |code LSB - x| <= LSB / 2, in integers


@pytest.mark.parametrize("kind", ["max", "granular"])
@pytest.mark.parametrize("signs", SIGNS[:2], ids="-".join)
def test_an_adc_is_lossless_exactly_when_every_sum_has_a_code(kind: str, signs: tuple[str, str]) -> None:
    network = one_conv()
    needed = (8 * 3).bit_length() + (signs[1] == "analog")  # 8 rows of 2-bit cells sum to at most 24
    for bits in range(2, 9):
        hardware = chip(signs, adc__bits=bits, adc__range=kind, device__cell_bits=2)
        adc = layer_adc(map_network(network, hardware).layers["c"], hardware)
        assert adc.full_scale == 24
        assert adc.lossless == (bits >= needed)
        assert adc.lsb() == (max(1, 24 / adc.high) if kind == "max" else 1)


@pytest.mark.parametrize("signs", SIGNS[:2], ids="-".join)
def test_more_bits_never_make_the_worst_error_larger(signs: tuple[str, str]) -> None:
    network = one_conv()
    plan = map_network(network, chip(signs)).layers["c"]
    worst = []
    for bits in range(2, 10):
        adc = layer_adc(plan, chip(signs, adc__bits=bits))
        x = np.arange(adc.full_scale + 1)
        codes = np.clip(adc.code(x), adc.low, adc.high)
        worst.append(np.abs(codes * adc.lsb() - x).max())
        assert worst[-1] <= adc.lsb() / 2
    assert worst == sorted(worst, reverse=True)
    assert worst[-1] == 0


@pytest.mark.parametrize("signs", SIGNS[2:], ids="-".join)
def test_products_come_closer_with_every_bit(signs: tuple[str, str]) -> None:
    """Not so for pairs: where bits are so few that both columns read 0, their errors cancel."""
    network = one_conv(groups=1, shape=(16, 5, 6), input_bits=4)
    x = images(network, 8)
    errors = []
    for bits in range(2, 9):
        layer = programmed(network, chip(signs, adc__bits=bits, crossbar__rows=128, device__ideal=True))
        errors.append(np.sqrt(np.mean((layer.multiply(x)[0] - exact(network, x)) ** 2.0)))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 10 * errors[-2] > 0 == errors[-1]


def test_ideal_columns_superpose() -> None:
    network = one_conv(input_bits=4)
    layer = programmed(network, chip(device__ideal=True))
    a, b = images(network) // 2, images(network, seed=2) // 2
    together = layer.multiply(a + b)[0]
    assert np.array_equal(together, layer.multiply(a)[0] + layer.multiply(b)[0])


def test_a_clipped_conversion_is_cut_to_the_last_code_and_counted() -> None:
    network = build(
        {
            "name": "sum",
            "arithmetic": "integer",
            "time_steps": 1,
            "input": {"shape": (10, 1, 1), "bits": 1},
            "nodes": [
                conv("c", "input", 10, 1, 1, weight_bits=2),
                {"op": "readout", "name": "out", "inputs": ["c"]},
            ],
        },
        {"c.weight": np.ones((1, 10, 1, 1), np.int64)},
    )
    layer = programmed(network, chip(device__ideal=True, adc__bits=3, adc__range="granular", crossbar__rows=16))
    x = (np.arange(10) < np.arange(11)[:, None]).astype(int).reshape(11, 10, 1, 1)
    values, reads = layer.multiply(x)
    assert values.ravel().tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7]
    assert reads.clipped == 3  # 8, 9 and 10 active rows
    assert reads.conversions == 11 * 2  # a positive and a negative column
    assert reads.idle == 1
    assert reads.possible_idle == 11
    assert np.array_equal(reads.hits[0], x.sum(0).ravel())


@pytest.mark.parametrize("signs", SIGNS, ids="-".join)
def test_a_dummy_column_cancels_the_background_exactly(signs: tuple[str, str]) -> None:
    network = one_conv()
    fields = {"device__program_sigma": 0.0, "device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0}
    layer = programmed(network, chip(signs, device__on_off_ratio=1.5, **fields))
    x = images(network)
    assert np.array_equal(layer.multiply(x)[0], exact(network, x))


def test_the_background_stays_without_a_baseline_and_a_pair_cancels_it() -> None:
    """Off cells of 1/4 level: an offset column reads a quarter level more per active row, rounded."""
    network = one_conv(bits=1, input_bits=1, groups=1, k=1, padding=(0, 0), stride=(1, 1), shape=(8, 1, 1))
    fields = {"device__program_sigma": 0.0, "device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0}
    fields |= {"device__on_off_ratio": 5.0, "crossbar__rows": 8, "mapping__baseline": "none"}
    x = np.ones((1, 8, 1, 1), int)
    plain = exact(network, x)
    offset = programmed(network, chip(SIGNS[2], **fields)).multiply(x)[0]
    assert np.array_equal(offset, plain + 2 * 2)  # 8 rows / 4 = 2 levels, coefficient 2
    assert np.array_equal(programmed(network, chip(SIGNS[0], **fields)).multiply(x)[0], plain)
    counted = chip(SIGNS[2], **(fields | {"mapping__baseline": "digital_count"}))
    assert np.array_equal(programmed(network, counted).multiply(x)[0], plain)


@pytest.mark.parametrize("signs", SIGNS, ids="-".join)
def test_no_variation_and_a_huge_ratio_are_ideal(signs: tuple[str, str]) -> None:
    network = one_conv()
    fields = {"device__program_sigma": 0.0, "device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0}
    x = images(network)
    ideal = programmed(network, chip(signs, adc__bits=4, device__ideal=True)).multiply(x)[0]
    for baseline in ("none", "dummy_column", "digital_count"):
        fields |= {"device__on_off_ratio": 1e12, "mapping__baseline": baseline}
        assert np.array_equal(programmed(network, chip(signs, adc__bits=4, **fields)).multiply(x)[0], ideal)


@pytest.mark.parametrize("ideal", [True, False])
def test_threads_and_batches_do_not_matter(ideal: bool) -> None:
    network = one_conv(groups=1, shape=(4, 24, 24), stride=(1, 1))
    layer = programmed(network, chip(device__ideal=ideal, adc__bits=5, crossbar__rows=32))
    x = images(network, 9)
    whole, reads = layer.multiply(x, threads=1)
    threaded, same = layer.multiply(x, threads=2)
    assert np.array_equal(threaded, whole)
    assert np.array_equal(same.idle_of, reads.idle_of)
    assert (same.clipped, same.reads) == (reads.clipped, reads.reads)
    assert np.array_equal(same.hits, reads.hits)
    parts = [layer.multiply(x[start : start + 2])[0] for start in range(0, 9, 2)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_real_sums_stay_within_the_stated_error() -> None:
    network = one_conv(groups=1, shape=(64, 4, 4), input_bits=1)
    layer = programmed(network, chip(crossbar__rows=1024, device__program_sigma=0.2))
    cells = layer.cells[0]
    sums = np.zeros(cells.shape[1], np.float32)
    for row in cells:
        sums += row
    error = np.abs(sums - cells.astype(np.float64).sum(0)).max()
    assert error < 1024 * 2.0**-24 * layer.adc.full_scale


def test_a_layer_with_huge_sums_is_exact() -> None:
    """2,304 rows of 4-bit cells, all active: sums beyond 16 bits."""
    network = one_conv(groups=1, shape=(256, 3, 3), padding=(0, 0), stride=(1, 1), bits=8, input_bits=1)
    layer = programmed(network, chip(rows=ROWS[3], device__ideal=True, device__cell_bits=4, crossbar__rows=1024))
    assert layer.adc.full_scale > 2**15
    x = np.ones((1, 256, 3, 3), int)
    assert np.array_equal(layer.multiply(x)[0], twin(layer, x))
