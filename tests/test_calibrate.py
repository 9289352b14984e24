"""Calibration: exact counts of column sums, ranges by hand, their laws, files that extend a chip, the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from conftest import tiny_images, tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.cli import main
from spikesim_py.crossbar.adc import layer_adc
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import ConfigError, DataError, InputError
from spikesim_py.hardware import Hardware, PercentilePer, extension, extension_of, load_hardware
from spikesim_py.inference import calibrate as room
from spikesim_py.inference import simulate
from spikesim_py.inference.calibrate import ColumnSums, calibrate, column_sums, layer_ranges, ranged, with_full_scales
from spikesim_py.mapping import map_network
from spikesim_py.network import Conv, Network, build, run

LAYER, SLICE = PercentilePer.LAYER, PercentilePer.SLICE


def data(network: Network, samples: int = 6, seed: int = 1) -> Dataset:
    return Dataset("tiny", tiny_images(samples, network.model.input.bits, seed), np.zeros(samples, np.int64))


def chip(**overrides: Any) -> Hardware:
    return load_hardware("rram_32nm", {key.replace("__", "."): value for key, value in overrides.items()})


# ------------------------------------------------------------------------------------------------------- by hand


def by_hand() -> tuple[Network, Dataset]:
    """Weights (3, 1, -2, 1): slice 0 holds + (1 1 0 1) and - (0 0 0 0), slice 1 + (1 0 0 0) and - (0 0 1 0)."""
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 4, "out_features": 1, "weight_bits": 3},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    nodes.insert(0, {"op": "flatten", "name": "flat", "inputs": ["input"]})
    spec = {"shape": (4, 1, 1), "bits": 1}
    description = {"name": "hand", "arithmetic": "integer", "time_steps": 1, "input": spec, "nodes": nodes}
    images = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]], np.uint8)
    network = build(description, {"fc.weight": np.array([[3, 1, -2, 1]])})
    return network, Dataset("hand/calibration", images.reshape(5, 4, 1, 1), np.zeros(5, np.int64))


def test_sums_and_ranges_of_a_network_that_a_hand_can_count() -> None:
    network, images = by_hand()
    counted = column_sums(network, chip(), images)["fc"]
    # of the five images, how many make 0, 1, 2, 3, 4 levels in: slice 0 +, slice 0 -, slice 1 +, slice 1 -
    assert counted.low == 0
    assert counted.counts.tolist() == [[2, 0, 2, 1, 0], [5, 0, 0, 0, 0], [2, 3, 0, 0, 0], [3, 2, 0, 0, 0]]
    # together: 12 zeros, 5 ones, 2 twos, 1 three, so 60 %, 85 %, 95 % and all of 20 conversions
    for percentile, levels in ((50, 1), (60, 1), (85, 1), (85.1, 2), (95, 2), (95.1, 3), (100, 3)):
        assert counted.full_scales(percentile, LAYER) == (levels,)
    assert counted.full_scales(100, SLICE) == (3, 1, 1, 1)
    assert counted.full_scales(80, SLICE) == (2, 1, 1, 1)
    calibrated = calibrate(network, chip(adc__bits=1), images, percentile=90, per="slice")
    assert calibrated.adc.full_scales == {"fc": (3, 1, 1, 1)}
    (row,) = layer_ranges(network, calibrated, {"fc": counted})
    assert (row.bits, row.largest, row.lsb, row.lossless) == (1, 4, (3.0, 1.0, 1.0, 1.0), False)
    assert row.clip_share == 0  # with an LSB of 3, codes 0 and 1 stand for up to 4 levels
    one = calibrate(network, chip(adc__bits=1), images, percentile=85)
    assert layer_ranges(network, one, {"fc": counted})[0].clip_share == 3 / 20  # two twos and a three


def test_sums_of_pairs_have_signs_and_ranges_cover_their_magnitudes() -> None:
    network, images = by_hand()
    counted = column_sums(network, chip(mapping__subtract="analog"), images)["fc"]
    assert counted.low == -4
    assert counted.counts[0].tolist() == [0, 0, 0, 0, 2, 0, 2, 1, 0]
    assert counted.counts[1].tolist() == [0, 0, 0, 1, 2, 2, 0, 0, 0]  # +1 -1 = 0 where all inputs are active
    assert counted.full_scales(100, SLICE) == (3, 1)
    mirrored = ColumnSums(-4, counted.counts[:, ::-1])
    assert mirrored.full_scales(100, SLICE) == (3, 1)


# ---------------------------------------------------------------------------------------------------------- laws


def naive_sums(network: Network, hardware: Hardware, images: np.ndarray) -> dict[str, list[list[int]]]:
    """Every column sum of every layer, kind by kind, by torch's im2col and plain matrix products."""
    inputs: dict[str, torch.Tensor] = {"input": torch.from_numpy(images.astype(np.int32))[:, None]}
    run(network, images, observer=lambda name, value: inputs.update({name: value}))
    mapping, found = map_network(network, hardware), {}
    pair = 1 if hardware.mapping.subtract.value == "digital" else 2
    for node in network.layers:
        x, cells = inputs[node.inputs[0]].flatten(0, 1), mapping.cells(node.name)
        if isinstance(node, Conv):
            columns = F.unfold(x.double(), node.kernel, padding=node.padding, stride=node.stride)
            rows = columns.unflatten(1, (node.groups, -1)).permute(0, 3, 1, 2).flatten(0, 1).numpy().astype(int)
        else:
            rows = x.flatten(1)[:, None].numpy().astype(int)
        kinds: list[list[int]] = [[] for _ in range(cells.columns.count // pair)]
        for plane in range(network.edges[node.inputs[0]].bits):
            for group, levels in enumerate(cells.levels.astype(int)):
                for block in cells.conversion_blocks:
                    sums = ((rows[:, group] >> plane) & 1)[:, block] @ levels[block]
                    for kind, values in enumerate(kinds):
                        every = sums[:, kind * pair :: cells.columns.count]
                        other = sums[:, kind * pair + 1 :: cells.columns.count] if pair == 2 else 0
                        values += (every - other).ravel().tolist()
        found[node.name] = kinds
    return found


RULES = [
    {},
    {"mapping.subtract": "analog"},
    {"mapping.subtract": "interleaved", "crossbar.rows": 14},
    {"mapping.signs": "offset_negative", "device.cell_bits": 2},
    {"mapping.signs": "twos_complement"},
    {"mapping.rows": "spikeflow", "device.cell_bits": 3},
    {"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum", "mapping.subtract": "analog"},
]


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(map(str, rules.values())) or "plain")
def test_counts_are_what_a_naive_loop_finds(rules: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm", {"crossbar.rows": 7} | rules)
    images = data(network)
    expected = naive_sums(network, hardware, images.images)
    monkeypatch.setattr(room, "_BATCH", 4)
    for chunk in (1, 2**23):
        monkeypatch.setattr(room, "_CHUNK", chunk)
        for name, counted in column_sums(network, hardware, images).items():
            for kind, values in enumerate(expected[name]):
                plain = np.bincount(np.array(values) - counted.low, minlength=counted.counts.shape[1])
                assert np.array_equal(counted.counts[kind], plain)


@given(
    rules=st.sampled_from(RULES),
    bits=st.integers(2, 6),
    rows=st.sampled_from([5, 64]),
    percentile=st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]),
    per=st.sampled_from([LAYER, SLICE]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30)
def test_a_range_clips_no_more_than_its_percentile_leaves_out(
    rules: dict[str, Any], bits: int, rows: int, percentile: float, per: PercentilePer, seed: int
) -> None:
    network = tiny_network(seed)
    hardware = load_hardware("rram_32nm", {"crossbar.rows": rows, "adc.bits": bits} | rules)
    sums = column_sums(network, hardware, data(network, 3, seed))
    made = with_full_scales(hardware, sums, "tiny", percentile, per)
    narrow = with_full_scales(hardware, sums, "tiny", 50, per)
    for row in layer_ranges(network, made, sums):
        assert row.clip_share <= 1 - percentile / 100 + 1e-12
        assert all(1 <= scale <= row.largest for scale in row.full_scales)
        plan = map_network(network, made).layers[row.name]
        assert len(row.full_scales) == (1 if per is LAYER else plan.conversions_per_output)
        assert all(a >= b for a, b in zip(row.full_scales, narrow.adc.full_scales[row.name], strict=True))
        assert row.lossless == layer_adc(plan, made).lossless


@pytest.mark.parametrize("subtract", ["digital", "analog", "interleaved"])
def test_a_range_of_all_sums_never_clips_them_and_is_exact_where_bits_suffice(subtract: str) -> None:
    """Ranges far below what the columns could carry: an ideal chip still computes what the reference does."""
    network = tiny_network()
    images = data(network, 12)
    hardware = chip(device__ideal=True, adc__bits=5, mapping__subtract=subtract)
    made = calibrate(network, hardware, images, percentile=100)
    ranges = layer_ranges(network, made, column_sums(network, hardware, images))
    assert not all(row.lossless for row in ranges)
    assert all(max(row.lsb) == 1 for row in ranges)
    assert all(row.clip_share == 0 for row in ranges)
    right = Dataset("tiny", images.images, run(network, images.images).predictions)
    result = simulate(network, made, right)
    assert result.correct.all()
    assert all(record.clip_rate == 0 for record in result.activity.layers.values())


def test_the_expected_clip_share_is_what_an_ideal_first_layer_measures() -> None:
    network = tiny_network()
    images = data(network, 10)
    hardware = chip(device__ideal=True, adc__bits=2)
    sums = column_sums(network, hardware, images)
    made = with_full_scales(hardware, sums, "tiny", 80)
    expected = layer_ranges(network, made, sums)[0]
    assert expected.clip_share > 0.01
    measured = simulate(network, made, images).activity.layers["conv1"]
    assert measured.clip_rate == pytest.approx(expected.clip_share)


# ---------------------------------------------------------------------------------------- chips, files, the command


def test_a_chip_without_full_scales_calibrates_itself_where_it_is_simulated() -> None:
    network, hardware = tiny_network(), chip(adc__bits=2, adc__range="percentile", adc__percentile=90)
    held_out, images = data(network, 8, seed=5), data(network, 8)
    made = calibrate(network, hardware, held_out)
    assert made.adc.full_scales
    own = simulate(network, hardware, images, calibration=held_out)
    assert own.activity == simulate(network, made, images).activity
    assert ranged(network, made, images) is made
    assert ranged(network, chip(), images) == chip()
    with pytest.raises(DataError, match="data = 'tiny': unknown"):
        simulate(network, hardware, images)


def test_the_calibration_split_is_found_by_the_name_of_the_dataset() -> None:
    from spikesim_py.network import load_network

    network, hardware = load_network("digits-w1"), chip(adc__range="percentile")
    made = ranged(network, hardware, load_dataset("digits", "report"))
    assert made == calibrate(network, hardware, load_dataset("digits", "calibration"))
    assert "digits-w1 on digits/calibration" in made.sources["adc.full_scales"]


def test_a_calibrated_chip_says_where_its_ranges_come_from_and_keeps_the_rest() -> None:
    network = tiny_network()
    hardware = chip(adc__bits=4, adc__kind="ramp", adc__inl_lsb=0.5, adc__range="percentile", adc__percentile=95)
    made = calibrate(network, hardware, data(network))
    assert made.sources["adc.full_scales"] == "derived: 95 % of the conversions of tiny-4 on tiny, per layer"
    assert not made.is_sourced("adc.full_scales")
    assert (made.adc.kind, made.adc.inl_lsb, made.adc.percentile) == ("ramp", 0.5, 99.9)
    other = calibrate(network, made, data(network), percentile=60)  # again, from what was calibrated
    assert other.adc.full_scales != made.adc.full_scales


def test_what_cannot_be_calibrated_is_refused() -> None:
    network = tiny_network()
    digital = {"adc.kind": "adder_tree", "crossbar.mux": 1, "device.program_sigma": 0.0, "device.mismatch_sigma": 0.0}
    with pytest.raises(InputError, match="'adder_tree': counts exactly"):
        calibrate(network, load_hardware("sram_32nm", digital), data(network))
    with pytest.raises(InputError, match="no layer on crossbars"):
        calibrate(network, chip(mapping__digital_layers=["conv1", "conv2", "fc"]), data(network))
    with pytest.raises(ConfigError, match=r"adc.percentile = 20.0: must be greater than or equal to 50"):
        calibrate(network, chip(), data(network), percentile=20.0)
    with pytest.raises(ConfigError, match=r"adc.percentile_per = 'column': must be 'layer' or 'slice'"):
        calibrate(network, chip(), data(network), per="column")


def test_layers_without_crossbars_have_no_range() -> None:
    network = tiny_network()
    made = calibrate(network, chip(mapping__digital_layers=["conv1"]), data(network))
    assert set(made.adc.full_scales) == {"conv2", "fc"}


def test_an_extension_holds_what_changed_and_loads_as_the_same_chip(tmp_path: Path) -> None:
    network, base = tiny_network(), load_hardware("rram_32nm")
    made = calibrate(network, load_hardware(base, {"crossbar.rows": 64}), data(network), per="slice")
    first = tmp_path / "first.yaml"
    first.write_text(extension(made, base, extension_of("rram_32nm", first)))
    loaded = load_hardware(first)
    assert loaded.model_copy(update={"name": base.name}) == made
    assert "rows: 64" in first.read_text()
    assert "cols" not in first.read_text()
    second = tmp_path / "sub" / "second.yaml"
    second.parent.mkdir()
    again = calibrate(network, loaded, data(network), percentile=80)
    second.write_text(extension(again, loaded, extension_of(str(first), second)))
    assert load_hardware(second).adc == again.adc
    with pytest.raises(ConfigError, match=r"second.yaml: is the chip itself"):
        extension_of(str(second), tmp_path / "sub" / ".." / "sub" / "second.yaml")


def test_an_extension_cannot_take_away_what_the_chip_has() -> None:
    base = chip(adc__layer_bits={"a": 3, "b": 4})
    with pytest.raises(ConfigError, match=r"mine.yaml: adc.layer_bits.a: stands in this chip"):
        extension(load_hardware(base, {"adc.layer_bits": {"b": 4}}), base, "mine.yaml")


def command(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["calibrate", *arguments])


def test_the_command_writes_a_chip_that_evaluates_and_prints_its_ranges(tmp_path: Path) -> None:
    path = tmp_path / "out" / "chip.yaml"
    done = command("digits-w1", "rram_32nm", "--set", "adc.bits=4", "--percentile", "99", "-o", str(path))
    assert done.exit_code == 0, done.output
    assert f"wrote {path}" in done.output
    assert "digits-w1 on rram_32nm, 100 samples of digits/calibration" in done.output
    made = load_hardware(path)
    assert (made.adc.bits, made.adc.range) == (4, "percentile")
    for name, scales in made.adc.full_scales.items():
        (line,) = (line for line in done.output.splitlines() if line.split()[:1] == [name])
        assert line.split()[1:4] == ["4", "bit", str(scales[0])]
    text = path.read_text()
    assert text.startswith("extends: rram_32nm\n")
    assert "name:" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits-w1", "rram_32nm"), "Missing option '-o'"),
        (("digits-w1", "rram_32nm", "-o", "OUT", "--percentile", "20"), "adc.percentile = 20.0: must be greater"),
        (("digits-w1", "rram_32nm", "-o", "OUT", "--per", "column"), "'column' is not one of 'layer', 'slice'"),
        (("digits-w1", "rram_32nm", "-o", "OUT", "--data", "digit"), "data = 'digit': unknown; did you mean 'digits'"),
        (("digits-fp", "rram_32nm", "-o", "OUT"), "has no layer on crossbars"),
        (("vgg9-cifar10", "rram_32nm", "-o", "OUT"), "shape-only workload"),
        (("digits-w1", "OUT", "-o", "OUT"), "is neither a bundled name nor a file"),
        (("digits-w1", "rram_32nm", "-o", "."), "cannot be written: is a folder"),
    ],
)
def test_the_command_refuses_in_one_line(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    out = tmp_path / "chip.yaml"
    done = command(*(str(out) if word == "OUT" else word for word in arguments))
    assert done.exit_code == 2
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not out.exists()
