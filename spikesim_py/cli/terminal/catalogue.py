"""What `spikesim list` prints: trained networks with their accuracy, and data sets with their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape

from ...datasets.catalogue import Entry
from ...network import Network
from ...plugins import Plugin
from . import console, new_table


def print_networks(networks: Mapping[Path, Network]) -> None:
    """Networks by file: what they were trained on, how well, in how many bits and time-steps."""
    table = new_table("trained networks", "name", "data set", "accuracy", "weights", "membranes", "T", "file")
    for path, network in networks.items():
        about = network.model.metadata
        accuracy = f"{about['test_accuracy']:.2%}" if "test_accuracy" in about else "-"
        bits = (f"{about[name]} bit" if name in about else "-" for name in ("weight_bits", "membrane_bits"))
        size = f"{path.stat().st_size / 1000:,.0f} kB"
        table.add_row(path.stem, about.get("dataset", "-"), accuracy, *bits, str(network.time_steps), size)
    console().print(table)


def print_datasets(entries: Sequence[Entry]) -> None:
    """Data sets: what is in them, and where they are or come from."""
    table = new_table("data sets", "name", "samples", "classes", "of")
    table.add_column("where")  # the one that may wrap: the others keep their width
    for entry in entries:
        numbers = ("-" if count is None else f"{count:,}" for count in (entry.samples, entry.classes))
        kind = "-" if entry.events is None else "events" if entry.events else "images"
        table.add_row(entry.name, *numbers, kind, entry.place)
    console().print(table)


def print_plugins(found: Sequence[tuple[str, Plugin, str]]) -> None:
    """What installed packages add, or what is wrong with it; nothing where there is none."""
    if not found:
        return
    table = new_table("plugins", "kind", "name", "package", "version")
    table.add_column("about")
    for what, plugin, problem in found:
        about = problem or _about(plugin.load())
        table.add_row(*map(escape, (what, plugin.name, plugin.distribution, plugin.version, about)))
    console().print(table)


def _about(made: object) -> str:
    """Its own line, or the first of its docstring."""
    return str(getattr(made, "about", None) or (made.__doc__ or "").strip().partition("\n")[0] or "-")
