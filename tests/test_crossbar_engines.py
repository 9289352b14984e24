"""The contract of the engines: what each of them must compute, whatever the circuit behind its columns.

Statistical tests are seeded, so that they pass or fail for good; each bound is the quantile at which a correct
engine would fail for one seed in a million (`FALSE_ALARM`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from conftest import random_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from spikesim_py.crossbar import ProgrammedLayer, program
from spikesim_py.crossbar.device import column_cells
from spikesim_py.crossbar.kernels import noise as drawn_by_kernel
from spikesim_py.crossbar.reference import noise as drawn_by_twin
from spikesim_py.crossbar.wires import circuit, interleaved
from spikesim_py.crossbar.wires.nodal import column_currents, nodal_transfer_matrix
from spikesim_py.crossbar.wires.noise import adjoint_sigma
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build
from spikesim_py.network.executor import exact_product

FALSE_ALARM = 1e-6

SIGNS = [
    {"mapping.signs": "differential"},
    {"mapping.signs": "differential", "mapping.subtract": "analog"},
    {"mapping.signs": "differential", "mapping.subtract": "interleaved"},
    {"mapping.signs": "offset"},
    {"mapping.signs": "offset_negative"},
    {"mapping.signs": "twos_complement"},
]
DIGITAL, ANALOG, INTERLEAVED, OFFSET, MASKED, TWOS = SIGNS
ROWS = [
    {"mapping.rows": "unrolled"},
    {"mapping.rows": "spikeflow"},
    {"mapping.rows": "spikeflow", "mapping.tap_sum": "adc_shared_serial"},
    {"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum"},
]
NO_OHM = {f"wires.{name}": 0 for name in ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm")}
PASSIVE = {"wires.topology": "passive"}
PSEUDO = {"wires.topology": "pseudo_1t1r", "device.access_ohm": 300.0}
GATED = {"wires.topology": "gated_1t1r"}
FLOATING = PASSIVE | {"wires.inactive_rows": "floating"}
WHITE = {"device.read.noise": "white", "device.read.sigma": 0.1}
ADJOINT = PASSIVE | WHITE | {"wires.read_noise": "adjoint"}
TELEGRAPH = {
    "device.read.noise": "telegraph",
    "device.read.telegraph_amplitude": 0.8,
    "device.read.tau_high_s": 3e-5,
    "device.read.tau_low_s": 1e-5,
}
EXACT_CELLS = {f"device.{name}": 0.0 for name in ("program_sigma", "stuck_on_rate", "stuck_off_rate")}

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


# ------------------------------------------------------------------------------------------------- layers to read


def one_layer(
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int] = (6, 4, 4),
    outputs: int = 4,
    kernel: tuple[int, int] | None = (3, 3),
    bits: int = 4,
    input_bits: int = 2,
    steps: int = 1,
    **fields: Any,
) -> Network:
    """A convolution (or, without a kernel, a linear layer) that is read at every one of `steps` time-steps."""
    node: dict[str, Any] = {"name": "c", "weight_bits": bits}
    if kernel is None:
        features = int(np.prod(shape))
        weights = (outputs, features)
        node |= {"op": "linear", "inputs": ["flat"], "in_features": features, "out_features": outputs}
        before = [{"op": "flatten", "name": "flat", "inputs": ["input"]}]
    else:
        weights = (outputs, shape[0] // fields.get("groups", 1), *kernel)
        node |= {"op": "conv", "inputs": ["input"], "in_channels": shape[0], "out_channels": outputs, "kernel": kernel}
        node |= fields
        before = []
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": steps,
        "input": {"shape": shape, "bits": input_bits, "encoder": "every_step"},
        "nodes": [*before, node, {"op": "readout", "name": "out", "inputs": ["c"]}],
    }
    return build(description, {"c.weight": random_weights(rng, weights, bits)})


def inputs(network: Network, rng: np.random.Generator, reads: int, density: float = 0.6) -> np.ndarray:
    """Inputs of the layer, (reads, C, H, W); values have each bit with probability `density`."""
    spec = network.model.input
    planes = rng.random((spec.bits, reads, *spec.shape)) < density
    x = (planes << np.arange(spec.bits)[:, None, None, None, None]).sum(0)
    return x.reshape(reads, -1, 1, 1) if network.layers[0].op == "linear" else x


def chip(*overrides: dict[str, Any], **fields: Any) -> Hardware:
    merged: dict[str, Any] = {"adc.bits": 12, "crossbar.rows": 16, "crossbar.cols": 32}
    for more in overrides:
        merged |= more
    return load_hardware("rram_32nm", merged | {key.replace("__", "."): value for key, value in fields.items()})


def programmed(network: Network, hardware: Hardware, **key: int) -> ProgrammedLayer:
    return program(map_network(network, hardware), "c", **key)


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


# ------------------------------------------------------------------------------------------------------- contract


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
NOISES = [{}, WHITE, TELEGRAPH]


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


# -------------------------------------------------------------------------------------------------------- physics


class Nodal:
    """A layer computed the long way: every crossbar a matrix of conductances, every read a nodal solve."""

    def __init__(self, network: Network, hardware: Hardware, seed: int = 0) -> None:
        mapping = map_network(network, hardware)
        self.network, self.hardware = network, hardware
        self.plan, self.cells = mapping.layers["c"], mapping.cells("c")
        device, kinds = hardware.device, self.cells.columns.count
        on = 1 / device.r_on_ohm
        self.off = on / device.on_off_ratio
        self.unit = (on - self.off) / (2**device.cell_bits - 1)
        crossbar = hardware.crossbar
        self.siemens = np.full((self.plan.crossbars, crossbar.rows, crossbar.cols), self.off)
        for kind in range(kinds):
            levels = column_cells(self.cells, kind, hardware, seed=seed, chip=0)
            for (group, row, output), level in np.ndenumerate(levels):
                place = self.cells.place(group, row, output * kinds + kind)
                self.siemens[place] = self.off + float(level) * self.unit
        self._known: dict[tuple[int, bytes], np.ndarray] = {}

    def currents(self, crossbar: int, volts: np.ndarray) -> np.ndarray:
        """(columns,) A at -1, 0 or 1 V on the rows, less the dummy column's."""
        key = crossbar, volts.tobytes()
        if key not in self._known:
            wires = circuit(self.hardware)
            if wires is None:
                solved = volts @ self.siemens[crossbar]
            else:
                solved = column_currents(self.siemens[crossbar], wires, volts)
            self._known[key] = solved - solved[-1] if self.hardware.dummy_columns else solved
        return self._known[key]

    def sums(self, driven: np.ndarray, group: int, conversion: np.ndarray) -> np.ndarray:
        """(columns of the matrix,) levels that one conversion of the matrix rows `conversion` meets.

        The two cells of an interleaved pair have one column, and word lines of opposite sign.
        """
        cells, total = self.cells, np.zeros(self.cells.levels.shape[2])
        pairs_share = self.hardware.mapping.subtract.value == "interleaved"
        for block in cells.row_blocks:
            if not np.isin(block, conversion).all():
                continue
            for column in range(len(total)):
                crossbar, _, line = cells.place(group, block[0], column)
                volts = np.zeros(self.hardware.crossbar.rows)
                for row in block[driven[block]]:
                    if pairs_share:
                        volts[cells.place(group, row, column | 1)[1]] = -1
                    volts[cells.place(group, row, column & ~1 if pairs_share else column)[1]] = 1
                total[column] += self.currents(crossbar, volts)[line]
        return total / self.unit

    def product(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(reads, positions, outputs), and where a current lies within 1e-4 LSB of a tie."""
        chip, plan, columns = self.hardware, self.plan, self.cells.columns
        subtract = chip.mapping.subtract.value
        signed = subtract != "digital"
        high = 2 ** (chip.adc.bits - signed) - 1
        low = -high - 1 if signed else 0
        scale = max(len(rows) for rows in self.cells.conversion_blocks) * (2**chip.device.cell_bits - 1)
        lsb = max(1, scale / high)
        background = self.off / self.unit if chip.baseline.value == "digital_count" else 0.0
        driven = patches(self.network, x)
        out, near = np.zeros((*driven.shape[:2], plan.outputs)), np.zeros((*driven.shape[:2], plan.outputs), bool)
        for (n, p, g, plane), bits in planes(driven, plan.input_bits):
            outputs = slice(g * plan.outputs // plan.groups, (g + 1) * plan.outputs // plan.groups)
            for conversion in self.cells.conversion_blocks:
                carried = self.sums(bits, g, conversion).reshape(-1, columns.count)
                weight = columns.coefficient
                if subtract == "analog":
                    carried = carried - np.roll(carried, -1, axis=1)
                if signed:
                    carried, weight = carried[:, ::2], weight[::2]
                at = carried / lsb + 0.5
                codes = np.clip(np.floor(at), low, high) - np.floor(bits[conversion].sum() * background / lsb + 0.5)
                out[n, p, outputs] += 2.0**plane * lsb * codes @ weight
                near[n, p, outputs] |= (np.abs(at - np.round(at)) < 1e-4).any(1)
            met = bits.sum() if self.cells.mask is None else bits @ self.cells.mask[g].astype(int)
            out[n, p, outputs] -= 2.0**plane * self.cells.offset * met
        return np.floor(out + 0.5), near


def patches(network: Network, x: np.ndarray) -> np.ndarray:
    """Values on the rows, (reads, positions, groups, rows), by torch's im2col."""
    node = network.layers[0]
    if node.op == "linear":
        return x.reshape(len(x), 1, 1, -1)
    columns = torch.nn.functional.unfold(
        torch.from_numpy(x).double(), node.kernel, padding=node.padding, stride=node.stride
    )
    return columns.unflatten(1, (node.groups, -1)).permute(0, 3, 1, 2).numpy().astype(int)


def planes(driven: np.ndarray, count: int) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """(read, position, group, plane) and which rows are driven."""
    for n, p, g in np.ndindex(driven.shape[:3]):
        for plane in range(count):
            yield (n, p, g, plane), (driven[n, p, g] >> plane) & 1 == 1


OPEN = {"wires.word_ohm": 30.0, "wires.unselected_columns": "floating"}
#: what is read, through which wires
PHYSICS: dict[str, dict[str, Any]] = {
    "none": {"mapping.baseline": "digital_count", **OFFSET},
    "passive": PASSIVE | {"wires.word_ohm": 20.0, "wires.bit_ohm": 10.0},
    "passive, from the other ends": PASSIVE | {"wires.drive_side": "right", "wires.sense_side": "top"} | MASKED,
    "passive, ends resist": PASSIVE | {"wires.driver_ohm": 90.0, "wires.sense_ohm": 60.0} | ANALOG,
    "passive, other columns open": PASSIVE | OPEN | {"mapping.baseline": "none"} | TWOS,
    "passive, other pairs open": PASSIVE | OPEN | ANALOG,
    "passive, taps join": PASSIVE | {"wires.bit_ohm": 20.0} | ROWS[3] | ANALOG,
    "passive, counted": PASSIVE | {"wires.word_ohm": 20.0, "mapping.baseline": "digital_count"} | OFFSET,
    "pseudo": PSEUDO | {"wires.word_ohm": 20.0} | ROWS[1],
    "pseudo, not removed": PSEUDO | {"wires.bit_ohm": 20.0, "mapping.baseline": "none"} | TWOS,
    "gated": GATED | {"wires.bit_ohm": 30.0, "device.access_ohm": 500.0},
    "gated, source line": GATED | {"wires.source_ohm": 20.0, "wires.driver_ohm": 40.0, "wires.sense_side": "top"},
    "gated, pairs": GATED | {"wires.bit_ohm": 30.0} | ROWS[3] | ANALOG,
    "gated, counted": GATED | {"wires.bit_ohm": 30.0, "mapping.baseline": "digital_count"} | MASKED,
    "floating": FLOATING | {"wires.word_ohm": 20.0, "wires.sense_ohm": 60.0},
    "floating, pairs": FLOATING | {"wires.sense_ohm": 60.0} | ANALOG | ROWS[1],
    "interleaved": PASSIVE | {"wires.word_ohm": 20.0, "wires.bit_ohm": 10.0} | INTERLEAVED,
    "interleaved, the other way": PSEUDO | {"wires.drive_side": "right", "wires.sense_side": "top"} | INTERLEAVED,
    "interleaved, other columns open": PASSIVE | OPEN | INTERLEAVED,
    "interleaved, taps join": PASSIVE | {"wires.sense_ohm": 60.0} | INTERLEAVED | ROWS[3],
    "interleaved, floating": FLOATING | {"wires.sense_ohm": 60.0} | INTERLEAVED,
    "floating, not removed": FLOATING | {"wires.sense_ohm": 60.0, "mapping.baseline": "none"} | OFFSET,
}
#: crossbars that are cut in both directions and not filled, of cells that feel every ohm
SMALL = {"crossbar.rows": 10, "crossbar.cols": 9, "crossbar.mux": 3, "pe.crossbars": 64} | {
    "device.cell_bits": 2,
    "device.r_on_ohm": 600.0,
}


@pytest.mark.parametrize("fields", PHYSICS.values(), ids=PHYSICS)
@pytest.mark.parametrize("kind", ["convolution", "linear"])
def test_codes_are_those_of_a_nodal_solve(kind: str, fields: dict[str, Any]) -> None:
    """Weights, cells, siemens, Kirchhoff, levels, codes, shift-add: each step written out again."""
    rng = np.random.default_rng(3)
    shapes = {
        "convolution": {"shape": (6, 3, 3), "kernel": (2, 2), "groups": 2, "stride": (1, 2), "padding": (0, 1)},
        "linear": {"shape": (27, 1, 1), "kernel": None},
    }
    network = one_layer(rng, bits=3, **shapes[kind])
    hardware = chip(SMALL, fields)
    x = inputs(network, rng, 3 if kind == "convolution" else 9)
    expected, near = Nodal(network, hardware, seed=7).product(x)
    made = programmed(network, hardware, seed=7)
    values = made.multiply(x)[0].reshape(len(x), made.window.output_shape[0], -1).transpose(0, 2, 1)
    assert near.mean() < 0.1
    assert np.array_equal(values[~near], expected[~near])
    if "wires.topology" in fields:  # which are not those without wires
        ideal = programmed(network, load_hardware(hardware, {"wires": {"topology": "none"}}), seed=7)
        assert np.mean(ideal.multiply(x)[0] != made.multiply(x)[0]) > 0.3


@pytest.mark.parametrize("wires", [PASSIVE, PSEUDO | {"wires.drive_side": "right"}], ids=["passive", "pseudo"])
def test_interleaved_cells_are_the_effective_matrix_of_their_pairs(wires: dict[str, Any]) -> None:
    network = one_layer(np.random.default_rng(1), shape=(14, 1, 1), kernel=None, outputs=5, bits=2)
    hardware = chip(wires, INTERLEAVED, {"crossbar.rows": 28, "wires.bit_ohm": 20.0})
    made, nodal = programmed(network, hardware), Nodal(network, hardware)
    resistances = circuit(hardware)
    assert resistances is not None
    effective = interleaved(nodal.siemens[:, ::2], nodal.siemens[:, 1::2], resistances)[0] / nodal.unit
    plan = nodal.plan
    columns = effective[:, : plan.columns].reshape(14, 5, plan.slices).transpose(0, 2, 1)
    found = made.cells[0].reshape(14, plan.slices, -1)[:, :, :5]
    assert found == pytest.approx(columns, rel=1e-6, abs=1e-6)
    assert effective.min() < 0 < effective.max()


@pytest.mark.parametrize("noise", NOISES, ids=["quiet", "white", "telegraph"])
@pytest.mark.parametrize("rows", ROWS, ids=lambda rows: "-".join(rows.values()))
def test_interleaved_pairs_are_analog_ones_where_wires_have_no_resistance(
    rows: dict[str, Any], noise: dict[str, Any]
) -> None:
    """Bit for bit on the same cells, where crossbars cut the inputs alike: they need twice the rows."""
    network = one_layer(np.random.default_rng(1), shape=(12, 4, 4), steps=2)
    x = inputs(network, np.random.default_rng(2), 4)
    fields = {"adc.bits": 5, "device.cell_bits": 2, "device.program_sigma": 0.1} | rows | noise
    analog = programmed(network, chip(fields, ANALOG, {"crossbar.rows": 8}))
    made = programmed(network, chip(fields, INTERLEAVED, {"crossbar.rows": 16}))
    assert np.array_equal(made.multiply(x)[0], analog.multiply(x)[0])
    assert len(np.unique(made.multiply(x)[0])) > 20


# --------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("baseline", ["none", "dummy_column", "digital_count"])
@pytest.mark.parametrize("signs", SIGNS, ids=lambda signs: "-".join(signs.values()))
def test_wires_without_resistance_are_no_wires(signs: dict[str, Any], baseline: str) -> None:
    """Every code of real cells; access transistors of 0 ohm are none either."""
    network = one_layer(np.random.default_rng(1), shape=(8, 3, 3))
    fields = {"mapping.baseline": baseline, "adc.bits": 8, "device.cell_bits": 2, **signs}
    x = inputs(network, np.random.default_rng(2), 3)
    plain = programmed(network, chip(fields)).multiply(x)[0]
    pseudo, gated = NO_OHM | {"wires.topology": "pseudo_1t1r"}, GATED | {"wires.bit_ohm": 0.0}
    for wires in (PASSIVE | NO_OHM, pseudo, FLOATING | NO_OHM, *([] if signs is INTERLEAVED else [gated])):
        assert np.array_equal(programmed(network, chip(fields, wires)).multiply(x)[0], plain)


@pytest.mark.parametrize("field", ["word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"])
def test_ir_loss_starts_at_nothing_and_grows_with_every_resistance(field: str) -> None:
    network = one_layer(np.random.default_rng(1), shape=(8, 3, 3))
    x = inputs(network, np.random.default_rng(2), 3, density=1.0)
    losses = []
    for ohm in (0.0, 1.0, 10.0, 100.0, 1000.0):
        made = programmed(network, chip(PASSIVE | NO_OHM | {f"wires.{field}": ohm}))
        losses.append(made.ir_loss(made.multiply(x)[1].hits))
    assert losses[0] == pytest.approx(0, abs=1e-9)
    assert losses == sorted(losses)
    assert losses[1] > 1e-4
    assert losses[-1] > 0.3


@pytest.mark.parametrize(
    ("wires", "fields", "density"),
    [
        (PASSIVE, ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"), 1.0),
        (PSEUDO, ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"), 1.0),
        (FLOATING, ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"), 0.6),
        (GATED, ("bit_ohm", "source_ohm", "driver_ohm", "sense_ohm"), 0.6),
    ],
    ids=["passive", "pseudo", "floating", "gated"],
)
def test_more_resistance_never_carries_more_current(
    wires: dict[str, Any], fields: tuple[str, ...], density: float
) -> None:
    """Rayleigh's monotonicity law, for all columns of a full crossbar together: no sources but the active rows."""
    rng = np.random.default_rng(1)
    network = one_layer(rng, shape=(20, 1, 1), kernel=None, outputs=6, input_bits=1)
    x = inputs(network, rng, 5, density)
    full = {"crossbar.rows": 20, "crossbar.cols": 6, "crossbar.mux": 2, "device.cell_bits": 4, **OFFSET}
    for field in fields:
        carried = []
        for ohm in (0.0, 4.0, 16.0, 64.0, 256.0):
            resistance = {f"wires.{field}": ohm, "mapping.baseline": "none", "device.r_on_ohm": 2000.0}
            made = programmed(network, chip(full, wires, resistance))
            codes = made.multiply(x)[0][:, :, 0, 0] + made.offset * x.sum((1, 2, 3))[:, None]
            carried.append(codes.sum(1))
        assert (np.diff(carried, axis=0) <= 6 * 0.5).all()  # half a code per column is rounding
        assert (carried[-1] < 0.9 * carried[0]).all()


# ---------------------------------------------------------------------------------------------------------- noise


def largest_z(tests: int) -> float:
    """What the largest of `tests` standard normal magnitudes exceeds with probability FALSE_ALARM."""
    return float(stats.norm.isf(FALSE_ALARM / (2 * tests)))


def largest_correlation(columns: np.ndarray) -> tuple[float, float]:
    """Largest correlation between two columns of (draws, columns), and its bound if all are independent."""
    draws, count = columns.shape
    found = np.corrcoef(columns, rowvar=False) - np.eye(count)
    # Fisher's transform of a correlation is normal with standard deviation 1 / sqrt(draws - 3)
    return float(np.abs(found).max()), float(np.tanh(largest_z(count * (count - 1) // 2) / np.sqrt(draws - 3)))


class TestGenerator:
    """The normal numbers of read noise: 2^18 of them from one conversion, and from many."""

    @staticmethod
    def one(size: int = 2**18, state: int = 11, counter: int = 5) -> np.ndarray:
        drawn = np.empty(size, np.float32)
        drawn_by_kernel(np.uint64(state), counter, drawn)
        return drawn

    @pytest.mark.parametrize("size", [2, 16, 64, 2**18])
    @pytest.mark.parametrize(("state", "counter"), [(0, 0), (11, 5), (2**64 - 1, 2**40 + 3)])
    def test_it_is_its_twin_bit_for_bit(self, size: int, state: int, counter: int) -> None:
        twin = drawn_by_twin(np.uint64(state), counter, size)
        assert np.array_equal(self.one(size, state, counter).view(np.int32), twin.view(np.int32))

    def test_it_is_standard_normal(self) -> None:
        x = self.one().astype(float)
        n, z = len(x), largest_z(4)
        assert stats.kstest(x, "norm").pvalue > FALSE_ALARM
        assert abs(x.mean()) < z / n**0.5
        assert abs(x.var() - 1) < z * (2 / n) ** 0.5
        assert abs(stats.skew(x)) < z * (6 / n) ** 0.5
        assert abs(stats.kurtosis(x)) < z * (24 / n) ** 0.5

    @pytest.mark.parametrize("side", [-1, 1])
    def test_its_tails_hold_what_they_should(self, side: int) -> None:
        x = side * self.one(2**21).astype(float)
        for sigma in (2.0, 3.0, 4.0, 4.5):
            found = stats.binomtest(int((x > sigma).sum()), len(x), stats.norm.sf(sigma))
            assert found.pvalue > FALSE_ALARM / 4, sigma
        assert 4.6 < x.max() < 6.71  # as far as 32 bits reach

    def test_the_two_of_a_pair_are_independent(self) -> None:
        """Radius and angle: the one exponential in its square, the other uniform, and unrelated."""
        x, y = self.one().astype(float).reshape(2, -1)
        square, turn = (x**2 + y**2) / 2, np.arctan2(y, x) / (2 * np.pi) % 1
        assert stats.kstest(square, "expon").pvalue > FALSE_ALARM
        assert stats.kstest(turn, "uniform").pvalue > FALSE_ALARM
        for a, b in ((x, y), (x**2, y**2), (x, y**2), (x**2, y), (square, turn)):
            found, bound = largest_correlation(np.stack([a, b], 1))
            assert found < bound
        cells = np.histogram2d(stats.norm.cdf(x), stats.norm.cdf(y), bins=16, range=[[0, 1], [0, 1]])[0]
        assert stats.chisquare(cells.ravel()).pvalue > FALSE_ALARM

    def test_conversions_and_columns_are_independent(self) -> None:
        """Neighbouring counters, as neighbouring positions have them; values and squares."""
        x = np.stack([self.one(16, counter=counter) for counter in range(2**14)]).astype(float)
        for numbers in (x, x**2):
            found, bound = largest_correlation(numbers)
            assert found < bound
            found, bound = largest_correlation(np.concatenate([numbers[:-1], numbers[1:]], 1))
            assert found < bound
        assert stats.kstest(x.ravel(), "norm").pvalue > FALSE_ALARM

    def test_streams_are_independent(self) -> None:
        found, bound = largest_correlation(np.stack([self.one(2**16, state) for state in range(12)], 1).astype(float))
        assert found < bound


NOISY = {"device.read.noise": "white", "device.read.sigma": 0.25, "device.read.sigma_relative": 0.2}
BOTH_SIGNS = INTERLEAVED | {"crossbar.rows": 64}
#: circuit, engine, reads of 64 positions
READ_NOISE: dict[str, tuple[dict[str, Any], Any, int]] = {
    "no wires": ({}, "real", 400),
    "converters add theirs": ({"adc.noise_lsb": 1.5}, "real", 400),
    "pairs": (ANALOG, "real", 400),
    "first order": (PASSIVE | {"wires.word_ohm": 60.0}, "real", 400),
    "first order, pseudo": (PSEUDO | {"wires.sense_ohm": 60.0}, "real", 400),
    "gated": (GATED | {"wires.bit_ohm": 8.0, "device.access_ohm": 400.0}, "real", 400),
    "interleaved": (PASSIVE | BOTH_SIGNS | {"wires.bit_ohm": 10.0}, "real", 400),
    "adjoint, interleaved": (
        ADJOINT | BOTH_SIGNS | {"wires.word_ohm": 300.0, "device.read.sigma": 0.6},
        "reference",
        60,
    ),
    "adjoint, pairs": (ADJOINT | ANALOG | {"wires.word_ohm": 300.0, "device.read.sigma": 0.6}, "reference", 60),
}


@pytest.mark.parametrize("name", READ_NOISE)
class TestReadNoise:
    """One vector, read at 64 positions of many images: the codes against the closed form of their distribution."""

    @staticmethod
    def layer(name: str) -> tuple[Network, Hardware, np.ndarray]:
        fields, _, reads = READ_NOISE[name]
        network = one_layer(np.random.default_rng(1), shape=(30, 8, 8), kernel=(1, 1), outputs=6, bits=1, input_bits=1)
        more = {"adc.bits": 9, "crossbar.rows": 32, "crossbar.cols": 14, "mapping.baseline": "none"}
        hardware = chip(EXACT_CELLS, OFFSET, more, NOISY, fields)
        on = np.random.default_rng(2).random(30) < 0.7
        return network, hardware, np.broadcast_to(on[None, :, None, None], (reads, 30, 8, 8)).astype(int)

    def codes(self, name: str) -> np.ndarray:
        """(reads, outputs, positions): what was converted; one slice, and one conversion per output."""
        network, hardware, x = self.layer(name)
        made = programmed(network, hardware)
        values, reads = made.multiply(x, engine=READ_NOISE[name][1])
        assert reads.clipped == 0
        offset = x[0, :, 0, 0].sum() if made.adc.low == 0 else 0  # what a code counts beyond +1 and -1
        return (values.reshape(len(x), 6, 64) + offset) / (2 if offset else 1)

    def law(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the sums (outputs,), in levels, before they are rounded to codes."""
        network, hardware, x = self.layer(name)
        nodal, device = Nodal(network, hardware), hardware.device
        on, siemens = x[0, :, 0, 0].astype(float), nodal.siemens[0]
        on = np.stack([on, -on], 1).ravel() if "interleaved" in name else on
        on = np.pad(on, (0, hardware.crossbar.rows - len(on)))
        sigma = np.hypot(device.read.sigma / device.r_on_ohm, device.read.sigma_relative * siemens)
        wires = circuit(hardware)
        if wires is None:
            mean, variance = on @ siemens, on**2 @ sigma**2
        elif hardware.wires.topology == "gated_1t1r" or hardware.wires.read_noise == "adjoint":
            mean = column_currents(siemens, wires, on)
            variance = adjoint_sigma(sigma, siemens, wires, on) ** 2
        else:  # every cell's error is passed on as its current is
            through = nodal_transfer_matrix(siemens, wires)
            felt = through / siemens / (1 + wires.access_ohm * siemens)
            mean, variance = on @ through, on**2 @ (sigma * felt) ** 2
        pair = 2 if "pairs" in name else 1
        mean, variance = (part[: 6 * pair].reshape(6, pair) for part in (mean, variance))
        mean = mean[:, 0] - mean[:, 1] if pair == 2 else mean[:, 0]
        return mean / nodal.unit, variance.sum(1) / nodal.unit**2 + hardware.adc.noise_lsb**2

    def test_codes_have_the_mean_and_the_variance_of_the_closed_form(self, name: str) -> None:
        """Rounding a sum that is spread over several codes adds 1/12 to its variance (Sheppard)."""
        codes = self.codes(name).transpose(1, 0, 2).reshape(6, -1)
        mean, variance = self.law(name)
        assert variance.min() > 0.8
        variance = variance + 1 / 12
        draws, z = codes.shape[1], largest_z(2 * 6)
        assert (np.abs(codes.mean(1) - mean) < z * np.sqrt(variance / draws)).all()
        assert (np.abs(codes.var(1, ddof=1) / variance - 1) < z * np.sqrt(2 / (draws - 1))).all()

    def test_columns_positions_and_steps_are_independent(self, name: str) -> None:
        codes = self.codes(name)
        codes -= codes.mean((0, 2), keepdims=True)  # columns have means of their own
        views = {
            "columns": codes.transpose(0, 2, 1).reshape(-1, 6),
            "positions": codes.reshape(-1, 64),
            "steps": np.stack([codes[:-1].ravel(), codes[1:].ravel()], 1),
        }
        for view, numbers in views.items():
            found, bound = largest_correlation(numbers)
            assert found < bound, view


class TestTelegraph:
    """Cells that switch: the same path at every position of an image, correlated over its time-steps."""

    STEPS = 4
    #: 16 levels, so that rounding to codes hides nothing
    RULES = TELEGRAPH | {"device.read.interval_s": 4e-6, "device.cell_bits": 4, "mapping.baseline": "none", **OFFSET}

    def codes(self, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """(samples, steps, outputs, positions) of one vector, and the cells that it drives, (rows, outputs)."""
        rows, outputs = 20, 8
        shape = (rows, 1, 2)
        network = one_layer(
            np.random.default_rng(1), shape=shape, kernel=(1, 1), outputs=outputs, input_bits=1, steps=self.STEPS
        )
        made = programmed(network, chip(self.RULES, {"crossbar.rows": 32}), seed=3)
        x = np.ones((samples * self.STEPS, *shape), int)
        values, reads = made.multiply(x)
        assert reads.clipped == 0
        level = 15 / (chip(self.RULES).device.on_off_ratio - 1)
        return values.reshape(samples, self.STEPS, outputs, 2) + 8 * rows, made.cells[0, :, :outputs] + level

    def test_outputs_are_correlated_as_the_cells_are(self) -> None:
        """Autocovariance of a sum: (sum of g^2) a^2 p (1 - p) exp(-r dt), by a t-test over images."""
        codes, held = self.codes(400)
        read = chip(self.RULES).device.read
        assert np.array_equal(codes[..., 0], codes[..., 1])  # every position sees the same path
        share, rate = read.tau_high_s / (read.tau_high_s + read.tau_low_s), 1 / read.tau_high_s + 1 / read.tau_low_s
        variance = (held.astype(float) ** 2).sum(0) * read.telegraph_amplitude**2 * share * (1 - share)
        away = codes[..., 0] - held.sum(0)  # telegraph noise leaves the mean alone
        bound = largest_z(1 + self.STEPS)
        assert abs(stats.ttest_1samp(away.mean((1, 2)), 0.0).statistic) < bound
        for lag in range(self.STEPS):
            product = (away[:, : self.STEPS - lag] * away[:, lag:]).mean(1)
            expected = variance * np.exp(-rate * lag * read.interval_s) + (1 / 12 if lag == 0 else 0)
            assert abs(stats.ttest_1samp((product - expected).mean(1), 0.0).statistic) < bound, lag
            assert stats.ttest_1samp(product.mean(1), 0.0).statistic > bound, lag  # not white

    def test_images_and_columns_have_paths_of_their_own(self) -> None:
        codes = self.codes(400)[0][:, 0, :, 0].astype(float)
        found, bound = largest_correlation(codes)
        assert found < bound
        away = codes - codes.mean(0)
        found, bound = largest_correlation(np.stack([away[:-1].ravel(), away[1:].ravel()], 1))
        assert found < bound

    @pytest.mark.parametrize("wires", [{}, PASSIVE | {"wires.word_ohm": 30.0}, GATED | {"wires.bit_ohm": 10.0}])
    def test_paths_do_not_depend_on_the_batch(self, wires: dict[str, Any]) -> None:
        network = one_layer(np.random.default_rng(1), shape=(6, 8, 8), steps=self.STEPS, input_bits=1)
        made = programmed(network, chip(self.RULES, wires), seed=3)
        x = inputs(network, np.random.default_rng(2), 4 * self.STEPS)
        whole = made.multiply(x, threads=1)[0]
        assert np.array_equal(made.multiply(x, threads=3)[0], whole)
        for first in range(0, len(x), 5):  # in the middle of an image
            assert np.array_equal(made.multiply(x[first : first + 5], first_read=first)[0], whole[first : first + 5])
        assert not np.array_equal(made.multiply(x, first_read=self.STEPS)[0], whole)


# ------------------------------------------------------------------------------------------------------- refusals


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


@pytest.mark.parametrize(
    "fields", [{}, PASSIVE, PSEUDO, GATED, FLOATING], ids=["none", "passive", "pseudo", "gated", "floating"]
)
@pytest.mark.parametrize("signs", [DIGITAL, ANALOG, OFFSET], ids=lambda signs: "-".join(signs.values()))
def test_a_column_that_may_carry_too_much_current_is_refused(fields: dict[str, Any], signs: dict[str, Any]) -> None:
    """The limit lies just above, or just below, the largest current of a column with all rows active."""
    network = one_layer(np.random.default_rng(1), shape=(16, 1, 1), kernel=None, outputs=4)
    hardware = chip(fields, signs, {"crossbar.rows": 16})
    nodal, wires, all_on = Nodal(network, hardware), circuit(hardware), np.ones(16)
    carried = [all_on @ g if wires is None else column_currents(g, wires, all_on) for g in nodal.siemens]
    largest = float(np.max(carried)) * hardware.device.read_volt * 1e6
    programmed(network, load_hardware(hardware, {"wires.column_limit_ua": largest * 1.0001}))
    refused = load_hardware(hardware, {"wires.column_limit_ua": largest * 0.9999})
    with pytest.raises(ConfigError, match=r"^wires.column_limit_ua = .*: a column carries up to .* uA"):
        programmed(network, refused)


def test_the_limit_counts_what_one_sign_of_an_interleaved_column_can_carry() -> None:
    """Inputs that add up are active, those that subtract are not."""
    network = one_layer(np.random.default_rng(1), shape=(16, 1, 1), kernel=None, outputs=4)
    for fields in ({}, PASSIVE):
        hardware = chip(fields, INTERLEAVED, {"crossbar.rows": 32})
        nodal, wires = Nodal(network, hardware), circuit(hardware)
        through = nodal.siemens[0] if wires is None else nodal_transfer_matrix(nodal.siemens[0], wires)
        net = through[::2] - through[1::2]
        largest = max(np.clip(net, 0, None).sum(0).max(), np.clip(-net, 0, None).sum(0).max())
        largest *= hardware.device.read_volt * 1e6
        programmed(network, load_hardware(hardware, {"wires.column_limit_ua": largest * 1.0001}))
        with pytest.raises(ConfigError, match=r"^wires.column_limit_ua"):
            programmed(network, load_hardware(hardware, {"wires.column_limit_ua": largest * 0.9999}))
