"""Runs the notebooks of docs/notebooks and keeps what they print: `python docs/notebooks.py`.

A notebook is run as its cells would be, one after the other in one namespace, without Jupyter; the last expression of a
cell is shown.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parent / "notebooks"


def read(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def run(path: Path) -> list[str]:
    """What every code cell of a notebook prints."""
    names: dict[str, Any] = {"__name__": path.stem}
    return [_shown(source(cell), names, f"{path.name}[{place}]") for place, cell in enumerate(_code(read(path)))]


def markdown(path: Path) -> str:
    """A notebook as a page: texts, code, and what the code printed."""
    parts = [f"*A notebook: `docs/notebooks/{path.name}`.*"]
    for cell in read(path):
        if cell["cell_type"] == "markdown":
            parts.append(source(cell))
            continue
        parts.append(f"```python\n{source(cell)}\n```")
        parts += [f"```\n{''.join(found['text'])}```" for found in cell["outputs"]]
    title = parts[1:2]
    return "\n\n".join([*title, parts[0], *parts[2:]]) + "\n"


def keep(path: Path, printed: list[str]) -> None:
    """Write outputs into a notebook."""
    book = json.loads(path.read_text(encoding="utf-8"))
    for count, (cell, text) in enumerate(zip(_code(book["cells"]), printed, strict=True), start=1):
        cell["execution_count"] = count
        stream = {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}
        cell["outputs"] = [stream] if text else []
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _code(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [cell for cell in cells if cell["cell_type"] == "code"]


def _shown(code: str, names: dict[str, Any], where: str) -> str:
    body = ast.parse(code, where)
    last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(body, where, "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), names)
    shown = "" if value is None or hasattr(value, "to_plotly_json") else f"{value!r}\n"
    return printed.getvalue() + shown


if __name__ == "__main__":
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        keep(notebook, run(notebook))
        sys.stdout.write(f"wrote {notebook}\n")
