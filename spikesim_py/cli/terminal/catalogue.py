"""What `spikesim list` prints: trained networks with their accuracy, and data sets with their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...datasets.catalogue import Entry
from ...network import Network
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
