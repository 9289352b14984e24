"""Mapping laws: each weight sits in exactly one place, and the mapped product is the plain one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import conv, lif, random_weights, tiny_network
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.errors import MappingError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import SignMapping, load_hardware
from spikesim_py.mapping import Mapping, encode, map_network, place_tiles
from spikesim_py.network import Network, build, load_network
from spikesim_py.network.executor import exact_product
from spikesim_py.noc import traffic

SCHEMES = ["differential", "offset", "offset_negative", "twos_complement"]


@given(
    signs=st.sampled_from(SCHEMES),
    bits=st.integers(1, 8),
    cell_bits=st.integers(1, 4),
    seed=st.integers(0, 2**20),
)
def test_cell_codes_reproduce_the_integer_product(signs: str, bits: int, cell_bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = random_weights(rng, (7, 11), bits).astype(np.int64)
    x = rng.integers(0, 9, 11)
    codes = encode(SignMapping(signs), weight, bits, cell_bits)
    assert codes.levels.max() < 2**cell_bits
    seen = np.tensordot(codes.columns.coefficient, codes.levels.astype(np.int64) @ x, axes=1)
    mask = np.ones_like(weight, dtype=bool) if codes.mask is None else codes.mask
    assert np.array_equal(seen - codes.offset * (mask @ x), weight @ x)


def test_spikesim_four_bit_weights_take_one_four_bit_cell() -> None:
    weight = np.array([[-8, -3, 0, 7]])
    codes = encode(SignMapping.OFFSET_NEGATIVE, weight, 4, 4)
    assert codes.columns.count == 1
    assert codes.offset == 8  # 2^p with p = ceil(log2 8) = 3
    assert codes.levels[0].tolist() == [[0, 5, 0, 7]]


def one_layer(rows: int, columns: int, taps: int, bits: int, groups: int = 1) -> Network:
    rng = np.random.default_rng(rows * columns)
    nodes: list[Any] = [
        conv("c", "input", rows * groups, columns * groups, taps, weight_bits=bits, groups=groups),
        lif("l", "c"),
        {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
    ]
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": 1,
        "input": {"shape": (rows * groups, taps, taps), "bits": 1},
        "nodes": nodes,
    }
    weight = random_weights(rng, (columns * groups, rows, taps, taps), bits)
    return build(description, {"c.weight": weight, "l.theta": np.array([3])})


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 12),
    taps=st.sampled_from([1, 3]),
    bits=st.sampled_from([1, 3, 4]),
    groups=st.sampled_from([1, 2]),
    xbar=st.sampled_from([(8, 8), (16, 32), (33, 9)]),
    scheme=st.sampled_from([*SCHEMES, "interleaved"]),
    rule=st.sampled_from([("unrolled", "adc_per_crossbar"), ("spikeflow", "adc_per_crossbar")]),
    ideal=st.booleans(),
)
def test_plan_and_cells_agree_and_no_two_cells_share_a_place(
    rows: int, columns: int, taps: int, bits: int, groups: int, xbar: Any, scheme: str, rule: Any, ideal: bool
) -> None:
    lines = 2 if scheme == "interleaved" else 1
    signs = {"mapping.subtract": scheme} if lines == 2 else {"mapping.signs": scheme}
    height = xbar[0] + xbar[0] % lines
    chip = load_hardware(
        "rram_32nm",
        {
            "crossbar.rows": height,
            "crossbar.cols": xbar[1],
            "mapping.rows": rule[0],
            "mapping.tap_sum": rule[1],
            "device.ideal": ideal,
        }
        | signs,
    )
    mapping = map_network(one_layer(rows, columns, taps, bits, groups), chip)
    plan, cells = mapping.layers["c"], mapping.cells("c")
    weights = cells.levels.shape[2]
    assert cells.levels.shape == (groups, plan.rows, plan.columns * lines)
    assert len(cells.row_blocks) == plan.row_blocks
    assert max(len(block) for block in cells.row_blocks) == plan.max_rows <= height // lines
    covered = np.sort(np.concatenate(cells.row_blocks))
    assert np.array_equal(covered, np.arange(plan.rows))
    places = {
        cells.place(group, row, column)
        for group in range(groups)
        for row in range(0, plan.rows, 5)
        for column in range(weights)
    }
    assert len(places) == groups * len(range(0, plan.rows, 5)) * weights
    for crossbar, row, column in places:
        assert 0 <= crossbar < plan.crossbars
        assert 0 <= row < height
        assert 0 <= column < xbar[1] - chip.dummy_columns
    assert plan.utilization == pytest.approx(cells.levels.size / (plan.crossbars * height * xbar[1]))


@pytest.mark.parametrize("tap_sum", ["adc_per_crossbar", "adc_shared_serial", "analog_sum"])
def test_tap_sums_move_conversions_not_cells(tap_sum: str) -> None:
    network = one_layer(20, 4, 3, 4)
    chip = load_hardware("rram_32nm", {"crossbar.rows": 8, "mapping.rows": "spikeflow", "mapping.tap_sum": tap_sum})
    plan = map_network(network, chip).layers["c"]
    assert plan.row_blocks == 9 * 3
    expected = {"adc_per_crossbar": (27, 8, 8), "adc_shared_serial": (27, 8, 72), "analog_sum": (3, 72, 8)}
    assert (plan.conversion_blocks, plan.max_rows, plan.serial_conversions) == expected[tap_sum]
    blocks = map_network(network, chip).cells("c").conversion_blocks
    assert np.array_equal(np.sort(np.concatenate(blocks)), np.arange(180))
    assert len(blocks) == plan.conversion_blocks


def test_conversions_of_a_layer_by_hand() -> None:
    plan = map_network(tiny_network(), load_hardware("rram_32nm", {"crossbar.rows": 8})).layers["conv2"]
    # 2 groups of 27 rows -> 4 blocks; 4 outputs x 2 signs x 4 slices (weights reach -8); 3x3 positions,
    # 3 planes (sum pool of 4 spikes), 3 time-steps
    assert (plan.row_blocks, plan.columns_per_output, plan.input_bits, plan.steps) == (4, 8, 3, 3)
    assert plan.conversions == 4 * 8 * 4 * 9 * 3 * 3


def test_a_directly_coded_first_layer_is_read_once(tiny: Network) -> None:
    mapping = map_network(tiny, load_hardware("rram_32nm"))
    assert [plan.steps for plan in mapping.layers.values()] == [1, 3, 3]


def test_tiles_serve_one_layer_and_have_places_of_their_own() -> None:
    mapping = map_network(load_network("vgg9-cifar10"), load_hardware("rram_32nm"))
    starts = [plan.first_tile for plan in mapping.layers.values()]
    sizes = [plan.tiles for plan in mapping.layers.values()]
    assert starts == np.concatenate([[0], np.cumsum(sizes)[:-1]]).tolist()
    assert len(set(mapping.mesh.places)) == mapping.tiles == sum(sizes)


@given(tiles=st.integers(1, 300), rule=st.sampled_from(["row_major", "snake"]))
def test_meshes_are_near_square_and_snakes_have_unit_steps(tiles: int, rule: str) -> None:
    mesh = place_tiles(tiles, rule)
    assert mesh.width * (mesh.height - 1) < tiles <= mesh.width * mesh.height
    assert mesh.width - mesh.height in (0, 1)
    if rule == "snake":
        assert all(mesh.hops(i, i + 1) == 1 for i in range(tiles - 1))


def test_vgg9_on_spikesim_has_its_48_pes_for_the_convolutions() -> None:
    mapping: Mapping = map_network(load_network("vgg9-cifar10"), load_hardware("spikesim_released"))
    convs = [plan for name, plan in mapping.layers.items() if name.startswith("conv")]
    assert sum(plan.pes for plan in convs) == 48


def test_float_networks_and_signed_inputs_are_refused_with_the_way_out(tiny: Network) -> None:
    chip = load_hardware("rram_32nm")
    description = tiny.model.model_dump(mode="python")
    floats = {name: array.astype(np.float32) for name, array in tiny.arrays.items()}
    halves = [node | ({"leak": {"multiplier": 0.5}} if node["op"] == "lif" else {}) for node in description["nodes"]]
    with pytest.raises(MappingError, match=r"use spikesim_py\.network\.quantize"):
        map_network(build(description | {"arithmetic": "float", "nodes": halves}, floats), chip)
    nodes = [node for node in description["nodes"] if node["name"] != "lif1"]
    nodes[1] = nodes[1] | {"inputs": ["conv1"]}
    arrays = {name: array for name, array in tiny.arrays.items() if name != "lif1.theta"}
    with pytest.raises(MappingError, match="'pool1', which carries signed values"):
        map_network(build(description | {"nodes": nodes}, arrays), chip)


def test_exact_product_is_the_plain_matrix_product() -> None:
    network = one_layer(5, 3, 3, 4, groups=2)
    import torch

    x = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (4, 1, 10, 3, 3)).astype(np.int32))
    out = exact_product(network)(network.layers[0], x)
    centre = out[:, 0, :, 1, 1].numpy().reshape(4, 2, 3)
    weight = network.weight("c").reshape(2, 3, -1).astype(np.int64)
    expected = np.einsum("gor,ngr->ngo", weight, x.numpy().reshape(4, 2, -1))
    assert np.array_equal(centre, expected)


@pytest.mark.parametrize("cols", [2, 3, 16, 17, 128])
def test_a_pair_that_is_subtracted_before_the_adc_shares_a_crossbar(cols: int) -> None:
    chip = load_hardware("rram_32nm", {"mapping.subtract": "analog", "crossbar.cols": cols, "crossbar.mux": 1})
    mapping = map_network(one_layer(20, 5, 3, 4), chip)
    plan, cells = mapping.layers["c"], mapping.cells("c")
    for positive in range(0, plan.columns, 2):
        first, second = cells.place(0, 0, positive), cells.place(0, 0, positive + 1)
        assert first[0] == second[0]
        assert second[2] == first[2] + 1 < cols
    digital = map_network(one_layer(20, 5, 3, 4), load_hardware(chip, {"mapping.subtract": "digital"})).layers["c"]
    assert plan.conversions * 2 == digital.conversions
    assert plan.adcs == plan.crossbars * (cols // 2)


@pytest.mark.parametrize("rows", ["unrolled", "spikeflow"])
def test_an_interleaved_pair_shares_a_bit_line_between_two_word_lines(rows: str) -> None:
    fields = {"mapping.subtract": "interleaved", "mapping.rows": rows, "crossbar.rows": 16, "crossbar.cols": 13}
    chip = load_hardware("rram_32nm", fields | {"crossbar.mux": 4})
    network = one_layer(20, 5, 3, 4)
    mapping = map_network(network, chip)
    plan, cells = mapping.layers["c"], mapping.cells("c")
    assert (chip.word_lines, chip.input_rows, chip.dummy_columns, chip.weight_columns) == (2, 8, 0, 13)
    for index, matrix_row in enumerate(cells.row_blocks[0]):
        for positive in range(0, cells.levels.shape[2], 2):
            first, second = (cells.place(0, int(matrix_row), column) for column in (positive, positive + 1))
            assert (first[0], first[2]) == (second[0], second[2])
            assert (first[1], second[1]) == (2 * index, 2 * index + 1)
    # against two columns per pair: the same cuts of the inputs take twice the rows and half the columns
    analog = load_hardware(chip, {"mapping.subtract": "analog", "crossbar.rows": 8})
    other = map_network(network, analog).layers["c"]
    assert (plan.max_rows, plan.row_blocks, plan.conversions) == (other.max_rows, other.row_blocks, other.conversions)
    assert (plan.columns_per_output * 2, plan.columns * 2) == (other.columns_per_output, other.columns)
    assert plan.col_blocks == -(-5 * 4 // 13) == 2
    assert other.col_blocks == -(-5 * 8 // 12) == 4
    assert (plan.adcs, other.adcs) == (plan.crossbars * 4, other.crossbars * 2)  # 13 columns, or 6 pairs, by 4


@pytest.mark.parametrize("tap_sum", ["adc_shared_serial", "analog_sum"])
def test_crossbars_that_share_adcs_share_a_tile(tap_sum: str) -> None:
    fields = {"mapping.rows": "spikeflow", "mapping.tap_sum": tap_sum, "crossbar.rows": 8, "crossbar.cols": 16}
    chip = load_hardware("rram_32nm", fields | {"pe.crossbars": 5, "tile.pes": 4})
    mapping = map_network(one_layer(20, 12, 3, 4), chip)
    plan, cells = mapping.layers["c"], mapping.cells("c")
    per_tile = 20 // 9 * 9
    for block in range(plan.row_blocks // 9):  # channel blocks
        for column in (0, plan.columns - 1):
            rows = [cells.row_blocks[tap * (plan.row_blocks // 9) + block][0] for tap in range(9)]
            tiles = {cells.place(0, int(row), column)[0] // per_tile for row in rows}
            assert len(tiles) == 1
    assert plan.tiles * per_tile >= plan.crossbars
    with pytest.raises(MappingError, match="joins the crossbars of 9 kernel positions; a tile of 2 x 4"):
        map_network(one_layer(20, 12, 3, 4), load_hardware(chip, {"pe.crossbars": 4, "tile.pes": 2}))


def test_a_chip_of_any_number_of_tiles_has_a_cost_and_too_many_have_no_traffic_tile_by_tile() -> None:
    tiny = {"crossbar.rows": 16, "crossbar.cols": 16, "pe.crossbars": 1, "tile.pes": 1}
    report = cost("vgg16-cifar10", "rram_32nm", overrides=tiny)
    assert report.cost.tiles > 100_000
    mapping = map_network(load_network("vgg16-cifar10"), load_hardware("rram_32nm", tiny))
    with pytest.raises(MappingError, match=r"takes \d+ tiles on chip 'rram_32nm': the NoC model takes at most 2048"):
        traffic(mapping, report.activity)
