"""The released library on the script's own lists: every bit of its numbers, and what happens where it gives none."""

from __future__ import annotations

import csv
import math
import random
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost import CostResult, released_layers
from spikesim_py.cost.released import released_cost
from spikesim_py.cost.released_equations import summing_to
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.hardware import Defects, load_hardware
from spikesim_py.network import load_network

Lists = dict[str, Any]

#: VGG9 on CIFAR-10, the list that the script holds
VGG9: Lists = {
    "in_channels": [3, 64, 64, 128, 128, 256, 256],
    "out_channels": [64, 64, 128, 128, 256, 256, 256],
    "in_dims": [32, 32, 16, 16, 8, 8, 8],
    "out_dims": [32, 16, 16, 8, 8, 8, 4],
}


def totals(result: CostResult) -> tuple[float, float, float]:
    return result.tree.energy_pj, result.tree.area_um2, result.tree.critical_ns


def one_layer(cin: int, cout: int, **more: Any) -> CostResult:
    return released_layers(in_channels=[cin], out_channels=[cout], in_dims=[8], out_dims=[8], **more)


def second_script(lists: Lists, k: int, x: int, t: int, device: str, per_tile: int, mhz: float) -> Any:
    """The published equations, written a second time: (energy, area, latency), PEs, tiles, and how the script ends."""
    cin, cout, before, after = (lists[name] for name in ("in_channels", "out_channels", "in_dims", "out_dims"))
    xbar_pj, xbar_um2 = {"rram": (1.76423, 26.2144), "sram": (671.089, 671.089)}[device]
    eighth = x / 8
    array_pj = k * k * xbar_pj + eighth * (2.03084 + 0.094245)
    cycle_pj = 19.64 * 8 + 4.64 + 1.274 * 4 + eighth * array_pj + eighth * 16 * 1.15e-6 + eighth * 0.2 + 397
    pes = [math.ceil(a / x) * math.ceil(b / x) for a, b in zip(cin, cout, strict=False)]
    energy = 0.0
    for pe, side in zip(pes, after, strict=False):
        energy += pe * side * side * cycle_pj * t
    tiles = math.ceil(sum(pes) / per_tile)
    pe_um2 = k * k * xbar_um2 + eighth * (693.633 + 45.9)
    tile_um2 = eighth * 13411.41498 + 484.643999 + 0.7391 * 64 * 128 + per_tile * pe_um2 + 216830 * 2
    wide = before * len(cin) if len(before) == 1 else before
    inputs = sum(a * side**2 for a, side in zip(cin, wide, strict=True))
    stored = sum(b * side**2 for b, side in zip(cout[:5], after, strict=False))
    area = tile_um2 * tiles + inputs * 0.7391 * 22 + stored * 0.7391 * 22
    work = [side * side * b for side, b in zip(after, cout, strict=False)]
    cycles = sum(int(0.75 * amount) * t for amount in work[:-1]) + work[-1] * t
    exact = [(a / x) * (b / x) for a, b in zip(cin, cout, strict=False)]
    end = "answers"
    if pes != sorted(pes):
        end = "TypeError"
    elif exact != sorted(exact):
        end = "no latency"
    elif max(exact) < 1:
        end = "hangs"
    elif len(cout) > 12:
        end = "IndexError"
    return (energy, area, cycles * (26 * (1000 / mhz))), sum(pes), tiles, end


@st.composite
def layer_lists(draw: st.DrawFn) -> Lists:
    """Lists of 1 to 16 layers, often in the order that the script asks for, sometimes longer or shorter than needed."""
    count = draw(st.integers(1, 16))
    entries = st.lists(st.integers(1, 700), min_size=count, max_size=count)
    sides = st.lists(st.integers(1, 250), min_size=count, max_size=count)
    lists = {"in_channels": draw(entries), "out_channels": draw(entries)}
    if draw(st.booleans()):
        lists = {name: sorted(values) for name, values in lists.items()}
    lists |= {"in_dims": draw(sides), "out_dims": draw(sides)}
    if draw(st.integers(0, 9)) == 0:
        lists["in_dims"] = lists["in_dims"][:1]
    elif draw(st.integers(0, 9)) == 0 and count > 1:
        lists["in_channels"], lists["in_dims"] = [*lists["in_channels"], 7, 9], [*lists["in_dims"], 3, 4]
    if draw(st.integers(0, 9)) == 0 and count > 5:
        lists["out_dims"] = [*lists["out_dims"], 5]
    return lists


