"""Training recipes: YAML files, checked field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spikesim_py._resources import bundled, config_dir, resolve
from spikesim_py._validation import explain_problem
from spikesim_py._yaml import read_yaml
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import Hardware, load_hardware

from .hardware_aware import check_trainable
from .quantizers import Arithmetic, Float, Integer

_Positive = Annotated[float, Field(gt=0)]
_Share = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Architecture(_Part):
    """The convolutions; what enters and leaves follows from the data."""

    channels: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(min_length=1, max_length=16)
    pool_after: tuple[int, ...] = ()
    time_steps: Annotated[int, Field(ge=1, le=64)] = 4
    reset: Literal["zero", "subtract"] = "zero"

    @model_validator(mode="after")
    def _pools_exist(self) -> Architecture:
        last, pools = len(self.channels), self.pool_after
        if not set(pools) <= set(range(1, last + 1)) or len(set(pools)) < len(pools):
            raise ValueError(f"pool_after = {list(pools)}: must be distinct, from 1 to {last}")
        return self


class Quantization(_Part):
    """Bit widths of weights, membranes and batch-norm multipliers; absent, the network is float32."""

    weight_bits: Annotated[int, Field(ge=1, le=8)]
    membrane_bits: Annotated[int, Field(ge=4, le=16)]
    multiplier_bits: Annotated[int, Field(ge=2, le=12)] = 8

    @property
    def arithmetic(self) -> Integer:
        return Integer(self.weight_bits, self.membrane_bits, self.multiplier_bits)


class Distillation(_Part):
    """A full-precision teacher of the same architecture; the student starts from its weights."""

    teacher: str
    logits_weight: _Share = 1.0
    temperature: _Positive = 2.0
    membrane_weight: _Share = 1.0


class Optimization(_Part):
    """AdamW (Loshchilov and Hutter 2019) with a cosine from `learning_rate` to zero."""

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch: Annotated[int, Field(ge=2, le=4096)] = 64
    learning_rate: _Positive = 2e-3
    weight_decay: _Share = 1e-2
    shift_pixels: Annotated[int, Field(ge=0, le=4)] = 1
    surrogate: Literal["triangle", "rectangle"] = "triangle"


class HardwareAware(_Part):
    """A chip to train through: its device errors and converters act on every product, see `hardware_aware`.

    Attributes:
        chip, overrides: as in `load_hardware`.
        start_epoch: first epoch that trains through it.
        chips: device instances that share a batch, each with an equal part of the images.
    """

    chip: str
    overrides: dict[str, Any] = Field(default_factory=dict)
    start_epoch: Annotated[int, Field(ge=1)] = 1
    chips: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _trainable(self) -> HardwareAware:
        check_trainable(self.load())
        return self

    def load(self) -> Hardware:
        """The chip; raises `InputError` where it cannot be used."""
        return load_hardware(self.chip, self.overrides)


class TrainingConfig(_Part):
    """A whole recipe. The same recipe and seed give the same network on the same machine."""

    name: str = Field(min_length=1, max_length=128)
    dataset: str = "digits"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    architecture: Architecture
    quantization: Quantization | None = None
    distillation: Distillation | None = None
    optimization: Optimization
    hardware: HardwareAware | None = None

    @model_validator(mode="after")
    def _possible(self) -> TrainingConfig:
        chip = self.hardware
        if chip and self.quantization is None:
            raise ValueError("hardware: crossbars hold integers; needs quantization")
        if chip and chip.start_epoch > self.optimization.epochs:
            raise ValueError(
                f"hardware.start_epoch = {chip.start_epoch}: must be at most optimization.epochs = "
                f"{self.optimization.epochs}"
            )
        return self

    @property
    def arithmetic(self) -> Arithmetic:
        return self.quantization.arithmetic if self.quantization else Float()


def recipes() -> dict[str, Path]:
    """Bundled recipes: name to YAML file."""
    return bundled(config_dir("training"), ".yaml")


def load_config(source: str | Path | TrainingConfig) -> TrainingConfig:
    """A recipe from a bundled name or a YAML file; `name` defaults to the file's.

    Raises:
        ConfigError: one line with file, line, field, value and rule.
        InputError: `source` is neither a bundled name nor a file.
    """
    if isinstance(source, TrainingConfig):
        return source
    path = resolve(source, recipes(), "training recipe")
    data, lines = read_yaml(path)
    data.setdefault("name", path.stem)
    try:
        return TrainingConfig.model_validate(data)
    except ValidationError as error:
        problems = [explain_problem(TrainingConfig, p, _where(path, lines, p)) for p in error.errors()]
        raise ConfigError("; ".join(problems)) from None


def _where(path: Path, lines: dict[str, int], problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return f"{path}:{lines[key]}" if key else str(path)
