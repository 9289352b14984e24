"""The Sweep page in a real browser, served by the command: a sweep outlives the page and the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from browser import Browser

import spikesim_py as ss
from spikesim_py.sweep import ask, jobs, load_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]
#: long enough to be stopped on the way
SPACE = {
    "name": "noise",
    "network": "digits-w2",
    "chip": "rram_32nm",
    "axes": {"adc.bits": [3, 4, 5, 6, 7, 8], "device.program_sigma": [n / 200 for n in range(20)]},
    "chips": 4,
}
DESIGNS = 120


@pytest.fixture(autouse=True)
def quiet(page: Browser) -> Iterator[None]:
    """Nobody may complain, and nobody asks for another host."""
    yield
    assert page.off_host() == []
    assert page.complaints() == []


@contextmanager
def explored(page: Browser, store: Path) -> Iterator[str]:
    """Address of `spikesim explore STORE`, which ends by Ctrl-C, and says nothing but its one line."""
    command = [sys.executable, "-m", "spikesim_py.cli", "explore", str(store), "--port", str(_free_port())]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    server = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().split()[2]
    finally:
        page.open("about:blank")
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)
    assert (out, err, server.returncode) == ("", "", 0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _draft(space: dict[str, Any], **way: Any) -> str:
    return "/sweep?" + urlencode({"draft": json.dumps({"space": space, "workers": 1, **way})})


def _press(page: Browser, job: int, label: str) -> None:
    """Press a button of a job."""
    found = f"[...document.querySelectorAll('#job-{job} button')].find(e => e.innerText === '{label}')"
    page.wait(lambda: page.js(f"const e = {found}; return e && !e.disabled"), f"button {label}")
    page.js(f"{found}.click()")  # not by its place: what is above it may just be growing


def _designs(page: Browser) -> int:
    words = page.text("#status").split()
    return int(words[0]) if words and words[0].isdigit() else 0


def test_a_first_sweep_outlives_the_page_and_the_server(page: Browser, tmp_path: Path) -> None:
    store = tmp_path / "new.db"
    with explored(page, store) as url:
        page.open(url)
        page.wait(lambda: "No design yet" in page.text("#picks"), "the empty state")
        page.click("#first-sweep button")
        page.wait(lambda: "No sweep yet" in page.text("#jobs"), "what a sweep is")
        page.wait(lambda: "12" in page.text("#sweep-size"), "the size of the small space that it starts with")
        page.open(url + _draft(SPACE))
        page.wait(lambda: str(DESIGNS) in page.text("#sweep-size"), "the size")
        page.wait(lambda: "about" in page.text("#sweep-time"), "the time", 90)
        page.click("#sweep-run")
        page.wait(lambda: f"of {DESIGNS}" in page.text("#job-1"), "how far it is", 40)
        page.wait(lambda: _designs(page) > 1, "designs as they come", 40)
        page.driver.refresh()
        page.wait(lambda: "running" in page.text("#job-1").lower(), "the same sweep after a reload")
        page.wait(lambda: page.count("#sweep-front .scatterlayer .point") > 1, "the front")
        assert page.js("return document.querySelector('#sweep-run').disabled")
        _press(page, 1, "cancel")
        page.wait(lambda: "cancelled" in page.text("#job-1").lower(), "that it has stopped")
        assert 0 < len(load_study(store)) < DESIGNS
    with explored(page, store) as url:
        page.open(f"{url}/sweep")
        page.wait(lambda: "what was finished is stored" in page.text("#job-1"), "the job, by another server")
        page.wait(lambda: "device.program_sigma" in page.text("#axis-rows"), "its space in the form")
        _press(page, 1, "resume")
        page.wait(lambda: "running" in page.text("#job-1").lower(), "that it goes on", 40)
        _press(page, 1, "pause")
        page.wait(lambda: "paused" in page.text("#job-1").lower(), "that it rests", 40)
        _press(page, 1, "resume")
        page.wait(lambda: "running" in page.text("#job-1").lower(), "that it goes on again", 40)
    before = len(load_study(store))
    page.wait(lambda: len(load_study(store)) > before, "designs while nobody looks and no server runs", 60)
    ask(store, 1, "cancel")
    page.wait(lambda: not jobs(store)[0].active, "the end of the process")


def test_a_space_is_built_with_the_controls_and_its_errors_show_where_they_are(page: Browser, tmp_path: Path) -> None:
    store = tmp_path / "cli.db"
    axes = {"adc.bits": [4, 5]}
    space = {"name": "mine", "network": "digits-w2", "chip": "rram_32nm", "axes": axes, "samples": 20}
    ss.sweep(space, store=store, executor="serial", origin="cli")
    with explored(page, store) as url:
        page.open(f"{url}/sweep")
        page.wait(lambda: "command line" in page.text("#job-1"), "the sweep of the command line")
        page.wait(lambda: page.text("#axis-rows .axis-name") == "adc.bits", "its axis")
        _add(page, "crossbar.mux")
        page.wait(lambda: "crossbar.mux: has no value yet" in page.text("#sweep-problem"), "that it has no value")
        _type(page, "values of crossbar.mux", "4..16 x2")
        page.wait(lambda: "6" in page.text("#sweep-size") and not page.text("#sweep-problem"), "six designs")
        assert '"crossbar.mux":[4,8,16]' in page.js("return decodeURIComponent(location.search)")
        _type(page, "values of adc.bits", "99")
        page.wait(lambda: "adc.bits = 99: must be" in page.text("#sweep-problem"), "what is wrong")
        assert page.js("return document.querySelector('#sweep-run').disabled")
        assert page.count("#axis-rows [data-error]") >= 1
        page.click('[aria-label="do not vary adc.bits"]')
        page.wait(lambda: "to measure" in page.text("#sweep-size"), "the space without it")
        page.driver.refresh()
        page.wait(lambda: page.text("#axis-rows .axis-name") == "crossbar.mux", "the same space after a reload")
        _press(page, 1, "use its space")
        page.wait(lambda: page.text("#axis-rows .axis-name") == "adc.bits", "the space of the job")
        page.click("summary")
        page.wait(lambda: "spikesim sweep mine.yaml" in page.text("#sweep-command"), "the command")


def _add(page: Browser, field: str) -> None:
    """Find a field in the list and add it as an axis."""
    page.click("#axis-add")
    _keys(page, field)
    option = f"[...document.querySelectorAll('[role=option]')].find(e => e.innerText.startsWith('{field} '))"
    page.wait(lambda: page.js(f"return {option} != null"), f"option {field}")
    page.js(f"{option}.click()")


def _type(page: Browser, label: str, text: str) -> None:
    """Type a value into a control, as its label names it."""
    page.click(f'input[aria-label="{label}"]')
    _keys(page, text + "\ue007")


def _keys(page: Browser, text: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page.driver).send_keys(text).perform()
