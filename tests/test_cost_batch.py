"""Every design of a batch is its own report: over random chips, networks and activities; and errors name the design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import mixed_network, tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.batch import CostBatch, cost_batch, grid
from spikesim_py.cost import batch as passes
from spikesim_py.cost.batch import ARRAYS, WHOLE
from spikesim_py.errors import ConfigError, InputError, MappingError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import Hardware, hardware_fields, load_hardware
from spikesim_py.network import Network, load_network, split_overrides, with_precision
from spikesim_py.report import Report

TINY, MIXED = tiny_network(), mixed_network()
NETWORKS = [TINY, MIXED, load_network("vgg9-cifar10"), load_network("msresnet18-cifar10")]
QUANTITIES = ["energy_pj", "area_um2", "latency_ns", "interval_ns", "utilization", "edap", "synops_per_joule", "macs"]
QUANTITIES += ["synops", "time_steps", "tops", "tops_throughput", "inferences_per_second_mm2"]
COUNTS = ["crossbars", "pes", "tiles"]
DESIGNS = 4

#: field that may be an array -> values of one design
AXES: dict[str, st.SearchStrategy[Any]] = {
    "technology.clock_mhz": st.floats(1, 5000),
    "device.cell_bits": st.sampled_from([1, 2, 4]),
    "device.r_on_ohm": st.floats(1e3, 1e6),
    "device.on_off_ratio": st.sampled_from([2.0, 17.0, 1e5]),
    "device.read_volt": st.floats(0.05, 1),
    "crossbar.rows": st.sampled_from([8, 32, 100, 128, 256]),
    "crossbar.cols": st.sampled_from([16, 32, 100, 128, 256]),
    "crossbar.mux": st.sampled_from([1, 2, 8, 16]),
    "adc.bits": st.integers(2, 10),
    "pe.crossbars": st.sampled_from([9, 10, 16, 37]),
    "tile.pes": st.sampled_from([1, 2, 5]),
    "tile.neuron_lanes": st.sampled_from([1, 8, 100]),
    "cost.assumed_activity": st.floats(0, 1),
}
MORE_AXES = {"activity": st.floats(0, 1), "mapping.copies.{first}": st.integers(1, 5)}


@st.composite
def chips(draw: st.DrawFn) -> dict[str, Any]:
    """Fields that put designs into groups."""
    made: dict[str, Any] = {
        "technology.node_nm": draw(st.sampled_from([65, 45, 32, 22])),
        "device.kind": draw(st.sampled_from(["rram", "pcm", "sram"])),
        "mapping.rows": draw(st.sampled_from(["spikeflow", "unrolled"])),
        "mapping.signs": draw(st.sampled_from(["differential", "offset", "offset_negative", "twos_complement"])),
        "mapping.baseline": draw(st.sampled_from(["none", "dummy_column", "digital_count"])),
        "adc.kind": draw(st.sampled_from(["sar", "sar", "flash", "ramp"])),
        "schedule.pipeline": draw(st.sampled_from(["none", "layer", "time_step"])),
        "schedule.order": draw(st.sampled_from(["step_first", "layer_first"])),
        "crossbar.event_driven": draw(st.booleans()),
        "crossbar.row_gating": draw(st.booleans()),
        "noc.encoding": draw(st.sampled_from(["bitmap", "aer"])),
        "noc.placement": draw(st.sampled_from(["snake", "row_major"])),
        "noc.flit_bits": draw(st.sampled_from([32, 64, 128])),
        "noc.pipeline": draw(st.sampled_from(["A", "B"])),
    }
    if made["schedule.order"] == "layer_first" and made["schedule.pipeline"] == "time_step":
        made["schedule.pipeline"] = "none"
    if made["adc.kind"] == "sar":
        made["adc.zero_skip"] = draw(st.booleans())
        made["cost.adc_anchor"] = draw(st.sampled_from(["neurosim", "zigzag_imc"]))
    if made["mapping.rows"] == "spikeflow":
        made["mapping.tap_sum"] = draw(st.sampled_from(["adc_per_crossbar", "adc_shared_serial", "analog_sum"]))
    if made["mapping.signs"] == "differential":
        subtract = ["digital", "analog"] if made["device.kind"] == "sram" else ["digital", "analog", "interleaved"]
        made["mapping.subtract"] = draw(st.sampled_from(subtract))
    if made["device.kind"] != "sram":
        made["wires.topology"] = draw(st.sampled_from(["none", "passive", "pseudo_1t1r"]))
    if made["schedule.pipeline"] == "none" and draw(st.booleans()):
        made |= {"chip.max_tiles": draw(st.sampled_from([40, 2000])), "dram.kind": "lpddr4"}
    return made


@st.composite
def batches(draw: st.DrawFn) -> tuple[Network, dict[str, Any], dict[str, list[Any]]]:
    """A network, a chip, and axes over it that no rule between fields forbids."""
    network = draw(st.sampled_from(NETWORKS))
    chip = draw(chips())
    layers = [node.name for node in network.layers]
    if draw(st.booleans()):
        chip["adc.layer_bits"] = {layers[1]: draw(st.integers(2, 6))}
    if draw(st.booleans()):
        chip["mapping.digital_layers"] = [layers[-1]]
    names = draw(st.lists(st.sampled_from([*AXES, *MORE_AXES]), min_size=1, max_size=8, unique=True))
    if "activity" in names and "cost.assumed_activity" in names:
        names.remove("activity")
    if chip["device.kind"] == "sram" and "device.cell_bits" in names:
        names[names.index("device.cell_bits")] = "device.read_volt"
    axes = {
        name.format(first=layers[0]): draw(st.lists((AXES | MORE_AXES)[name], min_size=DESIGNS, max_size=DESIGNS))
        for name in dict.fromkeys(names)
    }
    return network, chip, axes


def report(network: Network, chip: str | Hardware, axes: dict[str, Any], index: int) -> Report:
    """One design of a batch, by itself."""
    own = {name: values[index] for name, values in axes.items()}
    rate = own.pop("activity", None)
    precision, fields = split_overrides(own)
    made = with_precision(network, **precision) if precision else network
    return cost(made, chip, activity=rate, overrides=fields)


def assert_same(batch: CostBatch, index: int, single: Report) -> None:
    """To 1e-12: the same formulas, added up in another order."""
    for name in QUANTITIES:
        assert getattr(batch, name)[index] == pytest.approx(getattr(single, name), rel=1e-12), name
    for name in COUNTS:
        assert getattr(batch, name)[index] == getattr(single.cost, name)
    alone = single.tree.components()
    for name, values in batch.components.items():
        node = alone.get(name)
        own = (node.energy_pj, node.area_um2, node.critical_ns) if node else (0.0, 0.0, 0.0)
        assert values[:, index] == pytest.approx(own, rel=1e-11, abs=1e-12), name
    assert set(alone) <= set(batch.components)


def test_every_field_that_may_be_an_array_is_drawn() -> None:
    assert set(AXES) == set(ARRAYS)
    kinds = {name: field.annotation for name, field in hardware_fields()}
    assert {name for name in ARRAYS if kinds[name] is int} == WHOLE


@settings(max_examples=60)
@given(case=batches())
def test_a_design_of_a_batch_is_its_report(case: tuple[Network, dict[str, Any], dict[str, list[Any]]]) -> None:
    network, fields, axes = case
    try:
        chip = load_hardware("rram_32nm", fields)
        singles = [report(network, chip, axes, index) for index in range(DESIGNS)]
    except InputError:  # a chip that cannot be; who is refused is the next tests' matter
        with pytest.raises(InputError):
            cost_batch(network, load_hardware("rram_32nm", fields), axes)
        return
    batch = cost_batch(network, chip, axes, components=True)
    assert len(batch) == DESIGNS
    for index, single in enumerate(singles):
        assert_same(batch, index, single)


def test_adder_trees_stand_in_a_batch() -> None:
    fields = {"adc.kind": "adder_tree", "adc.bits": 5, "crossbar.mux": 1, "device.mismatch_sigma": 0.0}
    chip = load_hardware("sram_32nm", fields)
    axes: dict[str, Any] = {"crossbar.rows": [32, 64, 128], "activity": [0.1, 0.2, 0.3]}
    batch = cost_batch(MIXED, chip, axes, components=True)
    for index in range(3):
        assert_same(batch, index, report(MIXED, chip, axes, index))


@settings(max_examples=25)
@given(
    values=st.lists(
        st.tuples(
            st.sampled_from([65, 32]),
            st.sampled_from(["differential", "twos_complement"]),
            st.sampled_from(["rram", "sram"]),
            st.booleans(),
            st.sampled_from([64, 128]),
            st.sampled_from([2, 4]),
            st.sampled_from([1, 3]),
            st.sampled_from(["bitmap", "aer"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_enumerations_nodes_and_networks_are_axes_too(values: list[tuple[Any, ...]]) -> None:
    names = ["technology.node_nm", "mapping.signs", "device.kind", "crossbar.event_driven", "crossbar.rows"]
    names += ["network.weight_bits", "network.time_steps", "noc.encoding"]
    axes = {name: list(column) for name, column in zip(names, zip(*values, strict=True), strict=True)}
    batch = cost_batch(MIXED, "rram_32nm", axes, components=True, activity=0.3)
    for index in range(len(values)):
        assert_same(batch, index, report(MIXED, "rram_32nm", axes | {"activity": [0.3] * len(values)}, index))


def test_mappings_and_nothing_may_stand_in_an_axis() -> None:
    axes: dict[str, Any] = {
        "mapping.copies": [{"a": 2}, {}, {"a": 2}],
        "device.cell_area_um2": [None, 0.1, 0.1],
        "mapping.digital_layers": ["fc", "fc", "c"],
    }
    batch = cost_batch(MIXED, "rram_32nm", axes, components=True)
    for index in range(3):
        assert_same(batch, index, report(MIXED, "rram_32nm", axes, index))


@pytest.mark.parametrize(
    ("network", "chip", "axes"),
    [
        ("digits-fp", "rram_32nm", {"technology.clock_mhz": [100.0, 500.0]}),
        ("vgg9-cifar10", "spikesim_released", {"crossbar.rows": [64, 128], "crossbar.cols": [64, 128]}),
    ],
)
def test_other_libraries_stand_in_a_batch_as_they_are(network: str, chip: str, axes: dict[str, list[Any]]) -> None:
    batch = cost_batch(network, chip, axes, components=True)
    for index in range(2):
        assert_same(batch, index, report(load_network(network), chip, axes, index))


def test_order_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, count = np.random.default_rng(0), 50
    axes = {
        "crossbar.rows": rng.choice([32, 64, 128], count),
        "adc.bits": rng.integers(2, 9, count),
        "technology.node_nm": rng.choice([22, 32], count),
        "activity": rng.random(count),
    }
    whole = cost_batch(MIXED, "rram_32nm", axes, components=True)
    order = rng.permutation(count)
    turned = cost_batch(MIXED, "rram_32nm", {name: values[order] for name, values in axes.items()})
    monkeypatch.setattr(passes, "CHUNK", 7)
    pieces = cost_batch(MIXED, "rram_32nm", axes, components=True)
    for name in (*QUANTITIES, *COUNTS):
        assert np.array_equal(getattr(turned, name), getattr(whole, name)[order])
        assert np.array_equal(getattr(pieces, name), getattr(whole, name))
    for name, values in whole.components.items():
        assert np.array_equal(pieces.components[name], values)


def test_a_value_for_all_and_a_grid() -> None:
    one = cost_batch(TINY, "rram_32nm", {"crossbar.rows": [32, 64], "crossbar.cols": 64})
    other = cost_batch(TINY, "rram_32nm", grid({"crossbar.rows": [32, 64], "crossbar.cols": [64]}))
    assert np.array_equal(one.energy_pj, other.energy_pj)
    assert len(grid({"crossbar.rows": [1, 2], "adc.bits": [3, 4, 5]})["adc.bits"]) == 6


# ---------------------------------------------------------------------------------------------- who is refused


@settings(max_examples=60)
@given(
    rows=st.lists(st.sampled_from([7, 8, 63, 64]), min_size=1, max_size=4),
    cols=st.lists(st.sampled_from([2, 3, 5, 16]), min_size=1, max_size=4),
    mux=st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=4),
    bits=st.lists(st.sampled_from([1, 2, 4, 5, 6]), min_size=1, max_size=4),
    pes=st.lists(st.sampled_from([2, 9]), min_size=1, max_size=4),
    fields=st.sampled_from(
        [
            {},
            {"mapping.subtract": "analog"},
            {"mapping.subtract": "interleaved"},
            {"cost.adc_anchor": "mnsim", "adc.bits": 4},
            {"cost.adc_anchor": "survey"},
            {"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum", "tile.pes": 1},
            {"wires.topology": "passive", "wires.unselected_columns": "floating", "mapping.baseline": "none"},
            {"device.stuck_on_rate": 0.1, "mitigation.spare_columns": 2},
        ]
    ),
)
def test_a_batch_refuses_what_a_report_refuses(
    rows: list[int], cols: list[int], mux: list[int], bits: list[int], pes: list[int], fields: dict[str, Any]
) -> None:
    chip = load_hardware("rram_32nm", fields)
    count = min(len(values) for values in (rows, cols, mux, bits, pes))
    axes = {"crossbar.rows": rows, "crossbar.cols": cols, "crossbar.mux": mux, "adc.bits": bits, "pe.crossbars": pes}
    axes = {name: values[:count] for name, values in axes.items()}
    refused = {}
    for index in range(count):
        try:
            report(TINY, chip, axes, index)
        except InputError as error:
            refused[index] = error
    if not refused:
        assert len(cost_batch(TINY, chip, axes)) == count
        return
    with pytest.raises(InputError, match=r"^design \d+ of the batch: ") as caught:
        cost_batch(TINY, chip, axes)
    index = int(str(caught.value).split()[1])
    assert isinstance(caught.value, type(refused[index]))
    assert str(refused[index]).split(": ", 1)[-1] in str(caught.value)


@pytest.mark.parametrize(
    ("axes", "kind", "message"),
    [
        ({"crossbar.rows": [64.5, 32]}, ConfigError, r"crossbar.rows = 64.5: must be a whole number"),
        ({"mapping.copies.a": [1.5, 2]}, ConfigError, r"mapping.copies.a = 1.5: must be a whole number"),
        ({"crossbar.rows": [64, np.nan]}, ConfigError, r"crossbar.rows = nan: must be a finite number"),
        ({"device.r_on_ohm": [1e4, np.inf]}, ConfigError, r"device.r_on_ohm = inf: must be a finite number"),
        ({"crossbar.rows": ["a", "b"]}, ConfigError, r"crossbar.rows = 'a': must be a number"),
        ({"crossbar.rows": [64, None]}, ConfigError, r"crossbar.rows = None: must be a number"),
        ({"crossbar.rows": [True, False]}, ConfigError, r"crossbar.rows = True: must be a number"),
        ({"activity": ["x", 0.2]}, InputError, r"axes.activity = 'x': must be a number"),
        ({"activity": [0.2, 1.2]}, InputError, r"axes.activity = 1.2: must be a number from 0 to 1"),
        ({"activity": [0.2, np.nan]}, InputError, r"axes.activity = nan: must be a finite number"),
        ({"crossbar.rows": [32, 0]}, ConfigError, r"design 1 of the batch: .*crossbar.rows = 0: must be greater"),
        ({"cost.assumed_activity": [0.1, 2]}, ConfigError, r"design 1 of the batch: .*assumed_activity = 2"),
        ({"crossbar.row": [8, 32]}, ConfigError, r"crossbar.row: unknown key; did you mean 'rows'"),
        ({"network.weight_bitz": [8, 32]}, InputError, r"network.weight_bitz: unknown field; did you mean"),
        ({"network.weight_bits": [4, 99]}, InputError, r"design 1 of the batch: .*weight_bits = 99"),
        (
            {"mapping.copies.a": [1, 4, 65]},
            MappingError,
            r"design 2 of the batch: mapping.copies.a = 65: .*from 1 to 64",
        ),
        ({"mapping.copies.nope": [1, 4]}, MappingError, r"design 0 of the batch: mapping.copies.nope: is not a layer"),
        ({"crossbar.rows": []}, InputError, r"crossbar.rows: must be one value per design, not an array of shape"),
        ({"crossbar.rows": [[1, 2], [3, 4]]}, InputError, r"crossbar.rows: must be one value per design"),
        ({"crossbar.rows": [8, 32], "adc.bits": [3, 4, 5]}, InputError, r"one value per design, or one for all"),
        ({}, InputError, r"axes: name at least one field"),
    ],
)
def test_errors_say_what_is_wrong(axes: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        cost_batch(MIXED, "rram_32nm", axes)


def test_activity_is_given_once() -> None:
    with pytest.raises(InputError, match="activity: is given twice"):
        cost_batch(MIXED, "rram_32nm", {"activity": [0.1, 0.2]}, activity=0.1)


def test_a_trained_networks_weights_stay() -> None:
    with pytest.raises(InputError, match=r"^design 1 of the batch: .*weight_bits = 2, was 4"):
        cost_batch(TINY, "rram_32nm", {"network.weight_bits": [4, 2]})


def test_a_digital_layer_has_no_copies() -> None:
    chip = load_hardware("rram_32nm", {"mapping.digital_layers": "first"})
    with pytest.raises(MappingError, match=r"design 1 of the batch: mapping.copies.conv1 = 2: the layer is digital"):
        cost_batch(TINY, chip, {"mapping.copies.conv1": [1, 2]})


def test_a_chip_that_cannot_be_reloaded_is_refused_only_where_it_must_be() -> None:
    """Cells without a stated pulse cannot be reloaded: that matters to designs that take turns, and to no others."""
    fields = {"device.write_energy_pj": None, "device.write_ns": None, "chip.max_tiles": 30, "dram.kind": "lpddr4"}
    chip = load_hardware("rram_32nm", fields)
    fits = cost_batch("vgg9-cifar10", chip, {"tile.pes": [16, 32]})
    assert (fits.tiles <= 30).all()
    with pytest.raises(InputError, match=r"^design 1 of the batch: .*write_energy_pj"):
        cost_batch("vgg9-cifar10", chip, {"tile.pes": [32, 4]})


def test_a_design_of_a_batch_is_plain_values() -> None:
    """So that printing it shows numbers and names, and JSON takes it."""
    axes = grid({"crossbar.rows": [64, 128], "adc.kind": ["sar", "ramp"], "activity": [0.1]})
    batch = cost_batch(TINY, "rram_32nm", axes)
    assert batch.design(3) == {"crossbar.rows": 128, "adc.kind": "ramp", "activity": 0.1}
    assert [type(value) for value in batch.design(3).values()] == [int, str, float]
