"""What a tile adds to its crossbars: sums over row blocks, sign and background counts, H-tree, input buffer."""

from __future__ import annotations

import math

from ..hardware import Baseline, SignMapping
from ..mapping import ceil_div, code_bits
from ..noc import partial_sum_bits, tile_shares
from .components import HTree, Memory, adder, adder_tree, counter, register
from .components.base import weakest
from .crossbar_parts import Read
from .parts import Layer, Part, placed


def accumulator(layer: Layer, read: Read) -> list[Part]:
    """Sums over row blocks: a tree per lane, and a register where crossbars take turns at one ADC."""
    plan, chip = layer.plan, layer.hardware
    if plan.conversion_blocks == 1:
        return []
    lanes = plan.groups * plan.col_blocks * ceil_div(chip.crossbar.cols, chip.crossbar.mux)
    inputs = max(1, ceil_div(plan.adcs, lanes))
    bits = partial_sum_bits(plan, chip)
    tree, one = adder_tree(layer.tech, inputs, bits), adder(layer.tech, bits)
    turns = ceil_div(plan.conversion_blocks, inputs)
    serial = one + register(layer.tech, bits) if turns > 1 else None
    sums = plan.outputs * plan.positions * plan.steps * layer.awake_conversions
    energy = sums * (plan.conversion_blocks - 1) * one.energy_fj
    energy += sums * turns * register(layer.tech, bits).energy_fj if serial else 0.0
    time = tree.time_ns + (turns * one.time_ns if serial else 0.0)
    return [
        Part(
            "accumulator",
            tree.grade,
            tree.source,
            energy_pj=energy * 1e-3,
            area_um2=lanes * (tree.area_um2 + (serial.area_um2 if serial else 0.0)),
            leakage_pw=lanes * (tree.leakage_pw + (serial.leakage_pw if serial else 0.0)),
            read_ns=time,
            hidden_ns=time * (plan.positions - 1) * plan.steps,
        )
    ]


def sign_count(layer: Layer, read: Read) -> list[Part]:
    """Counts of active inputs that `offset*` schemes and one-bit weights subtract.

    One population count per row block, shared by its columns; `offset_negative` counts per output behind a
    mask of the inputs that meet a negative weight, with a counter at every ADC.
    """
    plan, signs = layer.plan, layer.hardware.mapping.signs
    one_bit = plan.weight_bits == 1 and signs is SignMapping.TWOS_COMPLEMENT
    if signs is not SignMapping.OFFSET and signs is not SignMapping.OFFSET_NEGATIVE and not one_bit:
        return []
    bits = partial_sum_bits(plan, layer.hardware)
    correction = placed("sign_count", adder(layer.tech, bits), plan.adcs, plan.outputs * plan.positions * plan.steps)
    if signs is SignMapping.OFFSET_NEGATIVE:
        return [_masked(layer, read, correction)]
    return [_counted(layer, read, "sign_count", correction)]


def background_count(layer: Layer, read: Read) -> list[Part]:
    """`digital_count`: active rows x background, subtracted from every conversion."""
    chip = layer.hardware
    if chip.baseline is not Baseline.DIGITAL_COUNT:
        return []
    conversions = layer.plan.conversions * layer.awake_conversions
    correction = placed("digital_count", adder(layer.tech, code_bits(layer.plan, chip)), layer.plan.adcs, conversions)
    return [_counted(layer, read, "digital_count", correction)]


def _counted(layer: Layer, read: Read, name: str, correction: Part) -> Part:
    """A population count per row block and read, and its use."""
    plan = layer.plan
    one = counter(layer.tech, min(plan.rows, layer.hardware.crossbar.rows))
    per_row_fj = adder(layer.tech, 1).energy_fj
    energy = plan.reads * layer.awake * plan.groups * plan.rows * per_row_fj * 1e-3
    blocks = plan.groups * plan.row_blocks
    return Part(
        name,
        "sourced",
        one.source,
        energy_pj=energy + correction.energy_pj,
        area_um2=blocks * one.area_um2 + correction.area_um2,
        leakage_pw=blocks * one.leakage_pw + correction.leakage_pw,
        **_beside(layer, one.time_ns, read.read_ns, 1),
    )


