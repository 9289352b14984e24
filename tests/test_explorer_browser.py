"""The explorer in a real browser: what a user sees, clicks and waits for; and that nothing leaves the machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dash
import pytest
from browser import Browser
from study_data import MemoryStudy, Shelf, report, study
from werkzeug.serving import make_server

import spikesim_py as ss
from explorer_app import create_app
from spikesim_py.errors import StoreError
from spikesim_py.sweep import Study

pytestmark = pytest.mark.browser
PLOT = "document.querySelector('#pareto .js-plotly-plot')"
DRAWN = f"{PLOT}._fullData.filter(t => t.customdata).reduce((sum, t) => sum + t.x.length, 0)"


@contextmanager
def served(app: dash.Dash) -> Iterator[str]:
    """Address of an app that is served by a thread of this process."""
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def opened(page: Browser, shelf: Shelf, caplog: pytest.LogCaptureFixture) -> Iterator[Browser]:
    """The explorer with a study; at the end nobody may have complained, and nobody asked for another host."""
    with served(create_app(shelf.path)) as url:
        page.open(url)
        page.wait(lambda: markers(page) == 18, "all designs as points")
        yield page
        page.open("about:blank")
    check_quiet(page, caplog)


def check_quiet(page: Browser, caplog: pytest.LogCaptureFixture) -> None:
    assert page.off_host() == []
    assert page.complaints() == []
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


def markers(page: Browser) -> int:
    return page.count("#pareto .scatterlayer .point")


def choose_point(page: Browser, report_hash: str) -> None:
    page.click_at(*page.place("pareto", report_hash))
    page.wait(lambda: page.text(".hash") == report_hash[:12], "the design that was clicked")


def pick(page: Browser, selector: str, label: str) -> None:
    """Choose from a drop-down with real clicks."""
    page.click(f"#{selector}")
    option = f"[...document.querySelectorAll('[role=option]')].find(e => e.offsetParent && e.innerText === '{label}')"
    page.wait(lambda: page.js(f"return {option} != null"), f"option {label}")
    where = page.js(
        f"const e = {option}; e.scrollIntoView({{block: 'nearest'}}); const r = e.getBoundingClientRect();"
        "return [r.x + r.width / 2, r.y + r.height / 2]"
    )
    page.click_at(*where)


def press(page: Browser, switch: str, label: str) -> None:
    """Press one side of a segmented control."""
    page.js(
        "[...document.querySelectorAll('#' + arguments[0] + ' label')].find(e => e.innerText === arguments[1])"
        ".setAttribute('data-test', 'here')",
        switch,
        label,
    )
    page.click(f"#{switch} [data-test=here]")


def title(page: Browser, graph: str, axis: str = "x") -> str:
    """Title of an axis of a graph."""
    return page.text(f"#{graph} .{axis}title")


def test_a_click_on_a_point_shows_where_its_cost_goes(opened: Browser) -> None:
    page, item = opened, report(8, {"adc.bits": 6, "crossbar.rows": 128}, accuracy=0.5)
    assert page.text("#hint") != ""
    choose_point(page, item.report_hash)
    assert "digits-w8 on rram_32nm" in page.text("#detail-head")
    assert "--set adc.bits=6" in page.text("#command")
    assert page.count("#breakdown .bars .point path") >= 12
    assert "energy" in title(page, "breakdown")
    press(page, "quantity", "area")
    page.wait(lambda: "area (mm²)" in title(page, "breakdown"), "the breakdown of area")
    press(page, "by", "by component")
    page.wait(lambda: "NoC" in page.text("#breakdown .yaxislayer-above"), "the breakdown by component")
    page.wait(lambda: page.count("#designs .ag-row-selected") == 1, "its row in the table")
    page.click("#designs .ag-center-cols-container .ag-row[row-index='1'] [col-id='network']")
    page.wait(lambda: page.text(".hash") != item.report_hash[:12], "the design of another row")
    assert page.count('[data-title^="Share chart"], [data-title*="cloud" i]') == 0


@pytest.mark.slow
def test_limits_and_the_chosen_design_go_into_the_address(opened: Browser) -> None:
    """An address that is copied shows the same to whoever opens it."""
    page = opened
    page.wait(lambda: page.count("#limits [role=slider]") >= 4, "the sliders")
    page.hover(
        *page.js(
            "const r = document.querySelector('#limits [role=slider]').getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]"
        )
    )
    page.wait(lambda: "%" in page.text("#limits .mantine-Slider-label"), "where the limit would be, with its unit")
    page.js("document.querySelector('#limits [role=slider]').focus()")
    press_keys(page, "END", "ARROW_LEFT", "ARROW_LEFT")
    page.wait(lambda: "within the limits" in page.text("#cloud-note"), "fewer designs")
    page.wait(lambda: "accuracy=" in page.js("return location.search"), "the limit in the address")
    spoken = "return document.querySelector('#limits [role=slider]').ariaValueText"
    page.wait(lambda: page.js(spoken) == page.text("#limits .limit-words") != "any", "the limit, as it is spoken")
    page.click("#picks button")
    page.wait(lambda: page.text(".hash") != "", "the design worth a look")
    page.wait(lambda: "design=" in page.js("return location.search"), "the design in the address")
    note, chosen, address = page.text("#cloud-note"), page.text(".hash"), page.js("return location.href")
    page.js("sessionStorage.clear()")
    page.open("about:blank")
    page.open(address)
    page.wait(lambda: page.text("#cloud-note") == note and page.text(".hash") == chosen, "the same view")


def test_a_row_is_chosen_and_the_front_walked_by_keyboard_alone(opened: Browser) -> None:
    page = opened
    press_keys(page, "/")
    page.wait(lambda: page.js("return document.activeElement.id") == "search", "the search field")
    page.js("document.querySelector('#designs .ag-row[row-index=\"0\"] [col-id=network]').focus()")
    press_keys(page, "ARROW_DOWN", "ENTER")
    page.wait(lambda: page.text(".hash") != "", "the design of the focused row")
    first = page.text(".hash")
    page.js("document.querySelector('#next').focus()")
    press_keys(page, "ENTER")
    page.wait(lambda: page.text(".hash") != first, "the next design on the front")


def press_keys(page: Browser, *names: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    for name in names:
        ActionChains(page.driver).send_keys(getattr(Keys, name, name)).pause(0.2).perform()


def test_axes_and_colour_can_be_chosen(opened: Browser) -> None:
    page = opened
    pick(page, "x", "energy efficiency")
    page.wait(lambda: "TOPS/W" in title(page, "pareto"), "TOPS/W")
    pick(page, "color", "adc.bits")
    page.wait(lambda: "adc.bits 5" in page.text("#pareto .legend"), "colours by ADC bits")
    press(page, "log", "linear")
    page.wait(lambda: page.js(f"return {PLOT}._fullLayout.xaxis.type") == "linear", "a linear axis")
    assert markers(page) == 18


@pytest.mark.slow
def test_a_running_sweep_appears_without_disturbing_the_user(opened: Browser, shelf: Shelf) -> None:
    page = opened
    item = report(8, {"adc.bits": 6, "crossbar.rows": 128}, accuracy=0.5)
    choose_point(page, item.report_hash)
    box = page.js("const r = document.querySelector('#pareto .nsewdrag').getBoundingClientRect(); return [r.x, r.y]")
    page.drag((box[0] + 60, box[1] + 20), (box[0] + 360, box[1] + 200))
    zoomed = page.js(f"return {PLOT}._fullLayout.yaxis.range")
    shelf.put(study(bits=(1, 2, 4, 8)))
    page.wait(lambda: page.text("#status") == "24 designs", "the new designs")
    page.wait(lambda: page.js(f"return {DRAWN}") == 24, "all of them drawn")
    assert page.text(".hash") == item.report_hash[:12]
    assert page.js(f"return {PLOT}._fullLayout.yaxis.range") == zoomed
    page.wait(lambda: page.count("#designs .ag-row-selected") == 1, "the row, still selected")


@pytest.mark.slow
def test_a_reload_keeps_the_view(opened: Browser) -> None:
    page, item = opened, report(2, {"adc.bits": 5, "crossbar.rows": 64}, accuracy=0.5)
    choose_point(page, item.report_hash)
    pick(page, "x", "area")
    page.wait(lambda: "area" in title(page, "pareto"), "area")
    page.driver.refresh()
    page.wait(lambda: page.text(".hash") == item.report_hash[:12], "the same design after a reload")
    page.wait(lambda: "area" in title(page, "pareto"), "area again")


@pytest.mark.slow
def test_a_broken_study_is_a_panel_and_heals(opened: Browser, shelf: Shelf) -> None:
    shelf.put(StoreError("study.db: is not a study"))
    opened.wait(lambda: "study.db: is not a study" in opened.text("#problem"), "the message")
    shelf.put(study())
    opened.wait(lambda: opened.text("#problem") == "" and markers(opened) == 18, "the study again")


@pytest.mark.slow
def test_an_empty_study_fills_up(page: Browser, shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.put(MemoryStudy([]))
    with served(create_app(shelf.path)) as url:
        page.open(url)
        page.wait(lambda: "waiting for the first design" in page.text("#pareto"), "the note")
        shelf.put(study())
        page.wait(lambda: markers(page) == 18, "the designs")
        page.open("about:blank")
    check_quiet(page, caplog)


@pytest.mark.slow
def test_without_a_store_the_page_teaches(page: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with served(create_app(None)) as url:
        page.open(url)
        page.wait(lambda: "spikesim demo" in page.text("#welcome"), "the commands")
        page.click("#nav-what-if")
        page.wait(lambda: "TOPS" in page.text("#what-tiles"), "costs of a bundled network")
        page.open("about:blank")
    check_quiet(page, caplog)


@pytest.mark.slow
@pytest.mark.parametrize("width", [420, 1000, 1900])
def test_nothing_is_wider_than_the_window(opened: Browser, width: int) -> None:
    choose_point(opened, report(8, {"adc.bits": 6, "crossbar.rows": 128}, accuracy=0.5).report_hash)
    try:
        opened.driver.set_window_size(width, 1000)
        opened.wait(
            lambda: opened.js("return document.documentElement.scrollWidth <= window.innerWidth + 1"),
            f"a page no wider than {width} px",
        )
    finally:
        opened.driver.set_window_size(1500, 1250)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Study:
    store = tmp_path_factory.mktemp("study") / "small.db"
    axes = {"adc.bits": [4, 5]}
    space = {"network": "digits-w2", "chip": "rram_32nm", "axes": axes, "samples": 20, "chips": 2}
    return ss.sweep(space, store=store, executor="serial")


@pytest.fixture
def real(
    page: Browser, swept: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[tuple[Browser, str]]:
    """The explorer with a real study of its own, on its first design's page."""
    design = str(swept.frame()["report_hash"][0])
    with served(create_app(shutil.copy(swept.path, tmp_path / "own.db"))) as url:
        page.open(f"{url}/design?design={design}")
        page.wait(lambda: page.text("#design-head .hash") == design[:12], "the design")
        yield page, design
        page.open("about:blank")
    check_quiet(page, caplog)


