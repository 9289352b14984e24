"""A headless Chromium that reports what it asked the network for and what it complained about."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
#: nothing but this machine resolves, so that a request to another host fails and is seen
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
]
_NETWORK = ("http", "https", "ws", "wss", "ftp")
_RESOLVER = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def need_browser() -> None:
    """Skip without Chromium; under CI its absence is a failure."""
    if CHROMIUM.exists() and DRIVER.exists():
        return
    reason = f"needs {CHROMIUM} and {DRIVER} (apt-get install chromium chromium-driver)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Browser:
    """A page and the evidence it leaves."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._requests: list[str] = []
        self._complaints: list[str] = []

    def open(self, url: str) -> None:
        self.driver.get(url)

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def text(self, query: str) -> str:
        """Text of an element, read in one step because React may replace it; empty if it is not there."""
        code = "const e = document.querySelector(arguments[0]); return e ? e.innerText ?? e.textContent : ''"
        return str(self.js(code, query))

    def count(self, query: str) -> int:
        return int(self.js("return document.querySelectorAll(arguments[0]).length", query))

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        """Poll until the condition holds; says what was awaited if it never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"waited {seconds} s for {what}; console: {self.complaints()}")

    def hover(self, x: float, y: float) -> None:
        """Move the mouse there."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        builder = ActionBuilder(self.driver)
        builder.pointer_action.move_to_location(round(x), round(y))
        builder.perform()

    def click_at(self, x: float, y: float) -> None:
        """A real mouse click at viewport coordinates, after moving there as a hand would."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        builder = ActionBuilder(self.driver)
        builder.pointer_action.move_to_location(round(x) - 6, round(y) - 6).pause(0.1)
        builder.pointer_action.move_to_location(round(x), round(y)).pause(0.3)
        builder.perform()
        ActionChains(self.driver).click().perform()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one place, move, release at another."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        builder = ActionBuilder(self.driver)
        pointer = builder.pointer_action
        pointer.move_to_location(round(start[0]), round(start[1])).pointer_down().pause(0.1)
        pointer.move_to_location(round(end[0]), round(end[1])).pause(0.1).pointer_up()
        builder.perform()

    def click(self, query: str) -> None:
        """A real mouse click on the middle of an element, scrolled into view."""
        where = self.js(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]",
            query,
        )
        self.click_at(*where)

    def place(self, graph: str, report_hash: str) -> tuple[float, float]:
        """Viewport coordinates of the marker of one design in a plotly graph."""
        found = self.js(_PLACE, graph, report_hash)
        assert found, f"no marker for {report_hash}"
        return found[0], found[1]

    def requests(self) -> list[str]:
        """Every address that the page has asked for so far."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
            if message["method"] == "Network.webSocketCreated":
                self._requests.append(message["params"]["url"])
        return self._requests

    def off_host(self) -> list[str]:
        """Requests over a network protocol to anything but this machine."""
        split = [(url, urlsplit(url)) for url in self.requests()]
        return [url for url, to in split if to.scheme in _NETWORK and to.hostname != "127.0.0.1"]

    def complaints(self) -> list[str]:
        """Severe console lines so far."""
        entries = self.driver.get_log("browser")
        self._complaints += [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
        return self._complaints


_PLACE = """
const gd = document.querySelector('#' + arguments[0] + ' .js-plotly-plot');
gd.scrollIntoView({block: 'center'});
const box = gd.getBoundingClientRect(), area = gd._fullLayout._size;
const {xaxis, yaxis} = gd._fullLayout;
for (const trace of gd._fullData) {
  const i = (trace.customdata || []).indexOf(arguments[1]);
  if (i >= 0)
    return [box.x + area.l + xaxis.d2p(trace.x[i]), box.y + area.t + yaxis.d2p(trace.y[i])];
}
return null;
"""


@contextmanager
def browser(width: int = 1500, height: int = 1250, scale: float = 1.0) -> Iterator[Browser]:
    """A fresh Chromium with a profile of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    profile = tempfile.mkdtemp(prefix="spikesim-chromium-")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    flags = [*_FLAGS, _RESOLVER, f"--window-size={width},{height}", f"--user-data-dir={profile}"]
    for flag in [*flags, f"--force-device-scale-factor={scale:g}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
