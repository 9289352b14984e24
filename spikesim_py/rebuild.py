"""From a stored report back to its network and chip, so that more can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from .errors import InputError, SpikesimError
from .evaluate import network_digest
from .hardware import Hardware
from .network import Network
from .sweep.resolve import NetworkSource

#: `network.*` fields and their values
Changes = Mapping[str, Any]


def rebuild(
    report: Mapping[str, Any], sources: Iterable[str] = (), changes: Iterable[Changes] = ()
) -> tuple[Network, Hardware]:
    """The network and the chip that a report is about (takes the plain data of `Report.to_dict`).

    Raises:
        InputError: as `source_of`; or the chip is of another version.
    """
    return source_of(report, sources, changes).load(), chip_of(report)


def source_of(report: Mapping[str, Any], sources: Iterable[str] = (), changes: Iterable[Changes] = ()) -> NetworkSource:
    """Where the network of a report was read, and what was changed of it.

    Args:
        sources: names and files to look for the network in, after the bundled network of its name.
        changes: `network.*` fields that it may have been given; as it was read, it is looked for anyway.

    Raises:
        InputError: no source makes exactly that network.
    """
    wanted, name = report["inputs"].get("network"), report["network"]
    named = (name, name.partition(" (")[0])  # what `with_precision` calls it begins with what it was made of
    tried = [*map(dict, changes), {}]
    for source in dict.fromkeys((*named, *sources)):
        for given in tried:
            candidate = NetworkSource(source, tuple(sorted(given.items())))
            try:
                if network_digest(candidate.load()) == wanted:
                    return candidate
            except SpikesimError:
                continue
    raise InputError(
        f"network {name!r}: neither a bundled network nor a file of the study holds exactly the network that the "
        f"report is about"
    )


def chip_of(report: Mapping[str, Any]) -> Hardware:
    """The chip of a report; raises `InputError` if this version does not know its fields."""
    try:
        return Hardware.model_validate(report["hardware"])
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"report {report['report_hash'][:12]}: its chip was stored by spikesim_py {report['version']} and has "
            f"another {field or 'form'} than this version allows; evaluate it again"
        ) from None
