"""Laws of the parametric library: sums, monotony, schedules, hand calculations; every hardware field counts."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost import CostNode, CostResult
from spikesim_py.cost.parametric import parametric_cost
from spikesim_py.cost.parts import Counts, Part, Staged
from spikesim_py.cost.schedule import critical_stage, schedule
from spikesim_py.cost.technology import load_technology
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, load_network
from spikesim_py.noc import flows, idle_share

VGG9 = load_network("vgg9-cifar10")
SPREAD = {"crossbar.rows": 8, "crossbar.cols": 16, "pe.crossbars": 2, "tile.pes": 2}


def records(network: Network, **fields: Any) -> Activity:
    names = [node.name for node in network.layers]
    return Activity({name: LayerActivity(**{"rate": 0.2, **fields}) for name in names}, "measured", 10)


def run(
    network: Network, overrides: dict[str, Any] | None = None, chip: str = "rram_32nm", **fields: Any
) -> CostResult:
    return parametric_cost(map_network(network, load_hardware(chip, overrides)), records(network, **fields))


def energies(result: CostResult) -> dict[str, float]:
    return {name: node.energy_pj for name, node in result.tree.components().items()}


chips = st.fixed_dictionaries(
    {},
    optional={
        "technology.node_nm": st.sampled_from([65, 45, 32, 22]),
        "technology.clock_mhz": st.sampled_from([100.0, 1000.0]),
        "crossbar.rows": st.sampled_from([8, 32, 128]),
        "crossbar.cols": st.sampled_from([16, 64, 128]),
        "crossbar.mux": st.sampled_from([1, 2, 8]),
        "crossbar.event_driven": st.booleans(),
        "adc.kind": st.sampled_from(["sar", "flash"]),
        "adc.bits": st.integers(1, 10),
        "mapping.rows": st.sampled_from(["spikeflow", "unrolled"]),
        "mapping.signs": st.sampled_from(["differential", "offset", "offset_negative", "twos_complement"]),
        "mapping.baseline": st.sampled_from(["none", "dummy_column", "digital_count"]),
        "pe.crossbars": st.integers(1, 16),
        "tile.pes": st.integers(1, 8),
        "tile.neuron_lanes": st.sampled_from([1, 8]),
        "noc.flit_bits": st.sampled_from([32, 64, 128]),
        "noc.encoding": st.sampled_from(["bitmap", "aer"]),
        "schedule.pipeline": st.sampled_from(["none", "layer", "time_step"]),
        "device.r_on_ohm": st.sampled_from([6e3, 1e5]),
    },
)


@settings(max_examples=60)
@given(overrides=chips, chip=st.sampled_from(["rram_32nm", "sram_32nm"]), rate=st.floats(0, 1))
def test_a_parent_is_the_sum_of_its_children(overrides: dict[str, Any], chip: str, rate: float) -> None:
    result = run(tiny_network(), overrides, chip, rate=rate)
    for _, node in result.tree.walk():
        assert min(node.energy_pj, node.area_um2, node.critical_ns) >= 0
        assert node.busy_ns >= node.critical_ns * (1 - 1e-12)
        assert bool(node.children) != bool(node.source)
        if node.children:
            for quantity in ("energy_pj", "area_um2", "critical_ns", "busy_ns"):
                total = sum(getattr(child, quantity) for child in node.children)
                assert getattr(node, quantity) == pytest.approx(total, rel=1e-12)
    assert 0 < result.interval_ns <= result.tree.critical_ns * (1 + 1e-12)


@settings(max_examples=60)
@given(overrides=chips, chip=st.sampled_from(["rram_32nm", "sram_32nm"]), rate=st.floats(0, 1))
def test_halving_activity_saves_energy_and_leaves_area(overrides: dict[str, Any], chip: str, rate: float) -> None:
    full, half = (run(tiny_network(), overrides, chip, rate=value) for value in (rate, rate / 2))
    assert half.tree.energy_pj <= full.tree.energy_pj * (1 + 1e-12)
    assert half.tree.area_um2 == full.tree.area_um2
    assert half.tree.critical_ns <= full.tree.critical_ns * (1 + 1e-12)


@settings(max_examples=40)
@given(overrides=chips, chip=st.sampled_from(["rram_32nm", "sram_32nm"]), bits=st.integers(1, 11))
def test_more_adc_bits_never_save(overrides: dict[str, Any], chip: str, bits: int) -> None:
    fewer, more = (run(tiny_network(), {**overrides, "adc.bits": n}, chip) for n in (bits, bits + 1))
    assert more.tree.energy_pj > fewer.tree.energy_pj
    assert more.tree.area_um2 > fewer.tree.area_um2
    assert more.tree.critical_ns >= fewer.tree.critical_ns  # equal where a slow clock hides the converter


@pytest.mark.parametrize("overrides", [{}, SPREAD, {"noc.encoding": "aer"}])
def test_energy_and_delay_are_affine_in_time_steps(overrides: dict[str, Any]) -> None:
    """At fixed activity and without pipelining; the input and a first layer computed once are the constant.

    Leakage is power x latency and latency is affine. The readout's width grows with log T: equal here.
    """
    results = [run(tiny_network(steps=steps), overrides) for steps in (5, 6, 7)]
    for quantity in ("critical_ns", "energy_pj"):
        low, middle, high = (getattr(result.tree, quantity) for result in results)
        assert high - middle == pytest.approx(middle - low, rel=1e-9)
        assert middle > low
    assert results[0].tree.area_um2 == results[2].tree.area_um2


def test_without_spikes_only_the_idle_floor_remains() -> None:
    quiet, busy = run(VGG9, rate=0.0), run(VGG9, rate=0.3)
    assert energies(quiet)["dummy_column"] == 0
    # what is left of the crossbar is the bit lines' swing; drivers and converters are clocked all the same
    hardware, tech = load_hardware("rram_32nm"), load_technology(32)
    mapping = map_network(VGG9, hardware)
    bit_fj = 128 * tech["cell_rram"]["bit_line"] * 0.2**2
    columns = sum(p.reads * p.groups * p.columns * p.row_blocks for p in mapping.layers.values())
    assert energies(quiet)["crossbar"] == pytest.approx(columns * bit_fj * 1e-3, rel=1e-9)
    assert energies(quiet)["adc"] == energies(busy)["adc"]
    assert quiet.tree.energy_pj < 0.7 * busy.tree.energy_pj


def test_an_event_driven_chip_without_spikes_reads_nothing() -> None:
    result = run(VGG9, {"crossbar.event_driven": True}, rate=0.0, idle_reads=1.0)
    floor = energies(result)
    leakage_only = run(VGG9, {"crossbar.event_driven": True}, rate=0.0)  # (1 - 0)^rows = 1
    for name in ("crossbar", "row_driver", "adc", "shift_add", "column_mux"):
        assert floor[name] == pytest.approx(leakage_only.tree.components()[name].energy_pj)
    assert floor["adc"] == floor["crossbar"] == 0  # SAR converters and RRAM cells do not leak
    assert 0 < floor["row_driver"] < 0.03 * energies(run(VGG9, rate=0.0))["row_driver"]  # leakage


def test_idle_share_of_independent_rows() -> None:
    hardware = load_hardware("rram_32nm")
    plan = map_network(VGG9, hardware).layers["conv2"]  # 576 rows: four blocks of 128 and one of 64
    expected = (4 * 0.99**128 + 0.99**64) / 5
    assert idle_share(plan, hardware, LayerActivity(rate=0.01)) == pytest.approx(expected)
    assert idle_share(plan, hardware, LayerActivity(rate=0.01, idle_reads=0.4)) == 0.4
    spikeflow = load_hardware("rram_32nm", {"mapping.rows": "spikeflow"})
    plan = map_network(VGG9, spikeflow).layers["conv2"]
    assert idle_share(plan, spikeflow, LayerActivity(rate=0.01)) == pytest.approx(0.99**64)


def linear(steps: int = 2, bits: int = 1) -> Network:
    """64 inputs of `bits` bits to 10 outputs, 3-bit weights (differential: 2 slices x 2 signs = 4 columns)."""
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 64, "out_features": 10, "weight_bits": 3},
        {"op": "lif", "name": "lif", "inputs": ["fc"], "membrane_bits": 8},
        {"op": "readout", "name": "out", "inputs": ["lif"], "mode": "spike_count"},
    ]
    spec = {"shape": (64, 1, 1), "bits": bits, "coding": "events", "encoder": "every_step"}
    return build({"name": "n", "arithmetic": "shape", "time_steps": steps, "input": spec, "nodes": nodes}, {}, "n")


def test_a_crossbar_read_by_hand() -> None:
    """One 128 x 128 crossbar, 64 of its rows driven, 40 of its columns converted, 2 reads, mux 8, 5-bit SAR.

    The same physics from the closed forms published for NeuroSim V1.3 at 32 nm, not from our laws.
    """
    fields = {"rate": 0.25, "background": 0.5}
    result = run(linear(), {"device.read_volt": 0.5, "mapping.baseline": "none"}, **fields)
    layer, reads = result.tree.child("fc"), 2
    assert result.crossbars == 1
    # converter: (1.1294 b + 8.8998) uW for 6 ns
    assert layer.child("adc").energy_pj == pytest.approx(reads * 40 * (1.1294 * 5 + 8.8998) * 6e-3, rel=0.015)
    assert layer.child("adc").area_um2 == pytest.approx(16 * (64.5 + 39.66 * 5), rel=1e-3)
    # column current: the SAR's power over 0.3 of V^2 G; cells half on at 6 kOhm, ratio 17
    siemens = 0.5 * (1 / 6e3) * (1 + 1 / 17)
    current = reads * 16 * 40 * 0.079449 / 0.25 * 0.25 * siemens * 6e-9 * 1e12  # 16 active rows; 0.079449 W ohm
    lines = reads * 8 * 16 * 86.414 * 0.9**2 * 1e-3  # C_row = 86.414 fF, Vdd 0.9 V
    bit_lines = reads * 40 * 128 * 4 * 0.032 * 0.2 * 0.5**2 * 1e-3
    assert layer.child("crossbar").energy_pj == pytest.approx(current + lines + bit_lines, rel=0.02)
    # row drivers: 9.54 fJ per row and phase, 3.75 more per active row, and 31 nW of leakage
    drivers = reads * 8 * (128 * 9.54 + 16 * 3.75) * 1e-3 + 0.03085 * result.tree.critical_ns * 1e-3
    assert layer.child("row_driver").energy_pj == pytest.approx(drivers, rel=0.005)
    # shift-add: 53.2 fJ per conversion with 4 columns, 5 bits
    assert layer.child("shift_add").energy_pj == pytest.approx(reads * 40 * 53.2e-3, rel=0.02)
    assert layer.child("column_mux").critical_ns == pytest.approx(reads * 8 * 1.4 * 0.5065, rel=0.03)


def test_one_read_takes_neurosims_time() -> None:
    """The full plane of a 128 x 128 array at mux 8, 5 bits: 75.78 ns with both shift-adds, 9.16 ns per phase."""
    layer = run(linear(bits=2), {"device.read_volt": 0.5}).tree.child("fc")
    read = sum(layer.child(name).critical_ns for name in ("crossbar", "adc", "column_mux"))
    assert read / (2 * 2 * 8) == pytest.approx(9.16, rel=0.005)
    exposed = layer.child("shift_add").critical_ns + layer.child("input_shift_add").critical_ns
    assert exposed / 2 == pytest.approx(1.0263 + 1.4671, rel=0.005)


def test_one_bit_inputs_need_no_input_shift_add() -> None:
    def names(node: CostNode) -> set[str]:
        return {child.name for child in node.children}

    assert "input_shift_add" not in names(run(linear(bits=1)).tree.child("fc"))
    assert "input_shift_add" in names(run(linear(bits=4)).tree.child("fc"))


def test_the_mean_level_of_active_cells_sets_the_current() -> None:
    low, assumed, high = (energies(run(VGG9, background=level))["crossbar"] for level in (0.1, None, 0.9))
    assert low < assumed < high
    assert any("mean level assumed" in note for note in run(VGG9).notes)
    assert not any("mean level assumed" in note for note in run(VGG9, background=0.3).notes)


def staged(stages: list[tuple[float, float]], steps: int) -> list[Staged]:
    """Layers with (once, per-step) times."""
    parts = [(Part("p", "assumed", "test", once_ns=once, step_ns=step),) for once, step in stages]
    return [Staged(f"l{i}", part, Counts(steps, steps)) for i, part in enumerate(parts)]


@given(stages=st.lists(st.tuples(st.floats(0, 9), st.floats(0.1, 9)), min_size=1, max_size=6), steps=st.integers(1, 9))
def test_latency_and_interval_of_the_three_pipelines(stages: list[tuple[float, float]], steps: int) -> None:
    layers = staged(stages, steps)
    totals = [once + steps * step for once, step in stages]
    none, layer, stepped = (schedule(layers, name) for name in ("none", "layer", "time_step"))
    assert none.latency_ns == none.interval_ns == pytest.approx(sum(totals))
    assert layer.latency_ns == pytest.approx(sum(totals))
    assert layer.interval_ns == pytest.approx(max(totals))
    fill = sum(once + step for once, step in stages)
    assert stepped.latency_ns == pytest.approx(fill + (steps - 1) * max(step for _, step in stages))
    assert stepped.interval_ns == pytest.approx(max(totals))
    assert critical_stage(layers) == f"l{int(np.argmax([part.total_ns for part in layers]))}"


def test_time_step_pipeline_on_a_network() -> None:
    """Sum of stages + (T - 1) x the largest; VGG9's first layer reads its crossbars once."""
    plain, stepped = run(VGG9), run(VGG9, {"schedule.pipeline": "time_step"})
    layers = [node for node in plain.tree.children if node.name != "shared"]
    steps, conv1 = VGG9.time_steps, layers[0]
    mapping = map_network(VGG9, load_hardware("rram_32nm"))
    arrives = next(flow for flow in flows(mapping, records(VGG9)) if flow.kind == "input").cycles
    stages = [node.critical_ns / steps for node in layers[1:]]
    stages.append((conv1.child("neuron_unit").critical_ns + conv1.child("noc").critical_ns - arrives) / steps)
    once = conv1.critical_ns - steps * stages[-1]
    expected = once + sum(stages) + (steps - 1) * max(stages)
    assert stepped.tree.critical_ns == pytest.approx(expected, rel=1e-12)
    assert stepped.interval_ns < stepped.tree.critical_ns < plain.tree.critical_ns


