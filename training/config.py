"""Training recipes: YAML files, checked field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from spikesim_py._resources import bundled, config_dir, resolve
from spikesim_py._validation import explain_problem
from spikesim_py._yaml import read_yaml
from spikesim_py.errors import ConfigError
from spikesim_py.plugins import find

from ._part import OfChip, Part, Positive, Share, known
from .hardware_aware import check_trainable
from .networks import ARCHITECTURES
from .neurons import Neuron
from .pruning import Pruning
from .quantizers import WEIGHTS, Arithmetic, Float, Integer
from .terms import CrossEntropy, Logits, Losses, Membrane, Term

_Channels = Annotated[int, Field(ge=1, le=4096)]
#: architectures that state their channels
_CONVNETS = ("convnet", "sei_convnet")


class Architecture(Part):
    """What is trained; its input and its classes follow from the data.

    Attributes:
        name: one of `networks.ARCHITECTURES`.
        channels, pool_after, hidden: of the convnets only, see there.
        width: factor on the channels of every layer but the last, of all others.
        time_steps: T. leak, reset: of all LIF units.
        learn_leak, decay_input: see `neurons.Neuron`.
        norm: a name in `norms.NORMS`.
    """

    name: str = "convnet"
    channels: tuple[_Channels, ...] = Field(default=(), max_length=32)
    pool_after: tuple[int, ...] = ()
    hidden: tuple[_Channels, ...] = Field(default=(), max_length=8)
    width: Annotated[float, Field(gt=0, le=8)] = 1.0
    time_steps: Annotated[int, Field(ge=1, le=64)] = 4
    leak: Annotated[float, Field(ge=0, le=1)] = 0.5
    reset: Literal["zero", "subtract"] = "zero"
    learn_leak: bool = False
    decay_input: bool = False
    norm: Literal["tdbn", "bntt", "tebn"] = "tdbn"

    @model_validator(mode="after")
    def _consistent(self) -> Architecture:
        known(self.name, "name", ARCHITECTURES)
        last, pools, convnet = len(self.channels), self.pool_after, self._convnet
        if not convnet and (self.channels or pools or self.hidden):
            raise ValueError(f"channels, pool_after, hidden: are of {' and '.join(_CONVNETS)}, not of {self.name!r}")
        if convnet and not self.channels:
            raise ValueError("channels: is missing (the outputs of each convolution)")
        if convnet and self.width != 1:
            raise ValueError(f"width = {self.width}: a convnet states its channels")
        if not set(pools) <= set(range(1, last + 1)) or len(set(pools)) < len(pools):
            raise ValueError(f"pool_after = {list(pools)}: must be distinct, from 1 to {last}")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What only this architecture asks for."""
        own = {"channels": self.channels, "pool_after": self.pool_after, "hidden": self.hidden}
        return own if self._convnet else {}

    @property
    def _convnet(self) -> bool:
        return self.name in _CONVNETS


class Quantization(Part):
    """Bit widths of weights, membranes and batch-norm multipliers; absent, the network is float32.

    Attributes:
        weights, membranes, per_channel, power_of_two, edge_bits, layer_bits, kernel_bits: see `quantizers.Integer`.
        warm_up: epochs in float32 before; what quantizers learn starts from the weights that they leave.
    """

    weight_bits: Annotated[int, Field(ge=1, le=8)]
    membrane_bits: Annotated[int, Field(ge=1, le=16)]
    multiplier_bits: Annotated[int, Field(ge=2, le=12)] = 8
    weights: str | None = None
    membranes: Literal["fixed", "learned", "shared", "batch"] = "fixed"
    per_channel: bool = False
    power_of_two: bool = False
    edge_bits: Annotated[int, Field(ge=1, le=8)] | None = None
    layer_bits: dict[str, Annotated[int, Field(ge=1, le=8)]] = Field(default_factory=dict)
    kernel_bits: Annotated[int, Field(ge=1, le=8)] | None = None
    warm_up: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _possible(self) -> Quantization:
        method = self.arithmetic.method
        known(method, "weights", WEIGHTS)
        least, most = WEIGHTS[method].least, WEIGHTS[method].most
        if not least <= self.weight_bits <= most:
            raise ValueError(f"weight_bits = {self.weight_bits}: must be {least} to {most} with weights = {method!r}")
        if self.kernel_bits is not None and method != "sub_bit":
            raise ValueError(f"kernel_bits = {self.kernel_bits}: needs weights = 'sub_bit'")
        if self.membranes == "shared" and method != "mint":
            raise ValueError("membranes = 'shared': needs weights = 'mint'")
        return self

    @property
    def arithmetic(self) -> Integer:
        return Integer(**self.model_dump(exclude={"warm_up"}))


