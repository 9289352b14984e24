"""Rows and spare columns against stuck cells: places, the best of them, wires, products, gain, cost, refusals."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from conftest import tiny_images, tiny_network
from device_chips import cells_of
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.cost import CostNode
from spikesim_py.cost.technology import load_technology
from spikesim_py.crossbar import program
from spikesim_py.crossbar.adc import converter_numbers
from spikesim_py.crossbar.device import column_cells, on_levels, siemens
from spikesim_py.crossbar.effective import effective_cells
from spikesim_py.crossbar.repair import repaired
from spikesim_py.crossbar.wires import Wires, transfer_matrix
from spikesim_py.crossbar.wires.nodal import column_currents
from spikesim_py.datasets import load_dataset
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import accuracy_key, cost
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import simulate
from spikesim_py.mapping import Cells, map_network
from spikesim_py.network import load_network

PERMUTE, SPARES = {"mitigation.permute_rows": True}, {"mitigation.spare_columns": 3}
BOTH = PERMUTE | SPARES
#: crossbars so small that every layer of the tiny network spans several along rows and columns
SMALL = {"crossbar.rows": 8, "crossbar.cols": 16}
FAULTY = {"device.program_sigma": 0.0, "device.stuck_on_rate": 0.08, "device.stuck_off_rate": 0.06, "adc.bits": 8}


def chip(*overrides: dict[str, Any], name: str = "rram_32nm") -> Hardware:
    return load_hardware(name, {key: value for part in (FAULTY, *overrides) for key, value in part.items()})


def cells_on(hardware: Hardware, layer: str = "conv2", **instance: int) -> tuple[Cells, Cells]:
    """A layer's cells by default, and on one chip."""
    cells = map_network(tiny_network(), hardware).cells(layer)
    return cells, repaired(cells, hardware, **{"seed": 0, "chip": 0} | instance)


def held(cells: Cells, hardware: Hardware, **instance: int) -> np.ndarray:
    """What the cells hold, columns as in `Cells.levels`."""
    made, count = np.empty(cells.levels.shape), cells.columns.count
    for k in range(count):
        made[:, :, k::count] = column_cells(cells, k, hardware, **{"seed": 0, "chip": 0} | instance)
    return made


