"""The released library on networks: golden outputs, the list that a network is, and every defect's switch."""

from __future__ import annotations

import csv
import math
import re
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost import released_layers
from spikesim_py.cost.released import defect_table
from spikesim_py.cost.released_constants import constants
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import Defects, hardware_fields, load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, load_network
from spikesim_py.report import Report


def released(network: Network | str, **overrides: Any) -> Report:
    chip = {key.replace("__", "."): value for key, value in overrides.items()}
    return cost(network, "spikesim_released", overrides=chip)


def vgg9(steps: int) -> Network:
    network = load_network("vgg9-cifar10")
    return build(network.model.model_copy(update={"time_steps": steps}), {})


@pytest.mark.parametrize(
    ("steps", "energy_uj", "latency_ms"),
    [
        (1, "3.181387", "12.566528"),
        (2, "6.362774", "25.133056"),
        (4, "12.725547", "50.266112"),
        (5, "15.906934", "62.832640"),
        (10, "31.813868", "125.665280"),
    ],
)
def test_golden_outputs_over_time_steps(steps: int, energy_uj: str, latency_ms: str) -> None:
    """Runs of the authors' script (tests/reference/README.md)."""
    report = released(vgg9(steps))
    assert f"{report.energy_pj * 1e-6:.6f}" == energy_uj
    assert f"{report.latency_ns * 1e-6:.6f}" == latency_ms
    assert f"{report.area_um2:.6f}" == "8425528.755834"
    assert (report.cost.pes, report.cost.tiles) == (48, 6)


def test_the_default_case_to_the_last_printed_digit() -> None:
    report = released("vgg9-cifar10")
    numbers = (report.energy_pj, report.area_um2, report.latency_ns)
    assert numbers == (15906934.026240002, 8425528.755833998, 62832640.0)
    assert report.edap == pytest.approx(8.4211e-6, rel=1e-5)


def test_sram_takes_its_area_for_its_energy() -> None:
    report = released("vgg9-cifar10", device__kind="sram", device__cell_bits=1)
    assert f"{report.energy_pj * 1e-6:.8f}" == "941.18149607"
    assert f"{report.area_um2 * 1e-6:.9f}" == "8.704114583"


def test_vgg16_has_the_energy_and_area_that_the_script_printed_before_it_stopped() -> None:
    report = released("vgg16-cifar10")
    assert f"{report.energy_pj * 1e-6:.6f}" == "25.716210"
    assert f"{report.area_um2 * 1e-6:.6f}" == "35.113602"
    assert (report.cost.pes, report.cost.tiles) == (400, 50)
    assert any("IndexError" in note for note in report.notes)


def test_shares_of_energy_and_area() -> None:
    tree = released("vgg9-cifar10").tree
    energy = {name: node.energy_pj / tree.energy_pj for name, node in tree.components().items()}
    area = {name: node.area_um2 / tree.area_um2 for name, node in tree.components().items()}
    expected = {"tile_buffer": 0.479, "htree": 0.190, "adc": 0.157, "crossbar": 0.153, "mux": 0.007, "neuron": 0.0062}
    assert all(energy[name] == pytest.approx(share, abs=6e-4) for name, share in expected.items())
    expected = {"htree": 0.309, "input_buffer": 0.306, "neuron_memory": 0.269, "diff": 0.076, "tile_buffer": 0.004}
    assert all(area[name] == pytest.approx(share, abs=6e-4) for name, share in expected.items())


Layers = list[tuple[int, int, bool]]  # (Cin, Cout, pooled)


