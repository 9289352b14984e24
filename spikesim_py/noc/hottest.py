"""Which layer pairs load which links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .edges import Label
from .fabric import LOCAL, PORTS, Ints, NocResult, Packets
from .multicast import loads_by_label


@dataclass(frozen=True)
class HotLink:
    """A link with what loads it.

    Attributes:
        node, port: the router, and by which of its ports flits leave. flits: over the whole run.
        load: flits per cycle. shares: transfer to its flits, the largest first.
    """

    node: int
    port: int
    flits: int
    load: float
    shares: tuple[tuple[Label, int], ...]


def hottest(result: NocResult, packets: Packets, labels: Sequence[Label], top: int = 10) -> tuple[HotLink, ...]:
    """The links between routers that most flits pass, the fullest first, and the transfers that load them.

    Shares are exact: every packet's XY route or tree. Of equal links the first node and port leads.

    Args:
        labels: what the numbers in `packets.label` mean.
    """
    by_label = loads_by_label(packets, result.fabric, len(labels)).reshape(len(labels), -1)
    flits = by_label.sum(0)
    flits[LOCAL::PORTS] = 0
    order = np.argsort(-flits, kind="stable")[:top]
    return tuple(_hot(result, labels, link, by_label[:, link]) for link in order.tolist() if flits[link])


def _hot(result: NocResult, labels: Sequence[Label], link: int, by_label: Ints) -> HotLink:
    order = np.argsort(-by_label, kind="stable").tolist()
    shares = tuple((labels[i], int(by_label[i])) for i in order if by_label[i])
    flits = int(by_label.sum())
    return HotLink(*divmod(link, PORTS), flits, flits / result.duration_cycles, shares)
