"""Takes the pictures of the docs from a study and the training runs beside it.

`python docs/screenshots.py runs/demo.db [PAGE ...]`

Needs Chromium and its driver, as the browser tests do.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import Browser, browser  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from benchmarks.noc_case import CHIP, NETWORK  # noqa: E402
from benchmarks.noc_case import IMAGES as IMAGES_SENT  # noqa: E402
from explorer_app import create_app  # noqa: E402
from spikesim_py.figures import QUIET, mesh_figure  # noqa: E402
from spikesim_py.figures.html import study_page  # noqa: E402
from spikesim_py.figures.picks import best_designs  # noqa: E402
from spikesim_py.noc_report import noc_report  # noqa: E402
from spikesim_py.sweep import Study, load_study, nondominated  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WIDTH = 1500
SETTLE_S = 1.5  # fonts, animations of the drop-downs, the last redraw


def picked(study: Study) -> list[str]:
    """The designs to show, first the cheapest whose accuracy cannot be told from the best."""
    frame = study.frame()
    picks = best_designs(frame, nondominated(frame, ["accuracy", "edap"]))
    rows = list(dict.fromkeys(picks.values()))
    rows.insert(0, rows.pop(min(1, len(rows) - 1)))
    return [str(frame["report_hash"][row]) for row in rows]


#: page -> (its address, what shows that it is drawn)
PAGES = {
    "pareto": ("/?accuracy=0.95&design={}", "#pareto .scatterlayer .point"),
    "lines": ("/?below=lines&brush=accuracy:0.95..&design={}", "#parallel .line-name"),
    "matrix": ("/?below=matrix&where=area <= 1 mm2&design={}", "#matrix canvas"),
    "sweep": ("/sweep", "#sweep-front .scatterlayer .point"),
    "design": ("/design?design={}&tab=costs", "#sunburst .slice"),
    "limits": ("/design?design={}&tab=limits", "#roofline .bars .point"),
    "crossbar": ("/design?design={}&tab=crossbar", "#adc .bars .point"),
    "what-if": ("/what-if?design={}&adc.bits=6&crossbar.mux=4", "#what-waterfall .bars .point"),
    "sources": ("/design?design={}&tab=sources", "#constants .ag-row"),
    "compare": ("/compare?designs={all}", "#compare-bars .bars .point"),
    "bring": ("/bring", "#own-upload"),
    "training": ("/training", "#training-curves .scatterlayer .trace"),
    "share": ("/share?designs={all}", "#share-latex pre"),
}
SCHEMES, WIDTHS = ("light", "dark"), (WIDTH, 1024)


#: page -> (what is clicked once it is drawn, what shows that this has been done)
CLICKS = {"training": ("#training-look", "#training-rates .bars .point")}


def explorer(page: Browser, study: Study, names: Iterable[str]) -> None:
    """These pages of the explorer, light and dark, on a wide and on a narrow window."""
    app = create_app(study.path, runs=os.path.relpath(study.path.parent))
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, designs = f"http://127.0.0.1:{server.server_port}", picked(study)
    page.open(url)
    for width in WIDTHS:
        for scheme in SCHEMES:
            page.js("localStorage.setItem('mantine-color-scheme-value', arguments[0])", scheme)
            for name in names:
                address, drawn = PAGES[name]
                page.driver.set_window_size(width, 1400)
                page.open(url + address.format(designs[0], all=",".join(designs)))
                page.wait(lambda drawn=drawn: page.count(drawn), f"{name}, drawn")
                if name in CLICKS:
                    clicked, done = CLICKS[name]
                    page.click(clicked)
                    page.wait(lambda done=done: page.count(done), f"{name}, after a click", 60)
                time.sleep(SETTLE_S)
                first = (name, scheme, width) == ("pareto", "light", WIDTH)
                save(page, "explorer.png" if first else f"explorer-{name}-{scheme}-{width}.png", width=width)
    page.open("about:blank")
    server.shutdown()


def report(page: Browser, study: Study) -> None:
    """The top of the offline page of the study."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as stream:
        stream.write(study_page(study))
        stream.flush()
        page.open(f"file://{stream.name}")
        page.wait(lambda: page.count("#figure-pareto-edap .point") >= len(study), "the front")
        save(page, "report.png", 1500)


def mesh(page: Browser, network: str, fields: dict[str, int], images: int | None, name: str) -> None:
    """A network's mesh before and after its tiles are moved, on one scale of colours."""
    places = [{"noc.placement": place} for place in ("snake", "optimized")]
    found = [noc_report(network, "rram_32nm", samples=images, overrides=fields | place).to_dict() for place in places]
    most = max(link["flits"] for data in found for link in data["links"])
    figures = [mesh_figure(data, most) for data in found]
    for figure, data in zip(figures, found, strict=True):
        links = sum(link["flits"] for link in data["links"])
        title = {"text": f"{data['placement']}: {links:,.0f} flits x links", "y": 0.98, "yanchor": "top"}
        figure.update_layout(width=WIDTH / 2 - 20, title=title, margin={"t": 100}, showlegend=data is found[0])
    panels = "".join(figure.to_html(full_html=False, config=QUIET) for figure in figures)
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as stream:
        stream.write(f"<body style='margin:8px;display:flex'>{panels}</body>")
        stream.flush()
        page.open(f"file://{stream.name}")
        page.wait(lambda: page.count(".scatterlayer") >= len(found), "both meshes")
        save(page, name, int(figures[0].layout.height) + 24)


def save(page: Browser, name: str, height: int | None = None, width: int = WIDTH) -> None:
    """The whole page (or its top), with the mouse out of the way."""
    page.hover(2, 2)
    page.js("window.scrollTo(0, 0)")
    whole = page.js("return document.documentElement.scrollHeight")
    chrome = page.js("return window.outerHeight - window.innerHeight")
    page.driver.set_window_size(width, (height or whole) + chrome)
    time.sleep(SETTLE_S)
    IMAGES.mkdir(exist_ok=True)
    page.driver.save_screenshot(str(IMAGES / name))
    print(f"wrote {IMAGES / name}")


def main(store: str, *names: str) -> None:
    study = load_study(store)
    with browser(WIDTH, 1400) as page:
        explorer(page, study, names or tuple(PAGES))
        if names:
            return
        report(page, study)
        mesh(page, "vgg9-cifar10", {}, None, "noc_mesh.png")
        mesh(page, NETWORK, CHIP, IMAGES_SENT, "noc_case.png")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not {*sys.argv[2:]} <= {*PAGES}:
        sys.exit(__doc__)
    main(*sys.argv[1:])
