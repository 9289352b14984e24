"""For every field of a chip and of a network: a witness design where it changes a documented output."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from conftest import mixed_network, tiny_images, tiny_network

from spikesim_py.cost import CostResult
from spikesim_py.datasets import Dataset
from spikesim_py.errors import InputError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import hardware_fields, load_hardware
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network
from spikesim_py.network import Leak, Li, Lif, Network, Synapse, build, load_network
from spikesim_py.network.model import (
    Add,
    Affine,
    Conv,
    Delay,
    Flatten,
    InputSpec,
    Linear,
    NetworkModel,
    Pool,
    Product,
    Readout,
)

#: field -> (chip, overrides before, value after, network or workload)
Witness = tuple[str, dict[str, Any], Any, str]
RRAM, RELEASED, TINY, VGG9 = "rram_32nm", "spikesim_released", "tiny", "vgg9-cifar10"
IDEAL = {"device.ideal": True}
SPIKEFLOW = {"mapping.rows": "spikeflow"}
SMALL = {"crossbar.rows": 8, "crossbar.cols": 16}
SPREAD = SMALL | {"pe.crossbars": 1, "tile.pes": 1}
PCM, PASSIVE, AGED = "pcm_joshi2020", {"wires.topology": "passive"}, {"device.age_s": 1e6}
WHITE, PERCENTILE = {"device.read.noise": "white"}, {"adc.range": "percentile", "adc.bits": 2}
TELEGRAPH = {"device.read.noise": "telegraph", "device.read.telegraph_amplitude": 0.5}
ROUGH, VERIFY = {"device.program_sigma": 0.2}, {"mitigation.write_verify_tolerance": 0.02}
STUCK, FEW = {"device.stuck_on_rate": 0.2}, {"mitigation.recalibrate_images": 20}


def _scales(levels: int) -> dict[str, list[int]]:
    return {name: [levels] for name in ("conv1", "conv2", "fc")}


HARDWARE: dict[str, Witness] = {
    "name": (RRAM, {}, "another", TINY),
    "description": (RRAM, {}, "another text", TINY),
    "technology.node_nm": (RRAM, {}, 45, TINY),
    "technology.clock_mhz": (RRAM, {}, 500.0, TINY),
    "device.kind": (RRAM, {}, "sram", TINY),
    "device.ideal": (RRAM, {}, True, TINY),
    "device.cell_bits": (RRAM, {}, 2, TINY),
    "device.r_on_ohm": (RRAM, {}, 12_000.0, TINY),
    "device.on_off_ratio": (RRAM, {}, 3.0, TINY),
    "device.read_volt": (RRAM, {}, 0.5, TINY),
    "device.program_sigma": (RRAM, {}, 0.3, TINY),
    "device.stuck_on_rate": (RRAM, {}, 0.3, TINY),
    "device.stuck_off_rate": (RRAM, {}, 0.3, TINY),
    "device.levels": (RRAM, {"device.cell_bits": 2}, 2, TINY),  # refused: too few levels
    "device.access_ohm": (RRAM, {"wires.topology": "pseudo_1t1r"}, 3000.0, TINY),
    "device.cell_area_um2": (RRAM, {}, 0.5, TINY),
    "device.stuck_cluster_alpha": (RRAM, {"device.stuck_on_rate": 0.2}, 0.1, TINY),
    "device.reference_us": (PCM, {}, 5.0, TINY),
    "device.age_s": (PCM, {}, 1e6, TINY),
    "device.read_model": ("sram_32nm", {}, "charge", TINY),
    "device.mismatch_sigma": ("sram_32nm", {}, 0.5, TINY),
    "device.discharge_depth": ("sram_32nm", {"device.read_model": "discharge"}, 5.0, TINY),
    "device.unit_cap_ff": ("sram_charge", {}, 3.0, TINY),
    "device.program.law": (
        RRAM,
        {"device.program_sigma": 0, "device.program.coefficients_us": [30.0]},
        "polynomial",
        TINY,
    ),
    "device.program.coefficients_us": (PCM, {}, [5.0], TINY),
    "device.read.noise": (RRAM, {"device.read.sigma": 0.3}, "white", TINY),
    "device.read.sigma": (RRAM, WHITE, 0.3, TINY),
    "device.read.sigma_relative": (RRAM, WHITE, 0.3, TINY),
    "device.read.law": (RRAM, WHITE | {"device.read.coefficients": [0.3, 0, 0.3]}, "power", TINY),
    "device.read.coefficients": (PCM, {}, [0.3, 0, 0.3], TINY),
    "device.read.pulse_s": (PCM, {"device.read.coefficients": [0.1, 0, 0.3]}, 0.0, TINY),
    "device.read.telegraph_amplitude": (RRAM, {"device.read.noise": "telegraph"}, 0.5, TINY),
    "device.read.tau_high_s": (RRAM, TELEGRAPH, 1e-6, TINY),
    "device.read.tau_low_s": (RRAM, TELEGRAPH, 1e-6, TINY),
    "device.read.interval_s": (RRAM, TELEGRAPH, 1.0, TINY),
    "device.retention.kind": (RRAM, AGED | {"device.retention.nu": [0.1]}, "power", TINY),
    "device.retention.t0_s": (PCM, AGED, 1e4, TINY),
    "device.retention.valid_to_s": (PCM, AGED, 1e5, TINY),  # refused: too old
    "device.retention.nu": (PCM, AGED, [0.3], TINY),
    "device.retention.nu_sigma": (PCM, AGED, [0.2], TINY),
    "device.retention.times_s": ("rram_wan2022", {"device.age_s": 86400.0}, [43200.0, 172800.0], TINY),
    "device.retention.mean_us": ("rram_cmo_hfox", AGED, [[0.0, -1.0]], TINY),
    "device.retention.sigma_us": ("rram_cmo_hfox", AGED, [[5.0, 0.0]], TINY),
    "technology.temperature_k": (RRAM, PASSIVE, 400.0, TINY),
    "wires.topology": (RRAM, {}, "passive", TINY),
    "wires.word_ohm": (RRAM, PASSIVE, 500.0, TINY),
    "wires.bit_ohm": (RRAM, PASSIVE, 500.0, TINY),
    "wires.driver_ohm": (RRAM, PASSIVE, 500.0, TINY),
    "wires.sense_ohm": (RRAM, PASSIVE, 500.0, TINY),
    "wires.source_ohm": (RRAM, {"wires.topology": "gated_1t1r"}, 500.0, TINY),
    "wires.drive_side": (RRAM, PASSIVE | {"wires.word_ohm": 200.0}, "right", TINY),
    "wires.sense_side": (RRAM, PASSIVE | {"wires.bit_ohm": 200.0}, "top", TINY),
    "wires.inactive_rows": (RRAM, PASSIVE | {"wires.sense_ohm": 500.0}, "floating", TINY),
    "wires.unselected_columns": (
        RRAM,
        PASSIVE | {"wires.word_ohm": 100.0, "mapping.baseline": "none"},
        "floating",
        TINY,
    ),
    "wires.accuracy": (RRAM, PASSIVE | {"wires.word_ohm": 500.0}, "fast", TINY),
    "wires.tolerance": (RRAM, PASSIVE | {"wires.word_ohm": 500.0}, 1e-2, TINY),
    "wires.read_noise": (
        RRAM,
        PASSIVE | WHITE | {"wires.word_ohm": 200.0, "device.read.sigma": 0.3, "crossbar.rows": 32, "crossbar.cols": 32},
        "adjoint",
        TINY,
    ),
    "wires.column_limit_ua": (RRAM, PASSIVE, 1.0, TINY),  # refused: too much current
    "crossbar.rows": (RRAM, {}, 8, TINY),
    "crossbar.cols": (RRAM, {}, 16, TINY),
    "crossbar.mux": (RRAM, {}, 4, TINY),
    "crossbar.event_driven": (RRAM, {}, True, TINY),
    "crossbar.row_gating": (RRAM, {}, True, TINY),
    "adc.kind": (RRAM, {}, "flash", TINY),
    "adc.bits": (RRAM, {}, 2, TINY),
    "adc.zero_skip": (RRAM, {}, True, TINY),
    "adc.range": (RRAM, {"adc.bits": 2}, "granular", TINY),
    "adc.layer_bits": (RRAM, {}, {"conv2": 2}, TINY),
    "adc.percentile": (RRAM, PERCENTILE, 60.0, TINY),
    "adc.percentile_per": (RRAM, PERCENTILE, "slice", TINY),
    "adc.full_scales": (RRAM, PERCENTILE | {"adc.full_scales": _scales(9)}, _scales(3), TINY),
    "adc.capacitor_sigma": (RRAM, {}, 0.1, TINY),
    "adc.comparator_sigma_lsb": (RRAM, {}, 1.0, TINY),
    "adc.gain_sigma": (RRAM, {}, 0.1, TINY),
    "adc.inl_lsb": (RRAM, {"adc.kind": "ramp"}, 3.0, TINY),
    "adc.noise_lsb": (RRAM, {}, 1.0, TINY),
    "device.write_energy_pj": (RRAM, {}, 5.0, TINY),
    "device.write_ns": (RRAM, {}, 1e4, TINY),
    "device.endurance_cycles": (RRAM, {}, 1e6, TINY),
    "mitigation.refresh_s": (PCM, {}, 3600.0, TINY),
    "chip.max_tiles": (RRAM, {"dram.kind": "hbm2"}, 1, TINY),
    "dram.kind": (RRAM, {}, "lpddr4", TINY),
    "dram.channels": (RRAM, {"dram.kind": "lpddr4", "chip.max_tiles": 1}, 4, TINY),
    "mitigation.drift_gain": (PCM, AGED, "layer", TINY),
    "mitigation.gain_bits": (PCM, AGED | {"mitigation.drift_gain": "layer"}, 2, TINY),
    "mitigation.recalibrate": (RRAM, ROUGH | FEW | {"mitigation.recalibrate": "bias"}, "affine", TINY),
    "mitigation.recalibrate_images": (RRAM, ROUGH | FEW | {"mitigation.recalibrate": "bias"}, 3, TINY),
    "mitigation.write_verify_tolerance": (RRAM, ROUGH, 0.02, TINY),
    "mitigation.write_verify_tries": (RRAM, ROUGH | VERIFY, 2, TINY),
    "mitigation.write_verify_noise": (RRAM, ROUGH | VERIFY | WHITE | {"device.read.sigma": 0.2}, True, TINY),
    "mitigation.permute_rows": (RRAM, STUCK, True, TINY),
    "mitigation.spare_columns": (RRAM, STUCK, 4, TINY),
    "mapping.copies": (RRAM, {}, {"conv1": 2}, TINY),
    "mapping.digital_layers": (RRAM, {}, ["conv1"], TINY),
    "mapping.rows": (RRAM, {}, "spikeflow", TINY),
    "mapping.tap_sum": (RRAM, SPIKEFLOW, "analog_sum", TINY),
    "mapping.signs": (RRAM, {}, "offset", TINY),
    "mapping.subtract": (RRAM, {}, "analog", TINY),
    "mapping.baseline": (RRAM, {"mapping.signs": "offset"}, "none", TINY),
    "pe.crossbars": (RRAM, SMALL, 1, TINY),
    "tile.pes": (RRAM, SMALL | {"pe.crossbars": 1}, 1, TINY),
    "tile.neuron_lanes": (RRAM, {}, 1, TINY),
    "noc.flit_bits": (RRAM, {}, 32, TINY),
    "noc.vcs": (RRAM, {}, 4, TINY),
    "noc.buffer_flits": (RRAM, {}, 8, TINY),
    "noc.pipeline": (RRAM, {}, "A", TINY),
    "noc.encoding": (RRAM, {}, "aer", TINY),
    "noc.packet_flits": (RRAM, SPREAD, 1, TINY),
    "noc.cast": (RRAM, SPREAD | {"noc.packet_flits": 3}, "tree", TINY),
    "noc.placement": (RRAM, SPREAD, "row_major", TINY),
    "noc.router_leakage_mw": (RRAM, {}, 0.41, TINY),
    "noc.fidelity": (RRAM, SPREAD, "cycle", TINY),
    "schedule.pipeline": (RRAM, {}, "time_step", TINY),
    "schedule.order": (RRAM, {}, "layer_first", TINY),
    "cost.library": (RELEASED, {}, "parametric", VGG9),
    "cost.adc_anchor": (RRAM, {}, "survey", TINY),
    "cost.assumed_activity": (RRAM, {}, 0.5, VGG9),
    "cost.defects.sram_energy_is_area": (
        RELEASED,
        {"device.kind": "sram", "device.cell_bits": 1},
        False,
        VGG9,
    ),
    "cost.defects.latency_loop_hangs": (RELEASED, {}, False, TINY),
    "cost.defects.latency_floor_pes": (RELEASED, {}, False, VGG9),
    "cost.defects.ordered_pes_required": (RELEASED, {"cost.defects.fc_layers_omitted": False}, False, VGG9),
    "cost.defects.overlap_for_twelve_layers": (RELEASED, {}, False, "vgg16-cifar10"),
}
_VISIBLE_IN_VGG9 = (
    "neuron_memory_first_five",
    "input_buffer_22_bit",
    "latency_counts_channels",
    "taps_share_adcs_free",
    "post_pool_dims",
    "fc_layers_omitted",
    "first_layer_every_step",
    "diff_energy_unit",
    "layers_share_tiles",
)
HARDWARE |= {f"cost.defects.{name}": (RELEASED, {}, False, VGG9) for name in _VISIBLE_IN_VGG9}
_WIDE = {"crossbar.rows": 128, "crossbar.cols": 128}
HARDWARE["cost.defects.adc_count_is_mux_phases"] = (RELEASED, _WIDE, False, VGG9)


def network_of(name: str) -> Network:
    return tiny_network() if name == TINY else load_network(name)


#: outputs by design: most fields are flipped on a chip that others are flipped on too
_OUTPUTS: dict[str, dict[str, Any]] = {}


def documented_outputs(name: str, chip: str, overrides: dict[str, Any]) -> dict[str, Any]:
    key = repr((name, chip, sorted(overrides.items())))
    if key not in _OUTPUTS:
        _OUTPUTS[key] = _outputs(network_of(name), chip, overrides)
    return _OUTPUTS[key]


def _outputs(network: Network, chip: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Metrics, tree, counts, notes; and what inference measures, where the network can run."""
    try:
        hardware = load_hardware(chip, overrides)
        report = cost(network, hardware)
    except InputError as refused:
        return {"refused": str(refused), "text": ()}
    result: CostResult = report.cost
    outputs: dict[str, Any] = {
        "tree": report.tree.to_dict(),
        "interval_ns": report.interval_ns,
        "counts": (result.crossbars, result.pes, result.tiles, result.utilization),
        "notes": report.notes,
        "programming": report.programming and asdict(report.programming),
        "text": (report.chip, report.hardware["description"]),
    }
    if network.arithmetic == "integer":
        data = Dataset("tiny", tiny_images(24), np.arange(24) % 3)
        try:
            run = simulate(network, hardware, data, chips=1, seed=0, calibration=data, quality=True)
        except InputError as refused:
            return {"refused": str(refused), "text": ()}
        outputs["correct"] = run.correct.tolist()
        outputs["quality"] = {name: asdict(layer) for name, layer in (run.quality or {}).items()}
        outputs["activity"] = run.activity.to_dict()
    return outputs