def open_tab(page: Browser, label: str) -> None:
    page.js(
        "[...document.querySelectorAll('[role=tab]')].find(e => e.innerText === arguments[0])"
        ".setAttribute('data-test', 'tab')",
        label,
    )
    page.click("[data-test=tab]")
    page.js("document.querySelector('[data-test=tab]').removeAttribute('data-test')")


def drawn(page: Browser, graph: str, what: str) -> None:
    page.wait(lambda: page.count(f"#{graph} {what}"), f"{graph} with {what}")


def test_everything_about_a_design_is_on_its_tabs(real: tuple[Browser, str]) -> None:
    page, _ = real
    drawn(page, "sunburst", ".slice")
    drawn(page, "build-up", ".bars .point")
    press(page, "design-quantity", "latency")
    page.wait(lambda: "latency" in title(page, "build-up", "y"), "the latency")
    open_tab(page, "What limits it")
    drawn(page, "roofline", ".bars .point")
    page.wait(lambda: "headroom" in page.text("#roofline-table"), "the table of limiters")
    open_tab(page, "Floor plan")
    drawn(page, "mesh", ".scatterlayer .trace")
    drawn(page, "mesh-steps", ".bars .point")
    open_tab(page, "Crossbars")
    drawn(page, "conductance", ".heatmaplayer image")
    drawn(page, "adc", ".bars .point")
    page.wait(lambda: "without wires" in page.text("#ir-drop"), "why no cell loses anything")
    press(page, "wires", "if gated 1T1R")
    drawn(page, "ir-drop-map", ".heatmaplayer image")
    open_tab(page, "Accuracy")
    page.wait(lambda: "not run yet" in page.text("#chain-note"), "that the chain was not run")
    page.click("#run-chain")
    drawn(page, "chain-steps", ".scatterlayer .point")
    drawn(page, "chain-layers", ".heatmaplayer image")
    for tab, part, text in (
        ("Configuration", "configuration", "program_sigma: 0.04"),
        ("Sources", "sources", "constants of its cost library"),
        ("Numbers", "numbers", "Methods"),
    ):
        open_tab(page, tab)
        page.wait(lambda part=part, text=text: text in page.text(f"#{part}"), f"{text} on {tab}")
    assert "tab=numbers" in page.js("return location.search")


