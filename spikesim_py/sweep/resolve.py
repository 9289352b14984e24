"""From the values of a design's axes to its network, its chip, and the keys of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from ..datasets import network_data
from ..errors import ConfigError, InputError, SpikesimError, did_you_mean
from ..evaluate import accuracy_key, check_fits, design_key
from ..hardware import Hardware, load_hardware
from ..importers import load_network
from ..network import Network, quantize_network, split_overrides, with_precision
from ..network.precision import PREFIX
from .space import Design, Space, Value, fields_of

_LAYER_BITS = "network.weight_bits."


@dataclass(frozen=True)
class Protocol:
    """How accuracies are measured: what of their keys is not the design's."""

    data: str
    split: str
    samples: int | None
    chips: int
    seed: int

    @staticmethod
    def of(space: Space) -> Protocol:
        """The space's own: that of the results that it reports."""
        return Protocol(space.data, space.split, space.samples, space.chips, space.seed)

    def key(self, network: Network, hardware: Hardware) -> str:
        """The key of a design's accuracy; raises `InputError` where the data do not fit."""
        dataset = network_data(network, self.data, self.split, self.samples)
        samples = check_fits(network, dataset)
        return accuracy_key(
            network,
            hardware,
            data=dataset.key,
            split=self.split,
            samples=samples,
            chips=self.chips,
            seed=self.seed,
        )

    def on(self, samples: int) -> Protocol:
        """The same on the first `samples` of the split."""
        return replace(self, samples=samples)


@dataclass(frozen=True)
class NetworkSource:
    """A network by name and changes: small, so that it crosses pipes safely."""

    source: str
    changes: tuple[tuple[str, Value], ...] = ()

    def load(self) -> Network:
        """Read and change it."""
        return changed_network(load_network(self.source), dict(self.changes))


def changed_network(network: Network, changes: Mapping[str, Value]) -> Network:
    """A network with other `network.*` fields; weight bits of a float one quantize it after training.

    Args:
        changes: as of `evaluate`, and `network.weight_bits.LAYER` for single layers.

    Raises:
        InputError: a field is unknown, or the network cannot have the value.
    """
    if not changes:
        return network
    single = {name.removeprefix(_LAYER_BITS): bits for name, bits in changes.items() if name.startswith(_LAYER_BITS)}
    fields, _ = split_overrides({name: value for name, value in changes.items() if not name.startswith(_LAYER_BITS)})
    bits: Any = fields.pop("weight_bits", None)
    if single:
        bits = {node.name: bits for node in network.layers if bits is not None} | single
    if bits is not None and network.arithmetic == "float" and not network.shape_only:
        network = quantize_network(network, bits)
    elif bits is not None:
        fields["weight_bits"] = bits
    return with_precision(network, **fields)


class Resolver:
    """Makes the designs of a space; every network and chip that several share is read once."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._networks: dict[NetworkSource, Network] = {}
        self._loaded: dict[str, Network] = {}
        self._chips: dict[str, Hardware] = {}

    def design(self, axes: Mapping[str, Value], protocol: Protocol | None = None) -> Design:
        """A design; raises `InputError` that names it where it is impossible."""
        try:
            source, chip, fields = self.parts(axes)
            network, hardware = self.network(source), load_hardware(chip, fields)
            measured_by = (protocol or Protocol.of(self.space)).key(network, hardware)
        except SpikesimError as error:
            raise self.named(axes, error) from None
        return Design(axes, source, network, hardware, design_key(network, hardware, measured_by), measured_by)

    def parts(self, axes: Mapping[str, Value]) -> tuple[NetworkSource, Hardware, dict[str, Value]]:
        """Its network, the chip that it starts from, and the fields that it sets there."""
        values = self.space.set | fields_of(axes)
        source = str(values.pop("network", self.space.network))
        chip = self._chip(str(values.pop("chip", self.space.chip)))
        changes = {name: values.pop(name) for name in list(values) if name.startswith(PREFIX)}
        for section in [name for name in values if "." not in name]:
            chip = self._with_section(chip, section, values.pop(section))
        return NetworkSource(source, tuple(sorted(changes.items()))), chip, values

    def network(self, source: NetworkSource) -> Network:
        """A network of the space; equal ones are one object."""
        if source not in self._networks:
            if source.source not in self._loaded:
                self._loaded[source.source] = load_network(source.source)
            self._networks[source] = changed_network(self._loaded[source.source], dict(source.changes))
        return self._networks[source]

    def named(self, axes: Mapping[str, Value], error: Exception | str) -> InputError:
        """An error that says whose it is."""
        shown = ", ".join(f"{name} = {value}" for name, value in axes.items())
        return InputError(f"sweep {self.space.name!r}: design ({shown}): {error}")

    def _chip(self, source: str) -> Hardware:
        if source not in self._chips:
            self._chips[source] = load_hardware(source)
        return self._chips[source]

    def _with_section(self, chip: Hardware, section: str, source: Value) -> Hardware:
        """A chip with a whole section of another, and its sources."""
        sections = [name for name, value in chip if isinstance(value, BaseModel)]
        if section not in sections:
            hint = did_you_mean(section, sections)
            raise ConfigError(f"axis {section!r}: is no section of a chip{hint} (sections: {', '.join(sections)})")
        other, own = self._chip(str(source)), f"{section}."
        cited = {name: text for name, text in chip.sources.items() if not name.startswith(own)}
        cited |= {name: text for name, text in other.sources.items() if name.startswith(own)}
        values = getattr(other, section).model_dump(mode="python")
        return load_hardware(chip, {section: values, "sources": cited})


@dataclass(frozen=True)
class Task:
    """One accuracy to measure, on any chip that has it. The network goes as a name: small items cross pipes safely."""

    protocol: Protocol
    source: NetworkSource
    hardware: Hardware


def config_of(design: Design) -> dict[str, Any]:
    """What is measured, as plain data: enough to measure it again."""
    source = design.source
    return {
        "network": source.source,
        "changes": dict(source.changes),
        "axes": dict(design.axes),
        "hardware": design.hardware.model_dump(mode="json"),
    }
