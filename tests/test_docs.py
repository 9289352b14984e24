"""The documentation: links that lead somewhere, commands and code that work, pages that are what the code says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from conftest import ROOT

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.cost.resources import component_names

DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import components  # noqa: E402
import notebooks  # noqa: E402

PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Anchors of a page's headings, as MkDocs and GitHub make them."""
    return frozenset(map(slug, _HEADING.findall(_FENCE.sub("", text_of(path)))))


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of every link of a page to a file of ours."""
    for target in _LINK.findall(_FENCE.sub("", text_of(path))):
        if not re.match(r"https?://|mailto:", target):
            name, _, anchor = target.partition("#")
            yield (path.parent / name).resolve() if name else path, anchor


def blocks(path: Path, *languages: str) -> list[str]:
    return [code for language, code in _FENCE.findall(text_of(path)) if language in languages]


def navigation(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for inner in entry.values():
            yield from navigation(inner) if isinstance(inner, list) else [inner]


@cache
def nav_pages() -> tuple[str, ...]:
    return tuple(navigation(yaml.safe_load(text_of(ROOT / "mkdocs.yml"))["nav"]))


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in links(path):
        assert target.exists(), f"{page_id(path)}: {target}"
        assert not anchor or anchor in anchors(target), f"{page_id(path)}: {page_id(target)}#{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_every_file_that_a_page_names_exists(path: Path) -> None:
    in_the_wheel = "spikesim_py/_configs"
    named = re.findall(r"`((?:tests|benchmarks|configs|docs|training|spikesim_py)/[\w/.\-]*[\w/])`", text_of(path))
    missing = [name for name in named if not (ROOT / name).exists() and not (ROOT / name).with_suffix(".py").exists()]
    assert set(missing) <= {in_the_wheel}


def test_the_navigation_is_of_pages_and_all_of_them() -> None:
    books = {f"notebooks/{path.stem}.md" for path in notebooks.NOTEBOOKS.glob("*.ipynb")}
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} | books
    assert sorted(nav_pages()) == sorted(pages)


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_every_command_exists_with_its_options(path: Path) -> None:
    for block in blocks(path, "sh", "console", ""):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.removeprefix("$ ")
            if not line.startswith("spikesim "):
                continue
            name, *arguments = shlex.split(line.removeprefix("spikesim ").partition(" #")[0])
            if name.startswith("-"):
                continue
            command = main.get_command(click.Context(main), name)
            assert command is not None, line
            command.make_context(name, arguments, resilient_parsing=True)  # refuses an option that it does not know


def test_numbers_are_what_the_code_says() -> None:
    assert text_of(DOCS / "numbers.md") == components.page(), "python docs/components.py"


def test_every_component_and_metric_is_two_clicks_from_the_readme() -> None:
    """README, Every number, equation: a section that names its source and what it was held against."""
    assert DOCS / "numbers.md" in {target for target, _ in links(ROOT / "README.md")}
    assert set(components.COMPONENTS) == set(component_names())
    places = {name: entry.equation for name, entry in components.COMPONENTS.items()}
    places |= {name: place for name, (place, _) in components.NUMBERS.items()}
    places |= {place: place for shown in components.TABS.values() for _, place in shown if place.startswith("model/")}
    reached = {(target, anchor) for target, anchor in links(DOCS / "numbers.md")}
    for name, place in places.items():
        page, _, anchor = place.partition("#")
        assert (DOCS / page, anchor) in reached, name
        section = _section(DOCS / page, anchor)
        told = " ".join(section.split())
        assert "**Source**" in told, f"{name}: {place}"
        assert "**Held against**" in told, f"{name}: {place}"


@pytest.mark.parametrize("name", components.COMPONENTS)
def test_the_section_of_a_component_names_it(name: str) -> None:
    page, _, anchor = components.COMPONENTS[name].equation.partition("#")
    assert f"`{name}`" in _section(DOCS / page, anchor)


def _section(path: Path, anchor: str) -> str:
    """The text under a heading, up to the next heading of its level."""
    for part in re.split(r"^(?=## )", text_of(path), flags=re.MULTILINE):
        if slug(part.partition("\n")[0].removeprefix("## ")) == anchor:
            return part
    raise AssertionError(f"{page_id(path)} has no section {anchor}")


def test_the_tabs_are_those_of_the_design_page() -> None:
    from explorer_app.design.layout import TABS

    assert list(components.TABS) == list(TABS.values())


def test_the_explorer_page_has_every_page_of_it() -> None:
    from explorer_app.shell import PAGES as SHOWN

    rows = re.findall(r"^\| ([\w\- ]+) \|", text_of(DOCS / "explorer.md"), re.MULTILINE)
    assert set(SHOWN.values()) <= set(rows)


def test_the_api_page_has_every_public_name() -> None:
    documented = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)", text_of(DOCS / "api.md"), re.MULTILINE)}
    assert set(ss._PUBLIC) <= documented


@pytest.mark.parametrize("path", sorted(notebooks.NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    printed = notebooks.run(path)
    cells = [cell for cell in notebooks.read(path) if cell["cell_type"] == "code"]
    kept = ["".join(part for found in cell["outputs"] for part in found["text"]) for cell in cells]
    assert [_words(text) for text in printed] == [_words(text) for text in kept], "python docs/notebooks.py"


def _words(text: str) -> list[str]:
    """What is printed, but for numbers, which differ in their last digits between machines."""
    return re.sub(r"[-+]?\d[\d.,e+\-]*", "0", text).split()


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path.parent.name == "howto" or path.stem == "tutorial"], ids=page_id
)
def test_code_of_the_guides_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks(path, "python"):
        exec(compile(block, page_id(path), "exec"), {})


#: commands of the guides that wait for a reader, or need files that only a reader has
_FOR_READERS = re.compile(r"explore|recordings/")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tutorial.md", "howto/checkpoint.md", "howto/device.md", "howto/converter.md"])
def test_commands_of_the_guides_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file, content in re.findall(r"`([\w\-]+\.yaml)`:\n\n```yaml\n(.*?)```", text_of(DOCS / name), re.DOTALL):
        Path(file).write_text(content, encoding="utf-8")
    ran = 0
    for line in "\n".join(blocks(DOCS / name, "sh")).splitlines():
        if line.startswith("spikesim ") and not _FOR_READERS.search(line):
            arguments = shlex.split(line.removeprefix("spikesim ").partition(" #")[0])
            found = CliRunner().invoke(main, arguments)
            assert found.exit_code == 0, f"{line}: {found.output}"
            ran += 1
    assert ran >= 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it; quiet, it would count no warnings."""
    pytest.importorskip("mkdocs")
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return target