def test_a_first_layer_computed_once_costs_once() -> None:
    once = tiny_network()
    model = once.model.model_dump(mode="python")
    model["input"] |= {"encoder": "every_step"}
    every = build(model, once.arrays, "tiny")
    for name in ("adc", "crossbar"):
        a, b = (run(net).tree.child("conv1").child(name) for net in (once, every))
        assert b.critical_ns == pytest.approx(3 * a.critical_ns)
    assert run(every).tree.child("conv1").child("adc").energy_pj == pytest.approx(
        3 * run(once).tree.child("conv1").child("adc").energy_pj
    )
    assert "preactivation_buffer" in energies(run(once))
    assert "preactivation_buffer" not in energies(run(every))


#: field -> (chip, fields before, value after, network)
FLIPS: dict[str, tuple[dict[str, Any], Any]] = {
    "technology.node_nm": ({}, 45),
    "technology.clock_mhz": ({}, 500.0),
    "device.kind": ({}, "sram"),
    "device.cell_bits": ({}, 2),
    "device.r_on_ohm": ({}, 12e3),
    "device.on_off_ratio": ({}, 50.0),
    "device.read_volt": ({}, 0.3),
    "crossbar.rows": ({}, 64),
    "crossbar.cols": ({}, 64),
    "crossbar.mux": ({}, 4),
    "crossbar.event_driven": ({}, True),
    "crossbar.row_gating": ({}, True),
    "adc.zero_skip": ({}, True),
    "mapping.copies": ({}, {"conv2": 2}),
    "schedule.order": ({}, "layer_first"),
    "wires.topology": ({}, "passive"),
    "adc.kind": ({}, "flash"),
    "adc.bits": ({}, 6),
    "mapping.rows": ({}, "spikeflow"),
    "mapping.tap_sum": ({"mapping.rows": "spikeflow"}, "adc_shared_serial"),
    "mapping.signs": ({}, "offset"),
    "mapping.subtract": ({}, "analog"),
    "mapping.baseline": ({}, "digital_count"),
    "pe.crossbars": ({}, 8),
    "tile.pes": ({}, 2),
    "tile.neuron_lanes": ({}, 4),
    "noc.flit_bits": ({}, 128),
    "noc.vcs": ({}, 4),
    "noc.buffer_flits": ({}, 8),
    "noc.pipeline": ({}, "A"),
    "noc.encoding": ({}, "aer"),
    "noc.placement": ({}, "row_major"),
    "noc.packet_flits": ({}, 4),
    "noc.cast": ({"noc.packet_flits": 3}, "tree"),
    "noc.router_leakage_mw": ({}, 0.41),
    "noc.fidelity": ({}, "cycle"),
    "schedule.pipeline": ({}, "layer"),
    "cost.adc_anchor": ({}, "zigzag_imc"),
    "cost.assumed_activity": ({}, 0.3),
}
OTHERS = [
    ("mapping.tap_sum", {"mapping.rows": "spikeflow"}, "analog_sum"),
    ("mapping.signs", {}, "offset_negative"),
    ("mapping.signs", {}, "twos_complement"),
    ("mapping.subtract", {}, "interleaved"),
    ("mapping.baseline", {}, "none"),
    ("schedule.pipeline", {}, "time_step"),
]


