"""Every page in a real browser: quiet, local, and deaf to what hostile files and other users say."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser import Browser, browser
from run_files import write_run
from study_data import Shelf, report
from test_explorer_browser import check_quiet, choose_point, markers, served

from explorer_app import create_app
from explorer_app.bring.files import MAX_BYTES
from explorer_app.shell import PAGES
from spikesim_py.sweep import import_results

pytestmark = pytest.mark.browser
#: runs where a page takes it for its own
EVIL = "<img src=x onerror=window.fooled=1>"
#: page -> what is on it once it is drawn
DRAWN = {
    "/": "#pareto .scatterlayer .point",
    "/sweep": "#sweep-front .scatterlayer .point",
    "/design": "#sunburst .slice",
    "/what-if": "#what-tiles .tile",  # of a bundled network: the made-up designs have none
    "/compare": "#studies-upload",
    "/bring": "#own-upload",
    "/training": "#training-curves .scatterlayer .trace",
    "/share": "#share-latex pre",
}


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study in memory has no table of jobs."""
    monkeypatch.setattr("explorer_app.reader.jobs", lambda path: [])


def test_every_page_is_drawn_quietly_and_asks_nobody_else(
    page: Browser, shelf: Shelf, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert set(DRAWN) == set(PAGES)
    write_run(tmp_path / "runs/a.run.json")
    design = report(8, {"adc.bits": 6, "crossbar.rows": 128}).report_hash
    with served(create_app(shelf.path, runs=tmp_path / "runs")) as url:
        for path, drawn in DRAWN.items():
            page.open(f"{url}{path}?design={design}&start=names")
            page.wait(lambda drawn=drawn: page.count(drawn), f"{path}, drawn")
            assert page.text("#problem") == ""
            assert page.text("nav .here") == PAGES[path]
            check_quiet(page, caplog)
        page.open("about:blank")
    assert "Traceback" not in capfd.readouterr().err


def test_two_users_at_once_keep_their_own_choices(
    page: Browser, shelf: Shelf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = report(8, {"adc.bits": 6, "crossbar.rows": 128}, accuracy=0.5).report_hash
    theirs = report(2, {"adc.bits": 5, "crossbar.rows": 64}, accuracy=0.5).report_hash
    for name in "ab":
        write_run(tmp_path / f"runs/{name}.run.json")
    with served(create_app(shelf.path, runs=tmp_path / "runs")) as url, browser() as other:
        for user in (page, other):
            user.open(url)
        for user, design in ((page, mine), (other, theirs)):
            user.wait(lambda user=user: markers(user) == 18, "all designs")
            choose_point(user, design)
        page.click("#detail-head .switches button")
        page.wait(lambda: page.text("#nav-compare") == "Compare (1)", "the count")
        for user, run in ((page, "a"), (other, "b")):
            user.open(f"{url}/training?runs={run}")
        for user, run, design, count in ((page, "a", mine, "Compare (1)"), (other, "b", theirs, "Compare")):
            names = f"{PLOTTED}.map(t => t.name)"
            user.wait(lambda user=user, names=names, run=run: user.js(f"return {names}[0]") == run, f"run {run}")
            assert set(user.js(f"return {names}")) == {run}
            assert user.text("#nav-compare") == count
            assert f"design={design}" in user.js("return document.querySelector('#nav-design').href")
        check_quiet(other, caplog)
        page.js("sessionStorage.clear()")
        page.open("about:blank")
    check_quiet(page, caplog)


PLOTTED = "(document.querySelector('#training-curves .js-plotly-plot')?._fullData || [{}])"


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def _zip_bomb() -> bytes:
    """256 MiB of zeros that are packed into 256 KiB, as an array of weights."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file, file.open("fc.weight.npy", "w") as member:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (2**13, 2**13)})
        member.write(head.getvalue())
        for _ in range(256):
            member.write(bytes(2**20))
    return stream.getvalue()


def _hostile(folder: Path) -> list[tuple[Path, str]]:
    """Files, and what the page says of them."""
    mark = folder / "executed"
    torch.save({"fc.weight": _Evil(mark)}, folder / "bomb.pt")
    (folder / f"{EVIL}.nir").write_bytes(b"no checkpoint")
    (folder / "..%2f..%2fetc%2fpasswd.nir").write_bytes(b"root")
    (folder / "evil.pkl").write_bytes(pickle.dumps(_Evil(mark)))
    (folder / "bomb.npz").write_bytes(_zip_bomb())
    names = ("bomb.pt", f"{EVIL}.nir", "..%2f..%2fetc%2fpasswd.nir", "evil.pkl", "bomb.npz")
    return [(folder / name, name) for name in names]


def _send(page: Browser, upload: str, path: Path) -> None:
    from selenium.webdriver.common.by import By

    page.driver.find_element(By.CSS_SELECTOR, f"#{upload} input[type=file]").send_keys(str(path))


def test_hostile_checkpoints_and_tables_are_messages_and_their_names_are_text(
    page: Browser, shelf: Shelf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(create_app(shelf.path)) as url:
        page.open(f"{url}/bring")
        page.wait(lambda: page.count("#own-upload input[type=file]"), "the place for files")
        for path, told in _hostile(tmp_path):
            _send(page, "own-upload", path)
            page.wait(lambda told=told: page.text("#own-name") == told, f"{told}, sent")
            page.wait(lambda told=told: told in page.text("#own-problem"), f"what is wrong with {told}")
            assert page.js("return document.querySelector('#own-run').disabled")
        large = tmp_path / "large.nir"
        large.touch()
        os.truncate(large, MAX_BYTES + 1)
        _send(page, "own-upload", large)
        page.wait(lambda: "large.nir" in page.text("#own-refused"), "that it is too large")
        page.open(f"{url}/compare")
        page.wait(lambda: page.count("#studies-upload input[type=file]"), "the place for tables")
        large = large.rename(tmp_path / "large.csv")
        _send(page, "studies-upload", large)
        page.wait(lambda: "large.csv: has 32 MiB" in page.text("#studies-refused"), "that it is too large")
        (tmp_path / "bad.csv").write_text("accuracy\n95\n")
        _send(page, "studies-upload", tmp_path / "bad.csv")
        page.wait(lambda: "divide by 100" in page.text("#studies-problem"), "what is wrong with the table")
        table = tmp_path / f"{EVIL}.csv"
        table.write_text(f"network,accuracy,edap\n{EVIL},0.9,1e-12\n")
        _send(page, "studies-upload", table)
        page.wait(lambda: EVIL in page.text("#studies-note"), "the table's name")
        page.wait(lambda: EVIL in page.text("#studies-fronts .legend"), "the table's front")
        assert page.js("return window.fooled") is None
        page.open("about:blank")
    assert not (tmp_path / "executed").exists()
    check_quiet(page, caplog)


@pytest.mark.slow
def test_texts_of_an_imported_study_stay_texts(page: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "results.csv"
    path.write_text(f"network,chip,accuracy,edap,area_um2\n{EVIL},{EVIL},0.9,1e-12,5e6\n{EVIL},b,0.8,1e-13,4e6\n")
    study = import_results(path, tmp_path / f"{EVIL[:4]}.db")
    with served(create_app(study.path)) as url:
        page.open(url)
        page.wait(lambda: markers(page) == 2, "both designs")
        page.wait(lambda: page.count("#designs .ag-center-cols-container .ag-row") == 2, "both in the table")
        assert EVIL in page.text("#designs")
        choose = page.place("pareto", str(study.frame()["report_hash"][0]))
        page.click_at(*choose)
        page.open(f"{url}/share")
        page.wait(lambda: page.count("#share-latex"), "the texts")
        assert page.js("return window.fooled") is None
        page.open("about:blank")
    check_quiet(page, caplog)
