"""Compare, a network of one's own, and sharing in a real browser; nothing leaves the machine, nobody complains."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser
from importer_files import lif, write_nir
from study_data import Shelf, report
from test_explorer_browser import check_quiet, drawn, markers, press, press_keys, served

import spikesim_py as ss
from explorer_app import create_app
from spikesim_py.network import save_network

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(page: Browser, shelf: Shelf, caplog: pytest.LogCaptureFixture) -> Iterator[tuple[Browser, str]]:
    with served(create_app(shelf.path)) as url:
        page.open(url)
        page.wait(lambda: markers(page) == 18 and page.count("#designs .ag-row") > 4, "points and table")
        yield page, url
        page.js("sessionStorage.clear()")
        page.open("about:blank")
    check_quiet(page, caplog)


def test_designs_are_sent_to_the_compare_page_and_back(opened: tuple[Browser, str]) -> None:
    page, _ = opened
    for row in (0, 6):
        before = page.text("#detail-head .hash")
        page.click(f"#designs .ag-center-cols-container .ag-row[row-index='{row}'] [col-id='network']")
        page.wait(lambda before=before: page.text("#detail-head .hash") != before, "a design")
        page.click("#detail-head .switches button")
        page.wait(lambda row=row: page.text("#nav-compare") == f"Compare ({1 + (row > 0)})", "the count")
    page.click("#nav-compare")
    drawn(page, "compare-bars", ".bars .point")
    page.wait(lambda: "designs=" in page.js("return location.search"), "the designs in the address")
    assert "▲" in page.text("#compare-numbers") or "▼" in page.text("#compare-numbers")
    press(page, "compare-quantity", "area")
    page.wait(lambda: "area (mm²)" in page.text("#compare-bars .xtitle"), "areas")
    address, shown = page.js("return location.href"), page.text("#compare-heads")
    page.js("sessionStorage.clear()")
    page.open("about:blank")
    page.open(address)
    page.wait(lambda: page.text("#compare-heads") == shown, "the same from the address alone")
    page.js("[...document.querySelectorAll('#compare-heads button')].at(-1).setAttribute('data-test', 'remove')")
    page.click("[data-test=remove]")
    page.wait(lambda: "one more is needed" in page.text("#compare-hint"), "what is missing")


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def _send(page: Browser, path: Path) -> None:
    from selenium.webdriver.common.by import By

    page.driver.find_element(By.CSS_SELECTOR, "#own-upload input[type=file]").send_keys(str(path))
    page.wait(lambda: page.text("#own-name") == path.name, f"{path.name} sent")


def test_a_network_is_uploaded_and_evaluated_and_bad_files_are_messages(
    opened: tuple[Browser, str], tmp_path: Path
) -> None:
    page, _ = opened
    mark = tmp_path / "executed"
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(_Evil(mark)))
    (tmp_path / "bad.nir").write_bytes(b"no checkpoint")
    page.click("#nav-bring")
    page.wait(lambda: page.count("#own-upload input[type=file]"), "the place for files")
    _send(page, tmp_path / "bad.nir")
    page.wait(lambda: "bad.nir" in page.text("#own-problem"), "what is wrong")
    _send(page, tmp_path / "evil.pkl")
    page.wait(lambda: "evil.pkl" in page.text("#own-problem"), "what is wrong with the pickle")
    assert not mark.exists()
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "output")]
    weight = np.random.default_rng(0).normal(size=(5, 4))
    nodes = {
        "input": {"type": "Input", "shape": np.array([4])},
        "fc": {"type": "Affine", "weight": weight, "bias": np.zeros(5)},
        "lif": lif(5),
        "output": {"type": "Output", "shape": np.array([5])},
    }
    _send(page, write_nir(tmp_path / "net.nir", nodes, edges))
    page.wait(lambda: "is assumed" in page.text("#own-assumed"), "the assumptions")
    assert page.text("#own-problem") == ""
    _send(page, save_network(ss.load_network("digits-w2"), tmp_path / "mine.safetensors"))
    page.wait(lambda: page.js("return document.querySelector('#own-data').value") == "digits", "its data")
    page.click("#own-run")
    page.wait(lambda: "digits-w2 on rram_32nm" in page.text("#own-head"), "the report", 60)
    assert "95 %" in page.text("#own-head")
    drawn(page, "own-breakdown", ".bars .point")
    assert "spikesim evaluate digits-w2.safetensors rram_32nm" in page.text("#own-commands").replace("\n", " ")


@pytest.mark.slow
def test_a_design_of_the_study_lends_its_chip(opened: tuple[Browser, str], tmp_path: Path) -> None:
    page, url = opened
    design = report(8, {"adc.bits": 6, "crossbar.rows": 128}).report_hash
    page.open(f"{url}/bring?design={design}")
    page.wait(lambda: page.count("#own-chip"), "the chips")
    page.click("#own-chip")
    page.wait(
        lambda: page.js(
            "return [...document.querySelectorAll('[role=option]')].some(e => e.innerText.includes('chosen design'))"
        ),
        "the chip of the chosen design",
    )


def test_a_view_is_kept_by_name_and_texts_for_a_paper_are_there(opened: tuple[Browser, str]) -> None:
    page, url = opened
    page.open(f"{url}/?x=area_um2")
    page.wait(lambda: "x=area_um2" in page.js("return location.search") and markers(page), "the view")
    page.click("#save")
    page.wait(lambda: page.js("return document.querySelector('#view-name').offsetParent != null"), "the menu")
    page.click("#view-name")
    press_keys(page, *"small")
    page.click("#view-keep")
    page.wait(lambda: "small" in page.text("#view-list"), "the view in the list")
    page.click("#figures-svg")
    page.wait(lambda: "1 saved" in page.text("#figures-note"), "the figure as a file")
    page.open(f"{url}/share")
    page.wait(lambda: "toprule" in page.text("#share-latex"), "the table")
    assert "@misc{spikesim_py" in page.text("#share-bibtex")
    assert "Sources of the constants" in page.text("#share-methods")
    page.click("#save")
    page.wait(lambda: page.count("#view-list a"), "the view, still there")
    page.click("#view-list a")
    page.wait(lambda: "area" in page.text("#pareto .xtitle"), "the view again")
    page.js("localStorage.removeItem('views')")