def conv_stack(layers: Layers, dim: int, kernel: int, steps: int) -> tuple[Network, list[tuple[int, int, int, int]]]:
    """A network of convolutions, and the list (Cin, Cout, in_dim, out_dim) that the script takes."""
    nodes: list[dict[str, Any]] = []
    source, table = "input", []
    for index, (cin, cout, pooled) in enumerate(layers):
        fields = {"op": "conv", "name": f"c{index}", "inputs": [source], "in_channels": cin, "out_channels": cout}
        fields |= {"kernel": (kernel, kernel), "padding": (kernel // 2, kernel // 2), "weight_bits": 4}
        nodes += [fields, {"op": "lif", "name": f"l{index}", "inputs": [f"c{index}"]}]
        source, before = f"l{index}", dim
        if pooled and dim > 1:
            nodes.append({"op": "pool", "name": f"p{index}", "inputs": [source]})
            source, dim = f"p{index}", dim // 2
        table.append((cin, cout, before, dim))
    nodes.append({"op": "readout", "name": "out", "inputs": [source], "mode": "spike_count"})
    spec = {"shape": (layers[0][0], table[0][2], table[0][2]), "bits": 8}
    description = {"name": "stack", "arithmetic": "shape", "time_steps": steps, "input": spec, "nodes": nodes}
    return build(description, {}), table


@given(
    channels=st.lists(st.integers(1, 300), min_size=2, max_size=9),
    pools=st.lists(st.booleans(), min_size=8, max_size=8),
    dim=st.integers(1, 40),
    kernel=st.sampled_from([1, 3, 5]),
    x=st.sampled_from([8, 30, 64, 100, 128, 256]),
    steps=st.integers(1, 9),
    device=st.sampled_from(["rram", "sram"]),
    per_tile=st.integers(1, 20),
    mhz=st.sampled_from([100.0, 250.0, 333.0]),
)
def test_any_network_has_the_numbers_of_its_list(
    channels: list[int],
    pools: list[bool],
    dim: int,
    kernel: int,
    x: int,
    steps: int,
    device: Any,
    per_tile: int,
    mhz: float,
) -> None:
    """`test_cost_released_lists.py` holds lists against the published equations."""
    layers = [(a, b, p) for a, b, p in zip(channels, channels[1:], pools, strict=False)]
    network, table = conv_stack(layers, dim, kernel, steps)
    report = cost(
        network,
        "spikesim_released",
        overrides={
            "crossbar.rows": x,
            "crossbar.cols": x,
            "device.kind": device,
            "device.cell_bits": 1,
            "tile.pes": per_tile,
            "technology.clock_mhz": mhz,
        },
    )
    names = ("in_channels", "out_channels", "in_dims", "out_dims")
    listed = released_layers(
        **dict(zip(names, zip(*table, strict=True), strict=True)),
        kernel=kernel,
        time_steps=steps,
        crossbar=x,
        device=device,
        pes_per_tile=per_tile,
        clock_mhz=mhz,
    )
    assert (report.energy_pj, report.area_um2) == (listed.tree.energy_pj, listed.tree.area_um2)
    assert report.latency_ns == listed.tree.critical_ns
    assert (report.cost.pes, report.cost.tiles, report.cost.macs) == (
        listed.pes,
        listed.tiles,
        {f"c{index}": macs for index, macs in enumerate(listed.macs.values())},
    )
    assert report.notes[: len(listed.notes)] == listed.notes


def test_pre_pool_dims_have_the_published_cycles_and_energy() -> None:
    """6,144 PE cycles per step and 25.45 uJ instead of 3,840 and 15.91."""
    report = released("vgg9-cifar10", cost__defects__post_pool_dims=False)
    base = released("vgg9-cifar10")
    assert report.energy_pj / base.energy_pj == pytest.approx(6144 / 3840, rel=1e-12)
    assert round(report.energy_pj * 1e-6, 2) == 25.45


def test_latency_by_pixels_is_the_overlapped_sum_of_positions() -> None:
    report = released("vgg9-cifar10", cost__defects__latency_counts_channels=False)
    positions = [1024, 256, 256, 64, 64, 64, 16]
    cycles = sum(int(0.75 * p) for p in positions[:-1]) * 5 + positions[-1] * 5
    assert report.latency_ns == cycles * 104
    busy = sum(node.busy_ns for node in report.tree.children)
    assert busy == sum(positions) * 5 * 104  # 0.907 ms, serial


def test_at_64_rows_counting_adcs_correctly_changes_nothing_and_beyond_it_does() -> None:
    for x, same in ((64, True), (256, False)):
        size = {"crossbar__rows": x, "crossbar__cols": x}
        fixed = released("vgg9-cifar10", **size, cost__defects__adc_count_is_mux_phases=False)
        assert (fixed.energy_pj == released("vgg9-cifar10", **size).energy_pj) is same


def test_a_layer_of_sixteen_channels_hangs_the_script_and_is_answered_here() -> None:
    network, _ = conv_stack([(3, 16, False)], 32, 3, 5)
    assert any("hangs" in note for note in released(network).notes)
    assert not any("hangs" in n for n in released(network, cost__defects__latency_loop_hangs=False).notes)


def test_decreasing_pe_counts_stop_the_script_and_are_answered_here() -> None:
    network, _ = conv_stack([(3, 256, False), (256, 64, False)], 8, 3, 5)
    assert not any("TypeError" in note for note in released(network).notes)
    network, _ = conv_stack([(256, 256, False), (256, 64, False)], 8, 3, 5)
    assert any("TypeError" in note for note in released(network).notes)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"crossbar__cols": 32}, r"crossbar.cols = 32: .* square"),
        ({"crossbar__mux": 16}, r"crossbar.mux = 16: the released script fixes 8"),
        ({"schedule__pipeline": "layer"}, r"schedule.pipeline = 'layer': .* 'none' only"),
    ],
)
def test_what_the_equations_cannot_express_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        released("vgg9-cifar10", **overrides)


