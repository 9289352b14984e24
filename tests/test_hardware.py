"""The chip description: presets, overrides, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from spikesim_py.errors import ConfigError, InputError
from spikesim_py.hardware import Hardware, hardware_fields, load_hardware, parse_override, presets


@pytest.mark.parametrize("name", ["rram_32nm", "sram_32nm", "spikesim_released"])
def test_presets_load_and_state_the_sources_of_real_fields(name: str) -> None:
    chip = load_hardware(name)
    assert chip.name == name
    assert set(chip.sources) <= {key for key, _ in hardware_fields()}
    assert chip.sources


def test_every_field_declares_unit_effect_and_description() -> None:
    for key, field in hardware_fields():
        extra = field.json_schema_extra
        assert extra["affects"] in ("accuracy", "cost", "both"), key
        assert extra["unit"], key
        assert field.description, key


def test_overrides_apply_and_leave_the_rest() -> None:
    chip = load_hardware("rram_32nm", {"crossbar.rows": 64, "adc.bits": 3})
    base = load_hardware("rram_32nm")
    assert (chip.crossbar.rows, chip.adc.bits) == (64, 3)
    assert chip.crossbar.cols == base.crossbar.cols
    assert load_hardware(chip) == chip


def test_yaml_round_trip(tmp_path: Path) -> None:
    chip = load_hardware("spikesim_released", {"crossbar.rows": 128, "crossbar.cols": 128})
    path = tmp_path / "chip.yaml"
    path.write_text(yaml.safe_dump(chip.model_dump(mode="json")))
    assert load_hardware(path) == chip


def test_extends_merges_over_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: rram_32nm\nadc:\n  bits: 7\n")
    chip = load_hardware(path)
    assert (chip.name, chip.adc.bits, chip.device.r_on_ohm) == ("mine", 7, 6000)


def test_extends_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError, match="is a circle"):
        load_hardware(tmp_path / "a.yaml")


BAD_YAML = [
    ("crossbar:\n  rows: -3\n", r":2: crossbar.rows = -3: must be greater than or equal to 1"),
    ("crossbar:\n  rws: 64\n", r":2: crossbar.rws: unknown key; did you mean 'rows'\? \(known: rows, cols"),
    ("adc:\n  bits: five\n", r":2: adc.bits = 'five': must be a valid integer"),
    ("name: x\nmapping:\n  signs: twos\n", r":3: mapping.signs = 'twos': must be 'differential'"),
    ("device:\n  kind: sram\n  cell_bits: 2\n", r":1: device: cell_bits = 2: an SRAM cell stores 1 bit"),
    ("device:\n  on_off_ratio: 0.5\n", r":2: device.on_off_ratio = 0.5: must be greater than 1"),
    ("crossbar: 3\n", r":1: crossbar = 3: must be a valid dictionary"),
    ("crossbar:\n  cols: 4\n", r"crossbar: mux = 8: must be at most cols = 4"),
    ("mapping:\n  tap_sum: analog_sum\n", r"tap_sum = 'analog_sum': needs mapping.rows = 'spikeflow'"),
    ("adc: {bits: 5\n", r":2: is not valid YAML"),
    ("- 1\n", r"expected a mapping of sections, found list"),
    ("adc:\n  bits: 5\n  bits: 6\n", r":3: adc.bits: stands twice \(first on line 2\)"),
    ("noc:\n  vcs: 4\n  buffer_flits: 8\n", r"buffer_flits = 8 with vcs = 4"),
    ("cost:\n  defects:\n    fc_layers_omitted: false\n", r"defects: are switches of library"),
    ("device:\n  r_on_ohm: .nan\n", r"device.r_on_ohm = nan"),
    ("extends: [1]\n", r":1: extends = \[1\]: expected a chip's name or path"),
    ("device:\n  stuck_on_rate: 0.7\n  stuck_off_rate: 0.7\n", r"stuck_on_rate \+ stuck_off_rate = 1.4"),
    ("mapping:\n  subtract: analog\nadc:\n  bits: 1\n", r"adc.bits = 1: a signed conversion"),
    ("mapping:\n  subtract: analog\n  signs: offset\n", r"subtract = 'analog': needs mapping.signs = 'differential'"),
    ("mapping:\n  subtract: interleaved\n  signs: offset\n", r"subtract = 'interleaved': needs mapping.signs = 'diff"),
    ("mapping:\n  subtract: interleaved\ncrossbar:\n  rows: 9\n", r"crossbar.rows = 9: .* needs an even number"),
    ("mapping:\n  subtract: interleaved\ndevice:\n  kind: sram\n", r"device.kind = 'sram': .* drives rows at \+V and"),
    (
        "mapping:\n  subtract: interleaved\nwires:\n  topology: gated_1t1r\n",
        r"wires.topology = 'gated_1t1r': .* drives rows at \+V and -V",
    ),
    (
        "device:\n  kind: sram\n  read_model: discharge\nwires:\n  column_limit_ua: 5\n",
        r"wires.column_limit_ua = 5: needs device.read_model = 'current'",
    ),
    ("crossbar: &a\n  rows: *a\n", r"is used again by an alias"),
    ("adc: &a {bits: 5}\nmapping: *a\n", r":1: is used again by an alias"),
    ("crossbar:\n  rows: true\n", r"rows = True: must not be true or false"),
    ("technology:\n  clock_mhz: 1.0e-300\n", r":2: technology.clock_mhz = 1e-300: must be greater"),
    ("? [1, 2]\n: 3\n", r"is not valid YAML|unknown key|must be"),
    (f"adc:\n  bits: {'9' * 5000}\n", r":2: a number of 5000 digits: at most 1000"),
    (f"adc:\n  bits: 0x{'f' * 5000}\n", r":2: a number of 5002 digits: at most 1000"),
    (f"0x{'f' * 1010}: 1\n", r":1: a number of 1012 digits: at most 1000"),
    (f"adc:\n  bits: {'x' * 5000}\n", r":2: adc.bits = 'x{299}\.\.: must be a valid integer"),
    (
        "a0: &a0 {k: 1}\n" + "".join(f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}\n" for i in range(40)),
        r":1: is used again by an alias",
    ),
    *((f"name: {text}\n", r"is not valid YAML: a value does not fit") for text in ("!!bool maybe", "!!int ''")),
    ("name: !!timestamp today\n", r"is not valid YAML: a value does not fit its tag"),
    ("#" * 2**20 + "\n", r"has 1048577 bytes: at most 1048576"),
]


@pytest.mark.parametrize(("text", "message"), BAD_YAML)
def test_bad_yaml_gets_one_line_with_file_field_value_and_rule(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_hardware(path)
    assert "bad.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_binary_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match=r"chip\.yaml"):
        load_hardware(path)
    with pytest.raises(InputError, match="did you mean 'rram_32nm'"):
        load_hardware("rram_32")
    with pytest.raises(InputError, match="is a folder"):
        load_hardware(tmp_path)


def test_bad_overrides_name_themselves() -> None:
    with pytest.raises(ConfigError, match=r"^override: crossbar.rows = -3"):
        load_hardware("rram_32nm", {"crossbar.rows": -3})
    with pytest.raises(ConfigError, match="unknown key; did you mean 'crossbar'"):
        load_hardware("rram_32nm", {"crosbar.rows": 3})


@pytest.mark.parametrize("text", ["crossbar.rows", "=3", "a=[1", "a=!!bool maybe", "a=!!int ''", "a=!!timestamp today"])
def test_an_override_is_key_equals_value(text: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        parse_override(text)


def test_override_values_are_yaml() -> None:
    assert parse_override("device.ideal=true") == ("device.ideal", True)
    assert parse_override("mapping.rows=spikeflow") == ("mapping.rows", "spikeflow")


def test_a_chip_is_frozen() -> None:
    chip = load_hardware("rram_32nm")
    with pytest.raises(ValueError, match="frozen"):
        chip.adc.bits = 3  # type: ignore[misc]


def test_presets_are_complete() -> None:
    rram = ["rram_32nm", "rram_cmo_hfox", "rram_milo2021", "rram_wan2022"]
    others = ["fefet_28nm", "mram_stt_22nm", "nor_flash", "pcm_hermes2023", "pcm_joshi2020", "sonos_40nm"]
    assert list(presets()) == sorted([*rram, *others, "spikesim_released", "sram_32nm", "sram_charge"])
    assert isinstance(load_hardware("rram_32nm"), Hardware)


def test_a_source_holds_for_its_own_value_only(tmp_path: Path) -> None:
    fields = ("device.r_on_ohm", "device.read_volt")
    assert load_hardware("rram_32nm").is_sourced(*fields)
    assert load_hardware("rram_32nm", {"device.r_on_ohm": 6000}).is_sourced(*fields)
    changed = load_hardware("rram_32nm", {"device.r_on_ohm": 5000})
    assert changed.sources["device.r_on_ohm"] == "given by an override"
    assert not changed.is_sourced(*fields)
    (tmp_path / "mine.yaml").write_text("extends: rram_32nm\ndevice:\n  read_volt: 0.3\n")
    mine = load_hardware(tmp_path / "mine.yaml")
    assert mine.sources["device.read_volt"] == "given in mine.yaml"
    assert mine.is_sourced("device.r_on_ohm")
    assert not load_hardware("sram_32nm").is_sourced("device.r_on_ohm")  # stated as assumed
