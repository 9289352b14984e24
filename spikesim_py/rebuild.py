"""From a stored report back to its network and chip, so that more can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from .errors import InputError, SpikesimError
from .evaluate import network_digest
from .hardware import Hardware
from .importers import load_network
from .network import Network


def rebuild(report: Mapping[str, Any], sources: Iterable[str] = ()) -> tuple[Network, Hardware]:
    """The network and the chip that a report is about (takes the plain data of `Report.to_dict`).

    Args:
        sources: names and files to look for the network in, after the bundled network of its name.

    Raises:
        InputError: no source holds exactly that network, or the chip is of another version.
    """
    return _network(report, sources), chip_of(report)


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


def _network(report: Mapping[str, Any], sources: Iterable[str]) -> Network:
    wanted, name = report["inputs"].get("network"), report["network"]
    for source in dict.fromkeys((name, *sources)):
        try:
            found = load_network(source)
        except SpikesimError:
            continue
        if network_digest(found) == wanted:
            return found
    raise InputError(
        f"network {name!r}: neither a bundled network nor a file of the study holds exactly the network that the "
        f"report is about"
    )