def test_corrected_fully_connected_layers_are_the_true_network() -> None:
    report = released("vgg9-cifar10", cost__defects__fc_layers_omitted=False)
    assert report.cost.pes == 48 + 64 * 16 + 16
    assert [node.name for node in report.tree.children][-3:] == ["fc1", "fc2", "shared"]


#: PEs x positions after the pool, per layer of VGG9, and pJ per PE cycle: from the authors' script
CYCLES, CYCLE_PJ = [1024, 256, 512, 256, 512, 1024, 256], 828.4861472


def corrected(*switches: str, **overrides: Any) -> Report:
    return released("vgg9-cifar10", **overrides, **{f"cost__defects__{name}": False for name in switches})


def test_layer_energies_are_cycles_times_the_cycle_energy() -> None:
    layers = released("vgg9-cifar10").tree.children[:-1]
    for layer, cycles in zip(layers, CYCLES, strict=True):
        assert layer.energy_pj == pytest.approx(cycles * 5 * CYCLE_PJ, rel=1e-12)


def test_corrected_sram_read_is_the_tabulated_one() -> None:
    """Word lines and precharge of a full read of 64 x 64, over its 8 mux phases."""
    with (ROOT / "tests" / "reference" / "neurosim_components.csv").open() as file:
        rows = {
            row["component"]: float(row["energy_pJ_per_full_bitplane_read"])
            for row in csv.DictReader(file)
            if (row["sweep"], row["rows"], row["mux"], row["adc"]) == ("sram_sweep", "64", "8", "SAR")
        }
    per_phase_pj = (rows["wlSwitchMatrix"] + rows["precharger"]) / 8
    assert constants().corrected.crossbar_sram_pj.value == pytest.approx(per_phase_pj, rel=1e-6)
    report = corrected("sram_energy_is_area", device__kind="sram", device__cell_bits=1)
    reads = sum(CYCLES) * 5 * 8 * 9
    assert report.tree.components()["crossbar"].energy_pj == pytest.approx(reads * per_phase_pj, rel=1e-6)
    assert f"{report.energy_pj * 1e-6:.2f} µJ" in (ROOT / "docs" / "released_defects.md").read_text()
    assert report.tree.share("simulator-validated", "energy_pj") > 0


def test_corrected_subtraction_follows_the_power_law_from_22_to_32_nm() -> None:
    slope = math.log(2.04 / 1.07) / math.log(32 / 22)
    subtract_pj = 16 * 2.04e-3 * (65 / 32) ** slope
    assert constants().corrected.diff_pj.value == pytest.approx(subtract_pj, rel=2e-3)
    diff = corrected("diff_energy_unit").tree.components()["diff"].energy_pj
    assert diff == pytest.approx(sum(CYCLES) * 5 * 8 * 16 * subtract_pj, rel=2e-3)


