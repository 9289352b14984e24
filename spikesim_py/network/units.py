"""Units with a membrane: leaky integrate-and-fire (`Lif`) and leaky integrators (`Li`).

A unit holds a membrane v (first `v_init`), with a synapse a current i (first 0), with a refractory time a counter
(first 0). In every time-step, driven by a, in this order::

    1  synapse    i' = leak_s(i) + a            (order leak_first)
                  i' = leak_s(i + a)            (order input_first)
                  x  = i' (reads updated) or i (reads previous); without a synapse x = a
    2  membrane   u = leak(v - v_leak) + v_leak + x      (order leak_first)
                  u = leak(v + x - v_leak) + v_leak      (order input_first)
    3  late reset (reset_delay) of the n' spikes of the time-step before:
                  u = u - n' theta (subtract), or u = v_reset (zero; the input of this step is lost), with
                  synapse.resets i' = 0
    4  spikes     n = floor(u / theta), or ceil(u / theta) - 1 where `strict`, from 0 to `max_spikes`:
                  with one spike at most, u >= theta, or u > theta where `strict`
    5  refractory for `refractory` time-steps after a spike: n = 0, and the membrane stays as it was (the synapse
                  goes on; the input is lost)
    6  reset      where n > 0 and without `reset_delay`:
                  u = v_reset (zero), with synapse.resets i' = 0; u - n theta (subtract), u (none)
    7  storage    v = max(u, v_min); of integers then v >> store_shift (floor), saturated or wrapped

A `Lif` emits n, a `Li` (steps 1, 2 and 7) the stored v. ``leak(z) = (z * multiplier) >> shift`` with the stated
rounding in integer networks, ``z * multiplier`` in float32 in float ones; there step 2 reads v << store_shift, and
`v_leak`, `v_reset`, `v_min`, `v_init` and theta count in units of u.

A factor on the input (r dt / tau, or SpikingJelly's `decay_input`) is an affine in front.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .base import NETWORK_FIELDS, Node, Part, within, without

Order = Literal["leak_first", "input_first"]
_Shift = Annotated[int, Field(ge=0, le=31)]
_Bits = Annotated[int, Field(ge=1, le=NETWORK_FIELDS["membrane_bits"][1])]

#: fields that came after format version 1's first files, with their defaults: not written where they have these
_LATER = {
    "signed": True,
    "order": "leak_first",
    "synapse": None,
    "v_leak": 0,
    "v_min": None,
    "v_init": 0,
    "strict": False,
    "max_spikes": 1,
    "v_reset": 0,
    "reset_delay": False,
    "refractory": 0,
}


class Leak(Part):
    """Decay ``(u * multiplier) >> shift``; `multiplier` 1 and `shift` 0 is none, `multiplier` 0 forgets."""

    multiplier: Annotated[float, Field(ge=0)] = 1
    shift: _Shift = 0
    rounding: Literal["floor", "nearest", "toward_zero"] = "floor"


class Synapse(Part):
    """A current that decays by itself (CUBA): `bits` of it are stored, two's complement.

    `resets`: a reset to zero empties it with the membrane (snnTorch's `Alpha`).
    """

    leak: Leak = Leak()
    bits: Annotated[int, within("membrane_bits")] = 16
    overflow: Literal["saturate", "wrap"] = "saturate"
    order: Order = "leak_first"
    reads: Literal["updated", "previous"] = "updated"
    resets: bool = False

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(handler(self), resets=False)


class Membrane(Node):
    """What `Lif` and `Li` have in common; see the module for the equations.

    The stored membrane is a two's complement word, or without a sign (`signed` false) from 0 on. Arrays of one number,
    (channels,) of them, or (C, H, W), one per unit, may replace numbers of the description, which then keep their
    defaults: `.leak` (multipliers; `leak.shift` holds for all), `.synapse` (the same of the synapse), `.v_leak`,
    `.v_min`, `.v_init`.
    """

    leak: Leak = Leak()
    membrane_bits: _Bits = 16
    overflow: Literal["saturate", "wrap"] = "saturate"
    store_shift: Annotated[int, Field(ge=0, le=15)] = 0
    signed: bool = True
    order: Order = "leak_first"
    synapse: Synapse | None = None
    v_leak: float = 0
    v_min: float | None = None
    v_init: float = 0

    @model_validator(mode="after")
    def _holds_a_value(self) -> Membrane:
        if self.signed and self.membrane_bits < 2:
            raise ValueError("membrane_bits = 1: must be at least 2, or 1 with signed = false")
        if not self.signed and self.overflow == "wrap":
            raise ValueError("overflow = 'wrap': must be 'saturate' with signed = false")
        return self

    @property
    def stored(self) -> tuple[int, int]:
        """The least and the largest membrane that is stored."""
        half = 1 << (self.membrane_bits - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def plain_decay(self) -> bool:
        """Whether nothing is added to the membrane before it decays."""
        return self.order == "leak_first" and not self.v_leak

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(handler(self), **_LATER)


class Lif(Membrane):
    """Leaky integrate-and-fire units. Array `.theta`, positive; `.v_reset` may be one, too (see `Membrane`).

    Shapes: (1,), (channels,), or (C, H, W), one per unit.
    """

    op: Literal["lif"] = "lif"
    reset: Literal["zero", "subtract", "none"] = "zero"
    v_reset: float = 0
    reset_delay: bool = False
    strict: bool = False
    max_spikes: Annotated[int, Field(ge=1, le=65535)] = 1
    refractory: Annotated[int, Field(ge=0, le=255)] = 0

    @model_validator(mode="after")
    def _resets_once(self) -> Lif:
        if self.reset_delay and (self.refractory or self.reset == "none"):
            other = "refractory" if self.refractory else "reset"
            raise ValueError(f"reset_delay = true: cannot go with {other} = {getattr(self, other)!r}")
        if self.v_reset and self.reset != "zero":
            raise ValueError(f"v_reset = {self.v_reset:g}: goes with reset = 'zero', not {self.reset!r}")
        if self.synapse and self.synapse.resets and self.reset != "zero":
            raise ValueError(f"synapse.resets = true: goes with reset = 'zero', not {self.reset!r}")
        return self

    @property
    def plain(self) -> bool:
        """Whether the fields of format version 1's first files say all: the fast kernel runs such units."""
        later = (name for name in _LATER if name != "signed")
        return self.reset != "none" and all(getattr(self, name) == _LATER[name] for name in later)


class Li(Membrane):
    """Leaky integrators: what they emit is their stored membrane (a readout, usually)."""

    op: Literal["li"] = "li"

    @model_validator(mode="after")
    def _never_resets(self) -> Li:
        if self.synapse and self.synapse.resets:
            raise ValueError("synapse.resets = true: goes with units that spike")
        return self


def replaced_by_arrays(node: Membrane) -> dict[str, bool]:
    """The optional arrays of a unit, and whether the number that each replaces has its default."""
    found = {"leak": node.leak.multiplier == 1, "v_leak": not node.v_leak, "v_min": node.v_min is None}
    found["v_init"] = not node.v_init
    if node.synapse:
        found["synapse"] = node.synapse.leak.multiplier == 1
    if isinstance(node, Lif) and node.reset == "zero":
        found["v_reset"] = not node.v_reset
    return found