def test_every_hardware_field_has_a_witness() -> None:
    assert set(HARDWARE) == {key for key, _ in hardware_fields()}


@pytest.mark.parametrize("field", HARDWARE)
def test_a_hardware_field_changes_a_documented_output(field: str) -> None:
    chip, before, value, name = HARDWARE[field]
    first = documented_outputs(name, chip, before)
    second = documented_outputs(name, chip, before | {field: value})
    numbers = set(first) - {"text"} if field not in ("name", "description") else {"text"}
    assert any(first[key] != second.get(key) for key in numbers)


@pytest.mark.parametrize("field", [key for key, f in hardware_fields() if f.json_schema_extra["affects"] == "cost"])
def test_a_cost_field_leaves_the_arithmetic_alone(field: str) -> None:
    chip, before, value, name = HARDWARE[field]
    if network_of(name).arithmetic == "integer":
        first = documented_outputs(name, chip, before)
        second = documented_outputs(name, chip, before | {field: value})
        assert first["correct"] == second["correct"]
        assert first["activity"] == second["activity"]


# ---------------------------------------------------------------------------------------------------- networks

#: field -> (node or None for the network itself, new value); arrays are cut to size where shapes change
NETWORK: dict[str, tuple[str | None, dict[str, Any]]] = {
    "NetworkModel.name": (None, {"name": "other"}),
    "NetworkModel.time_steps": (None, {"time_steps": 5}),
    "NetworkModel.metadata": (None, {"metadata": {"seed": 1}}),
    "NetworkModel.activity": (None, {"activity": {"conv1": 0.4, "conv2": 0.4, "fc": 0.4}}),
    "InputSpec.bits": (None, {"input": {"shape": (2, 6, 6), "bits": 6}}),
    "InputSpec.encoder": (None, {"input": {"shape": (2, 6, 6), "bits": 3, "encoder": "every_step"}}),
    "Conv.weight_bits": ("conv1", {"weight_bits": 6}),
    "Linear.weight_bits": ("fc", {"weight_bits": 6}),
    "Lif.leak": ("lif1", {"leak": {"multiplier": 1, "shift": 3}}),
    "Leak.multiplier": ("lif1", {"leak": {"multiplier": 0, "shift": 1}}),
    "Leak.shift": ("lif1", {"leak": {"multiplier": 1, "shift": 2}}),
    "Leak.rounding": ("lif2", {"leak": {"multiplier": 1, "shift": 1, "rounding": "toward_zero"}}),
    "Lif.reset": ("lif1", {"reset": "subtract"}),
    "Lif.membrane_bits": ("lif2", {"membrane_bits": 4}),
    "Lif.overflow": ("lif2", {"overflow": "wrap", "membrane_bits": 5}),
    "Lif.store_shift": ("lif2", {"store_shift": 3}),
    "Lif.signed": ("lif2", {"signed": False}),
    "Pool.kind": ("pool1", {"kind": "max"}),
    "Pool.kernel": ("pool1", {"kernel": (1, 1), "stride": (1, 1)}),
    "Readout.mode": ("out", {"mode": "last"}),
}
#: the same of `unit_network`: of units, synapses and delays
UNITS: dict[str, tuple[str, dict[str, Any]]] = {
    "Lif.order": ("lif1", {"order": "input_first"}),
    "Lif.synapse": ("lif1", {"synapse": None}),
    "Lif.v_leak": ("lif1", {"v_leak": 9}),
    "Lif.v_min": ("lif1", {"v_min": 0}),
    "Lif.v_init": ("lif1", {"v_init": 25}),
    "Lif.v_reset": ("lif1", {"v_reset": 9}),
    "Lif.reset_delay": ("lif1", {"reset_delay": True}),
    "Lif.strict": ("lif2", {"strict": True}),
    "Lif.max_spikes": ("lif2", {"max_spikes": 3}),
    "Lif.refractory": ("lif1", {"refractory": 1}),
    "Synapse.leak": ("lif1", {"synapse": {"leak": {"multiplier": 1}, "bits": 6}}),
    "Synapse.bits": ("lif1", {"synapse": {"leak": {"multiplier": 1, "shift": 1}, "bits": 3}}),
    "Synapse.overflow": ("lif1", {"synapse": {"leak": {"multiplier": 1, "shift": 1}, "bits": 6, "overflow": "wrap"}}),
    "Synapse.order": ("lif1", {"synapse": {"leak": {"multiplier": 1, "shift": 1}, "bits": 6, "order": "input_first"}}),
    "Synapse.reads": ("lif1", {"synapse": {"leak": {"multiplier": 1, "shift": 1}, "bits": 6, "reads": "previous"}}),
    "Synapse.resets": ("lif1", {"synapse": {"leak": {"multiplier": 1, "shift": 1}, "bits": 6, "resets": True}}),
    "Li.leak": ("li", {"leak": {"multiplier": 1}}),
    "Li.membrane_bits": ("li", {"membrane_bits": 4}),
    "Li.overflow": ("li", {"overflow": "wrap"}),
    "Li.store_shift": ("li", {"store_shift": 2}),
    "Li.signed": ("li", {"signed": False}),
    "Li.order": ("li", {"order": "input_first"}),
    "Li.synapse": ("li", {"synapse": {"leak": {"multiplier": 1, "shift": 1}}}),
    "Li.v_leak": ("li", {"v_leak": 9}),
    "Li.v_min": ("li", {"v_min": 0}),
    "Li.v_init": ("li", {"v_init": 9}),
    "Delay.steps": ("late", {"steps": 2}),
}
#: fields that wire the graph or size a layer: another value does not build with the same arrays
STRUCTURE = {
    "NetworkModel.format_version",
    "NetworkModel.arithmetic",
    "NetworkModel.input",
    "NetworkModel.nodes",
    "InputSpec.shape",
    "InputSpec.coding",
    "Conv.in_channels",
    "Conv.out_channels",
    "Conv.kernel",
    "Conv.stride",
    "Conv.padding",
    "Conv.groups",
    "Linear.in_features",
    "Linear.out_features",
    "Pool.stride",
    "Pool.padding",
    "Affine.shift",
    "Product.over",
    "Product.heads",
}
#: fields that only a workload without arrays has, with a witness in `mixed_network`
WORKLOAD = {"Affine.bits": ("bn", {"bits": 4}), "Affine.per_step": ("bn", {"per_step": True})}
_GRAPH = {"name", "inputs", "op"}


