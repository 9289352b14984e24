"""The Share page and the header's menu without a browser: files, texts of the chosen designs, views by name."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dash_calls import caller

import spikesim_py as ss
from explorer_app import create_app
from explorer_app.reader import Reader
from explorer_app.share.callbacks import study_file
from spikesim_py.errors import InputError
from spikesim_py.sweep import Study

Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Study:
    store: Path = tmp_path_factory.mktemp("study") / "small.db"
    axes = {"adc.bits": [4, 5]}
    space = {"network": "digits-w2", "chip": "rram_32nm", "axes": axes, "samples": 20, "chips": 2}
    return ss.sweep(space, store=store, executor="serial")


@pytest.fixture
def call(swept: Study) -> Call:
    return caller(create_app(swept.path))


def test_files_are_those_of_the_study(swept: Study, tmp_path: Path) -> None:
    reader = Reader(swept.path)
    text = study_file(reader, "csv").decode()
    assert text == swept.to_csv(tmp_path / "study.csv").read_text()
    assert len(list(csv.DictReader(io.StringIO(text)))) == 2
    page = study_file(reader, "html").decode()
    assert page.startswith("<!DOCTYPE html>") or page.startswith("<!doctype html>")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(study_file(reader, "parquet")))
    assert table.column("edap").to_pylist() == swept.frame()["edap"].tolist()


def test_a_study_of_costs_alone_is_saved_with_its_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "costs.db"
    axes = {"adc.bits": [3, 4, 5]}
    ss.cost_sweep({"network": "digits-w2", "chip": "rram_32nm", "axes": axes}, store=path, executor="serial")
    reader = Reader(path)
    rows = list(csv.DictReader(io.StringIO(study_file(reader, "csv").decode())))
    assert [row["adc.bits"] for row in rows] == ["3", "4", "5"]
    with pytest.raises(InputError, match="no design is measured yet"):
        study_file(reader, "html")
    monkeypatch.setattr("explorer_app.share.callbacks.MOST_ROWS", 2)
    with pytest.raises(InputError, match="3 rows: a page saves at most 2"):
        study_file(reader, "csv")


def test_a_click_sends_a_file(swept: Study, call: Call) -> None:
    found = call("share-download.data", '{"share-file":"csv"}.n_clicks', **{"share-file": [("csv", 1)]})
    sent = found["share-download"]["data"]
    assert sent["filename"] == "small.csv"
    assert base64.b64decode(sent["content"]).startswith(b"adc.bits,network,chip")
    design = str(swept.frame()["report_hash"][0])
    asked = {"share-design": [(design, 1)], "share-file": [("csv", None)]}
    page = call("share-download.data", f'{{"share-design":"{design}"}}.n_clicks', **asked)["share-download"]["data"]
    assert page["filename"] == f"design-{design[:12]}.html"
    assert 'src="http' not in page["content"]
    assert call("share-download.data", '{"share-file":"csv"}.n_clicks', **{"share-file": [("csv", None)]}) == {}


def test_texts_are_about_the_compared_designs_else_the_chosen_one(swept: Study, call: Call) -> None:
    hashes = [str(found) for found in swept.frame()["report_hash"]]
    both = call("share-latex.children", compared=hashes, selected=None)
    text = str(both["share-latex"]["children"])
    assert text.count("digits-w2") == 2 * 2  # to read and to copy
    assert "those on the Compare page" in str(both["share-designs"])
    assert "@misc{spikesim_py" in str(both["share-bibtex"])
    assert "Sources of the constants" in str(both["share-methods"])
    one = call("share-latex.children", compared=None, selected=hashes[1])
    assert "the chosen one" in str(one["share-designs"])
    assert "worth a look" in str(call("share-latex.children", compared=[], selected=None)["share-designs"])
    assert "No design yet" in str(call("share-latex.children", compared=["gone"], selected=None)["share-designs"])


def test_views_are_links_into_the_explorer_only(call: Call) -> None:
    views = {"mine": "/?x=area_um2", "bad": "https://elsewhere", "worse": "//elsewhere", "odd": 3, "js": "javascript:x"}
    shown = str(call("view-list.children", views=views)["view-list"]["children"])
    assert "mine" in shown
    assert "elsewhere" not in shown
    assert "javascript" not in shown
    assert "none yet" in str(call("view-list.children", views=None)["view-list"]["children"])
