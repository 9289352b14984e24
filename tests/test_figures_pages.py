"""Offline pages and the command that makes a design again."""

from __future__ import annotations

import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs
from study_data import MemoryStudy, report, study

from spikesim_py.diff import diff
from spikesim_py.figures.diff_page import diff_page
from spikesim_py.figures.html import report_page, study_page
from spikesim_py.figures.reproduce import command, configuration_yaml, overrides, sweep_command, sweep_yaml
from spikesim_py.hardware import load_hardware, parse_override
from spikesim_py.sweep import load_space

EVIL = '<script>alert(\'x\')</script><a href="https://evil.example">"&'


class _Links(HTMLParser):
    """Addresses and tags of a page, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] not in ("script", "style"):
            self.text.append(data)


def two_designs() -> dict[str, Any]:
    return diff(report(), report(6, chip=EVIL)).to_dict()


@pytest.mark.parametrize(
    ("page", "figures"),
    [(report_page(report().to_dict()), 8), (study_page(study()), 4), (diff_page(two_designs()), 3)],
    ids=["report", "study", "diff"],
)
def test_a_page_is_complete_and_fetches_nothing(page: str, figures: int) -> None:
    seen = _Links(page)
    assert seen.addresses == []
    assert not {"link", "img", "iframe", "object", "a"} & set(seen.tags)
    assert page.count(get_plotlyjs()) == 1
    assert '"showSendToCloud": false' in page
    assert page.count("Plotly.newPlot(") >= figures


def test_a_report_page_says_what_a_reviewer_asks() -> None:
    item = report(overrides={"adc.bits": 6})
    text = " ".join(_Links(report_page(item.to_dict())).text)
    for needed in ("digits-w4 on rram_32nm", "90.00 %", "600 samples", "a note", "source 3", "--set adc.bits=6"):
        assert needed in text
    assert item.cite()[:120] in text


def test_a_page_of_two_designs_has_every_row_three_times_and_both_names() -> None:
    found = two_designs()
    text = " ".join(_Links(diff_page(found)).text)
    for row in found["rows"]:
        assert text.count(f" {row['name']} ") >= 3
    assert found["names"][0] in text
    assert EVIL in text
    assert "+50.00 %" in text  # the energies of these designs stand as their weight bits


def test_a_study_page_has_the_front_its_table_and_the_best_designs() -> None:
    source = study()
    text = " ".join(_Links(study_page(source)).text)
    front = source.on_front("accuracy", "edap").sum()
    assert f"{len(source)} designs" in text
    assert f"{front} on the front" in text
    for needed in (
        "crossbar utilization (%)",
        "Most accurate",
        "Smallest EDAP",
        "Sources of constants",
        "Methods",
        "Study in-memory",
    ):
        assert needed in text


def test_a_study_without_accuracy_or_without_designs_still_makes_a_page() -> None:
    costs = MemoryStudy([report(bits, accuracy=None) for bits in (2, 4)])
    assert "Smallest EDAP" in study_page(costs)
    assert "No design has been evaluated yet" in study_page(MemoryStudy([]))


def test_names_that_a_user_chose_cannot_become_markup() -> None:
    data = report(network=EVIL).to_dict()
    data["notes"] = [EVIL]
    data["hardware"]["description"] = EVIL
    data["tree"]["children"][0]["name"] = EVIL
    data["tree"]["children"][0]["children"][0]["source"] = EVIL
    page = report_page(data)
    assert _Links(page).addresses == []
    assert "<script>alert" not in page
    assert _Links(page).tags.count("script") == _Links(report_page(report().to_dict())).tags.count("script")


def test_a_study_page_holds_the_sweep_that_makes_it_again(tmp_path: Path) -> None:
    space = study().space
    assert sweep_command(space) == "spikesim sweep in-memory.yaml --store runs/in-memory.db"
    assert sweep_command(load_space("quickstart")).startswith("spikesim sweep quickstart --store ")
    path = tmp_path / "in-memory.yaml"
    path.write_text(sweep_yaml(space))
    assert load_space(path) == space
    page = study_page(study())
    assert sweep_command(space) in page
    assert "axes:" in page


def _assignments(line: str) -> tuple[list[str], dict[str, Any]]:
    words = shlex.split(line)
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    return words, dict(parse_override(pair) for pair in pairs)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"adc.bits": 7, "crossbar.rows": 64, "device.ideal": True},
        {"mapping.baseline": "none", "mapping.signs": "twos_complement", "device.stuck_on_rate": 1e-6},
        {"description": "two words: and, a 'quote'"},
    ],
)
def test_the_command_names_the_very_same_chip(changes: dict[str, Any]) -> None:
    item = report(overrides=changes)
    words, found = _assignments(command(item.to_dict()))
    assert words[:4] == ["spikesim", "evaluate", "digits-w4", "rram_32nm"]
    assert load_hardware("rram_32nm", found) == load_hardware("rram_32nm", changes)
    assert set(found) == set(changes)
    assert words[-8:] == ["--data", "digits", "--samples", "600", "--chips", "2", "--seed", "3"]


def test_a_chip_of_its_own_is_named_as_a_file_that_holds_it(tmp_path: Path) -> None:
    item = report(chip="mine").to_dict()
    assert overrides(item) is None
    assert " chip.yaml " in command(item)
    path = tmp_path / "chip.yaml"
    path.write_text(configuration_yaml(item))
    assert load_hardware(path) == load_hardware("rram_32nm")


def test_a_cost_without_data_is_made_again_by_cost() -> None:
    item = report(accuracy=None).to_dict()
    assert shlex.split(command(item))[:2] == ["spikesim", "cost"]
    item["activity"] = {"origin": "given", "layers": {"a": {"rate": 0.25}, "b": {"rate": 0.25}}}
    assert command(item).endswith("--activity 0.25")