def changed_network(node: str | None, fields: dict[str, Any]) -> Network:
    model = tiny_network().model.model_dump(mode="python")
    if node is None:
        return build(model | fields, tiny_network().arrays)
    nodes = [n | fields if n["name"] == node else n for n in model["nodes"]]
    return build(model | {"nodes": nodes}, tiny_network().arrays)


def unit_network(node: str | None = None, fields: dict[str, Any] | None = None) -> Network:
    """The tiny network with a synapse in its first units, a delay behind them, and leaky integrators at its end."""
    model = tiny_network().model.model_dump(mode="python")
    synapse = {"leak": {"multiplier": 1, "shift": 1}, "bits": 6}
    own: dict[str, dict[str, Any]] = {
        "lif1": {"synapse": synapse},
        "pool1": {"inputs": ["late"]},
        "out": {"inputs": ["li"]},
    }
    nodes = [n | own.get(n["name"], {}) for n in model["nodes"]]
    late = {"op": "delay", "name": "late", "inputs": ["lif1"]}
    li = {"op": "li", "name": "li", "inputs": ["fc"], "leak": {"multiplier": 1, "shift": 1}, "membrane_bits": 6}
    nodes = [*nodes[:2], late, *nodes[2:-1], li, nodes[-1]]
    changed = [n | (fields or {}) if n["name"] == node else n for n in nodes]
    return build(model | {"nodes": changed, "time_steps": 4}, tiny_network().arrays)


