"""Studies of what is published: one interface, the command, its files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spikesim_py.cli import main
from spikesim_py.errors import InputError
from spikesim_py.studies import NAMES, Claim, Findings, PaperStudy, load_study
from spikesim_py.studies.page import claims_markdown, study_page


def spikesim(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def example() -> Findings:
    rows = ({"chip": "a & b", "energy_pj": 0.1 + 0.2}, {"chip": "c", "energy_pj": 2.0})
    return Findings(rows, "<svg/>", (Claim("less than 1 pJ", "1 pJ", "0.3 pJ", "reproduced", "why"),), ("a note",))


def test_every_study_is_what_its_name_says() -> None:
    for name in NAMES:
        study = load_study(name)
        assert study.name == name
        assert study.about
        assert study.sources


def test_the_list_names_every_study() -> None:
    listed = spikesim("study").output
    assert all(name in listed for name in NAMES)


def test_an_unknown_study_is_one_line_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'silicon'"):
        load_study("silicn")
    found = spikesim("study", "silicn")
    assert found.exit_code == 2
    assert found.output.count("\n") == 1


def test_options_without_a_name_are_refused() -> None:
    assert spikesim("study", "--full").exit_code == 2


def test_rows_with_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="same columns"):
        Findings(({"a": 1}, {"b": 1}), "", ())
    with pytest.raises(ValueError, match="some"):
        Findings((), "", ())


def test_csv_keeps_all_digits() -> None:
    lines = list(csv.DictReader(example().csv().splitlines()))
    assert float(lines[0]["energy_pj"]) == 0.1 + 0.2
    assert lines[0]["chip"] == "a & b"


def test_the_page_is_whole_and_escaped() -> None:
    study = PaperStudy("x", "about <x>", ("someone, 2020",), lambda full: example())
    page = study_page(study, example())
    for text in ("about &lt;x&gt;", "a &amp; b", "<svg/>", "less than 1 pJ", "a note", "someone, 2020"):
        assert text in page


def test_claims_as_markdown() -> None:
    assert claims_markdown(example()).splitlines()[-1] == "| less than 1 pJ | 1 pJ | 0.3 pJ | reproduced | why |"


def test_the_command_writes_three_files_and_prints_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    study = PaperStudy("silicon", "about", (), lambda full: asked.append(full) or example())
    monkeypatch.setattr("spikesim_py.studies.load_study", lambda name: study)
    found = spikesim("study", "silicon", "--full", "-o", str(tmp_path / "out"))
    assert found.exit_code == 0, found.output
    assert asked == [True]
    assert "less than 1 pJ" in found.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"silicon.csv", "silicon.svg", "silicon.html"}
    assert (tmp_path / "out" / "silicon.svg").read_text() == "<svg/>"
