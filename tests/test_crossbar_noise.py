"""Noise of reads: normal numbers, white noise against its closed form, cells that switch.

Statistical tests are seeded, so that they pass or fail for good; each bound is the quantile at which a correct
engine would fail for one seed in a million (`FALSE_ALARM`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crossbar_layers import (
    ADJOINT,
    ANALOG,
    EXACT_CELLS,
    GATED,
    INTERLEAVED,
    OFFSET,
    PASSIVE,
    PSEUDO,
    TELEGRAPH,
    chip,
    inputs,
    one_layer,
    programmed,
)
from crossbar_nodal import Nodal
from scipy import stats

from spikesim_py.crossbar.noise.kernels import noise as drawn_by_kernel
from spikesim_py.crossbar.noise.reference import noise as drawn_by_twin
from spikesim_py.crossbar.wires import circuit
from spikesim_py.crossbar.wires.nodal import column_currents, nodal_transfer_matrix
from spikesim_py.crossbar.wires.noise import adjoint_sigma
from spikesim_py.hardware import Hardware
from spikesim_py.network import Network

FALSE_ALARM = 1e-6


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