def _masked(layer: Layer, read: Read, correction: Part) -> Part:
    """A mask bit per weight in SRAM, read and counted for every output and plane."""
    plan = layer.plan
    weights = plan.rows * plan.outputs
    mask = Memory(layer.tech, weights)
    one = counter(layer.tech, min(plan.rows, layer.hardware.crossbar.rows))
    per_bit_fj = mask.read_fj + adder(layer.tech, 1).energy_fj
    return Part(
        "sign_count",
        weakest(mask.grade, one.grade),
        f"{one.source}; {mask.source}",
        energy_pj=plan.reads * layer.awake * weights * per_bit_fj * 1e-3 + correction.energy_pj,
        area_um2=plan.adcs * one.area_um2 + mask.area_um2 + correction.area_um2,
        leakage_pw=plan.adcs * one.leakage_pw + mask.leakage_pw + correction.leakage_pw,
        **_beside(layer, one.time_ns, read.phase_ns, read.serial),
    )


def _beside(layer: Layer, time_ns: float, read_ns: float, times: int) -> dict[str, float]:
    """A count beside each read (or each of its phases): what is longer than the read shows."""
    reads = layer.plan.positions * layer.plan.input_bits * times
    late_ns = max(time_ns - read_ns, 0.0)
    return {"read_ns": reads * late_ns, "hidden_ns": reads * (time_ns - late_ns) * layer.plan.steps}


def h_tree(layer: Layer, core_um2: float) -> Part:
    """Inputs from the tile's port to its PEs, and the sums of every PE back.

    `core_um2` is what the layer's PEs take. A PE is sent each row block that it holds once per position, and
    returns one sum per output that it holds columns of.
    """
    plan, chip, tech = layer.plan, layer.hardware, layer.tech
    tree = HTree(tech, ceil_div(plan.pes, plan.tiles), core_um2 / plan.tiles)
    crossbars = ceil_div(plan.crossbars, plan.pes)
    rows = min(ceil_div(crossbars, plan.col_blocks), plan.groups * plan.row_blocks)
    sent = plan.pes * rows * plan.rows / plan.row_blocks * plan.input_bits
    columns = min(crossbars, plan.col_blocks) / plan.col_blocks * plan.outputs / plan.groups
    returned = plan.pes * columns * partial_sum_bits(plan, chip)
    bits = (sent + returned) * plan.positions * plan.steps
    return Part(
        "h_tree",
        tree.grade,
        tree.source,
        energy_pj=bits * tree.bit_fj * 1e-3,
        area_um2=plan.tiles * tree.area_um2,
        read_ns=2 * tree.time_ns,
        hidden_ns=2 * tree.time_ns * (plan.positions - 1) * plan.steps,
    )


def input_buffer(layer: Layer, read: Read) -> Part:
    """The input map that each tile needs, twice where stages overlap; fetching hides behind reading.

    Written once per time-step (once per inference where the input stays), read row by row for every position.
    """
    plan, network, chip = layer.plan, layer.network, layer.hardware
    source = network.by_name[layer.name].inputs[0]
    edge = network.edges[source]
    needs = tile_shares(plan, chip).needs
    copies = 1 if chip.schedule.pipeline == "none" else 2
    held = [Memory(layer.tech, copies * edge.size * edge.bits * share) for share in needs]
    constant = source == "input" and network.model.input.coding == "direct"
    writes = edge.size * edge.bits * (1 if constant else layer.steps)
    rows = plan.groups * plan.rows * plan.input_bits
    reads = rows * plan.positions * plan.steps
    energy = sum(
        share * (writes * memory.write_fj + reads * memory.read_fj) for share, memory in zip(needs, held, strict=True)
    )
    fetch_ns = math.ceil(rows * max(needs) / held[0].line_bits) * layer.clock_ns
    excess = max(fetch_ns - plan.input_bits * read.read_ns, 0.0) * plan.positions
    return Part(
        "input_buffer",
        held[0].grade,
        held[0].source,
        energy_pj=energy * 1e-3,
        area_um2=sum(memory.area_um2 for memory in held),
        leakage_pw=sum(memory.leakage_pw for memory in held),
        read_ns=excess,
        hidden_ns=(fetch_ns * plan.positions - excess) * plan.steps,
    )
