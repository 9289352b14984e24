"""The contract of the engines: what each of them must compute, whatever the circuit behind its columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from crossbar_layers import (
    ADJOINT,
    ANALOG,
    DIGITAL,
    EXACT_CELLS,
    FLOATING,
    GATED,
    INTERLEAVED,
    NO_OHM,
    NOISES,
    PASSIVE,
    PSEUDO,
    ROWS,
    SIGNS,
    WHITE,
    chip,
    inputs,
    one_layer,
    programmed,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.network import Network
from spikesim_py.network.executor import exact_product

#: engine, circuit without losses, and the same chip with everything that is not ideal
ENGINES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "bits": ("bits", {"device.ideal": True}, {"device.ideal": True, "adc.bits": 3}),
    "rows": ("rows", {"device.ideal": True}, {"device.ideal": True, "adc.bits": 3}),
    "real": ("real", {"device.ideal": True}, {"adc.bits": 4}),
    "reference": ("reference", {"device.ideal": True}, {"adc.bits": 4}),
    "passive": ("real", PASSIVE | NO_OHM | {"device.ideal": True}, PASSIVE | {"wires.word_ohm": 20.0}),
    "gated": ("real", GATED | {"wires.bit_ohm": 0, "device.ideal": True}, GATED | {"wires.bit_ohm": 20.0}),
    "floating": ("reference", FLOATING | NO_OHM | {"device.ideal": True}, FLOATING | {"wires.sense_ohm": 100.0}),
    "adjoint": (
        "reference",
        ADJOINT | NO_OHM | EXACT_CELLS | {"device.read.sigma": 1e-9, "device.on_off_ratio": 1e15},
        ADJOINT | {"wires.word_ohm": 20.0},
    ),
}


def exact(network: Network, x: np.ndarray) -> np.ndarray:
    node = network.layers[0]
    shaped = torch.from_numpy(x)[:, None] if node.op == "conv" else torch.from_numpy(x.reshape(len(x), 1, -1))
    return exact_product(network)(node, shaped)[:, 0].numpy().reshape(len(x), *network.edges["c"].shape)


def small_layers(most_inputs: int = 12) -> st.SearchStrategy[dict[str, Any]]:
    """Layers of any kernel, stride, padding and groups that are smaller than their padded input; linear layers."""
    convolution = st.fixed_dictionaries(
        {
            "shape": st.tuples(st.sampled_from([2, 4, most_inputs]), st.integers(3, 5), st.integers(3, 6)),
            "outputs": st.sampled_from([2, 6]),
            "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
            "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
            "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
            "groups": st.sampled_from([1, 2]),
        }
    )
    linear = st.fixed_dictionaries(
        {
            "shape": st.tuples(st.integers(1, 3 * most_inputs), st.just(1), st.integers(1, 3)),
            "outputs": st.integers(1, 9),
            "kernel": st.none(),
        }
    )
    layer = st.one_of(convolution, linear)
    return st.builds(
        lambda a, b: a | b,
        layer,
        st.fixed_dictionaries({"bits": st.sampled_from([1, 2, 4, 8]), "input_bits": st.sampled_from([1, 3])}),
    )


@pytest.mark.parametrize("name", ENGINES)
class TestContract:
    """What every engine promises."""

    @given(
        layer=small_layers(),
        signs=st.sampled_from(SIGNS),
        rows=st.sampled_from(ROWS),
        cell_bits=st.integers(1, 4),
        height=st.sampled_from([1, 7, 64]),
        seed=st.integers(0, 1000),
    )
    @settings(max_examples=25, suppress_health_check=[HealthCheck.differing_executors])
    def test_ideal_cells_and_a_lossless_adc_give_the_exact_product(
        self, name: str, layer: Any, signs: Any, rows: Any, cell_bits: int, height: int, seed: int
    ) -> None:
        engine, lossless, _ = ENGINES[name]
        if engine == "bits" and signs in (ANALOG, INTERLEAVED):
            signs = DIGITAL  # sums with a sign are not counted in bits
        if name == "gated" and signs is INTERLEAVED:
            signs = ANALOG  # gates have no sign
        rng = np.random.default_rng(seed)
        network = one_layer(rng, **layer)
        lines = 2 if signs is INTERLEAVED else 1
        tile = {"crossbar.rows": lines * height, "device.cell_bits": cell_bits, "pe.crossbars": 64}
        made = programmed(network, chip(lossless, signs, rows, tile))
        x = inputs(network, rng, 2)
        assert made.adc.lossless
        values, reads = made.multiply(x, engine=engine)
        assert np.array_equal(values, exact(network, x))
        assert reads.clipped == 0

    def test_threads_and_batches_do_not_matter(self, name: str) -> None:
        """Read noise included: it is named by the number of the read."""
        engine, _, real = ENGINES[name]
        noisy = {} if name in ("bits", "rows", "floating") else WHITE
        network = one_layer(np.random.default_rng(0), shape=(4, 14, 14), outputs=3, padding=(1, 1))
        made = programmed(network, chip(real, noisy, crossbar__rows=24))
        x = inputs(network, np.random.default_rng(1), 6)
        whole, reads = made.multiply(x, threads=1, engine=engine, first_read=5)
        assert whole[:, 0].size > 2 * 512  # reads that are worth a thread
        threaded, same = made.multiply(x, threads=3, engine=engine, first_read=5)
        assert np.array_equal(threaded, whole)
        assert np.array_equal(same.idle_of, reads.idle_of)
        assert (same.clipped, same.reads) == (reads.clipped, reads.reads)
        assert np.array_equal(same.hits, reads.hits)
        parts = [made.multiply(x[first : first + 4], engine=engine, first_read=5 + first)[0] for first in (0, 4)]
        assert np.array_equal(np.concatenate(parts), whole)
        if noisy:
            assert not np.array_equal(made.multiply(x[:1], engine=engine)[0], whole[:1])

    def test_without_read_noise_the_order_of_samples_does_not_matter(self, name: str) -> None:
        engine, _, real = ENGINES[name]
        network = one_layer(np.random.default_rng(0))
        made = programmed(network, chip(real, {"device.read.sigma": 0.0}))
        x, order = inputs(network, np.random.default_rng(1), 5), np.array([3, 0, 4, 1, 2])
        whole = made.multiply(x, engine=engine)[0]
        assert np.array_equal(made.multiply(x[order], engine=engine)[0], whole[order])
        assert len(np.unique(whole)) > 10

    def test_an_input_without_ones_gives_nothing(self, name: str) -> None:
        engine, _, real = ENGINES[name]
        network = one_layer(np.random.default_rng(0))
        made = programmed(network, chip(real))
        values, reads = made.multiply(np.zeros((2, 6, 4, 4), np.int64), engine=engine)
        assert not values.any()
        assert (reads.idle, reads.clipped, reads.hits.sum()) == (reads.possible_idle, 0, 0)


@pytest.mark.parametrize("name", ["bits", "rows", "real", "reference", "passive", "gated"])
@pytest.mark.parametrize("rows", [ROWS[0], ROWS[3]], ids=["unrolled", "analog_sum"])
def test_1024_rows_of_a_linear_layer(name: str, rows: Any) -> None:
    engine, lossless, _ = ENGINES[name]
    rng = np.random.default_rng(0)
    network = one_layer(rng, shape=(1024, 1, 1), kernel=None, outputs=5, input_bits=8, bits=8)
    made = programmed(network, chip(lossless, rows, crossbar__rows=1024))
    x = inputs(network, rng, 3, density=0.9)
    assert len(made.rows.segments) == 1
    assert np.array_equal(made.multiply(x, engine=engine)[0], exact(network, x))


CIRCUITS = [
    {},
    PASSIVE | {"wires.word_ohm": 5.0},
    PASSIVE | {"wires.drive_side": "right", "wires.sense_side": "top", "wires.driver_ohm": 50.0},
    PASSIVE | {"wires.unselected_columns": "floating", "crossbar.mux": 4},
    PASSIVE | {"wires.accuracy": "fast"},
    PSEUDO | {"wires.sense_ohm": 30.0},
    GATED | {"wires.bit_ohm": 5.0, "device.access_ohm": 300.0},
    GATED | {"wires.source_ohm": 5.0, "wires.sense_side": "top", "wires.driver_ohm": 20.0},
]


CONVERTERS = [
    {},
    {"adc.range": "granular"},
    {"adc.capacitor_sigma": 0.05, "adc.comparator_sigma_lsb": 0.5, "adc.noise_lsb": 0.4},
    {"adc.kind": "flash", "adc.comparator_sigma_lsb": 0.3, "adc.gain_sigma": 0.02, "crossbar.event_driven": True},
]


@given(
    layer=small_layers(),
    circuit_=st.sampled_from(CIRCUITS),
    converter=st.sampled_from(CONVERTERS),
    noise=st.sampled_from(NOISES),
    signs=st.sampled_from(SIGNS),
    rows=st.sampled_from(ROWS),
    baseline=st.sampled_from(["none", "dummy_column", "digital_count"]),
    fields=st.fixed_dictionaries(
        {
            "adc__bits": st.integers(2, 8),
            "device__cell_bits": st.integers(1, 4),
            "crossbar__rows": st.sampled_from([6, 16]),
        }
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80)
def test_the_kernels_compute_what_their_twin_does(
    layer: Any, circuit_: Any, converter: Any, noise: Any, signs: Any, rows: Any, baseline: str, fields: Any, seed: int
) -> None:
    """Bit for bit, over circuits, converters and noise."""
    if signs is INTERLEAVED and circuit_.get("wires.topology") == "gated_1t1r":
        signs = ANALOG
    if circuit_.get("wires.unselected_columns") == "floating" and baseline == "dummy_column":
        baseline = "digital_count"
    rng = np.random.default_rng(seed)
    network = one_layer(rng, **layer)
    more = {"mapping.baseline": baseline, "pe.crossbars": 64}
    hardware = chip({"crossbar.mux": 8}, circuit_, converter, noise, signs, rows, more, **fields)
    made, x = programmed(network, hardware, seed=seed), inputs(network, rng, 2)
    expected, seen = made.multiply(x, engine="reference", first_read=seed)
    values, reads = made.multiply(x, engine="real", first_read=seed)
    assert np.array_equal(values, expected)
    assert np.array_equal(reads.idle_of, seen.idle_of)
    assert reads.clipped == seen.clipped


@pytest.mark.parametrize(
    ("engine", "fields", "message"),
    [
        ("bits", {}, "engine = 'bits': layer 'c' has cells or converters that are not whole"),
        ("rows", {}, "engine = 'rows': layer 'c' has cells or converters that are not whole"),
        ("rows", {"device.ideal": True} | PASSIVE, "engine = 'rows': layer 'c' has cells"),
        ("rows", {"device.ideal": True} | GATED, "engine = 'rows': layer 'c' has cells"),
        ("bits", {"device.ideal": True} | ANALOG, "engine = 'bits': layer 'c' has"),
        ("real", FLOATING, "engine = 'real': layer 'c' has floating rows or adjoint noise: reference only"),
        ("real", ADJOINT, "engine = 'real': layer 'c' has floating rows or adjoint noise: reference only"),
        ("integer", {}, "engine = 'integer'"),
    ],
)
def test_an_engine_refuses_what_it_cannot_hold(engine: Any, fields: dict[str, Any], message: str) -> None:
    network = one_layer(np.random.default_rng(0))
    made = programmed(network, chip(fields))
    with pytest.raises(InputError, match=f"^{message}"):
        made.multiply(inputs(network, np.random.default_rng(0), 1), engine=engine)
