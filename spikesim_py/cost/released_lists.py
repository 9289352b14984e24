"""SpikeSim's released estimator for the script's own inputs: lists of channels and of dims, one entry per layer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, Literal

from .._arrays import ceil_div
from ..errors import ConfigError, InputError
from ..hardware import Defects
from .released_constants import constants
from .released_equations import NEURON_MEMORY_LAYERS, RELEASED_MUX, Chip, Layer, cost_layers
from .result import CostResult

#: corrections that need what a list of layers does not say: a network's edges, pools and classifier
_NEED_A_NETWORK = ("input_buffer_22_bit", "post_pool_dims", "fc_layers_omitted", "first_layer_every_step")


def released_layers(
    *,
    in_channels: Sequence[int],
    out_channels: Sequence[int],
    in_dims: Sequence[int],
    out_dims: Sequence[int],
    kernel: int | Sequence[int] = 3,
    time_steps: int = 5,
    crossbar: int = 64,
    device: Literal["rram", "sram"] = "rram",
    pes_per_tile: int = 8,
    clock_mhz: float = 250.0,
    defects: Defects | None = None,
) -> CostResult:
    """Cost of a list of layers as SpikeSim's script takes it; defaults are the script's.

    Energy, area and latency equal the script's to the last bit. Where it hangs or stops, they are what its equations
    define, and a note says what it does.

    Args:
        in_channels, out_channels: per layer; there are as many layers as `out_channels`.
        in_dims, out_dims: side of the square map that enters a layer, and of the one behind it and its pool.
        kernel: side of the kernels: of all layers, as in the script, or one per layer.
        crossbar: X, rows and columns of a crossbar; X / 8 are the converters and the mux phases of a PE.
        defects: which known defects of the script stay; all if None.

    The script's arrays also accept lists of other lengths, and so do we: one entry of `in_dims` stands for all, and
    entries beyond the last layer take memory only, which is charged to the last layer.

    Raises:
        InputError: a value that is not a positive whole number, or lists that do not fit each other.
        ConfigError: a correction that needs a network.
    """
    defects = defects or Defects()
    lost = [name for name in _NEED_A_NETWORK if not getattr(defects, name)]
    if lost:
        raise ConfigError(f"defects.{lost[0]} = false: a list of layers does not say enough; cost the network instead")
    if device not in ("rram", "sram"):
        raise InputError(f"device = {device!r}: must be 'rram' or 'sram'")
    if not (isinstance(clock_mhz, Real) and math.isfinite(clock_mhz) and clock_mhz > 0):
        raise InputError(f"clock_mhz = {clock_mhz!r}: must be a number above 0")
    outputs = _counts("out_channels", out_channels)
    count = len(outputs)
    inputs, dims = _counts("in_channels", in_channels, count), _counts("out_dims", out_dims, count)
    kernels = _counts("kernel", [kernel] * count if isinstance(kernel, Integral) else kernel, count)
    sides = _counts("in_dims", in_dims)
    (steps,), (x,) = _counts("time_steps", [time_steps]), _counts("crossbar", [crossbar])
    (per_tile,) = _counts("pes_per_tile", [pes_per_tile])
    charged = NEURON_MEMORY_LAYERS if defects.neuron_memory_first_five else count
    held = _held("in_channels", inputs, "in_dims", sides, count)
    stored = _held("out_channels", outputs[:charged], "out_dims", dims[:charged], count)
    bits = constants().bits_per_value
    layers = [
        Layer(
            name=f"conv{index + 1}",
            taps=kernels[index] ** 2,
            weights=kernels[index] ** 2 * inputs[index] * outputs[index],
            pes=ceil_div(inputs[index], x) * ceil_div(outputs[index], x),
            exact_pes=(inputs[index] / x) * (outputs[index] / x),
            positions=dims[index] ** 2,
            outputs=outputs[index],
            reads=steps,
            input_bits=held[index] * bits,
            stored_bits=stored[index] * bits,
        )
        for index in range(count)
    ]
    chip = Chip("spikesim_released", x, RELEASED_MUX, device == "sram", per_tile, clock_mhz, defects)
    return cost_layers(layers, chip)


def _counts(field: str, values: Any, at_least: int = 1) -> list[int]:
    """The values as positive whole numbers, `at_least` so many of them."""
    if not isinstance(values, Iterable):
        raise InputError(f"{field} = {values!r}: must be a list, one value per layer")
    values = list(values)
    for value in values:
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise InputError(f"{field}: {value!r} must be a whole number, at least 1")
    if len(values) < at_least:
        raise InputError(f"{field}: has {len(values)} values, must have {at_least}, one per layer")
    return [int(value) for value in values]


def _held(field: str, channels: list[int], dims_field: str, dims: list[int], count: int) -> list[int]:
    """Values that a memory holds for each layer: channels x dims^2, where a list of one stands for all."""
    size = max(len(channels), len(dims))
    if not {len(channels), len(dims)} <= {1, size}:
        raise InputError(f"{dims_field}: has {len(dims)} values, must have {len(channels)}, as {field}, or one for all")
    channels, dims = (list if len(list) == size else list * size for list in (channels, dims))
    values = [planes * side**2 for planes, side in zip(channels, dims, strict=True)]
    values += [0] * (count - size)
    return [*values[: count - 1], sum(values[count - 1 :])]
