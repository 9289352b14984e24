"""Writes docs/numbers.md: `python docs/components.py`. Where every number of the Design page comes from.

What a component is, where its equation stands and what it was held against is said here; its units, sources and grades
are those of the code: of costs in which every component occurs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import spikesim_py as ss
from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost.resources import component_names, resource_label, resource_of
from spikesim_py.cost.tree import CostNode
from spikesim_py.early_exit import EarlyExit
from spikesim_py.network import Network, build
from spikesim_py.report import METRICS

DOCS = Path(__file__).resolve().parent
CIRCUITS = "[NeuroSim, circuit by circuit](calibration.md#every-circuit)"
LOGIC = "[NeuroSim's buffers and logic](calibration.md#buffers-and-logic)"
RELEASED = "[the released script, to the last digit](released_defects.md)"
CROSSBAR, TILE, NEURON = "model/crossbar_and_wires.md", "model/tile_and_buffers.md", "model/neuron.md"
MESH, COST, MAPPING, ACCURACY = (
    "model/mesh.md",
    "model/cost_and_calibration.md",
    "model/mapping.md",
    "model/accuracy.md",
)
SCRIPT = f"{COST}#spikesims-released-library"


class Entry(NamedTuple):
    """What it is; page and anchor of its equation; what it was held against."""

    what: str
    equation: str
    held: str


COMPONENTS = {
    "adc": Entry("converters of the columns", "model/converters.md#energy-time-and-area", CIRCUITS),
    "crossbar": Entry("cells, and the word and bit lines that they charge", f"{CROSSBAR}#cells-and-lines", CIRCUITS),
    "dummy_column": Entry("column of off cells that is subtracted", f"{CROSSBAR}#dummy-column", CIRCUITS),
    "row_driver": Entry("word-line switch matrix", f"{CROSSBAR}#row-drivers", CIRCUITS),
    "row_permutation": Entry("network that moves inputs off stuck cells", f"{TILE}#row-permutation", LOGIC),
    "column_driver": Entry("source-line drivers, or precharge and writing", f"{CROSSBAR}#column-circuits", CIRCUITS),
    "column_mux": Entry("pass gates and their decoder", f"{CROSSBAR}#column-circuits", CIRCUITS),
    "level_shifter": Entry("shifters to the write voltage", f"{CROSSBAR}#column-circuits", CIRCUITS),
    "spare_columns": Entry("what puts spare columns in place", f"{TILE}#spare-columns", LOGIC),
    "gating": Entry("gates that tell idle rows and crossbars", f"{CROSSBAR}#gating", LOGIC),
    "mux": Entry("column multiplexer of the script", SCRIPT, RELEASED),
    "shift_add": Entry("joins slices and signs", f"{TILE}#shift-add", CIRCUITS),
    "input_shift_add": Entry("joins planes of the input", f"{TILE}#shift-add", CIRCUITS),
    "accumulator": Entry("sums over row blocks", f"{TILE}#accumulator", LOGIC),
    "sign_count": Entry("counts what offset schemes subtract", f"{TILE}#sign-count", LOGIC),
    "digital_count": Entry("counts the background of off cells", f"{TILE}#background-count", LOGIC),
    "drift_gain": Entry("digital gain against drift", f"{TILE}#drift-gain-and-recalibration", LOGIC),
    "recalibration": Entry("gain and bias per channel", f"{TILE}#drift-gain-and-recalibration", LOGIC),
    "diff": Entry("DIFF module of the script", SCRIPT, RELEASED),
    "noc": Entry(
        "a layer's transfers over the mesh", f"{MESH}#energy", "[BookSim2, and by load](noc.md#three-fidelities)"
    ),
    "noc_routers": Entry("area of the routers", f"{MESH}#routers-and-links", "DSENT's table, as given"),
    "noc_links": Entry("area of the links' repeaters", f"{MESH}#routers-and-links", "DSENT's table, as given"),
    "noc_leakage": Entry("leakage of routers and links", f"{MESH}#leakage-of-the-mesh", "nothing: assumed"),
    "h_tree": Entry("wires from a tile's port to its PEs", f"{TILE}#h-tree", LOGIC),
    "input_buffer": Entry("inputs that a tile holds", f"{TILE}#memories", LOGIC),
    "membrane_memory": Entry("membranes between time-steps", f"{NEURON}#membrane-memory", LOGIC),
    "preactivation_buffer": Entry("constant pre-activation of a first layer", f"{TILE}#memories", LOGIC),
    "shortcut_buffer": Entry("values that adds and products wait for", f"{TILE}#memories", LOGIC),
    "global_buffer": Entry("the chip's input", f"{TILE}#memories", LOGIC),
    "weight_memory": Entry("weights of digital layers", f"{TILE}#memories", LOGIC),
    "delay_buffer": Entry("values of earlier time-steps", f"{TILE}#memories", LOGIC),
    "htree": Entry("H-tree of the script", SCRIPT, RELEASED),
    "mem_fetch": Entry("fetching inputs, of the script", SCRIPT, RELEASED),
    "neuron_memory": Entry("membranes of the script", SCRIPT, RELEASED),
    "temp_buffer": Entry("temporary buffer of the script", SCRIPT, RELEASED),
    "tile_buffer": Entry("tile buffer of the script", SCRIPT, RELEASED),
    "neuron_unit": Entry("LIF arithmetic", f"{NEURON}#neuron-unit", f"{LOGIC}: its adders and registers"),
    "neuron_parameters": Entry("levels that units have of their own", f"{NEURON}#numbers-of-their-own", LOGIC),
    "affine": Entry("batch norms in integers", f"{NEURON}#affine", f"{LOGIC}: its adders"),
    "pool": Entry("sum and max pools", f"{NEURON}#pool-and-add", f"{LOGIC}: a maximum is far off"),
    "add": Entry("additions of branches", f"{NEURON}#pool-and-add", f"{LOGIC}: its adders"),
    "readout": Entry("accumulators of the answer", f"{NEURON}#readout", f"{LOGIC}: its adders"),
    "exit_unit": Entry("decides on early exits", f"{NEURON}#exit-unit", "its operations, against a scalar unit"),
    "neuron": Entry("neuron of the script", SCRIPT, RELEASED),
    "dram": Entry("memory off the chip", f"{TILE}#dram-and-reloading", "datasheet currents, as cited"),
    "reload": Entry("writing cells of a chip that is too small", f"{TILE}#dram-and-reloading", "nothing: assumed"),
    "integer_mac": Entry("layers declared digital", f"{TILE}#multiply-accumulators", f"{LOGIC}; Horowitz 2014"),
    "fp32_mac": Entry("products of float networks", f"{TILE}#multiply-accumulators", "Horowitz 2014, as given"),
    "fp32_array": Entry(
        "area of the lanes of float networks", f"{TILE}#multiply-accumulators", "Horowitz 2014, as given"
    ),
    "product": Entry("activation times activation", f"{TILE}#multiply-accumulators", f"{LOGIC}: its adders"),
    "pe_cycles": Entry("time of the script's PE cycles", SCRIPT, RELEASED),
}

_TREE = "[sums, laws, NeuroSim's chips](cost.md#held-against-others); [silicon](silicon.md#the-verdict)"
_TOPS = "definitions and NeuroBench's counts (`tests/test_neurobench.py`)"
NUMBERS = {
    "accuracy": (f"{ACCURACY}#accuracy", "coverage of the interval ≥ 93 %; exact with ideal devices"),
    "edap": (f"{COST}#edap", _TREE),
    "energy_pj": (f"{COST}#energy-latency-area", _TREE),
    "latency_ns": (f"{MAPPING}#latency-and-interval", _TREE),
    "interval_ns": (f"{MAPPING}#latency-and-interval", _TREE),
    "area_um2": (f"{COST}#energy-latency-area", _TREE),
    **dict.fromkeys(
        ("tops", "tops_throughput", "tops_per_watt", "tops_per_mm2", "ann_tops"), (f"{COST}#tops-and-their-kin", _TOPS)
    ),
    **dict.fromkeys(
        ("inferences_per_joule", "inferences_per_second_mm2", "synops_per_joule"), (f"{COST}#tops-and-their-kin", _TOPS)
    ),
    "utilization": (f"{MAPPING}#pes-tiles-utilization", "cells counted one by one"),
    **dict.fromkeys(("assumed_energy_share", "assumed_area_share"), (f"{COST}#grades", "every constant has a grade")),
}

#: tab of the Design page -> what it shows, and where that is explained
TABS = {
    "Costs": (
        ("energy, latency and area by component and layer", f"{COST}#the-tree"),
        ("band over calibrations", f"{COST}#band"),
    ),
    "What limits it": (
        ("limiter, headroom, slack", f"{MAPPING}#what-limits-a-layer"),
        ("activity, idle reads", f"{ACCURACY}#activity"),
    ),
    "Floor plan": (("flits, load and peak of links", f"{MESH}#the-floor-plan"),),
    "Crossbars": (
        ("conductance", "model/devices.md#conductance-maps"),
        ("IR drop", f"{CROSSBAR}#ir-drop"),
        ("sums and codes, share cut off", "model/converters.md#what-converters-meet"),
    ),
    "Accuracy": (
        ("accuracy after each group of effects", f"{ACCURACY}#the-chain-of-effects"),
        ("spikes that differ, by layer", f"{ACCURACY}#layer-by-layer"),
    ),
    "Configuration": (("every field of the chip, and its source", "glossary.md#fields-of-a-chip"),),
    "Sources": (("grades and sources; all constants", f"{COST}#constants"),),
    "Numbers": (("every metric", "#figures-of-merit"),),
}

HEAD = """\
# Every number