def numbers(overrides: dict[str, Any]) -> tuple[float, ...]:
    report = cost(VGG9, load_hardware("rram_32nm", overrides))
    return report.energy_pj, report.area_um2, report.latency_ns, report.interval_ns


@pytest.mark.parametrize(
    ("field", "before", "value"), [(k, *v) for k, v in FLIPS.items()] + OTHERS, ids=lambda value: str(value)
)
def test_every_field_changes_energy_area_latency_or_interval(field: str, before: dict[str, Any], value: Any) -> None:
    assert numbers(before) != numbers({**before, field: value})


def test_interleaved_pairs_trade_columns_for_word_lines() -> None:
    """A crossbar turned on its side: the same cells, currents and conversions; twice the rows, half as long."""
    subtract = "mapping.subtract"
    analog = run(VGG9, {subtract: "analog", "crossbar.rows": 64, "crossbar.cols": 128}, background=0.2)
    turned = run(VGG9, {subtract: "interleaved", "crossbar.rows": 128, "crossbar.cols": 64}, background=0.2)
    assert turned.crossbars == analog.crossbars
    assert turned.utilization == pytest.approx(analog.utilization)
    for layer in map_network(VGG9, load_hardware("rram_32nm")).layers:
        one, other = analog.tree.child(layer), turned.tree.child(layer)
        for part in ("crossbar", "adc"):
            assert other.child(part).energy_pj == pytest.approx(one.child(part).energy_pj)
            assert other.child(part).area_um2 == pytest.approx(one.child(part).area_um2)
        assert other.child("row_driver").area_um2 == pytest.approx(2 * one.child("row_driver").area_um2)
        assert other.child("row_driver").energy_pj == pytest.approx(2 * one.child("row_driver").energy_pj, rel=0.02)
        assert other.child("column_driver").area_um2 == pytest.approx(one.child("column_driver").area_um2 / 2)
        assert (one.child("row_driver").grade, other.child("row_driver").grade) == ("simulator-validated", "assumed")


