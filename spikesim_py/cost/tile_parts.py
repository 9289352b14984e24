"""What a tile adds to its crossbars: sums over row blocks, sign and background counts, H-tree, input buffer."""

from __future__ import annotations

from .._arrays import Real, ceil, ceil_div, floor_div, is_array, maximum, minimum, where
from ..hardware import Baseline, SignMapping
from ..mapping import code_bits, partial_sum_bits
from ..noc import needed_rows, needed_share
from .components import HTree, Memory, adder, adder_tree, counter, register
from .components.base import weakest
from .crossbar_parts import Read
from .parts import Layer, Part, maps_held, placed


def accumulator(layer: Layer, read: Read) -> list[Part]:
    """Sums over row blocks: a tree per lane, and a register where crossbars take turns at one ADC."""
    plan, chip = layer.plan, layer.hardware
    if not is_array(plan.conversion_blocks) and plan.conversion_blocks == 1:
        return []
    inputs = floor_div(plan.row_blocks, plan.adc_sharing)  # ADCs of one column, each in another crossbar
    lanes = floor_div(plan.adcs, inputs)
    bits = partial_sum_bits(plan, chip)
    tree, one, held = adder_tree(layer.tech, inputs, bits), adder(layer.tech, bits), register(layer.tech, bits)
    turns = ceil_div(plan.conversion_blocks, inputs)
    used, serial = where(plan.conversion_blocks > 1, 1.0, 0.0), where(turns > 1, 1.0, 0.0)
    sums = used * plan.outputs * plan.positions * plan.steps * layer.awake_conversions
    energy = sums * ((plan.conversion_blocks - 1) * one.energy_fj + serial * turns * held.energy_fj)
    time = used * (tree.time_ns + serial * turns * one.time_ns)
    return [
        Part(
            "accumulator",
            tree.grade,
            tree.source,
            energy_pj=energy * 1e-3,
            area_um2=used * lanes * (tree.area_um2 + serial * (one.area_um2 + held.area_um2)),
            leakage_pw=used * lanes * (tree.leakage_pw + serial * (one.leakage_pw + held.leakage_pw)),
            read_ns=time,
            hidden_ns=time * (plan.turns - 1) * plan.steps,
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
    one = counter(layer.tech, minimum(plan.rows, layer.hardware.crossbar.rows))
    per_row_fj = adder(layer.tech, 1).energy_fj
    energy = plan.reads * layer.awake * plan.groups * plan.rows * per_row_fj * 1e-3
    blocks = plan.copies * plan.groups * plan.row_blocks
    return Part(
        name,
        "sourced",
        one.source,
        energy_pj=energy + correction.energy_pj,
        area_um2=blocks * one.area_um2 + correction.area_um2,
        leakage_pw=blocks * one.leakage_pw + correction.leakage_pw,
        **_beside(layer, one.time_ns, 1),
    )


def _masked(layer: Layer, read: Read, correction: Part) -> Part:
    """A mask bit per weight in SRAM, read and counted for every output and plane."""
    plan = layer.plan
    weights = plan.rows * plan.outputs
    mask = Memory(layer.tech, weights)  # one for each copy of the layer
    one = counter(layer.tech, minimum(plan.rows, layer.hardware.crossbar.rows))
    per_bit_fj = mask.read_fj + adder(layer.tech, 1).energy_fj
    return Part(
        "sign_count",
        weakest(mask.grade, one.grade),
        f"{one.source}; {mask.source}",
        energy_pj=plan.reads * layer.awake * weights * per_bit_fj * 1e-3 + correction.energy_pj,
        area_um2=plan.adcs * one.area_um2 + plan.copies * mask.area_um2 + correction.area_um2,
        leakage_pw=plan.adcs * one.leakage_pw + plan.copies * mask.leakage_pw + correction.leakage_pw,
        **_beside(layer, one.time_ns, read.serial),
    )


def _beside(layer: Layer, time_ns: Real, times: Real) -> dict[str, Real]:
    """A count beside each read (or each of its phases)."""
    return {"beside_ns": layer.plan.turns * layer.plan.input_bits * times * time_ns}


def h_tree(layer: Layer, core_um2: Real) -> Part:
    """Inputs from the tile's port to its PEs, and the sums of every PE back.

    `core_um2` is what the layer's PEs take. A PE is sent each row block that it holds once per position, and
    returns one sum per output that it holds columns of; one copy of the layer works on a position: its PEs count.
    """
    plan, chip, tech = layer.plan, layer.hardware, layer.tech
    tree = HTree(tech, ceil_div(plan.pes, plan.tiles), core_um2 / plan.tiles)
    held, pes = minimum(chip.pe.crossbars, plan.read_crossbars), ceil_div(plan.read_crossbars, chip.pe.crossbars)
    rows, columns = minimum(held, plan.row_blocks), minimum(ceil_div(held, plan.row_blocks), plan.col_blocks)
    sent = layer.awake * pes * rows / plan.row_blocks * plan.rows * plan.input_bits
    # idle row blocks are not sent their inputs, and a PE whose row blocks are all idle returns nothing
    returned = pes * columns / plan.col_blocks * plan.outputs / plan.groups * partial_sum_bits(plan, chip)
    returned = returned * (1.0 - (1.0 - layer.awake) ** rows)
    bits = (sent + returned) * plan.positions * plan.steps
    return Part(
        "h_tree",
        tree.grade,
        tree.source,
        energy_pj=bits * tree.bit_fj * 1e-3,
        area_um2=plan.tiles * tree.area_um2,
        read_ns=2 * tree.time_ns,
        hidden_ns=2 * tree.time_ns * (plan.turns - 1) * plan.steps,
    )


def input_buffer(layer: Layer, read: Read) -> Part:
    """The part of the input map that each tile needs; fetching runs beside the reads.

    Written once per time-step (once per inference where the input stays), read row by row for every position; row
    blocks that an event-driven chip knows to be idle are not read.
    """
    plan, network, chip = layer.plan, layer.network, layer.hardware
    source = network.by_name[layer.name].inputs[0]
    edge, share = network.edges[source], needed_share(plan, chip)
    memory = Memory(layer.tech, maps_held(network, chip, source) * edge.size * edge.bits * share)
    writes = plan.tiles * share * edge.size * edge.bits * (1 if network.constant(source) else layer.steps)
    rows = plan.groups * plan.rows * plan.input_bits
    fetched = needed_rows(plan, chip) * rows  # by every tile of the copy that works on a position
    reads = layer.awake * maximum(plan.tiles / plan.copies, 1.0) * fetched * plan.positions * plan.steps
    fetch_ns = ceil(fetched / memory.line_bits) * layer.clock_ns
    return Part(
        "input_buffer",
        memory.grade,
        memory.source,
        energy_pj=(writes * memory.write_fj + reads * memory.read_fj) * 1e-3,
        area_um2=plan.tiles * memory.area_um2,
        leakage_pw=plan.tiles * memory.leakage_pw,
        beside_ns=fetch_ns * plan.turns,
    )