class Conversion(Part):
    """Training as an artificial network of one time-step, whose units spike in what is exported (QCFS).

    It needs units without a leak that reset by subtraction, and trains in floats, by the cross-entropy.

    Attributes:
        levels: steps of an activation (`methods.qcfs`; 4 is assumed): about the time-steps that the network needs.
    """

    levels: Annotated[int, Field(ge=1, le=64)] = 4


class Distillation(Part):
    """A network that teaches, as MD-SNN does unless the recipe names other losses.

    Of a teacher that differs from the student in nothing but T and arithmetic, the student starts with the weights.

    Attributes:
        teacher: a float network (bundled name or file), or a recipe (bundled name or YAML file) that is followed
            first; its own teacher comes before it, and so on: teacher, assistant, student.
        logits_weight, temperature, membrane_weight: of `losses.logits` and `losses.membrane`; 1, 2 and 1 where the
            recipe has no `losses`, which is where these belong otherwise.
    """

    teacher: str
    logits_weight: Share | None = None
    temperature: Positive | None = None
    membrane_weight: Share | None = None

    @property
    def usual(self) -> Losses:
        """MD-SNN's losses."""
        logits, membrane = (1.0 if w is None else w for w in (self.logits_weight, self.membrane_weight))
        softened = Logits(weight=logits, temperature=self.temperature or 2.0)
        return Losses(logits=softened, membrane=Membrane(weight=membrane))


class Augmentation(Part):
    """What changes a training image beside `optimization.shift_pixels`: see `augment`; of events, all frames alike.

    Attributes:
        roll_pixels: images roll by up to so many pixels (events).
        flip: half of them are mirrored.
        cutout_pixels: side of a square that is set to zero.
        rotate_degrees, shear_degrees: images turn about their centre, or their rows shear, by up to so much.
        one_each: an image is rolled, turned, sheared or cut out of, drawn among those that are asked for, instead of
            all of them; the flip comes before.
    """

    roll_pixels: Annotated[int, Field(ge=0, le=64)] = 0
    flip: bool = False
    cutout_pixels: Annotated[int, Field(ge=0, le=256)] = 0
    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    shear_degrees: Annotated[float, Field(ge=0, le=60)] = 0.0
    one_each: bool = False


class Optimization(Part):
    """The optimizer, with a cosine from `learning_rate` to zero.

    Attributes:
        optimizer: `adamw` (Loshchilov and Hutter 2019), or `sgd` with Nesterov's momentum of 0.9, whose weight decay is
            a part of the gradient.
        shift_pixels: images shift by up to so many pixels, zeros moving in; 4 is the usual random crop.
        patience: training stops when so many epochs in a row were not better on the search split than the best, and
            the best epoch's network is kept; None: the last epoch's.
        autocast: `bf16` multiplies weights in bfloat16 while training, which rounds: sums of integers are then not
            exact there. What is evaluated and exported is.
        weight_noise: standard deviation of what is added to every stored weight in a training pass, in shares of the
            layer's largest (Joshi et al. 2020, Nature Communications 11, 2473): the cheap stand-in for `hardware`.
    """

    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch: Annotated[int, Field(ge=2, le=4096)] = 64
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = 2e-3
    weight_decay: Share = 1e-2
    shift_pixels: Annotated[int, Field(ge=0, le=32)] = 1
    surrogate: Literal["triangle", "rectangle", "atan", "sigmoid", "inflor"] = "triangle"
    patience: Annotated[int, Field(ge=1)] | None = None
    autocast: Literal["bf16"] | None = None
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_noise: Share = 0.0


class HardwareAware(OfChip):
    """A chip to train through: its device errors and converters act on every product, see `hardware_aware`.

    Attributes:
        chip, overrides: as in `load_hardware`.
        start_epoch: first epoch that trains through it.
        chips: device instances that share a batch, each with an equal part of the images.
    """

    start_epoch: Annotated[int, Field(ge=1)] = 1
    chips: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _trainable(self) -> HardwareAware:
        check_trainable(self.load())
        return self


