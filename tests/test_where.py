"""Filters: what passes, what is refused, and that nothing of them is executed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.sweep import where

FRAME: dict[str, Any] = {
    "network": np.array(["digits-w1", "digits-w4", "digits-w4", "digits-w8"]),
    "adc.bits": np.array([3, 4, 5, 6]),
    "accuracy": np.array([0.90, 0.95, 0.97, np.nan]),
    "area_um2": np.array([1e6, 5e6, 5.1e6, 9e6]),
}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3]),
        ("w4", [1, 2]),
        ("'DIGITS-W8'", [3]),
        ("accuracy >= 95 % and area <= 5 mm2", [1]),
        ("accuracy>=95% OR adc.bits = 6", [1, 2, 3]),
        ("w1 or w4 and adc.bits > 4", [0, 2]),  # and binds more tightly
        ("(w1 or w4) and adc.bits > 4", [2]),
        ("not accuracy >= 0.95", [0, 3]),  # what was not measured is not known to be good
        ("not not w8", [3]),
        ("adc.bits in (3, 6)", [0, 3]),
        ("adc.bits not in (3, 6)", [1, 2]),
        ("network in ('digits-w1', digits-w8)", [0, 3]),
        ("area between 5 mm2 and 6 mm2", [1, 2]),
        ("area not between 5 mm2 and 6 mm2 and adc.bits <> 3", [3]),
        ("accuracy ≠ 0.95", [0, 2]),
    ],
)
def test_filters(text: str, rows: list[int]) -> None:
    assert np.flatnonzero(where(FRAME, text)).tolist() == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acuracy > 0.9", "did you mean 'accuracy'"),
        ("accuracy >", "a value is missing"),
        ("and w4", "a comparison is missing"),
        ("w4 and", "a comparison is missing"),
        ("adc.bits in 4", "'(' is missing"),
        ("(w4", "')' is missing"),
        ("w4)", "')' is not expected there"),
        ("area between 1 mm2", "'and' is missing"),
        ("area < 5 furlongs", "area_um2 is in µm²"),
        ("no such text", "no design has it in a text"),
        ("1 = 1; drop table design", "must read like"),
        ("__import__('os').system('x')", "no design has it"),
        ("(" * 50 + "w4" + ")" * 50, "deeper than 40"),
        ("w4 or " * 400 + "w4", "characters: at most 2000"),
    ],
)
def test_what_is_no_filter_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        where(FRAME, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="abdeghilnorstw <=>.59_%\n'(),", max_size=40))
def test_any_text_is_a_filter_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        assert where(FRAME, text).shape == (4,)


leaves = st.sampled_from(["w4", "adc.bits > 4", "area <= 5 mm2", "accuracy >= 0.95", "adc.bits in (3, 4)"])


@given(leaves, leaves, leaves)
def test_filters_follow_the_laws_of_logic(a: str, b: str, c: str) -> None:
    def same(one: str, other: str) -> bool:
        return where(FRAME, one).tolist() == where(FRAME, other).tolist()

    assert same(f"not ({a} or {b})", f"not {a} and not {b}")
    assert same(f"{a} and ({b} or {c})", f"{a} and {b} or {a} and {c}")
    assert same(f"{a} or {b} and {c}", f"{a} or ({b} and {c})")
    assert (where(FRAME, a) & where(FRAME, b)).tolist() == where(FRAME, f"{a} and {b}").tolist()


def test_a_switch_is_true_or_false_also_where_it_is_stored_as_a_number() -> None:
    for stored in (bool, np.int32):
        frame = {"device.ideal": np.array([1, 0, 1], stored)}
        assert where(frame, "device.ideal = true").tolist() == [True, False, True]
        assert where(frame, "device.ideal = false").tolist() == [False, True, False]
    with pytest.raises(InputError, match="must be a number"):
        where({"adc.bits": np.array([4, 5])}, "adc.bits = true")
