"""The cost tree: a parent is the sum of its children, in every library and in trees of any shape."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost import CostNode, Grade, branch, component
from spikesim_py.evaluate import cost

GRADES: tuple[Grade, ...] = get_args(Grade)
QUANTITIES = ("energy_pj", "area_um2", "critical_ns", "busy_ns")
DESIGNS = [
    ("vgg9-cifar10", "spikesim_released"),
    ("vgg9-cifar10", "rram_32nm"),
    ("vgg8-cifar10", "sram_32nm"),
    ("digits-fp", "rram_32nm"),  # a float network: the digital library
]


@cache
def tree_of(network: str, chip: str) -> CostNode:
    return cost(network, chip).tree


def nodes(tree: CostNode) -> list[CostNode]:
    return [node for _, node in tree.walk()]


amounts = st.floats(0, 1e9, allow_subnormal=False)
leaves = st.builds(
    component,
    st.sampled_from(["adc", "mux", "htree"]),
    energy_pj=amounts,
    area_um2=amounts,
    critical_ns=amounts,
    grade=st.sampled_from(GRADES),
    source=st.text(max_size=5),
)
parents = st.recursive(
    st.builds(branch, st.just("layer"), st.lists(leaves, min_size=1, max_size=4)),
    lambda inner: st.builds(branch, st.just("group"), st.lists(inner | leaves, min_size=1, max_size=4)),
    max_leaves=12,
)


def assert_sums(tree: CostNode) -> None:
    for node in nodes(tree):
        for quantity in QUANTITIES if node.children else ():
            total = 0.0
            for child in node.children:
                total += getattr(child, quantity)
            assert getattr(node, quantity) == total, (node.name, quantity)


@pytest.mark.parametrize(("network", "chip"), DESIGNS)
def test_a_parent_is_the_sum_of_its_children_in_every_library(network: str, chip: str) -> None:
    assert_sums(tree_of(network, chip))


@pytest.mark.parametrize(("network", "chip"), DESIGNS)
def test_components_carry_a_grade_a_source_and_finite_amounts(network: str, chip: str) -> None:
    for node in nodes(tree_of(network, chip)):
        assert all(math.isfinite(getattr(node, name)) and getattr(node, name) >= 0 for name in QUANTITIES), node.name
        assert (node.grade is None) == bool(node.children), node.name
        assert bool(node.source) != bool(node.children), node.name


@pytest.mark.parametrize(("network", "chip"), DESIGNS)
def test_components_sum_to_the_chip_and_shares_to_one(network: str, chip: str) -> None:
    tree = tree_of(network, chip)
    for quantity in QUANTITIES:
        total = math.fsum(getattr(node, quantity) for node in tree.components().values())
        assert total == pytest.approx(getattr(tree, quantity), rel=1e-9)
    for quantity in ("energy_pj", "area_um2"):
        assert math.fsum(tree.share(grade, quantity) for grade in GRADES) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("network", "chip"), DESIGNS)
def test_a_tree_survives_json(network: str, chip: str) -> None:
    tree = tree_of(network, chip)
    assert CostNode.from_dict(json.loads(json.dumps(tree.to_dict()))) == tree


def test_layers_and_shared_are_the_children_of_a_chip() -> None:
    tree = tree_of("vgg9-cifar10", "spikesim_released")
    assert [node.name for node in tree.children] == [*(f"conv{i}" for i in range(1, 8)), "shared"]
    assert tree.child("shared").critical_ns == 0.0
    with pytest.raises(KeyError, match=r"conv9.*conv1.*shared"):
        tree.child("conv9")


@given(parents)
def test_any_tree_sums_and_survives_json(tree: CostNode) -> None:
    assert_sums(tree)
    assert CostNode.from_dict(json.loads(json.dumps(tree.to_dict()))) == tree


@given(parents)
def test_shares_of_any_tree_sum_to_one_or_to_nothing(tree: CostNode) -> None:
    for quantity in ("energy_pj", "area_um2"):
        total = math.fsum(tree.share(grade, quantity) for grade in GRADES)
        assert total == pytest.approx(1.0 if getattr(tree, quantity) else 0.0, abs=1e-9)


@given(parents)
def test_components_of_any_tree_keep_its_totals(tree: CostNode) -> None:
    groups = tree.components()
    assert set(groups) == {node.name for node in nodes(tree) if not node.children}
    for quantity in QUANTITIES:
        assert math.fsum(getattr(g, quantity) for g in groups.values()) == pytest.approx(getattr(tree, quantity))


@given(critical=amounts, busy=st.none() | amounts)
def test_a_component_is_busy_while_it_is_critical_unless_told_otherwise(critical: float, busy: float | None) -> None:
    leaf = component("adc", critical_ns=critical, busy_ns=busy, grade="assumed", source="test")
    assert leaf.busy_ns == (critical if busy is None else busy)