def test_corrected_memories_hold_the_bits_of_their_edges_and_every_layer() -> None:
    bits = 3 * 1024 * 8 + 64 * 1024 + 64 * 256 * 3 + 128 * 256 + 128 * 64 * 3 + 2 * 256 * 64
    inputs = corrected("input_buffer_22_bit").tree.components()["input_buffer"]
    assert inputs.area_um2 == pytest.approx(bits * 0.7391, rel=1e-12)
    grown = corrected("neuron_memory_first_five").area_um2 - released("vgg9-cifar10").area_um2
    assert grown == pytest.approx((256 * 64 + 256 * 16) * 22 * 0.7391, rel=1e-9)


def test_corrected_taps_take_turns_in_energy_and_time() -> None:
    base, serial = released("vgg9-cifar10").tree, corrected("taps_share_adcs_free").tree
    for name in base.components():
        factor = 9 if name in ("adc", "mux") else 1
        assert serial.components()[name].energy_pj == pytest.approx(base.components()[name].energy_pj * factor)
    assert serial.critical_ns == 9 * base.critical_ns
    assert serial.area_um2 == base.area_um2


def test_corrected_first_layer_takes_eight_planes_once_or_at_every_step() -> None:
    reads_of = {"once": 8, "every_step": 40}
    model = load_network("vgg9-cifar10").model
    for encoder, reads in reads_of.items():
        spec = model.input.model_copy(update={"encoder": encoder})
        report = released(
            build(model.model_copy(update={"input": spec}), {}), cost__defects__first_layer_every_step=False
        )
        conv1, conv2 = report.tree.children[:2]
        assert conv1.energy_pj == pytest.approx(CYCLES[0] * reads * CYCLE_PJ, rel=1e-12)
        assert conv1.critical_ns == int(0.75 * 1024 * 64) * reads * 104
        assert conv2.energy_pj == pytest.approx(CYCLES[1] * 5 * CYCLE_PJ, rel=1e-12)


def test_corrected_tiles_serve_one_layer_each() -> None:
    report = corrected("layers_share_tiles")
    assert (report.cost.pes, report.cost.tiles) == (48, 1 + 1 + 1 + 1 + 1 + 2 + 2)


def test_corrected_counts_at_128_rows_and_mux_16() -> None:
    """128 / 16 converters, 16 phases, and crossbars of four times the cells."""
    report = corrected("adc_count_is_mux_phases", crossbar__rows=128, crossbar__cols=128, crossbar__mux=16)
    array_pj = 16 * (9 * 4 * 1.76423 + 8 * (2.03084 + 0.094245) + 16 * 1.15e-6 + 0.2)
    cycle_pj = 157.12 + 4.64 + 5.096 + 397 + array_pj
    cycles = 1024 + 256 + 256 + 64 + 2 * 64 + 4 * 64 + 4 * 16
    assert report.energy_pj == pytest.approx(cycles * 5 * cycle_pj, rel=1e-12)
    area = report.tree.components()
    assert area["crossbar"].area_um2 == pytest.approx(report.cost.tiles * 8 * 9 * 4 * 26.2144, rel=1e-12)
    assert area["adc"].area_um2 == pytest.approx(report.cost.tiles * 8 * 8 * 693.633, rel=1e-12)


