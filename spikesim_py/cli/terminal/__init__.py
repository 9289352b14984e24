"""What commands print, loaded when one runs: tables and progress. No model and no number is made here."""

from __future__ import annotations

import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..._units import engineering
from ...report import METRICS

#: below this many columns a table loses digits
_MIN_WIDTH = 118


def console(least: int = _MIN_WIDTH) -> Console:
    """Rich on a terminal, plain when piped; never so narrow that a table loses digits."""
    if sys.stdout.isatty():
        return Console(width=max(Console().width, least))
    return Console(width=least, no_color=True, highlight=False)


def new_table(title: str, first: str, *others: str) -> Table:
    """A plain table: the first column is text, the others are numbers; no cell is broken over lines."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    """Print a table of any width: no name and no digit is cut, whatever the terminal."""
    wide = Console(width=10_000).measure(table).maximum
    console(max(_MIN_WIDTH, wide)).print(table)


def metric_text(name: str, value: float) -> str:
    """A metric in the unit that it has everywhere."""
    return engineering(value, METRICS[name][1])
