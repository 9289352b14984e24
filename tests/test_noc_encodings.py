"""Encodings of spikes: worked numbers, exact sizes against naive coders, expectations against draws, arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.noc.encodings import (
    Aer,
    Bitmap,
    Encoding,
    EncodingName,
    PackedAer,
    RunLength,
    choose,
    encoding_of,
    expected_sent,
)

NAMES: tuple[EncodingName, ...] = ("bitmap", "aer", "packed_aer", "run_length", "auto")
CODES = [Bitmap(), Aer(), PackedAer(), RunLength(3), RunLength(5)]
spikes = st.lists(st.booleans(), min_size=1, max_size=200).map(np.array)


def test_the_worked_break_even_rates() -> None:
    """1,024 neurons and flits of 64 bits: 17 flits of bitmap against one per event, or six addresses of 10 bits."""
    assert Aer().break_even_rate(1024, 64) == pytest.approx(0.0166, abs=5e-5)
    assert PackedAer().break_even_rate(1024, 64) == pytest.approx(0.09375)
    assert PackedAer().word_limit(1024, 64, 1) == 6
    assert Bitmap().expected(1024, 0.1, 64).flits == 17


def test_run_length_breaks_even_where_its_words_take_a_bit_per_unit() -> None:
    for width in (2, 4, 6):
        even = RunLength(width).break_even_rate(1024, 64)
        assert RunLength(width).bits_per_unit(even) == pytest.approx(1.0)
        assert RunLength(width).bits_per_unit(even / 2) < 1.0


def naive_runs(active: np.ndarray, width: int) -> list[int]:
    """The words of a run-length coder, one unit after the other."""
    words, quiet, longest = [], 0, 2**width - 1
    for unit in active:
        if unit:
            words.append(quiet)
            quiet = 0
        else:
            quiet += 1
            if quiet == longest:
                words.append(longest)
                quiet = 0
    return words


def decoded(words: list[int], width: int, units: int) -> np.ndarray:
    made: list[bool] = []
    for word in words:
        made += [False] * word + ([] if word == 2**width - 1 else [True])
    return np.array(made + [False] * (units - len(made)))


@given(active=spikes, width=st.integers(1, 6))
def test_run_lengths_are_exact_and_can_be_read_back(active: np.ndarray, width: int) -> None:
    words = naive_runs(active, width)
    assert RunLength(width).payload_bits(active) == len(words) * width
    assert np.array_equal(decoded(words, width, len(active)), active)
    gaps = np.diff(np.flatnonzero(np.r_[True, active])) - 1
    tail = len(active) - 1 - (np.flatnonzero(active)[-1] if active.any() else -1)
    longest = 2**width - 1
    assert len(words) == active.sum() + (gaps // longest).sum() + tail // longest


@given(active=spikes)
def test_sizes_of_bitmaps_and_events(active: np.ndarray) -> None:
    units, events = len(active), int(active.sum())
    assert Bitmap().payload_bits(active) == units
    address = max(1, math.ceil(math.log2(units)))
    assert Aer().payload_bits(active) == PackedAer().payload_bits(active) == events * address


@given(units=st.integers(1, 9), rate=st.floats(0, 1), width=st.integers(1, 4))
def test_expected_words_are_the_mean_over_every_pattern(units: int, rate: float, width: int) -> None:
    patterns = (np.arange(2**units)[:, None] >> np.arange(units)) & 1 == 1
    chance = np.prod(np.where(patterns, rate, 1 - rate), axis=1)
    for code in (Bitmap(), Aer(), PackedAer(), RunLength(width)):
        words = np.count_nonzero(code.emits(patterns), axis=1)
        assert code.expected_words(units, rate) == pytest.approx(float(words @ chance), abs=1e-6)


def measured(code: Encoding, active: np.ndarray, flit_bits: int, packet_flits: int) -> tuple[float, float]:
    """Mean flits and packets of drawn blocks, packet by packet."""
    flits = packets = 0
    units = active.shape[1]
    limit = code.word_limit(units, flit_bits, packet_flits)
    for words in np.count_nonzero(code.emits(active), axis=1).tolist():
        while words > 0:
            taken = min(words, limit)
            flits += code.payload_flits(taken, units, flit_bits) + code.headers
            packets, words = packets + 1, words - taken
    return flits / len(active), packets / len(active)


@pytest.mark.parametrize("code", CODES, ids=str)
@pytest.mark.parametrize("rate", [0.0, 0.002, 0.03, 0.2, 0.9])
@pytest.mark.parametrize("units", [3, 40, 700])
def test_expected_flits_are_near_those_of_draws(code: Encoding, rate: float, units: int) -> None:
    active = np.random.default_rng(units).random((400, units)) < rate
    flits, packets = measured(code, active, 64, 8)
    sent = code.expected(units, rate, 64, 8)
    if isinstance(code, Bitmap):
        assert (flits, packets) == (sent.flits, sent.packets)
    assert sent.packets == pytest.approx(packets, rel=0.1, abs=0.5)
    assert sent.flits == pytest.approx(flits, rel=0.1, abs=0.75)


@pytest.mark.parametrize("name", NAMES)
def test_many_designs_at_once_are_each_by_itself(name: EncodingName) -> None:
    units = np.array([1.0, 30.0, 1000.0, 1000.0, 77.5])
    rates = np.array([0.0, 0.01, 0.3, 0.04, 1.0])
    widths = np.array([32.0, 64.0, 128.0, 32.0, 64.0])
    together = expected_sent(name, units, 1, rates, widths, np.array([4.0] * 5))
    for index in range(5):
        alone = expected_sent(name, float(units[index]), 1, float(rates[index]), int(widths[index]), 4)
        assert together.flits[index] == pytest.approx(alone.flits)
        assert together.packets[index] == pytest.approx(alone.packets)


@given(units=st.integers(1, 5000), rate=st.floats(0, 1))
def test_auto_is_never_dearer(units: int, rate: float) -> None:
    best = expected_sent("auto", units, 1, rate, 64, 16).flits
    assert best == min(expected_sent(name, units, 1, rate, 64, 16).flits for name in NAMES[:4])


@pytest.mark.parametrize("bits", [2, 7])
def test_values_above_one_bit_are_dense(bits: int) -> None:
    for name in NAMES:
        assert encoding_of(name, bits, 0.01) == Bitmap(bits)
        assert expected_sent(name, 100, bits, 0.01, 64).flits == math.ceil(100 * bits / 64) + 1


def test_auto_reports_what_it_chose_and_why() -> None:
    units = np.array([1024, 1024, 512])
    quiet, busy = (choose("auto", units, 1, rate, 64, 32) for rate in (0.005, 0.4))
    assert isinstance(busy.encoding, Bitmap)
    assert not isinstance(quiet.encoding, Bitmap)
    assert quiet.break_even_rate == busy.break_even_rate
    assert quiet.rate < quiet.break_even_rate < busy.rate  # type: ignore[operator]
    assert min(quiet.flits, key=lambda name: quiet.flits[name]) == quiet.encoding.name
    assert isinstance(choose("aer", units, 1, 0.4, 64).encoding, Aer)  # as told
    assert choose("auto", units, 4, 0.0, 64).break_even_rate is None


@given(units=st.integers(1, 3000), bits=st.integers(1, 12), packet=st.integers(1, 40))
def test_dense_packets_carry_every_value_once(units: int, bits: int, packet: int) -> None:
    sent = Bitmap(bits).expected(units, 0.0, 64, packet)
    limit = Bitmap(bits).word_limit(units, 64, packet)
    sizes = [min(limit, units - first) for first in range(0, units, limit)]
    assert sent.packets == len(sizes)
    assert sent.flits == sum(math.ceil(size * bits / 64) + 1 for size in sizes)
    assert max(math.ceil(size * bits / 64) for size in sizes) <= packet
