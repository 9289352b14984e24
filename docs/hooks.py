"""What the site needs beside MkDocs: notebooks as pages, and equations as MathML, which need no script and no font."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).resolve().parent))
from notebooks import NOTEBOOKS, markdown

_MATH = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """A page for every notebook."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=markdown(path)))
    return files


def on_page_markdown(text: str, **_: Any) -> str:
    """Links to notebooks lead to their pages."""
    return text.replace(".ipynb)", ".md)")


def on_page_content(html: str, **_: Any) -> str:
    """LaTeX between dollar signs becomes MathML."""
    return _MATH.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    return convert(unescape(found[2]), display="block" if found[1] == "div" else "inline")
