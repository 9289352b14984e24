"""NIR files (Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9): all primitives, by our own tolerant reader.

The format is a graph of continuous-time equations. What it leaves open, step, reset, several spikes per step, comes
from `Options` and a convention. Files that the format's own package refuses are read: inner edges that name a node
which is not there are repaired where only one can be meant, convolutions without an input shape get it from what
reaches them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NetworkError, did_you_mean
from .graph import Graph, Identity, Op
from .hdf5 import Tree, read_tree
from .nir_nodes import PRIMITIVES, Fields, infer_dt, warn_open
from .semantics import Semantics, as_options

_MAX_DEPTH = 12
#: where our own files keep what the format has no place for, beside the graph
OWN_GROUP = "spikesim"
OWN_FIELDS = (
    "dt",
    "decay",
    "gain",
    "synapse_gain",
    "reset",
    "reset_delay",
    "strict",
    "max_spikes",
    "refractory",
    "synapse_order",
    "synapse_reads",
    "time_steps",
    "coding",
    "input_bits",
    "readout",
    "v_init",
)


def read(path: Path, semantics: Semantics) -> Graph:
    """The graph of a `.nir` file, in time-steps of the semantics.

    Raises:
        NetworkError: one line that names file, node, field, value and what is allowed.
    """
    whole = read_tree(path, skip=("metadata",))
    root = whole.get("node")
    if not isinstance(root, dict):
        raise NetworkError(f"{path}: node: must be a group: is no NIR file")
    _read_own(whole.get(OWN_GROUP), semantics)
    flat = _Flat(path, semantics)
    if root.get("type") != "NIRGraph":
        raise NetworkError(f"{path}: node: type = {root.get('type')!r}: must be NIRGraph")
    flat.inline(root, "", 0)
    fields = {name: Fields(path, name, node) for name, node in flat.nodes.items()}
    infer_dt(list(fields.values()), semantics)
    nodes: dict[str, Op] = {}
    for name, node in fields.items():
        nodes[name] = PRIMITIVES[node.kind](node, semantics) if node.kind else Identity()
    warn_open(list(fields.values()), semantics)
    return Graph(path.stem, nodes, tuple(dict.fromkeys(flat.edges)))


def _read_own(tree: Any, semantics: Semantics) -> None:
    """What our own exporter wrote beside the graph: the conventions that the format has no place for."""
    text = tree.get("semantics") if isinstance(tree, dict) else None
    try:
        told = json.loads(text) if isinstance(text, str) and len(text) < 4096 else {}
    except (ValueError, RecursionError):
        told = {}
    if isinstance(told, dict):
        known = as_options({name: told[name] for name in OWN_FIELDS if name in told})
        semantics.told |= {name: getattr(known, name) for name in OWN_FIELDS if getattr(known, name) is not None}


class _Flat:
    """Nodes and edges of nested graphs in one: `outer.inner`; inputs and outputs of inner graphs pass on."""

    def __init__(self, path: Path, semantics: Semantics) -> None:
        self.path, self.semantics = path, semantics
        self.nodes: dict[str, Tree | None] = {}
        self.edges: list[tuple[str, str]] = []
        self.entries: dict[str, str] = {}
        self.exits: dict[str, str] = {}

    def inline(self, graph: Tree, prefix: str, depth: int) -> None:
        where = prefix.rstrip(".") or "node"
        if depth > _MAX_DEPTH:
            raise NetworkError(f"{self.path}: {where}: graphs are nested deeper than {_MAX_DEPTH}")
        nodes = graph.get("nodes")
        if not isinstance(nodes, dict) or not nodes:
            raise NetworkError(f"{self.path}: {where}: nodes: must be a group of nodes")
        names = {name: f"{prefix}{name}" for name in nodes}
        for name, node in nodes.items():
            self._add(names[name], node, prefix, depth)
        for source, target in self._edges(graph, where, names, nodes):
            self.edges.append((self.exits.get(source, source), self.entries.get(target, target)))

    def _add(self, full: str, node: Any, prefix: str, depth: int) -> None:
        if not isinstance(node, dict):
            raise NetworkError(f"{self.path}: node {full!r}: must be a group with a type")
        kind = node.get("type")
        if kind == "NIRGraph":
            self.inline(node, f"{full}.", depth + 1)
            for word, table in (("Input", self.entries), ("Output", self.exits)):
                inner = [f"{full}.{name}" for name, part in node["nodes"].items() if part.get("type") == word]
                if len(inner) != 1:
                    raise NetworkError(
                        f"{self.path}: node {full!r}: has {len(inner)} nodes of type {word}: must be one"
                    )
                table[full] = inner[0]
        elif kind in ("Input", "Output") and prefix:
            self.nodes[full] = None
        elif isinstance(kind, str) and kind in PRIMITIVES:
            self.nodes[full] = node
        else:
            known = f"{', '.join([*PRIMITIVES, 'NIRGraph'])}{did_you_mean(str(kind), PRIMITIVES)}"
            raise NetworkError(f"{self.path}: node {full!r}: type = {kind!r}: must be one of {known}")

    def _edges(self, graph: Tree, where: str, names: Mapping[str, str], nodes: Tree) -> list[tuple[str, str]]:
        edges = graph.get("edges", [])
        if isinstance(edges, np.ndarray) and edges.size == 0:
            edges = []
        if not isinstance(edges, list) or any(len(row) != 2 for row in edges):
            raise NetworkError(f"{self.path}: {where}: edges: must be a table of pairs of names")
        repaired = self._repaired(edges, where, list(nodes))
        return [(self._full(a, repaired, names), self._full(b, repaired, names)) for a, b in edges]

    def _full(self, name: str, repaired: Mapping[str, str], names: Mapping[str, str]) -> str:
        head, _, port = repaired.get(name, name).partition(".")
        if repaired.get(name, name) in names:
            return names[repaired.get(name, name)]
        full = names.get(head, name)
        return full if port in ("input", "output") else f"{full}.{port}"

    def _repaired(self, edges: list[list[str]], where: str, names: list[str]) -> dict[str, str]:
        """Names in edges that no node has, and the one node that each must mean."""
        known = set(names)
        used = {end for edge in edges for end in edge}
        lost = sorted(
            name for name in used - known if name.partition(".")[0] not in known or name.partition(".")[2] == ""
        )
        free = [name for name in names if name not in used]
        stems: dict[str, list[str]] = {}
        for name in free:
            stems.setdefault(_stem(name), []).append(name)
        repaired: dict[str, str] = {}
        for name in lost[:100]:
            meant = stems.get(_stem(name)) or (free if len(lost) == 1 else [])
            if len(meant) != 1:
                raise NetworkError(
                    f"{self.path}: {where}: edges name {name!r}, which is no node"
                    f"{did_you_mean(name, names)} (nodes: {', '.join(names[:12])})"
                )
            repaired[name] = meant[0]
            self.semantics.note(
                f"{where}: edges name {name!r}, which is no node; {meant[0]!r} is the only one that is meant"
            )
        if len(set(repaired.values())) < len(repaired):
            raise NetworkError(f"{self.path}: {where}: edges name {', '.join(map(repr, lost[:4]))}, which are no nodes")
        return repaired


def _stem(name: str) -> str:
    return re.sub(r"[\d_]+$", "", name).lower()
