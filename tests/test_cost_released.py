"""The released library: golden outputs, a second implementation of its equations, and every defect's switch."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost.released import defect_table
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import Defects, load_hardware
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
    assert f"{report.energy_pj:.6f}" == "15906934.026240"
    assert f"{report.latency_ns:.0f}" == "62832640"
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


def script(
    table: list[tuple[int, int, int, int]], k: int, x: int, t: int, device: str, per_tile: int, mhz: float
) -> Any:
    """The published equations, written a second time from the paper's notation."""
    xbar_pj, xbar_um2 = {"rram": (1.76423, 26.2144), "sram": (671.089, 671.089)}[device]
    pes = [math.ceil(cin / x) * math.ceil(cout / x) for cin, cout, _, _ in table]
    pe_array = k * k * xbar_pj + x / 8 * (2.03084 + 0.094245)
    cycle = 19.64 * 8 + 4.64 + 1.274 * 4 + x / 8 * pe_array + x / 8 * 16 * 1.15e-6 + x / 8 * 0.2 + 397
    energy = sum(pe * out * out * cycle * t for pe, (_, _, _, out) in zip(pes, table, strict=True))
    tiles = math.ceil(sum(pes) / per_tile)
    pe_area = k * k * xbar_um2 + x / 8 * (693.633 + 45.9)
    tile = x / 8 * 13411.41498 + 484.643999 + 0.7391 * 64 * 128 + per_tile * pe_area + 216830 * 2
    words = sum(cin * dim * dim for cin, _, dim, _ in table) + sum(cout * o * o for _, cout, _, o in table[:5])
    cycles = sum(int(0.75 * out * out * cout) * t for _, cout, _, out in table[:-1])
    cycles += table[-1][3] ** 2 * table[-1][1] * t
    return energy, tile * tiles + 22 * 0.7391 * words, cycles * 26 * 1000 / mhz, sum(pes), tiles


@given(
    channels=st.lists(st.integers(1, 300), min_size=2, max_size=9),
    pools=st.lists(st.booleans(), min_size=8, max_size=8),
    dim=st.integers(1, 40),
    kernel=st.sampled_from([1, 3, 5]),
    x=st.sampled_from([8, 32, 64, 96, 128, 256]),
    steps=st.integers(1, 9),
    device=st.sampled_from(["rram", "sram"]),
    per_tile=st.integers(1, 20),
    mhz=st.sampled_from([100.0, 250.0, 1000.0]),
)
def test_any_layer_list_equals_the_published_equations(
    channels: list[int],
    pools: list[bool],
    dim: int,
    kernel: int,
    x: int,
    steps: int,
    device: str,
    per_tile: int,
    mhz: float,
) -> None:
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
    energy, area, latency, pes, tiles = script(table, kernel, x, steps, device, per_tile, mhz)
    assert report.energy_pj == pytest.approx(energy, rel=1e-12)
    assert report.area_um2 == pytest.approx(area, rel=1e-12)
    assert report.latency_ns == pytest.approx(latency, rel=1e-12)
    assert (report.cost.pes, report.cost.tiles) == (pes, tiles)


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
