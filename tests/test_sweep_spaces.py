"""Spaces: axes, conditions, constraints, and designs in columns."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spikesim_py as ss
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.sweep import designs, load_space
from spikesim_py.sweep.candidates import columns, costed, decoded, enumerate_space, first_labels
from spikesim_py.sweep.expressions import parse
from spikesim_py.sweep.keys import arms, costs_only
from spikesim_py.sweep.resolve import Protocol, Resolver, changed_network

BASE: dict[str, Any] = {"network": "digits-w1", "chip": "rram_32nm", "samples": 12}


def space(axes: dict[str, Any], **more: Any) -> Any:
    return load_space(BASE | {"axes": axes} | more)


# ---------------------------------------------------------------------------------------------------------- axes


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"from": 3, "to": 8, "step": 1}, [3, 4, 5, 6, 7, 8]),
        ({"from": 0.1, "to": 0.3, "step": 0.1}, [0.1, 0.2, 0.3]),
        ({"from": 32, "to": 256, "factor": 2}, [32, 64, 128, 256]),
        ({"from": 32, "to": 255, "factor": 2}, [32, 64, 128]),
        ({"from": 1.0, "to": 100.0, "log": 3}, [1.0, 10.0, 100.0]),
        ({"from": 1, "to": 4, "log": 5}, [1, 2, 3, 4]),
        ({"values": [5, 3]}, [5, 3]),
    ],
)
def test_ranges_are_lists(written: Any, values: list[Any]) -> None:
    made = space({"adc.bits": written}).axes["adc.bits"]
    assert made == pytest.approx(values)
    assert [type(value) for value in made] == [type(value) for value in values]


@given(st.integers(1, 50), st.integers(0, 500), st.integers(1, 60))
def test_a_stepped_range_is_pythons(low: int, span: int, step: int) -> None:
    made = space({"crossbar.rows": {"from": low, "to": low + span, "step": step}}).axes["crossbar.rows"]
    assert made == list(range(low, low + span + 1, step))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adc.bits: {from: 3, to: 8}", r"space.yaml:4: axes.adc.bits: needs values, or from, to and one of"),
        ("adc.bits: {from: 3, to: 8, setp: 1}", r":4: .*setp: unknown key; did you mean 'step'"),
        ("adc.bits: {from: 8, to: 3, step: 1}", r":4: .*needs from <= to"),
        ("adc.bits: {from: 3, to: 8, step: 0}", r":4: .*step > 0"),
        ("adc.bits: {from: 0, to: 8, factor: 2}", r":4: .*0 < from"),
        ("adc.bits: {from: 1, to: 8, log: 1.5}", r":4: .*whole log"),
        ("adc.bits: {from: 1e3, to: 8, log: 2}", r":4: .*YAML reads 1e3 as text"),
        ("adc.bits: {from: 0, to: 1000000, step: 1}", r":4: .*has 1000001 values: at most"),
        ("adc.bits: {values: [3], to: 8}", r":4: .*one of them would do nothing"),
        ("adc.bits: {values: [3], when: crossbar.rows == 3}", r":4: when.adc.bits.*crossbar.rows: unknown"),
        ("adc.bits: {values: [3], when: 3 = 4}", r":4: when.adc.bits.*is not a condition"),
        ("adc.bits: [3]\nconstraints: [area <= 3]", r":5: constraints.*area: unknown; did you mean 'area_um2'"),
        ("adc.bits: [3]\nconstraints: [accuracy >= 0.9]", r":5: .*accuracy is measured, not known"),
        ("adc.bits: [3]\nobjectives: [accuracy]", r":5: objectives = .*accuracy and one or more costs"),
        ("adc.bits: [3]\nobjectives: [accuracy, edp]", r":5: .*'edp': unknown; did you mean 'edap'"),
        ("adc.bits: [3]\nwhen: {adc.bit: edap > 3}", r":5: when.adc.bit: is not an axis; did you mean 'adc.bits'"),
        ("chip: [rram_32nm]", r":2: chip: must stand once"),
    ],
)
def test_what_is_written_wrong_names_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(f"network: digits-w1\nchip: rram_32nm\naxes:\n  {line}\n")
    with pytest.raises(ConfigError, match=message) as caught:
        load_space(path)
    assert "\n" not in str(caught.value)


def test_a_condition_looks_back() -> None:
    late = {"adc.bits": {"values": [3], "when": "crossbar.rows > 1"}, "crossbar.rows": [64]}
    with pytest.raises(ConfigError, match=r"crossbar.rows is a later axis: put it before adc.bits"):
        space(late)


# --------------------------------------------------------------------------------------------------- expressions


NAMES = ("a", "b.c", "kind")
COLUMNS = {"a": np.array([1.0, 2.0, np.nan]), "b.c": np.array([3.0, 0.5, 2.0]), "kind": np.array(["x", "y", None])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <= 1e0", [True, False, False]),
        ("a < b.c", [True, False, False]),
        ("0 < a < 2", [True, False, False]),
        ("not a == 1", [False, True, True]),
        ("a != 1", [False, True, True]),
        ("kind == 'x' or b.c > 1.5", [True, False, True]),
        ("kind in ['y', 'z']", [False, True, False]),
        ("a * 2 + 1 == 5 and b.c / 2 < 1", [False, True, False]),
        ("a not in (1, 3)", [False, True, True]),
        ("-a >= -1", [True, False, False]),
    ],
)
def test_conditions_judge_columns(text: str, expected: list[bool]) -> None:
    assert parse(text, "here", NAMES).holds(COLUMNS).tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a",
        "a <= (lambda: 1)()",
        "a.__class__ == 1",
        "a[0] == 1",
        "a == 1 if a else 2",
        "[x for x in a] == 1",
        "a := 3",
        "f'{a}' == 1",
        "a in b.c",
        "a ** 9999999 > 1",
        "(" * 5000 + "a" + ")" * 5000,
        "",
    ],
)
def test_nothing_else_is_a_condition(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, "here", NAMES)


def test_texts_and_numbers_do_not_compare() -> None:
    with pytest.raises(ConfigError, match="compares texts with numbers"):
        parse("kind < 3", "here", NAMES).holds({"kind": np.array(["x", "y"], dtype=object)})


# ------------------------------------------------------------------------------------------------------- designs


def test_an_axis_varies_only_under_its_condition() -> None:
    axes = {"adc.kind": ["sar", "ramp"], "adc.inl_lsb": {"values": [0.0, 0.5], "when": "adc.kind == 'ramp'"}}
    points = designs(space(axes))
    assert [dict(point.axes) for point in points] == [
        {"adc.kind": "sar"},
        {"adc.kind": "ramp", "adc.inl_lsb": 0.0},
        {"adc.kind": "ramp", "adc.inl_lsb": 0.5},
    ]


def test_constraints_drop_what_brute_force_drops() -> None:
    axes = {"crossbar.rows": [64, 128], "crossbar.mux": [8, 128], "crossbar.cols": [64, 128], "adc.bits": [4, 6]}
    limits = ["crossbar.mux <= crossbar.cols", "area_um2 <= 8e5", "edap < 1e-11 or adc.bits == 4"]
    found = [tuple(point.axes.values()) for point in designs(space(axes, constraints=limits))]
    expected = []
    for values in itertools.product(*axes.values()):
        if values[1] > values[2]:
            continue
        report = ss.cost("digits-w1", "rram_32nm", overrides=dict(zip(axes, values, strict=True)))
        if report.area_um2 <= 8e5 and (report.edap < 1e-11 or values[3] == 4):
            expected.append(values)
    assert found == expected
    assert 0 < len(found) < 14


def test_costs_are_those_of_single_reports() -> None:
    axes = {
        "network": ["digits-w1", "digits-w4"],
        "network.time_steps": [2, 4],
        "device": ["rram_32nm", "pcm_joshi2020"],
        "crossbar.rows": [64, 128],
        "adc.layer_bits.conv2": [4, 6],
    }
    made = load_space({"chip": "rram_32nm", "axes": axes, "set": {"technology.node_nm": 45}})
    resolver = Resolver(made)
    found = enumerate_space(resolver)
    for index in range(0, len(found), 5):
        source, chip, fields = resolver.parts(found.axes(index))
        report = ss.cost(resolver.network(source), chip, overrides=fields)
        for name in ("edap", "energy_pj", "area_um2", "latency_ns", "tops_per_watt"):
            assert found.costs[name][index] == pytest.approx(getattr(report, name), rel=1e-12)


def test_a_whole_section_comes_from_another_chip_with_its_sources() -> None:
    (first, second) = designs(space({"device": ["rram_32nm", "pcm_joshi2020"]}))
    other = ss.load_hardware("pcm_joshi2020")
    assert second.hardware.device == other.device
    assert second.hardware.adc == first.hardware.adc
    cited = {name: text for name, text in second.hardware.sources.items() if name.startswith("device.")}
    assert cited == {name: text for name, text in other.sources.items() if name.startswith("device.")}
    with pytest.raises(InputError, match=r"axis 'devise': is no section of a chip; did you mean 'device'"):
        designs(space({"devise": ["rram_32nm"]}))


def test_chips_are_an_axis() -> None:
    points = designs(load_space({"network": "digits-w1", "samples": 4, "axes": {"chip": ["rram_32nm", "sram_32nm"]}}))
    assert [point.hardware.name for point in points] == ["rram_32nm", "sram_32nm"]


def test_weight_bits_of_a_float_network_quantize_it() -> None:
    points = designs(load_space(BASE | {"network": "digits-fp", "axes": {"network.weight_bits": [2, 4]}}))
    assert [{node.weight_bits for node in point.network.layers} for point in points] == [{2}, {4}]
    mixed = changed_network(ss.load_network("digits-fp"), {"network.weight_bits": 4, "network.weight_bits.fc": 8})
    assert {node.name: node.weight_bits for node in mixed.layers} == {"conv1": 4, "conv2": 4, "conv3": 4, "fc": 8}
    assert np.array_equal(mixed.weight("conv1"), points[1].network.weight("conv1"))


def test_an_impossible_design_is_named_among_many() -> None:
    with pytest.raises(InputError, match=r"design \(crossbar.cols = 8, crossbar.mux = 16\): .*mux = 16"):
        enumerate_space(Resolver(space({"crossbar.cols": [64, 8], "crossbar.mux": [8, 16]})))


def test_no_design_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="its constraints allow none of its 2 designs"):
        designs(space({"adc.bits": [3, 4]}, constraints=["area_um2 < 1"]))


def test_a_million_combinations_need_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes are as many as networks and chips, not as designs."""
    module = sys.modules["spikesim_py.sweep.candidates"]
    passes: list[int] = []
    real = module.cost_batch
    monkeypatch.setattr(module, "cost_batch", lambda *a, **k: passes.append(1) or real(*a, **k))
    axes = {"network": ["digits-w1", "digits-w4"], "crossbar.rows": {"from": 16, "to": 215, "step": 1}}
    axes |= {"crossbar.cols": {"from": 16, "to": 65, "step": 1}, "adc.bits": [3, 4, 5, 6, 7]}
    made = load_space({"chip": "rram_32nm", "axes": axes})
    assert len(enumerate_space(Resolver(made), metrics=("edap",))) == 100_000
    assert len(passes) == 2