def network_outputs(network: Network) -> dict[str, Any]:
    images = tiny_images(24)
    result = network.run(images)
    # offset weights are stored at their declared width, differential ones at the width that they need
    report = cost(network, load_hardware(RRAM, {"mapping.signs": "offset"}))
    return {
        "outputs": result.outputs.tolist(),
        "spikes": dict(result.spikes),
        "tree": report.tree.to_dict(),
        "text": network.describe(),
        "activity": report.activity.to_dict(),
    }


def test_every_network_field_has_a_witness_or_is_structure() -> None:
    parts = (
        NetworkModel,
        InputSpec,
        Leak,
        Synapse,
        Conv,
        Linear,
        Affine,
        Lif,
        Li,
        Delay,
        Pool,
        Add,
        Product,
        Flatten,
        Readout,
    )
    fields = {
        f"{part.__name__}.{name}"
        for part in parts
        for name in part.model_fields
        if part is NetworkModel or name not in _GRAPH
    }
    assert fields == set(NETWORK) | set(UNITS) | STRUCTURE | set(WORKLOAD)


@pytest.mark.parametrize("field", NETWORK)
def test_a_network_field_changes_a_documented_output(field: str) -> None:
    node, fields = NETWORK[field]
    first, second = network_outputs(tiny_network()), network_outputs(changed_network(node, fields))
    numbers = {"text"} if field in ("NetworkModel.name", "NetworkModel.metadata") else set(first) - {"text"}
    assert any(first[key] != second[key] for key in numbers)