@given(
    lists=layer_lists(),
    k=st.integers(1, 11),
    x=st.sampled_from([64, 128, 256]) | st.integers(1, 300),
    t=st.integers(1, 100),
    device=st.sampled_from(["rram", "sram"]),
    per_tile=st.integers(1, 40),
    mhz=st.sampled_from([250, 1000]) | st.floats(1, 5000),
)
def test_any_list_has_the_numbers_of_the_published_equations_to_the_last_bit(
    lists: Lists, k: int, x: int, t: int, device: Any, per_tile: int, mhz: float
) -> None:
    options: Any = {"kernel": k, "crossbar": x, "time_steps": t, "device": device, "pes_per_tile": per_tile}
    result = released_layers(**lists, **options, clock_mhz=mhz)
    numbers, pes, tiles, end = second_script(lists, k, x, t, device, per_tile, mhz)
    assert totals(result) == numbers
    assert (result.pes, result.tiles, result.crossbars) == (pes, tiles, pes * k * k)
    told = [word for word in ("TypeError", "no latency", "hangs", "IndexError") if any(word in n for n in result.notes)]
    assert told == ([] if end == "answers" else [end])
    assert 0 < result.utilization <= 1
    for _, node in result.tree.walk():
        assert min(node.energy_pj, node.area_um2, node.critical_ns, node.busy_ns - node.critical_ns) >= 0
        for quantity in ("energy_pj", "area_um2", "critical_ns") if node.children else ():
            total = 0.0
            for child in node.children:
                total += getattr(child, quantity)
            assert total == getattr(node, quantity), (node.name, quantity)


@pytest.mark.parametrize(
    ("options", "energy_pj", "area_um2", "latency_ns"),
    [
        ({}, 15906934.026240002, 8425528.755833998, 62832640.0),
        ({"time_steps": 1}, 3181386.805248, 8425528.755833998, 12566528.0),
        ({"device": "sram"}, 941181496.07, 8704114.583, 62832640.0),
    ],
)
def test_the_defaults_are_the_script(options: Any, energy_pj: float, area_um2: float, latency_ns: float) -> None:
    """What the authors' script prints for VGG9; two of the numbers are recorded to ten digits."""
    energy, area, latency = totals(released_layers(**VGG9, **options))
    assert energy == pytest.approx(energy_pj, rel=1e-10)
    assert area == pytest.approx(area_um2, rel=1e-10)
    assert latency == latency_ns
    if not options:
        assert (energy, area) == (energy_pj, area_um2)


#: switches that a list of layers can express
SWITCHES = [
    name
    for name in Defects.model_fields
    if name not in ("input_buffer_22_bit", "post_pool_dims", "fc_layers_omitted", "first_layer_every_step")
]


@pytest.mark.parametrize("corrected", [None, *SWITCHES])
def test_a_network_is_costed_as_the_list_that_it_is(corrected: str | None) -> None:
    switches = {} if corrected is None else {corrected: False}
    chip = load_hardware("spikesim_released", {f"cost.defects.{name}": value for name, value in switches.items()})
    network = released_cost(load_network("vgg9-cifar10"), chip)
    listed = released_layers(**VGG9, defects=Defects(**switches))
    assert network.tree == listed.tree
    assert network.macs == listed.macs
    assert (network.tiles, network.pes, network.utilization) == (listed.tiles, listed.pes, listed.utilization)


@pytest.mark.parametrize("name", sorted(set(Defects.model_fields) - set(SWITCHES)))
def test_a_correction_that_needs_a_network_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"defects\.{name} = false: a list of layers does not say enough"):
        released_layers(**VGG9, defects=Defects(**{name: False}))


@pytest.mark.parametrize(
    ("lists", "word", "switch"),
    [
        (([3], [16]), "hangs", "latency_loop_hangs"),
        (([256, 256], [256, 64]), "TypeError", "ordered_pes_required"),
        (([64, 64], [60, 50]), "no latency", "ordered_pes_required"),
        (([64] * 13, [64] * 13), "IndexError", "overlap_for_twelve_layers"),
    ],
)
def test_where_the_script_gives_no_answer_there_is_one_and_a_note(lists: Any, word: str, switch: str) -> None:
    sides = [8] * len(lists[0])
    named = {"in_channels": lists[0], "out_channels": lists[1], "in_dims": sides, "out_dims": sides}
    result = released_layers(**named)
    assert [word in note for note in result.notes].count(True) == 1
    assert min(totals(result)) > 0
    corrected = released_layers(**named, defects=Defects(**{switch: False}))
    assert totals(corrected) == totals(result)
    assert not any(word in note for note in corrected.notes)