def test_a_knob_changes_the_cost_and_an_unknown_accuracy_is_run_with_one_click(real: tuple[Browser, str]) -> None:
    page, _ = real
    page.click("#nav-what-if")
    page.wait(lambda: "from the study" in page.text("#what-accuracy"), "the accuracy of the start")
    drawn(page, "what-waterfall", ".bars .point")
    assert page.count(".knob") > 90
    page.js("document.querySelector('[aria-label=\"adc.bits\"]').focus()")
    press_keys(page, "ARROW_RIGHT")
    page.wait(lambda: "adc.bits = 5" in page.text("#what-changes"), "one bit more")
    page.wait(lambda: "from the study" in page.text("#what-accuracy"), "the other design's accuracy")
    press_keys(page, "ARROW_LEFT", "ARROW_LEFT")
    page.wait(lambda: "not measured" in page.text("#what-accuracy"), "that nobody knows")
    page.click("#what-run")
    page.wait(lambda: "from the study" in page.text("#what-accuracy"), "the accuracy, now in the study")
    page.wait(lambda: page.text("#status") == "3 designs", "one design more")
    assert "▼" in page.text("#what-tiles")
    page.wait(lambda: "adc.bits=3" in page.js("return location.search"), "the change in the address")
    page.driver.refresh()
    page.wait(lambda: "from the study" in page.text("#what-accuracy"), "the same after a reload, without a run")
    page.click("#what-reset")
    page.wait(lambda: "nothing changed" in page.text("#what-changes"), "the start")
    page.click("#what-find")
    press_keys(page, *"sigma")
    shown = "return [...document.querySelectorAll('.knob')].filter(e => e.offsetParent).length"
    page.wait(lambda: 0 < page.js(shown) < 12, "the knobs that were looked for")