def total_cost(cells: Cells, hardware: Hardware) -> float:
    """Squares of all cells' shares in their weights' errors."""
    coefficient = np.tile(cells.columns.coefficient, cells.levels.shape[-1] // cells.columns.count)
    return float(np.square(coefficient * (held(cells, hardware) - cells.levels)).sum())


def stuck_places(cells: Cells, hardware: Hardware) -> dict[tuple[int, int, int], float]:
    """Place to the level at which its cell is stuck, where that shows at one of two weights: all off, or all on."""
    found = {}
    for level in (0, 1):
        plain = Cells(**vars(cells) | {"levels": np.full_like(cells.levels, level)})
        for index in zip(*np.nonzero(held(plain, hardware) != level), strict=True):
            found[cells.place(*(int(i) for i in index))] = 1.0 - level
    return found


@pytest.mark.parametrize("rows", ["unrolled", "spikeflow"])
@pytest.mark.parametrize("subtract", ["digital", "analog", "interleaved"])
@pytest.mark.parametrize(
    "rule", [PERMUTE, SPARES | {"mitigation.spare_columns": 2}, BOTH | {"mitigation.spare_columns": 2}]
)
def test_faults_stay_where_they_are_and_weights_move(rows: str, subtract: str, rule: dict[str, Any]) -> None:
    hardware = chip(SMALL, {"mapping.rows": rows, "mapping.subtract": subtract}, rule)
    for layer in ("conv2", "fc"):
        before, after = cells_on(hardware, layer)
        default, moved = stuck_places(before, hardware), stuck_places(after, hardware)
        usable = before.usable_columns
        assert {at: s for at, s in moved.items() if at[2] < usable}.items() <= default.items()
        places = {after.place(g, r, c) for g, r, c in np.ndindex(after.levels.shape)}
        assert len(places) == after.levels.size
        if "mitigation.spare_columns" in rule:
            assert after.spare is not None
            assert (after.spare >= 0).any()
            assert max(at[2] for at in places) >= usable
        else:
            assert moved == default
        assert total_cost(after, hardware) < total_cost(before, hardware)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_no_permutation_of_the_rows_costs_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hardware = chip(PERMUTE, {"device.cell_bits": 2, "crossbar.rows": 4, "device.stuck_on_rate": 0.3})
    cells = cells_of(rng.integers(-3, 4, (4, 5)), hardware)
    best = min(
        total_cost(Cells(**vars(cells) | {"row_blocks": (np.array(order),)}), hardware)
        for order in permutations(range(4))
    )
    assert total_cost(repaired(cells, hardware, seed=0, chip=0), hardware) == best


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_no_other_use_of_two_spares_costs_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hardware = chip({"mitigation.spare_columns": 2, "device.stuck_on_rate": 0.3})
    cells = cells_of(rng.integers(-1, 2, (6, 3)), hardware)
    columns = [-1, *range(6)]
    best = min(
        total_cost(Cells(**vars(cells) | {"spare": np.array([[[[a, b]]]])}), hardware)
        for a in columns
        for b in columns
        if a != b or a < 0
    )
    assert total_cost(repaired(cells, hardware, seed=0, chip=0), hardware) == best


@settings(max_examples=30)
@given(
    st.sampled_from(["offset", "offset_negative", "twos_complement", "differential"]),
    st.sampled_from([PERMUTE, SPARES, BOTH]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, 0.3]),
)
def test_repair_never_costs_and_is_the_same_every_time(
    signs: str, rule: dict[str, Any], seed: int, alpha: float | None
) -> None:
    hardware = chip(SMALL, {"mapping.signs": signs, "device.stuck_cluster_alpha": alpha}, rule)
    before, after = cells_on(hardware, "conv1", seed=seed)
    again = cells_on(hardware, "conv1", seed=seed)[1]
    coefficient = np.tile(before.columns.coefficient, before.levels.shape[-1] // before.columns.count)
    lost = [np.square(coefficient * (held(c, hardware, seed=seed) - c.levels)).sum() for c in (before, after)]
    assert lost[1] <= lost[0]
    assert (held(after, hardware, seed=seed) == held(again, hardware, seed=seed)).all()


@pytest.mark.parametrize("rule", [PERMUTE, SPARES, BOTH])
def test_where_nothing_hurts_nothing_moves(rule: dict[str, Any]) -> None:
    hardware = chip(rule, {"device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.2})
    cells = cells_of(np.zeros((20, 6), int), hardware)
    after = repaired(cells, hardware, seed=0, chip=0)
    assert all((a == b).all() for a, b in zip(cells.row_blocks, after.row_blocks, strict=True))
    assert after.spare is None or (after.spare == -1).all()
    ideal = load_hardware(hardware, {"device.ideal": True})
    assert repaired(cells, ideal, seed=0, chip=0) is cells


@pytest.mark.parametrize("rows", ["unrolled", "spikeflow"])
@pytest.mark.parametrize("subtract", ["digital", "analog", "interleaved"])
def test_wires_reach_the_cells_where_they_lie(rows: str, subtract: str) -> None:
    """Effective cells against crossbars put together place by place."""
    rule = BOTH | {"mitigation.spare_columns": 2, "mapping.rows": rows, "mapping.subtract": subtract}
    wires = {"wires.topology": "passive", "wires.word_ohm": 5.0, "wires.bit_ohm": 3.0}
    hardware = chip(SMALL, rule, wires)
    _, cells = cells_on(hardware)
    found = effective_cells(cells, hardware, seed=0, chip=0, steps=3).values
    device, stored = hardware.device, held(cells, hardware)
    crossbars = np.zeros((cells.plan.crossbars, 8, 16))
    places = {index: cells.place(*index) for index in np.ndindex(stored.shape)}
    for index, place in places.items():
        crossbars[place] = stored[index]
    unit = 1 / (on_levels(device) * device.r_on_ohm)
    transfer = np.stack([transfer_matrix(one, Wires(word_ohm=5, bit_ohm=3)) for one in siemens(crossbars, device)])
    removed = transfer[..., -1:] / unit if subtract == "digital" else 0.0  # the dummy column
    contribution = transfer / unit - removed
    count, pairs = cells.columns.count, hardware.signed_sums
    for (group, row, column), place in places.items():
        output, kind = divmod(column, count)
        if not pairs:
            assert found[group, row, kind, output] == pytest.approx(contribution[place], abs=1e-5)
        elif kind % 2 == 0:
            other = places[group, row, column + 1]
            expected = contribution[place] - contribution[other]
            assert found[group, row, kind // 2, output] == pytest.approx(expected, abs=1e-5)


def test_floating_rows_float_where_they_lie() -> None:
    """Currents of one read against a nodal solution of crossbars put together place by place."""
    wires = {"wires.topology": "passive", "wires.word_ohm": 50.0, "wires.bit_ohm": 30.0}
    hardware = chip(SMALL, PERMUTE, wires, {"wires.inactive_rows": "floating"})
    _, cells = cells_on(hardware)
    solved = effective_cells(cells, hardware, seed=0, chip=0, steps=3).solved
    assert solved is not None
    assert solved.currents is not None
    device, stored = hardware.device, held(cells, hardware)
    crossbars = np.zeros((cells.plan.crossbars, 8, 16))
    for index in np.ndindex(stored.shape):
        crossbars[cells.place(*index)] = stored[index]
    circuit, unit = Wires(word_ohm=50, bit_ohm=30, inactive_rows="floating"), on_levels(device) * device.r_on_ohm
    driven = cells.row_blocks[1][[1, 2, 6]]  # rows of the matrix
    assert (np.diff(cells.row_blocks[1]) < 0).any()
    found = solved.currents(1, 1, np.array([1, 2, 6]))
    for column in (0, 7, 15):
        array, _, at = cells.place(1, int(driven[0]), column)
        volts = np.zeros(8)
        volts[[cells.place(1, int(row), column)[1] for row in driven]] = 1.0
        current = column_currents(siemens(crossbars[array], device), circuit, volts) * unit
        output, kind = divmod(column, cells.columns.count)
        assert found[kind, output] == pytest.approx(current[at] - current[-1], abs=1e-7)


@pytest.mark.parametrize("rows", ["unrolled", "spikeflow"])
@pytest.mark.parametrize("subtract", ["digital", "analog", "interleaved"])
def test_products_are_those_of_the_cells_held(rows: str, subtract: str) -> None:
    """Lossless converters: W . x of the weights that the moved, stuck cells make."""
    rule = BOTH | {"mitigation.spare_columns": 2, "mapping.rows": rows, "mapping.subtract": subtract}
    hardware = chip(SMALL, rule, {"device.on_off_ratio": 1e12})
    network = tiny_network()
    layer, cells = program(map_network(network, hardware), "conv1"), cells_on(hardware, "conv1")[1]
    x = tiny_images(3).astype(np.int32)
    weights = held(cells, hardware).reshape(18, 6, -1) @ cells.columns.coefficient
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    taps = [padded[:, :, i : i + 6, j : j + 6] for i in range(3) for j in range(3)]
    inputs = np.stack(taps, axis=2).reshape(3, 18, 36)
    expected = np.einsum("ro,nrp->nop", weights, inputs).reshape(3, 6, 6, 6)
    for engine in ("auto", "reference"):
        assert (layer.multiply(x, engine=engine)[0] == expected).all()  # type: ignore[arg-type]


def test_gated_rows_are_read_where_they_lie() -> None:
    hardware = chip(PERMUTE, SMALL, {"wires.topology": "gated_1t1r"})
    _, cells = cells_on(hardware, "conv1")
    layer = program(map_network(tiny_network(), hardware), "conv1")
    assert (layer.rows.order == np.concatenate(cells.row_blocks)).all()
    assert (np.diff(layer.rows.order) < 0).any()
    short = load_hardware(hardware, {"wires.bit_ohm": 0.0})
    plain = load_hardware(hardware, {"wires.topology": "none", "wires.bit_ohm": 1.0})
    x = tiny_images(3).astype(np.int32)
    sums = [program(map_network(tiny_network(), made), "conv1").multiply(x)[0] for made in (short, plain)]
    assert (sums[0] == sums[1]).all()


def test_a_spare_column_has_the_converter_of_its_place() -> None:
    hardware = chip(SMALL, SPARES, {"crossbar.mux": 4})  # 12 columns for weights, 3 spares, a dummy
    plan = map_network(tiny_network(), hardware).layers["fc"]  # 18 columns: two crossbars along the columns
    spare = np.full((plan.row_blocks, 1, 2, 3), -1)
    spare[1, 0, 0] = [-1, 5, -1]
    default, moved = converter_numbers(plan, hardware), converter_numbers(plan, hardware, spare)
    differs = np.argwhere(default != moved)
    assert differs.tolist() == [[1, 5, 0]]  # row block 1, column 5 of output 0
    # row blocks are innermost: crossbar 1, with 4 ADCs; its second ADC, and its last one
    assert (default[1, 5, 0], moved[1, 5, 0]) == (1 * 4 + 1, 1 * 4 + 3)


def test_accuracy_comes_back() -> None:
    network, search = load_network("digits-w4"), load_dataset("digits", "search").head(100)
    rules: list[dict[str, Any]] = [{}, PERMUTE, SPARES, BOTH]
    faults = {"device.stuck_on_rate": 0.015, "device.stuck_off_rate": 0.015}
    plain, permuted, spared, both = (
        simulate(network, chip(faults, rule), search, chips=3).correct.mean() for rule in rules
    )
    assert plain + 0.05 < permuted < both
    assert plain + 0.05 < spared < both


def test_keys_tell_rules_and_geometries_apart() -> None:
    def key(*rules: dict[str, Any]) -> str:
        return accuracy_key(tiny_network(), chip(*rules), data="digits", split="report", samples=5, chips=1, seed=0)

    wider = {"crossbar.cols": 100}
    assert key() == key(wider)
    assert len({key(), key(PERMUTE), key(SPARES), key(BOTH), key(SPARES, wider)}) == 5
    ideal = {"device.ideal": True}
    assert key(ideal) == key(ideal, BOTH)


# ---------------------------------------------------------------------------------------------------------- cost


def node(layer: str, name: str, *rules: dict[str, Any]) -> CostNode:
    return cost(tiny_network(), chip(SMALL, *rules)).tree.child(layer).child(name)


def test_a_permutation_network_before_every_row_block() -> None:
    """conv1: 18 rows in three blocks of up to 8: three networks of 5 columns of 4 switches."""
    law, found = load_technology(32)["digital"], node("conv1", "row_permutation", PERMUTE)
    selector, held_bit = 6 / 28 * law["adder_area"], law["register_area"]
    assert found.area_um2 == pytest.approx(3 * 5 * 4 * (2 * selector + held_bit))
    assert found.critical_ns == 0 < found.busy_ns
    assert found.grade == "assumed"
    busier = cost(tiny_network(), chip(SMALL, PERMUTE), activity=0.9).tree.child("conv1").child("row_permutation")
    assert busier.energy_pj > found.energy_pj
    plain, permuted = (cost(tiny_network(), chip(SMALL, rule)).tree for rule in ({}, PERMUTE))
    assert permuted.area_um2 > plain.area_um2
    assert permuted.energy_pj > plain.energy_pj


def test_spares_take_columns_registers_and_selectors() -> None:
    """A crossbar of 16 columns has 15 for weights, or 12 beside three spares."""
    hardware = chip(SMALL, SPARES)
    plan = map_network(tiny_network(), hardware).layers["conv1"]  # 48 columns
    assert hardware.weight_columns == 12
    assert plan.col_blocks == 4
    law, found = load_technology(32)["digital"], node("conv1", "spare_columns", SPARES)
    per_crossbar = 3 * (4 * law["adder_area"] + 5 * law["register_area"])
    selectors = plan.adcs * 8 * 6 / 28 * law["adder_area"]
    assert found.area_um2 == pytest.approx(plan.crossbars * per_crossbar + selectors)
    assert found.critical_ns == 0 < found.energy_pj
    assert found.grade == "assumed"
    more = map_network(tiny_network(), chip(SMALL, {"mitigation.spare_columns": 8})).layers["conv1"]
    assert more.col_blocks == 7


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (PERMUTE | {"device.stuck_on_rate": 0, "device.stuck_off_rate": 0}, "permute_rows: needs stuck cells"),
        (SPARES | {"device.stuck_on_rate": 0, "device.stuck_off_rate": 0}, "spare_columns: needs stuck cells"),
        (SPARES | {"mapping.subtract": "analog"}, "spare_columns = 3: must be even"),
        (SPARES | {"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum"}, "joins the columns of all kernel"),
        (
            SPARES | {"wires.topology": "passive", "wires.inactive_rows": "floating"},
            "is not modeled with wires.inactive_rows = 'floating'",
        ),
        (
            SPARES
            | {"wires.topology": "passive", "wires.read_noise": "adjoint"}
            | {"device.read.noise": "white", "device.read.sigma": 0.01},
            "is not modeled with wires.read_noise = 'adjoint'",
        ),
        (
            PERMUTE | {"mapping.rows": "spikeflow", "wires.topology": "gated_1t1r"},
            "permute_rows: is not modeled with mapping.rows = 'spikeflow'",
        ),
        (SPARES | {"crossbar.cols": 4, "crossbar.mux": 4}, "leaves no column for weights"),
    ],
)
def test_what_cannot_apply_is_refused(overrides: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_hardware("rram_32nm", overrides)