#: fields that the equations do not read, each with a value other than the chip's
UNREAD: dict[str, Any] = {
    "technology.node_nm": 32,
    "device.ideal": False,
    "device.cell_bits": 2,
    "device.r_on_ohm": 5000,
    "device.on_off_ratio": 10,
    "device.read_volt": 0.3,
    "device.unit_cap_ff": 2.0,
    "device.cell_area_um2": 0.5,
    "crossbar.event_driven": True,
    "crossbar.row_gating": True,
    "adc.zero_skip": True,
    "schedule.order": "layer_first",
    "mapping.copies": {"conv2": 2},
    "adc.kind": "flash",
    "adc.bits": 6,
    "mapping.tap_sum": "analog_sum",
    "mapping.signs": "twos_complement",
    "mapping.baseline": "dummy_column",
    "mapping.digital_layers": "first",
    "pe.crossbars": 4,
    "tile.neuron_lanes": 1,
    "chip.max_tiles": 1000,
    "dram.kind": "hbm2",
    "noc.flit_bits": 128,
    "noc.vcs": 4,
    "noc.pipeline": "A",
    "noc.encoding": "aer",
    "noc.placement": "row_major",
    "noc.packet_flits": 2,
    "noc.router_leakage_mw": 0.41,
    "noc.fidelity": "event",
}
#: fields that are read (or whose other values are refused), and fields that another of `UNREAD` stands for
READ = {"technology.clock_mhz", "device.kind", "crossbar.rows", "crossbar.cols", "crossbar.mux", "tile.pes"}
#: mitigations are refused, but for what another stands for
READ |= {name for name, _ in hardware_fields() if name.startswith("mitigation.")}
READ |= {"adc.layer_bits", "schedule.pipeline", "cost.library", "cost.adc_anchor"}
READ |= {"cost.assumed_activity", "name", "description"}
ALIKE = {
    "device.write_energy_pj",
    "device.write_ns",
    "device.endurance_cycles",
    "dram.channels",
    "device.read_model",
    "mapping.rows",
    "mapping.subtract",
    "noc.buffer_flits",
    "noc.cast",
}


@pytest.mark.parametrize("field", UNREAD)
def test_what_is_not_read_is_listed_and_changes_nothing(field: str) -> None:
    base, report = released("vgg9-cifar10"), released("vgg9-cifar10", **{field.replace(".", "__"): UNREAD[field]})
    assert report.tree == base.tree
    (note,) = (note for note in report.notes if note.startswith("this library does not read"))
    assert field in note or f"{field.split('.')[0]}.*" in note


def test_every_field_that_costs_is_read_or_listed() -> None:
    fields = {name for name, field in hardware_fields() if field.json_schema_extra["affects"] != "accuracy"}
    fields -= {name for name in fields if name.startswith("cost.defects.")}
    assert fields == READ | set(UNREAD) | ALIKE


def test_activity_does_not_reach_the_numbers() -> None:
    quiet = cost("vgg9-cifar10", "spikesim_released", activity=0.0)
    busy = cost("vgg9-cifar10", "spikesim_released", activity=1.0)
    assert quiet.tree == busy.tree
    assert any("activity" in note for note in quiet.notes)


def test_pes_and_crossbars_agree_with_the_mapping_room_for_kernels_of_three() -> None:
    network, chip = load_network("vgg9-cifar10"), load_hardware("spikesim_released")
    plans = [plan for plan in map_network(network, chip).layers.values() if plan.taps == 9]
    result = released("vgg9-cifar10").cost
    assert (result.pes, result.crossbars) == (sum(p.pes for p in plans), sum(p.crossbars for p in plans))


def test_efficiency_counts_the_work_that_was_billed() -> None:
    """105,578,496 multiply-accumulates per time-step behind the pools, 66.37 TOPS/W; 190.5 M before them."""
    report = released("vgg9-cifar10")
    assert report.macs == 105_578_496
    assert round(report.tops_per_watt, 2) == 66.37
    assert released("vgg9-cifar10", cost__defects__post_pool_dims=False).macs == 190_513_152
    true = {"cost__defects__post_pool_dims": False, "cost__defects__fc_layers_omitted": False}
    assert released("vgg9-cifar10", **true).macs == sum(load_network("vgg9-cifar10").macs.values())


def test_the_documented_table_is_the_computed_one() -> None:
    text = (ROOT / "docs" / "released_defects.md").read_text()
    rows = defect_table(load_network("vgg9-cifar10"), load_hardware("spikesim_released"))
    assert [row.name for row in rows[1:-1]] == list(Defects.model_fields)
    for row in rows:
        line = (
            f"| {row.name} | {row.energy_pj * 1e-6:.2f} | {row.energy_change:+.1%} | {row.latency_ns * 1e-6:.3f} | "
            f"{row.latency_change:+.1%} | {row.area_um2 * 1e-6:.2f} | {row.area_change:+.1%} |"
        )
        assert line in text, line
    assert all(f"`{name}`" in text for name in Defects.model_fields)
    assert not re.search(r"TODO|TBD", text)