@pytest.mark.slow
def test_a_switch_turns_page_and_figures_dark_and_keeps_them_so(real: tuple[Browser, str]) -> None:
    page, _ = real
    ground = "return document.querySelector('#sunburst .js-plotly-plot')._fullLayout.paper_bgcolor"
    drawn(page, "sunburst", ".slice")
    light = page.js(ground)
    page.click("#scheme")
    page.wait(lambda: page.js(ground) != light, "a dark figure")
    dark = page.js("return getComputedStyle(document.querySelector('.mantine-Card-root')).backgroundColor")
    assert dark == "rgb(23, 28, 34)"
    page.driver.refresh()
    drawn(page, "sunburst", ".slice")
    page.wait(lambda: page.js(ground) == "#171c22", "dark after a reload")
    page.click("#scheme")
    page.wait(lambda: page.js(ground) == light, "light again")


@pytest.mark.slow
def test_other_hosts_need_the_token(page: Browser, caplog: pytest.LogCaptureFixture, swept: Study) -> None:
    with served(create_app(swept.path, token="a-token-that-is-long-enough")) as url:
        page.open(f"{url}/?token=a-token-that-is-long-enough")
        page.wait(lambda: markers(page) == 2, "the designs")
        assert "token" not in page.js("return location.href")
        page.driver.delete_all_cookies()
        page.open(url)
        assert "needs its token" in page.text("body")
        page.open("about:blank")
    assert page.off_host() == []
    page.complaints().clear()  # Chromium logs the refusal
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.slow
def test_the_command_serves_a_real_study_with_one_line_and_no_traceback(page: Browser, tmp_path: Path) -> None:
    """From a sweep to a click, as a user does it."""
    store = tmp_path / "real.db"
    axes = {"network": ["digits-w2", "digits-w4"], "adc.bits": [4, 6]}
    done = ss.sweep({"chip": "rram_32nm", "axes": axes, "samples": 20}, store=store, executor="serial")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "spikesim_py.cli", "explore", str(store), "--port", str(port)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == f"serving on http://127.0.0.1:{port} ({store}; Ctrl-C stops)\n"
        page.open(f"http://127.0.0.1:{port}")
        page.wait(lambda: markers(page) == 4, "four designs")
        found = str(done.frame()["report_hash"][0])
        choose_point(page, found)
        assert "spikesim evaluate digits-w2 rram_32nm --set adc.bits=4" in page.text("#command").replace("\n", " ")
        page.open("about:blank")
    finally:
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
    assert (out, err) == ("", "")
    assert server.returncode == 0
    assert page.off_host() == []
    assert page.complaints() == []