@pytest.mark.parametrize("field", UNITS)
def test_a_field_of_units_changes_a_documented_output(field: str) -> None:
    node, fields = UNITS[field]
    first, second = network_outputs(unit_network()), network_outputs(unit_network(node, fields))
    assert any(first[key] != second[key] for key in set(first) - {"text"})


@pytest.mark.parametrize("field", WORKLOAD)
def test_a_workloads_field_changes_its_cost(field: str) -> None:
    node, fields = WORKLOAD[field]
    model = mixed_network().model.model_dump(mode="python")
    nodes = [n | fields if n["name"] == node else n for n in model["nodes"]]
    first, second = (cost(build(model | changed, {}), RRAM) for changed in ({}, {"nodes": nodes}))
    assert first.tree != second.tree


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"stride": (1, 1)}, {"stride": (2, 2)}),
        ({"padding": (1, 1)}, {"padding": (0, 0)}),
        ({"kernel": (3, 3)}, {"kernel": (1, 1)}),
        ({"groups": 1}, {"groups": 2}),
        ({"out_channels": 4}, {"out_channels": 8}),
    ],
)
def test_convolution_structure_changes_the_plan(before: dict[str, Any], after: dict[str, Any]) -> None:
    def plan(fields: dict[str, Any]) -> Any:
        base = {"op": "conv", "name": "c", "inputs": ["input"], "in_channels": 4, "out_channels": 4}
        nodes = [
            base | {"kernel": (3, 3), "padding": (1, 1), "weight_bits": 2} | fields,
            {"op": "lif", "name": "l", "inputs": ["c"]},
            {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
        ]
        spec = {"shape": (4, 8, 8), "bits": 1}
        shape = {"name": "s", "arithmetic": "shape", "time_steps": 1, "input": spec, "nodes": nodes}
        return map_network(build(shape, {}), load_hardware(RRAM)).layers["c"]

    assert plan(before) != plan(after)


def test_an_affine_shift_halves() -> None:
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 1, "out_features": 1} | {"weight_bits": 4},
        {"op": "affine", "name": "a", "inputs": ["fc"], "shift": 1},
        {"op": "readout", "name": "out", "inputs": ["a"], "mode": "last"},
    ]
    spec = {"shape": (1, 1, 1), "bits": 3}
    description = {"name": "s", "arithmetic": "integer", "time_steps": 1, "input": spec, "nodes": nodes}
    arrays = {"fc.weight": np.array([[5]]), "a.multiplier": np.array([3]), "a.bias": np.array([-1])}
    run = build(description, arrays).run(np.array([[[[7]]]], dtype=np.uint8))
    assert run.outputs[0, 0] == (5 * 7 * 3 - 1) >> 1
