"""What every component of a cost tree belongs to: the resources that can limit a layer, and the neuron module."""

from __future__ import annotations

import math
from typing import Literal, get_args

from .tree import CostNode, Quantity

Resource = Literal["adc", "crossbar", "shift_add", "noc", "buffer", "neuron", "dram", "mac", "pe", "other"]
RESOURCES: tuple[Resource, ...] = get_args(Resource)

#: resource -> (what readers call it, its components in all libraries)
_COMPONENTS: dict[Resource, tuple[str, tuple[str, ...]]] = {
    "adc": ("ADC", ("adc",)),
    "crossbar": (
        "crossbar",
        (
            "crossbar",
            "dummy_column",
            "row_driver",
            "row_permutation",
            "column_driver",
            "column_mux",
            "level_shifter",
            "spare_columns",
            "gating",
            "mux",
        ),
    ),
    "shift_add": (
        "shift and accumulate",
        (
            "shift_add",
            "input_shift_add",
            "accumulator",
            "sign_count",
            "digital_count",
            "drift_gain",
            "recalibration",
            "diff",
        ),
    ),
    "noc": ("NoC", ("noc", "noc_routers", "noc_links", "noc_leakage")),
    "buffer": (
        "buffers",
        (
            "h_tree",
            "input_buffer",
            "membrane_memory",
            "preactivation_buffer",
            "shortcut_buffer",
            "global_buffer",
            "weight_memory",
            "htree",
            "delay_buffer",
            "mem_fetch",
            "neuron_memory",
            "temp_buffer",
            "tile_buffer",
        ),
    ),
    "neuron": (
        "neurons",
        ("neuron_unit", "neuron_parameters", "affine", "pool", "add", "readout", "exit_unit", "neuron"),
    ),
    "dram": ("DRAM and reload", ("dram", "reload")),
    "mac": ("multiply-accumulators", ("integer_mac", "fp32_mac", "fp32_array", "product")),
    # SpikeSim's script knows the time of a whole PE cycle, not what of it is whose
    "pe": ("PE cycle", ("pe_cycles",)),
    "other": ("other", ()),
}
_RESOURCE_OF = {component: name for name, (_, components) in _COMPONENTS.items() for component in components}

#: the neuron module: LIF arithmetic and the memory of its membranes (the last two are SpikeSim's names)
NEURON_MODULE = ("neuron_unit", "membrane_memory", "neuron", "neuron_memory")


def resource_of(component: str) -> Resource:
    """The resource of a component; `other` for one that no library of this version has."""
    return _RESOURCE_OF.get(component, "other")


def component_names() -> tuple[str, ...]:
    """Every component that a library of this version has, resource by resource."""
    return tuple(_RESOURCE_OF)


def resource_label(resource: Resource) -> str:
    """What readers call it."""
    return _COMPONENTS[resource][0]


def neuron_share(tree: CostNode, quantity: Quantity = "area_um2") -> float:
    """Share of the neuron module (`NEURON_MODULE`) in a quantity of the chip."""
    parts = tree.components()
    module = math.fsum(getattr(parts[name], quantity) for name in NEURON_MODULE if name in parts)
    total: float = getattr(tree, quantity)
    return module / total if total else 0.0