def test_where_the_numbers_must_move() -> None:
    """Directions that physics fixes."""
    base = numbers({})
    assert numbers({"technology.node_nm": 22})[0] < base[0]
    assert numbers({"technology.node_nm": 22})[1] < base[1]
    assert numbers({"crossbar.mux": 4})[1] > base[1]  # more converters
    assert numbers({"crossbar.mux": 4})[2] < base[2]  # in fewer phases
    small = {"crossbar.rows": 16}  # where reads without a spike are frequent enough to pay for their gates
    assert numbers(small | {"crossbar.event_driven": True})[0] < numbers(small)[0]
    assert numbers({"noc.pipeline": "A"})[2] > base[2]
    assert numbers({"tile.neuron_lanes": 16})[2] < base[2]
    assert numbers({"schedule.pipeline": "layer"})[3] < base[3]
    assert numbers({"device.r_on_ohm": 1e5})[0] < base[0]


def test_notes_tell_what_is_extrapolated() -> None:
    def notes(**overrides: Any) -> str:
        return " | ".join(run(VGG9, {k.replace("__", "."): v for k, v in overrides.items()}, background=0.2).notes)

    assert "activity: measured, 10 samples" in notes()
    assert "extrapolated" not in notes()
    assert "adc.bits = 10: extrapolated" in notes(adc__bits=10)
    assert "crossbar.rows = 512: extrapolated" in notes(crossbar__rows=512)
    assert "NoC at 65 nm" in notes(technology__node_nm=65)
    assert "flash ADC at 45 nm: scaled" in notes(technology__node_nm=45, adc__kind="flash")
    assert "independent" in notes(crossbar__event_driven=True)


