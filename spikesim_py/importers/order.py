"""Which operations of a graph run, in which order, and which of its edges arrive a time-step late.

A loop runs through a unit; what leaves that unit along the loop arrives one time-step later (a recurrent matrix reads
the spikes of the step before). Where the way round branches behind the unit, it is what leaves the last branch that
arrives later, so that all others get it in time. An explicit delay of a step or more needs no other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import NetworkError
from .graph import Delay, Graph, Input, Output, Unit

_Edge = tuple[str, str]


@dataclass(frozen=True)
class Schedule:
    """Operations in order; `reads` are each one's sources; edges in `late` carry what was a step before."""

    names: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]]
    late: frozenset[_Edge]
    dropped: tuple[str, ...]


#: operations on all ways round together
_MAX_ROUND = 1_000_000


def schedule(graph: Graph, origin: str) -> Schedule:
    """The schedule of a graph with one input and one output.

    Raises:
        NetworkError: an edge ends nowhere, there is not one input and one output, no path joins them, a loop has no
            unit, or there are too many.
    """
    for source, target in graph.edges:
        for end in (source, target):
            if end not in graph.nodes:
                raise NetworkError(f"{origin}: edge {source!r} to {target!r}: there is no node {end!r}")
    entry = _only(graph, Input, "input", origin)
    answer = _only(graph, Output, "output", origin)
    edges = tuple(dict.fromkeys(graph.edges))
    kept = _reached(edges, entry) & _reached([(b, a) for a, b in edges], answer)
    if answer not in kept:
        raise NetworkError(f"{origin}: no path leads from the input {entry!r} to the output {answer!r}")
    edges = tuple((a, b) for a, b in edges if a in kept and b in kept)
    after = _followers(edges)
    late, loose = _open_edges(graph, after, entry, origin)
    names = _sorted([name for name in graph.nodes if name in kept], set(edges) - late - loose)
    dropped = tuple(name for name in graph.nodes if name not in kept)
    return Schedule(tuple(names), _readers(edges), late, dropped)


def _only(graph: Graph, kind: type, word: str, origin: str) -> str:
    found = [name for name, op in graph.nodes.items() if isinstance(op, kind)]
    if len(found) != 1:
        raise NetworkError(f"{origin}: has {len(found)} {word}s ({', '.join(found[:4])}): must be one")
    return found[0]


def _followers(edges: Iterable[_Edge]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    return after


def _readers(edges: Iterable[_Edge]) -> dict[str, tuple[str, ...]]:
    reads: dict[str, list[str]] = {}
    for source, target in edges:
        reads.setdefault(target, []).append(source)
    return {name: tuple(sources) for name, sources in reads.items()}


def _reached(edges: Iterable[_Edge], start: str) -> set[str]:
    after, seen, stack = _followers(edges), {start}, [start]
    while stack:
        for name in after.get(stack.pop(), ()):
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen


def _is_late(graph: Graph, target: str) -> bool:
    """Whether a node reads what was before, so that it may come first: a delay of a step or more."""
    op = graph.nodes[target]
    return isinstance(op, Delay) and int(op.steps.min()) >= 1


def _open_edges(
    graph: Graph, after: Mapping[str, list[str]], entry: str, origin: str
) -> tuple[frozenset[_Edge], frozenset[_Edge]]:
    """Depth first; an edge that closes a loop makes an edge behind its last unit late.

    Loops that run through a delay of a step or more are open there: what the delay reads may come after it.
    """
    late: set[_Edge] = set()
    loose: set[_Edge] = set()
    path: list[str] = [entry]
    place = {entry: 0}
    done: set[str] = set()
    waiting = [iter(after.get(entry, ()))]
    round_ = 0
    while path:
        target = next(waiting[-1], None)
        if target is None:
            waiting.pop()
            name = path.pop()
            del place[name]
            done.add(name)
        elif target in place:
            round_ += len(path) - place[target]
            if round_ > _MAX_ROUND:
                raise NetworkError(f"{origin}: has too many loops: {_MAX_ROUND} operations on the ways round at most")
            _cut(graph, path[place[target] :], after, late, loose, origin)
        elif target not in done:
            place[target] = len(path)
            path.append(target)
            waiting.append(iter(after.get(target, ())))
    return frozenset(late), frozenset(loose)


def _cut(
    graph: Graph, loop: list[str], after: Mapping[str, list[str]], late: set[_Edge], loose: set[_Edge], origin: str
) -> None:
    """One edge of a loop, unless a delay or an earlier cut opens it already."""
    edges = list(zip(loop, [*loop[1:], loop[0]], strict=True))
    if any(edge in late or edge in loose for edge in edges):
        return
    delays = [edge for edge in edges if _is_late(graph, edge[1])]
    if delays:
        loose.add(delays[-1])
        return
    for place in reversed(range(len(edges))):
        if isinstance(graph.nodes[edges[place][0]], Unit):
            branches = [edge for edge in edges[place + 1 :] if after[edge[0]] != [edge[1]]]
            late.add(branches[-1] if branches else edges[place])
            return
    raise NetworkError(f"{origin}: the loop {' - '.join(loop[:6])} has no unit: its sums grow without bound")


def _sorted(names: list[str], edges: Iterable[_Edge]) -> list[str]:
    """Sources before what reads them, else as in the file."""
    place = {name: index for index, name in enumerate(names)}
    waits = dict.fromkeys(names, 0)
    after = _followers(edges)
    for targets in after.values():
        for target in targets:
            waits[target] += 1
    ready = [place[name] for name in names if not waits[name]]
    heapq.heapify(ready)
    made: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        made.append(name)
        for target in after.get(name, ()):
            waits[target] -= 1
            if not waits[target]:
                heapq.heappush(ready, place[target])
    return made
