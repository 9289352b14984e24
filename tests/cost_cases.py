"""Networks and random chips whose costs must keep laws."""

from __future__ import annotations

from typing import Any

from conftest import mixed_network, tiny_network
from hypothesis import strategies as st

from spikesim_py.cost import CostNode
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import Mapping, map_network
from spikesim_py.network import Network, load_network
from spikesim_py.report import Report

TINY, MIXED, VGG9 = tiny_network(), mixed_network(), load_network("vgg9-cifar10")


networks = st.sampled_from([TINY, MIXED, VGG9])


QUANTITIES = ("energy_pj", "area_um2", "latency_ns", "interval_ns")


#: rounding of sums that are added in different orders
EXACT = 1 + 1e-12


@st.composite
def chips(draw: st.DrawFn) -> dict[str, Any]:
    """Chips that can be, of every kind that a law may break on."""
    made: dict[str, Any] = {
        "technology.node_nm": draw(st.sampled_from([65, 32, 22])),
        "technology.clock_mhz": draw(st.sampled_from([1.0, 30.0, 300.0, 1000.0, 5000.0])),
        "device.kind": draw(st.sampled_from(["rram", "fefet", "sram"])),
        "device.r_on_ohm": draw(st.sampled_from([6e3, 1e5])),
        "crossbar.rows": draw(st.sampled_from([8, 32, 128])),
        "crossbar.cols": draw(st.sampled_from([16, 64, 128])),
        "crossbar.mux": draw(st.sampled_from([1, 2, 8, 16])),
        "mapping.rows": draw(st.sampled_from(["spikeflow", "unrolled"])),
        "mapping.signs": draw(st.sampled_from(["differential", "offset", "offset_negative", "twos_complement"])),
        "mapping.baseline": draw(st.sampled_from(["none", "dummy_column", "digital_count"])),
        "adc.kind": draw(st.sampled_from(["sar", "sar", "flash", "ramp"])),
        "adc.bits": draw(st.integers(2, 9)),
        "pe.crossbars": draw(st.sampled_from([9, 16])),
        "tile.pes": draw(st.sampled_from([1, 4])),
        "tile.neuron_lanes": draw(st.sampled_from([1, 8, 64])),
        "noc.encoding": draw(st.sampled_from(["bitmap", "aer"])),
        "noc.placement": draw(st.sampled_from(["snake", "row_major"])),
        "noc.flit_bits": draw(st.sampled_from([32, 128])),
        "schedule.pipeline": draw(st.sampled_from(["none", "layer", "time_step"])),
        "crossbar.event_driven": draw(st.booleans()),
        "crossbar.row_gating": draw(st.booleans()),
    }
    if made["adc.kind"] == "sar":
        made["adc.zero_skip"] = draw(st.booleans())
        made["cost.adc_anchor"] = draw(st.sampled_from(["neurosim", "zigzag_imc"]))
    if made["mapping.rows"] == "spikeflow":
        made["mapping.tap_sum"] = draw(st.sampled_from(["adc_per_crossbar", "adc_shared_serial", "analog_sum"]))
    if made["mapping.signs"] == "differential":
        subtract = ["digital", "analog"] if made["device.kind"] == "sram" else ["digital", "analog", "interleaved"]
        made["mapping.subtract"] = draw(st.sampled_from(subtract))
    if made["device.kind"] != "sram":
        made["wires.topology"] = draw(st.sampled_from(["none", "passive", "pseudo_1t1r", "gated_1t1r"]))
        made["wires.topology"] = "none" if made.get("mapping.subtract") == "interleaved" else made["wires.topology"]
    if draw(st.booleans()):
        made["schedule.order"] = "layer_first"
        made["schedule.pipeline"] = "none" if made["schedule.pipeline"] == "time_step" else made["schedule.pipeline"]
    return made


rates = st.sampled_from([0.0, 0.01, 0.2, 0.7, 1.0])


def report(network: Network, fields: dict[str, Any], rate: float = 0.2) -> Report:
    return cost(network, "rram_32nm", activity=rate, overrides=fields)


def mapped(network: Network, fields: dict[str, Any]) -> Mapping:
    return map_network(network, load_hardware("rram_32nm", fields))


def part(found: Report, name: str) -> CostNode:
    return found.tree.components()[name]
