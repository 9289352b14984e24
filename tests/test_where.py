"""Filters: what passes, what is refused, and that nothing of them is executed."""

from __future__ import annotations

import operator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.sweep import where
from spikesim_py.sweep.study import column

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
        ("not accuracy >= 0.95", [0]),  # what was not measured is known to be neither
        ("not (accuracy >= 0.95 and adc.bits < 6)", [0, 3]),  # known to fail by its bits
        ("accuracy not in (0.9, 0.95)", [2]),
        ("accuracy not between 0.9 and 0.95", [2]),
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
        ("w4 or " * 400 + "w4", "has more than 2000 characters"),
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


#: numbers and texts of a few designs; some are missing
TABLE: dict[str, list[Any]] = {
    "accuracy": [0.9, None, 0.95, 0.97],
    "adc.bits": [4, 5, None, None],
    "chip": ["a", "b", ""],
}
TABLE["chip"] += ["b"]
COLUMNS = {name: column([value or None for value in values]) for name, values in TABLE.items()}
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}

numbers = st.tuples(
    st.just("comparison"),
    st.sampled_from(["accuracy", "adc.bits"]),
    st.sampled_from(list(_COMPARE)),
    st.sampled_from([0.9, 0.95, 0.93, 0.5, 1]),
)
texts = st.tuples(st.just("comparison"), st.just("chip"), st.sampled_from(["=", "<>"]), st.sampled_from(["a", "b"]))
expressions = st.recursive(
    numbers | texts,
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


def _text(expression: Any) -> str:
    """An expression as a filter."""
    kind, *parts = expression
    if kind == "comparison":
        return " ".join(map(str, parts))
    return f"not ({_text(parts[0])})" if kind == "not" else f"({_text(parts[0])}) {kind} ({_text(parts[1])})"


def _judged(expression: Any, row: int) -> bool | None:
    """By Kleene's truth tables, one design at a time; None is unknown."""
    kind, *parts = expression
    if kind == "comparison":
        value = TABLE[parts[0]][row]
        return None if value in (None, "") else bool(_COMPARE[parts[1]](value, parts[2]))
    found = [_judged(part, row) for part in parts]
    if kind == "not":
        return None if found[0] is None else not found[0]
    decisive = kind == "or"
    return decisive if decisive in found else None if None in found else not decisive


@given(expressions)
def test_what_is_missing_is_unknown_as_in_sql(expression: Any) -> None:
    wanted = [_judged(expression, row) is True for row in range(4)]
    assert where(COLUMNS, _text(expression)).tolist() == wanted


@given(numbers | texts)
def test_a_comparison_and_its_negation_share_out_the_designs_that_are_known(expression: Any) -> None:
    passes, fails = where(COLUMNS, _text(expression)), where(COLUMNS, f"not {_text(expression)}")
    known = [value not in (None, "") for value in TABLE[expression[1]]]
    assert (passes ^ fails).tolist() == (passes | fails).tolist() == known


def test_a_switch_that_is_missing_somewhere_is_neither_true_nor_false_there() -> None:
    frame = {"device.ideal": np.array([1.0, np.nan, 0.0])}
    assert where(frame, "device.ideal = true").tolist() == [True, False, False]
    assert where(frame, "not device.ideal = true").tolist() == [False, False, True]