# ---------------------------------------------------------------------------------------------------------- keys


def test_arms_are_the_accuracy_keys() -> None:
    axes = {
        "crossbar.rows": [128, 512, 1024],
        "crossbar.cols": [64, 128],
        "adc.bits": [4, 6],
        "adc.gain_sigma": [0.0, 0.01],  # columns reach the arithmetic only through converters that differ
        "technology.node_nm": [32, 45],
    }
    made = space(axes)
    resolver = Resolver(made)
    found = enumerate_space(resolver, metrics=())
    grouped = arms(resolver, found, Protocol.of(made))
    keys = [point.accuracy_key for point in designs(made)]
    expected = first_labels(np.unique(keys, return_inverse=True)[1][:, None])
    assert np.array_equal(grouped.of, expected)
    assert [grouped.keys[arm] for arm in grouped.of] == keys
    assert len(grouped) < len(keys) / 2


def test_what_only_costs_is_known() -> None:
    assert costs_only("technology.node_nm+tile.pes")
    assert costs_only("mapping.copies.conv1")
    assert not costs_only("technology.node_nm+adc.bits")
    assert not costs_only("network.time_steps")
    assert not costs_only("device")


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 2)), max_size=30))
def test_labels_count_up_as_rows_appear(rows: list[tuple[int, int]]) -> None:
    found = first_labels(np.array(rows, dtype=np.int32).reshape(-1, 2))
    order = list(dict.fromkeys(rows))
    assert found.tolist() == [order.index(row) for row in rows]


def test_a_design_is_found_by_its_codes() -> None:
    axes = {"adc.kind": ["sar", "ramp"], "adc.inl_lsb": {"values": [0.0, 0.5], "when": "adc.kind == 'ramp'"}}
    made = space(axes | {"adc.bits": [3, 4, 5]}, constraints=["adc.bits != 4"])
    found = enumerate_space(Resolver(made), metrics=("edap",))
    assert [found.place(row) for row in found.codes.tolist()] == list(range(len(found)))
    every = decoded((2, 2, 3), np.arange(12))
    some = costed(Resolver(made), every.copy(), ("edap",))
    assert np.array_equal(found.among(every).codes, some.codes)
    assert np.allclose(found.among(every).costs["edap"], some.costs["edap"])
    assert columns(made, found.codes)["adc.inl_lsb"].tolist()[:3] == pytest.approx([np.nan, np.nan, 0.0], nan_ok=True)