def test_grades_are_stated_and_most_of_the_energy_is_simulator_validated() -> None:
    tree = run(VGG9, background=0.2).tree
    shares = {grade: tree.share(grade, "energy_pj") for grade in ("simulator-validated", "sourced", "assumed")}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["simulator-validated"] > 0.8
    worse = run(VGG9, {"technology.node_nm": 65}, background=0.2).tree
    assert worse.share("assumed", "energy_pj") > shares["assumed"]


def test_cell_current_is_as_good_as_the_device_and_the_stored_level() -> None:
    """An assumed resistance, or a mean level that nobody measured, makes the crossbar's energy assumed."""

    def grade(chip: str, overrides: dict[str, Any], background: float | None) -> str | None:
        return run(VGG9, overrides, chip, background=background).tree.child("conv3").child("crossbar").grade

    assert grade("rram_32nm", {}, 0.2) == "simulator-validated"
    assert grade("rram_32nm", {}, None) == "assumed"
    assert grade("rram_32nm", {"device.r_on_ohm": 9000.0}, 0.2) == "assumed"
    assert grade("sram_32nm", {}, 0.2) == "assumed"


def test_a_report_takes_less_than_50_ms() -> None:
    chip = load_hardware("rram_32nm")
    for name in ("vgg9-cifar10", "vgg8-cifar10"):
        network = load_network(name)
        cost(network, chip)
        spent = []
        for _ in range(5):
            start = time.process_time()
            cost(network, chip)
            spent.append(time.process_time() - start)
        assert min(spent) < 0.05