class TrainingConfig(Part):
    """A whole recipe. The same recipe and seed give the same network on the same machine.

    Attributes:
        dataset: as in `load_dataset`; event data are framed in the architecture's time-steps.
        samples: how many of the training split are learnt from, from its beginning; None: all.
        losses: see `terms.Losses`.
    """

    name: str = Field(min_length=1, max_length=128)
    dataset: str = "digits"
    samples: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    architecture: Architecture
    quantization: Quantization | None = None
    conversion: Conversion | None = None
    distillation: Distillation | None = None
    losses: Losses | None = None
    augmentation: Augmentation = Augmentation()
    optimization: Optimization
    hardware: HardwareAware | None = None
    pruning: Pruning | None = None

    @model_validator(mode="after")
    def _possible(self) -> TrainingConfig:
        self._check_losses()
        self._check_conversion()
        self._check_pruning()
        chip = self.hardware
        bits = self.quantization
        if chip and self.optimization.weight_noise:
            raise ValueError(
                f"optimization.weight_noise = {self.optimization.weight_noise}: the chip's own errors act; not with "
                f"hardware"
            )
        if chip and self.optimization.autocast:
            raise ValueError("optimization.autocast = 'bf16': crossbars count exactly; not with hardware")
        if chip and bits is None:
            raise ValueError("hardware: crossbars hold integers; needs quantization")
        if chip and bits and not WEIGHTS[bits.arithmetic.method].whole:
            raise ValueError(
                f"hardware: crossbars hold integers; quantization.weights = {bits.weights!r} trains with others"
            )
        if bits and bits.warm_up >= self.optimization.epochs:
            raise ValueError(
                f"quantization.warm_up = {bits.warm_up}: must be below optimization.epochs = {self.optimization.epochs}"
            )
        if chip and bits and chip.start_epoch <= bits.warm_up:
            raise ValueError(
                f"hardware.start_epoch = {chip.start_epoch}: must be above quantization.warm_up = {bits.warm_up}"
            )
        if chip and chip.start_epoch > self.optimization.epochs:
            raise ValueError(
                f"hardware.start_epoch = {chip.start_epoch}: must be at most optimization.epochs = "
                f"{self.optimization.epochs}"
            )
        return self

    def _check_losses(self) -> None:
        named = self.losses.terms() if self.losses else {}
        tasks = [name for name, term in named.items() if term.is_task]
        if not self.terms:
            raise ValueError("losses: all have weight 0")
        if len(tasks) > 1:
            raise ValueError(f"losses: {' and '.join(tasks)} exclude each other: each is the task's whole loss")
        taught = [name for name, term in named.items() if term.taught]
        how = self.distillation
        if taught and how is None:
            raise ValueError(f"losses.{taught[0]}: needs a teacher: name one in distillation.teacher")
        if how is not None and self.losses is not None:
            for name in ("logits_weight", "temperature", "membrane_weight"):
                if getattr(how, name) is not None:
                    raise ValueError(f"distillation.{name}: belongs to losses.logits or .membrane: losses are given")

    def _check_conversion(self) -> None:
        other = [name for name in self.terms if name != "cross_entropy"]
        if self.conversion and self.quantization:
            raise ValueError("conversion: trains in floats; not with quantization, which the exported network can have")
        if self.conversion and (other or self.distillation):
            what = f"losses.{other[0]}" if other else "distillation"
            raise ValueError(f"conversion: an artificial network learns, without spikes or time-steps; not with {what}")

    def _check_pruning(self) -> None:
        how, bits, epochs = self.pruning, self.quantization, self.optimization.epochs
        if how is None:
            return
        if bits is None:
            raise ValueError("pruning: crossbars hold integers; needs quantization")
        if how.start_epoch <= bits.warm_up:
            raise ValueError(
                f"pruning.start_epoch = {how.start_epoch}: must be above quantization.warm_up = {bits.warm_up}"
            )
        if how.end_epoch > epochs:
            raise ValueError(
                f"pruning.start_epoch = {how.start_epoch}, ramp = {how.ramp}: the ramp must end by optimization.epochs "
                f"= {epochs}"
            )

    @property
    def terms(self) -> dict[str, Term]:
        """The losses that are summed, by name, in order; those of weight 0 are left out, the task's too."""
        chosen = self.losses or (self.distillation.usual if self.distillation else Losses())
        named = chosen.terms()
        if not any(term.is_task for term in named.values()):
            named = {"cross_entropy": CrossEntropy()} | named
        return {name: term for name, term in named.items() if term.weight}

    @property
    def plugins(self) -> list[dict[str, str]]:
        """Identities of the plugins that it names, the chip's too."""
        found = list(self.losses.plugins) if self.losses else []
        if self.quantization and (plugin := find(WEIGHTS.group, self.quantization.arithmetic.method)) is not None:
            found.append(plugin)
        chips = [part.load().plugins.values() for part in (self.hardware, self.pruning) if part]
        return [plugin.identity for plugin in found] + [plugin for chip in chips for plugin in chip]

    @property
    def arithmetic(self) -> Arithmetic:
        return self.quantization.arithmetic if self.quantization else Float()

    @property
    def neuron(self) -> Neuron:
        how = self.architecture
        levels = self.conversion.levels if self.conversion else None
        return Neuron(self.optimization.surrogate, how.learn_leak, how.decay_input, levels)


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
