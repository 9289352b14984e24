"""The vector loops against plain NumPy, one by one; and that counting bits is one instruction where there is one."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.crossbar.simd import (
    LANES,
    PACKED,
    add_rows,
    bits_of,
    convert_counted,
    convert_real,
    convert_sums,
    float_of,
    lowest,
    ones,
    pack_word,
    round_off,
)

I32, F32 = np.int32, np.float32


@numba.njit
def added(cells: Any, word: Any, first: int, fresh: bool, sums: Any) -> None:
    add_rows(cells, cells.shape[1], word, first, fresh, sums)


@given(st.integers(0, 2**31), st.booleans(), st.booleans(), st.integers(1, 20), st.integers(0, 2**64 - 1))
@settings(max_examples=40, deadline=None)
def test_rows_are_added_in_their_order(seed: int, real: bool, fresh: bool, blocks: int, word: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (74, blocks * LANES)
    cells = rng.normal(size=shape).astype(F32) if real else rng.integers(-15, 16, shape).astype(np.int8)
    sums = (rng.normal(size=shape[1]) if real else rng.integers(-99, 99, shape[1])).astype(F32 if real else I32)
    expected = np.zeros_like(sums) if fresh else sums.copy()
    for row in range(64):
        if word >> row & 1:
            expected = (expected + cells[10 + row]).astype(sums.dtype)
    added(cells, np.uint64(word), 10, fresh, sums)
    assert np.array_equal(sums, expected)


@numba.njit
def reals(sums: Any, scale: Any, shift: Any, low: Any, high: Any, factor: Any, cut: Any, value: Any, to: int) -> None:
    convert_real(sums, 0, scale.size, sums.size // scale.size, scale, shift, low, high, factor, cut, value, to)


@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_real_sums_become_codes(seed: int, kinds: int, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    outputs = blocks * LANES
    sums = rng.normal(0, 20, kinds * outputs).astype(F32)
    scale, shift = rng.uniform(0.1, 2, kinds).astype(F32), rng.uniform(-1, 1, kinds).astype(F32)
    factor, cut, value = (
        (2.0 ** np.arange(kinds)).astype(F32),
        np.zeros(LANES, I32),
        rng.integers(0, 9, 2 * outputs) * 1.0,
    )
    code = np.floor(sums.reshape(kinds, -1) * scale[:, None] + shift[:, None])
    kept = np.clip(code, F32(-8), F32(7))
    expected = value.copy()
    expected[outputs:] += (kept * factor[:, None]).sum(0)
    reals(sums, scale, shift, F32(-8), F32(7), factor, cut, value, outputs)
    assert np.array_equal(value, expected)
    assert cut.sum() == (code != kept).sum()


@numba.njit
def wholes(
    sums: Any, scale: Any, half: Any, shift: int, low: int, high: int, factor: Any, cut: Any, value: Any
) -> None:
    convert_sums(sums, scale.size, sums.size // scale.size, scale, half, shift, low, high, factor, cut, value, 0)


@numba.njit
def counted(
    words: Any,
    lines: Any,
    planes: int,
    scale: Any,
    half: Any,
    shift: Any,
    high: Any,
    cuts: bool,
    factor: Any,
    cut: Any,
    value: Any,
) -> None:
    outputs = lines.shape[1] // scale.size
    convert_counted(
        words, words.size, lines, 0, planes, lines.shape[1], 0, scale.size, outputs, scale, half, shift, high, cuts,
        factor, cut, value, 0,
    )  # fmt: skip


@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_counted_bits_and_added_rows_become_the_same_codes(
    seed: int, kinds: int, planes: int, words: int, cuts: bool
) -> None:
    rng = np.random.default_rng(seed)
    columns = kinds * LANES
    levels = rng.integers(0, 2**planes, (64 * words, columns))
    active = rng.random(64 * words) < 0.3
    x = levels[active].sum(0)
    scale, half, shift = np.full(kinds, 5, I32), np.full(kinds, 9, I32), 4
    high = 40 if cuts else 2**20
    codes = (x * 5 + 9) >> shift
    kept = np.minimum(codes, high)
    factor = np.array([1, -2, 4, -8, 16][:kinds], I32)
    expected = (kept.reshape(kinds, -1) * factor[:, None]).sum(0)
    packed = np.packbits(active, bitorder="little").view("<u4")
    lines = [
        np.ascontiguousarray(np.packbits((levels >> digit) & 1, axis=0, bitorder="little").T).view("<u4").T
        for digit in reversed(range(planes))
    ]
    for which in ("bits", "rows"):
        value, cut = np.zeros(LANES), np.zeros(LANES, I32)
        if which == "bits":
            table = np.ascontiguousarray(np.concatenate(lines))
            counted(packed, table, planes, scale, half, I32(shift), I32(high), cuts, factor, cut, value)
        else:
            wide = (array.astype(np.int64) for array in (scale, half, factor))
            times, plus, weights = wide
            wholes(x.astype(I32), times, plus, shift, -(2**20), high, weights, cut, value)
        assert np.array_equal(value, expected), which
        assert cut.sum() == (codes != kept).sum(), which


@numba.njit
def packs(values: Any, offsets: Any, plane: int, width: int) -> Any:
    line = np.zeros(width, np.uint64)
    pack_word(values, 0, offsets, 0, offsets.size, plane, line, 0, width)
    return line


@given(st.integers(0, 2**31), st.integers(1, 64), st.integers(0, 7), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_word_holds_one_bit_of_every_row(seed: int, rows: int, plane: int, wide: bool) -> None:
    rng, width = np.random.default_rng(seed), 3 * PACKED
    values = rng.integers(0, 256, 500).astype(np.int32 if wide else np.uint8)
    offsets = rng.integers(0, 500 - width, rows)
    bits = (values[offsets[:, None] + np.arange(width)] >> plane) & 1
    expected = (bits.astype(np.uint64) << np.arange(rows, dtype=np.uint64)[:, None]).sum(0, dtype=np.uint64)
    assert np.array_equal(packs(values, offsets, plane, width), expected)


@numba.njit
def rounded(value: Any, inverse: float, half: float, less: float, out: Any) -> None:
    round_off(value, 0, inverse, half, less, value.size, out)


def test_sums_are_rounded_and_saturated() -> None:
    value = np.array([0.0, 1, -1, 2.5, -2.5, 1e12, -1e12, 7] * 2)
    out = np.zeros(16, I32)
    rounded(value, 0.5, 0.5, 3.0, out)
    expected = np.clip(np.floor(value * 0.5 + 0.5) - 3, -(2.0**31), 2.0**31 - 1)
    assert out.tolist() == expected.tolist()


@numba.njit
def words(word: Any) -> Any:
    return ones(word), lowest(word)


@given(st.integers(0, 2**64 - 1))
def test_set_bits(word: int) -> None:
    lowest_bit = 64 if not word else (word & -word).bit_length() - 1
    assert words(np.uint64(word)) == (word.bit_count(), lowest_bit)


@numba.njit
def there_and_back(number: Any) -> Any:
    return float_of(bits_of(number)), bits_of(number)


@given(st.floats(width=32, allow_nan=False))
def test_bits_of_a_float(number: float) -> None:
    back, bits = there_and_back(F32(number))
    assert back == F32(number)
    assert bits == F32(number).view(I32)


def test_counting_bits_is_one_instruction_where_there_is_one() -> None:
    if not llvm.get_host_cpu_features().get("avx512vpopcntdq"):
        pytest.skip("this machine has no vector instruction that counts bits")
    counted(
        np.zeros(2, np.uint32), np.zeros((2, LANES), np.uint32), 1, np.ones(1, I32), np.zeros(1, I32), I32(0), I32(9),
        True, np.ones(1, I32), np.zeros(LANES, I32), np.zeros(LANES),
    )  # fmt: skip
    assert any("vpopcntd" in text for text in counted.inspect_asm().values())