Where a number of the explorer's Design page (or of a report) comes from: what it is, its equation with symbols and
fields, its source, how far it can be trusted, and what it was held against. `spikesim describe CHIP --sources` lists
the constants behind them. Written by `python docs/components.py` from the code; a test holds the page to it.

"""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows]) + "\n"


def link(place: str, text: str) -> str:
    return f"[{text}]({place})"


def costed() -> Iterator[CostNode]:
    """Costs in which every component of every library occurs."""
    chips: list[tuple[str | Network, str, dict[str, Any]]] = [
        ("digits-w4", "rram_32nm", {}),
        ("digits-w4", "sram_32nm", {"mapping.digital_layers": ["first"], "network.time_steps": 2}),
        ("digits-w4", "rram_32nm", {"mapping.signs": "offset", "mapping.baseline": "digital_count"}),
        ("digits-w4", "rram_32nm", {"crossbar.event_driven": True, "crossbar.row_gating": True}),
        ("digits-w4", "rram_32nm", {"chip.max_tiles": 1, "tile.pes": 1, "dram.kind": "lpddr4"}),
        (
            "digits-w4",
            "pcm_joshi2020",
            {"technology.node_nm": 32, "mitigation.recalibrate": "affine", "mitigation.spare_columns": 4},
        ),
        (
            "digits-w4",
            "pcm_joshi2020",
            {"technology.node_nm": 32, "mitigation.drift_gain": "layer", "mitigation.permute_rows": True},
        ),
        ("digits-fp", "rram_32nm", {}),
        ("resnet19-cifar10", "rram_32nm", {}),
        ("vgg9-cifar10", "spikesim_released", {}),
        (every_node(), "rram_32nm", {}),
    ]
    for network, chip, fields in chips:
        yield ss.cost(network, chip, overrides=fields).tree
    network = ss.load_network("digits-w4")
    records, rule = {node.name: LayerActivity(0.1) for node in network.layers}, EarlyExit("entropy", 0.3, 1.0)
    yield ss.cost(network, "rram_32nm", activity=Activity(records, "given", exit=rule.operations(network.classes))).tree


def every_node() -> Network:
    """A network with a loop, a product of activations, and units with levels of their own."""
    unit = {"op": "lif", "leak": {"multiplier": 1, "shift": 1}}
    point = {"op": "conv", "in_channels": 2, "out_channels": 2, "kernel": [1, 1], "weight_bits": 2}
    nodes = [
        {**point, "name": "q", "inputs": ["input"]},
        {"op": "delay", "name": "late", "inputs": ["lq"]},
        {**point, "name": "again", "inputs": ["late"]},
        {"op": "add", "name": "both", "inputs": ["q", "again"]},
        {**unit, "name": "lq", "inputs": ["both"]},
        {"op": "product", "name": "qq", "inputs": ["lq", "lq"], "over": "channels", "heads": 1},
        {**unit, "name": "l", "inputs": ["qq"]},
        {"op": "flatten", "name": "flat", "inputs": ["l"]},
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 16, "out_features": 2, "weight_bits": 2},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    weights = {name: np.ones((2, 2, 1, 1), np.int16) for name in ("q.weight", "again.weight")}
    arrays = {**weights, "fc.weight": np.ones((2, 16), np.int16), "lq.theta": np.array([1]), "l.theta": np.array([1])}
    arrays["lq.v_init"] = np.arange(2)
    spec = {"shape": [2, 2, 2], "bits": 1}
    return build({"name": "nodes", "arithmetic": "integer", "time_steps": 2, "input": spec, "nodes": nodes}, arrays)


def leaves() -> dict[str, list[CostNode]]:
    """Component to its leaves in `costed`."""
    found: dict[str, list[CostNode]] = {}
    for tree in costed():
        for _, node in tree.walk():
            if not node.children:
                found.setdefault(node.name, []).append(node)
    return found


def component_rows() -> list[tuple[str, ...]]:
    """One row per component, in the order of the resources."""
    found, rows = leaves(), []
    for name in component_names():
        entry, nodes = COMPONENTS[name], found[name]
        quantities = {"energy_pj": "pJ", "critical_ns": "ns", "busy_ns": "ns", "area_um2": "µm²"}
        units = [unit for field, unit in quantities.items() if any(getattr(node, field) for node in nodes)]
        sources = dict.fromkeys(part for node in nodes for part in node.source.split("; "))
        rows.append(
            (
                f"`{name}`",
                link(entry.equation, entry.what),
                resource_label(resource_of(name)),
                ", ".join(dict.fromkeys(units)),
                ", ".join(sorted({str(node.grade) for node in nodes})),
                entry.held,
                "; ".join(sources).replace("|", "\\|"),
            )
        )
    return rows


def page() -> str:
    """The whole page."""
    numbers = [(link(NUMBERS[name][0], label), unit, NUMBERS[name][1]) for name, (label, unit, _) in METRICS.items()]
    tabs = [(tab, "; ".join(link(place, what) for what, place in shown)) for tab, shown in TABS.items()]
    head = ("component", "what, and its equation", "resource", "units", "grade", "held against", "source")
    return "\n".join(
        [
            HEAD.strip() + "\n\n## By tab\n",
            table(("tab", "what it shows"), tabs),
            "## Figures of merit\n",
            table(("number, and its equation", "unit", "held against"), numbers),
            "## Components of the cost tree\n",
            "Units are those of the amounts that a component has; energy includes its leakage. Sources and grades are\n"
            "of costs at 32 nm in which all components occur: those of a chip are in its report.\n",
            table(head, component_rows()),
        ]
    )


if __name__ == "__main__":
    (DOCS / "numbers.md").write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {DOCS / 'numbers.md'}\n")
