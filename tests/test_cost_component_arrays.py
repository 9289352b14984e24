"""Every circuit takes numbers or one array element per design, and says the same of each design."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.cost.components import (
    HTree,
    Memory,
    RegisterFile,
    adder,
    adder_tree,
    column_circuits,
    comparator,
    converter,
    counter,
    input_shift_add,
    multiplier,
    neuron_lane,
    permutation,
    register,
    selector,
    shift_add,
    subarray,
)
from spikesim_py.cost.components.array import cell_array, cell_fj
from spikesim_py.cost.technology import load_technology
from spikesim_py.hardware import AdcKind, Hardware, load_hardware
from spikesim_py.network import Leak, Lif

Design = dict[str, Any]
DESIGNS = st.lists(
    st.fixed_dictionaries(
        {
            "rows": st.sampled_from([8, 32, 64, 100, 128, 256, 1024]),
            "cols": st.sampled_from([8, 32, 64, 128, 256, 1024]),
            "mux": st.sampled_from([1, 2, 4, 8, 16, 32]),
            "bits": st.integers(1, 12),
            "r_on": st.sampled_from([2e3, 6e3, 1e4, 25e3, 1e5, 1e6]),
            "read_volt": st.sampled_from([0.2, 0.5, 0.9]),
            "clock": st.sampled_from([100.0, 1000.0]),
            "activity": st.floats(0.0, 1.0),
            "column_ohm": st.floats(50.0, 1e6),
        }
    ),
    min_size=1,
    max_size=5,
)
TECH = load_technology(32)
CHIPS = {name: load_hardware(name) for name in ("rram_32nm", "sram_32nm")}


def chip(base: Hardware, kind: AdcKind, design: Design) -> Any:
    """What the circuits read of a `Hardware`, with numbers or arrays in it."""
    device = {name: getattr(base.device, name) for name in type(base.device).model_fields}
    return SimpleNamespace(
        crossbar=SimpleNamespace(rows=design["rows"], cols=design["cols"], mux=design["mux"]),
        device=SimpleNamespace(**device | {"r_on_ohm": design["r_on"], "read_volt": design["read_volt"]}),
        adc=SimpleNamespace(kind=kind, bits=design["bits"], model=None),
        technology=SimpleNamespace(clock_mhz=design["clock"]),
        cost=base.cost,
        is_sourced=lambda *names: True,
    )


def together(designs: list[Design]) -> Design:
    return {key: np.array([design[key] for design in designs], float) for key in designs[0]}


def assert_same(whole: Any, each: list[Any], at: str = "") -> None:
    """Arrays hold what plain numbers give, and plain numbers stay plain."""
    if isinstance(whole, dict):
        assert all(set(whole) == set(one) for one in each)
        for key in whole:
            assert_same(whole[key], [one[key] for one in each], f"{at}.{key}")
        return
    for field in fields(whole):
        plain = [getattr(one, field.name) for one in each]
        if isinstance(plain[0], str):
            assert {getattr(whole, field.name)} == set(plain)
            continue
        assert not any(isinstance(value, np.generic | np.ndarray) for value in plain), f"{at}.{field.name}"
        got = np.broadcast_to(getattr(whole, field.name), len(each))
        np.testing.assert_allclose(got, plain, rtol=1e-12, err_msg=f"{at}.{field.name}")


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("kind", [AdcKind.SAR, AdcKind.FLASH, AdcKind.RAMP, AdcKind.ADDER_TREE])
@settings(max_examples=25)
@given(designs=DESIGNS)
def test_sub_arrays(name: str, kind: AdcKind, designs: list[Design]) -> None:
    def whole(design: Design) -> Any:
        return subarray(
            TECH,
            chip(CHIPS[name], kind, design),
            row_activity=design["activity"],
            column_ohm=design["column_ohm"],
        )

    assert_same(whole(together(designs)), [whole(design) for design in designs])


@settings(max_examples=25)
@given(designs=DESIGNS)
def test_columns_and_converters(designs: list[Design]) -> None:
    def parts(design: Design) -> Any:
        made = chip(CHIPS["rram_32nm"], AdcKind.SAR, design)
        return column_circuits(TECH, made) | {
            "adc": converter(TECH, made, design["bits"]),
            "cells": cell_array(TECH, made),
        }

    assert_same(parts(together(designs)), [parts(design) for design in designs])
    many = chip(CHIPS["rram_32nm"], AdcKind.SAR, together(designs))
    energies = cell_fj(many, converter(TECH, many, many.adc.bits), 0.5)
    for design, energy in zip(designs, energies, strict=True):
        one = chip(CHIPS["rram_32nm"], AdcKind.SAR, design)
        assert cell_fj(one, converter(TECH, one, design["bits"]), 0.5) == pytest.approx(energy)


@given(values=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 20)), min_size=1, max_size=6))
def test_logic(values: list[tuple[int, int]]) -> None:
    lif = Lif(name="n", inputs=("x",), leak=Leak(multiplier=3, shift=2))

    def parts(many: Any, few: Any) -> Any:
        return {
            "adder": adder(TECH, few),
            "register": register(TECH, few),
            "comparator": comparator(TECH, few),
            "selector": selector(TECH, few),
            "tree": adder_tree(TECH, many, few),
            "counter": counter(TECH, many),
            "multiplier": multiplier(TECH, many, few),
            "permutation": permutation(TECH, many),
            "slices": shift_add(TECH, few, many, few),
            "planes": input_shift_add(TECH, few, many, few, input_bits=few),
            "neuron": neuron_lane(TECH, lif, few),
        }

    many, few = (np.array(column, float) for column in zip(*values, strict=True))
    assert_same(parts(many, few), [parts(*pair) for pair in values])


@given(values=st.lists(st.tuples(st.integers(0, 2**22), st.integers(1, 400)), min_size=1, max_size=6))
def test_memories_and_trees(values: list[tuple[int, int]]) -> None:
    def numbers(bits: Any, count: Any) -> list[Any]:
        memory, tree = Memory(TECH, bits), HTree(TECH, count, bits + 1.0)
        names = ("banks", "area_um2", "leakage_pw", "read_fj", "write_fj", "line_ns")
        shaped = Memory(TECH, bits, bank_bits=2**18, lines=count)
        out = [getattr(one, name) for one in (memory, shaped) for name in names]
        out += [getattr(tree, name) for name in ("path_mm", "bit_fj", "time_ns", "area_um2")]
        return [*out, RegisterFile(TECH, bits).area_um2, RegisterFile(TECH, bits).leakage_pw]

    bits, count = (np.array(column, float) for column in zip(*values, strict=True))
    each = [numbers(*pair) for pair in values]
    for got, plain in zip(numbers(bits, count), zip(*each, strict=True), strict=True):
        np.testing.assert_allclose(np.broadcast_to(got, len(values)), plain, rtol=1e-12)
    assert not any(isinstance(value, np.generic) for value in each[0])