def test_the_site_has_every_page_and_its_equations(site: Path) -> None:
    assert all((site / name).with_suffix(".html").exists() for name in nav_pages())
    shown = "".join(path.read_text(encoding="utf-8") for path in (site / "model").glob("*.html"))
    equations = re.findall("<math.*?</math>", shown, re.DOTALL)
    assert len(equations) > 100
    assert [found for found in equations if "\\" in found or "merror" in found] == []  # LaTeX that was not understood
    assert "arithmatex" not in shown


def test_the_site_asks_no_other_host(site: Path) -> None:
    loaded = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]*\"")
    imported = re.compile(r"(?:url\(|@import )\s*['\"]?(?:https?:)?//[^)'\"]*")
    for path in site.rglob("*"):
        rule = {".html": loaded, ".css": imported}.get(path.suffix)
        if rule:
            assert rule.findall(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.browser
def test_the_site_is_searched_from_the_disk(site: Path) -> None:
    from browser import browser, need_browser

    need_browser()
    with browser() as page:
        page.open(f"{site.as_uri()}/index.html")
        page.click(".md-search__input")
        page.wait(lambda: page.js("return document.activeElement.matches('.md-search__input')"), "the search field")
        page.driver.switch_to.active_element.send_keys("zero-skip")
        page.wait(lambda: page.count(".md-search-result__item"), "a page that is found")
        assert page.off_host() == []
        assert page.complaints() == []