def test_one_in_dim_stands_for_all_and_entries_beyond_the_last_layer_take_memory_only() -> None:
    base = released_layers(**VGG9 | {"in_dims": [16] * 7})
    assert totals(released_layers(**VGG9 | {"in_dims": [16]})) == totals(base)
    longer = released_layers(**VGG9 | {"in_channels": [*VGG9["in_channels"], 10], "in_dims": [16]})
    assert totals(longer)[::2] == totals(base)[::2]
    grown = [node.child("input_buffer").area_um2 for node in longer.tree.children[:-1]]
    held = [node.child("input_buffer").area_um2 for node in base.tree.children[:-1]]
    assert grown[:-1] == pytest.approx(held[:-1])
    assert grown[-1] - held[-1] == pytest.approx(10 * 16**2 * 22 * 0.7391)


def test_each_layer_can_have_its_own_kernel() -> None:
    """Energy is each layer's own; PEs are sized for the largest."""
    pair: Lists = {"in_channels": [64, 64], "out_channels": [64, 64], "in_dims": [8, 8], "out_dims": [8, 8]}
    mixed, ones, fives = (released_layers(**pair, kernel=kernel) for kernel in ([1, 5], 1, [5, 5]))
    assert [node.energy_pj for node in mixed.tree.children[:2]] == [
        ones.tree.children[0].energy_pj,
        fives.tree.children[1].energy_pj,
    ]
    assert mixed.tree.area_um2 == fives.tree.area_um2
    assert mixed.crossbars == 1 + 25


@given(st.integers(1, 50), st.integers(1, 200), st.integers(1, 200))
def test_energy_and_latency_are_linear_in_time_steps_and_area_has_none(t: int, cin: int, cout: int) -> None:
    once, often = one_layer(cin, cout, time_steps=1), one_layer(cin, cout, time_steps=t)
    assert totals(often)[0] == totals(once)[0] * t
    assert totals(often)[2] == totals(once)[2] * t
    assert totals(often)[1] == totals(once)[1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"in_channels": [3, 64]}, "in_channels: has 2 values, must have 7, one per layer"),
        ({"out_dims": [32]}, "out_dims: has 1 values, must have 7"),
        ({"in_dims": [32, 16]}, "in_dims: has 2 values, must have 7, as in_channels, or one for all"),
        ({"out_channels": []}, "out_channels: has 0 values, must have 1"),
        ({"out_channels": 64}, "out_channels = 64: must be a list"),
        ({"in_channels": [0] * 7}, "in_channels: 0 must be a whole number, at least 1"),
        ({"out_dims": [7.5] * 7}, "out_dims: 7.5 must be a whole number"),
        ({"kernel": [3, 3]}, "kernel: has 2 values, must have 7"),
        ({"kernel": 0}, "kernel: 0 must be"),
        ({"crossbar": -64}, "crossbar: -64 must be"),
        ({"time_steps": True}, "time_steps: True must be"),
        ({"pes_per_tile": 0}, "pes_per_tile: 0 must be"),
        ({"device": "pcm"}, "device = 'pcm': must be 'rram' or 'sram'"),
        ({"clock_mhz": 0.0}, "clock_mhz = 0.0: must be a number above 0"),
        ({"clock_mhz": "250"}, "clock_mhz = '250': must be a number"),
        ({"clock_mhz": math.inf}, "clock_mhz = inf: must be a number above 0"),
    ],
)
def test_what_is_no_list_of_layers_is_refused(changed: Lists, message: str) -> None:
    with pytest.raises(InputError) as error:
        released_layers(**VGG9 | changed)
    assert message in str(error.value)


@given(st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=30), st.randoms())
def test_parts_are_moved_by_less_than_rounding_and_add_up_in_any_order(
    parts: list[float], shuffled: random.Random
) -> None:
    total = sum(parts)
    exact = summing_to(total, parts)
    largest_move = max(abs(a - b) for a, b in zip(exact, parts, strict=True))
    assert largest_move <= len(parts) * math.ulp(total)
    shuffled.shuffle(exact)
    assert sum(exact) == total


def test_energy_equals_spikingjelly_on_its_grid_of_216_layers() -> None:
    """As floats; `python -m benchmarks.spikingjelly_energy` makes the file and runs both."""
    with (ROOT / "tests" / "reference" / "spikingjelly_spikesim_energy.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({(r["in_channels"], r["out_channels"], r["out_dim"], r["kernel"]) for r in rows}) == 12 * 6 * 3
    for row in rows:
        cin, cout, side, k = (int(row[name]) for name in ("in_channels", "out_channels", "out_dim", "kernel"))
        result = released_layers(
            in_channels=[cin],
            out_channels=[cout],
            in_dims=[side + k - 1],
            out_dims=[side],
            kernel=k,
            time_steps=1,
        )
        assert result.tree.energy_pj == float(row["energy_pj"]), row
