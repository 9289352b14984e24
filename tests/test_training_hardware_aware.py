"""Products on crossbars in torch: equal to the engine's, with the gradients that they should have; recipes for them.

Codes may differ where the engine's float32 sums and torch's float64 sums fall on two sides of a threshold: tests of
real cells let two outputs of several hundred differ, by one code each.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from test_crossbar_product import ROWS, SIGNS, chip, images, one_conv, programmed

import spikesim_py as ss
import training
from spikesim_py.crossbar import ProgrammedLayer, program
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import ConfigError, MappingError
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference.calibrate import calibrate
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, load_network, run
from spikesim_py.network.executor import exact_product
from training import Crossbars, Integer, SpikingNetwork, architecture, crossbar_product, export
from training.hardware_aware import check_trainable
from training.trainer import fit

#: every statistical test fails on a correct model with this probability; seeds are fixed
FALSE_ALARM = 1e-4
EXACT = {"device__ideal": True}
#: 4 codes for sums of up to 8 levels and more: they are rounded
COARSE = {"adc__bits": 2}
REAL = {"device__program_sigma": 0.1, "device__stuck_on_rate": 0.01}
SMALL_ERRORS = {"device__program_sigma": 0.01, "device__stuck_on_rate": 0.01}
ALL = [(signs, rows) for signs in SIGNS for rows in ROWS]
IDS = ["-".join(signs + rows) for signs, rows in ALL]


def tensors(network: Network, x: np.ndarray, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and weights of a network's first layer, with gradients."""
    weight = network.weight(network.layers[0].name)
    return tuple(torch.from_numpy(a.astype(np.float64)).to(dtype).requires_grad_() for a in (x, weight))


def ours(network: Network, x: np.ndarray, layer: ProgrammedLayer) -> np.ndarray:
    made = crossbar_product(*tensors(network, x), layer)
    assert torch.equal(made, made.round())
    return made.detach().numpy()


def gradients(made: torch.Tensor, *leaves: torch.Tensor) -> list[torch.Tensor]:
    slope = torch.randn(made.shape, generator=torch.Generator().manual_seed(5), dtype=made.dtype)
    return list(torch.autograd.grad(made, leaves, slope))


def plain(network: Network, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    node = network.layers[0]
    return torch.nn.functional.conv2d(x, weight, stride=node.stride, padding=node.padding, groups=node.groups)


# ------------------------------------------------------------------------------------------------------- forward


@pytest.mark.parametrize(("signs", "rows"), ALL, ids=IDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ideal_devices_and_a_lossless_adc_are_the_plain_layer_gradients_too(signs, rows, dtype):
    network = one_conv(bits=4, input_bits=3)
    x, weight = tensors(network, images(network), dtype)
    layer = programmed(network, chip(signs, rows, **EXACT))
    made, wanted = crossbar_product(x, weight, layer), plain(network, x, weight)
    assert torch.equal(made, wanted)
    for got, want in zip(gradients(made, x, weight), gradients(wanted, x, weight), strict=True):
        assert torch.allclose(got, want, atol=1e-3 if dtype is torch.float32 else 1e-9)


@given(
    which=st.sampled_from(ALL),
    bits=st.sampled_from([1, 2, 4]),
    cell_bits=st.sampled_from([1, 2]),
    fields=st.sampled_from(
        [
            EXACT | COARSE,
            EXACT | {"adc__bits": 2, "adc__range": "granular"},
            REAL | {"adc__bits": 3},
            REAL | {"adc__bits": 2, "adc__range": "granular", "mapping__baseline": "none"},
            REAL | {"adc__bits": 3, "mapping__baseline": "digital_count", "device__on_off_ratio": 4.3},
            REAL | {"adc__bits": 3, "adc__gain_sigma": 0.1, "adc__comparator_sigma_lsb": 0.3},
            REAL | {"wires__topology": "passive", "wires__bit_ohm": 100.0},
        ]
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_a_frozen_chip_gives_the_engines_product(which, bits, cell_bits, fields, seed):
    network = one_conv(seed, bits, input_bits=1 + seed % 3)
    layer = programmed(network, chip(*which, device__cell_bits=cell_bits, **fields), seed=seed, chip=3)
    x = images(network, 4, seed)
    wanted, got = layer.multiply(x)[0], ours(network, x, layer)
    if layer.scaling is not None:
        assert np.array_equal(got, wanted)
        return
    code = np.abs(layer.conversion.factor).max() * layer.adc.unit / layer.adc.steps * 2 ** (layer.window.planes - 1)
    assert (got != wanted).sum() <= 2
    assert np.abs(got - wanted).max() <= np.ceil(code)


@pytest.mark.parametrize("name", ["sram_32nm", "sram_charge", "mram_stt_22nm", "rram_wan2022", "pcm_joshi2020"])
def test_bundled_chips_and_linear_layers_too(name):
    quiet = {} if name.startswith("sram") else {"device.read": {}}
    network = tiny_network()
    hardware = load_hardware(name, quiet | {"crossbar.rows": 16})
    if name == "pcm_joshi2020":
        hardware = load_hardware(hardware, {"device.age_s": 1e5, "mitigation.drift_gain": "layer"})
    layer = program(map_network(network, hardware), "fc", seed=1)
    if layer.conversion.noise.any():
        layer.conversion.noise[:] = 0
    x = np.random.default_rng(0).integers(0, 2, (50, 36, 1, 1))
    weight = torch.from_numpy(network.weight("fc").astype(np.float64))
    made = crossbar_product(torch.from_numpy(x[..., 0, 0].astype(np.float64)), weight, layer)
    assert (made.numpy() == layer.multiply(x)[0][..., 0, 0]).mean() >= 0.99


def noisy(**fields: Any) -> Hardware:
    return chip(adc__bits=7, device__read={"noise": "white", "sigma": 0.1, "sigma_relative": 0.2}, **fields)


@pytest.mark.parametrize("fields", [{}, {"adc__noise_lsb": 0.7}, {"device__cell_bits": 2}], ids=str)
def test_read_noise_has_the_engines_mean_and_variance(fields):
    """600 reads of one input each: z-tests of every output's mean, and of its log variance, Bonferroni over all."""
    network, reads = one_conv(), 600
    layer = programmed(network, noisy(**fields))
    x = np.repeat(images(network, 1), reads, axis=0)
    torch.manual_seed(0)
    first, second = layer.multiply(x)[0].reshape(reads, -1), ours(network, x, layer).reshape(reads, -1)
    spread = first.var(0, ddof=1), second.var(0, ddof=1)
    assert spread[0].mean() > 0.5
    means = (first.mean(0) - second.mean(0)) / np.sqrt((spread[0] + spread[1]) / reads)
    ratios = np.log(spread[0] / spread[1]) / np.sqrt(4 / (reads - 1))
    bound = norm.isf(FALSE_ALARM / 2 / (2 * means.size))
    assert np.abs(means).max() < bound
    assert np.abs(ratios).max() < bound


def test_chips_of_training_agree_with_the_engines_in_expectation():
    """150 chips each of training and of the engine: a z-test of every output's mean, Bonferroni over all."""
    network, count = one_conv(bits=2), 150
    x, weight = tensors(network, images(network, 1))
    hardware = chip(adc__bits=3, **REAL | {"device__program_sigma": 0.3})
    crossbars = Crossbars(network, hardware).train()
    with torch.no_grad():
        drawn = np.stack([crossbars("c", x[:, None], weight).numpy().ravel() for _ in range(count)])
    engine = np.stack(
        [programmed(network, hardware, chip=n).multiply(images(network, 1))[0].ravel() for n in range(count)]
    )
    differs = (drawn.std(0) + engine.std(0)) > 0
    z = (drawn.mean(0) - engine.mean(0)) / np.sqrt((drawn.var(0) + engine.var(0)) / (count - 1))
    assert differs.sum() > 50
    assert np.abs(z[differs]).max() < norm.isf(FALSE_ALARM / 2 / differs.sum())
    assert len({row.tobytes() for row in drawn}) == count
    assert not {row.tobytes() for row in drawn} & {row.astype(drawn.dtype).tobytes() for row in engine}


# ------------------------------------------------------------------------------------------------------ gradients


@pytest.mark.parametrize(
    ("signs", "rows", "baseline"),
    [
        pytest.param(signs, rows, baseline, id="-".join((*signs, *rows, baseline)))
        for signs, rows in ALL
        for baseline in ("none", "dummy_column", "digital_count")
        if signs[1] != "analog" or baseline == "none"  # a subtracted pair has no background
    ],
)
def test_gradients_where_nothing_is_cut_off(signs, rows, baseline):
    """The weight's is that of the plain product; the input's predicts the product up to its rounding."""
    network = one_conv(bits=3, input_bits=2, groups=1, stride=(1, 1), shape=(3, 4, 4))
    layer = programmed(network, chip(signs, rows, mapping__baseline=baseline, adc__range="granular", **SMALL_ERRORS))
    x, weight = tensors(network, images(network))
    assert not layer.multiply(images(network))[1].clipped
    made = crossbar_product(x, weight, layer)
    from_x, from_weight = gradients(made, x, weight)
    assert torch.allclose(from_weight, gradients(plain(network, x, weight), weight)[0])
    # the product is linear in x but for rounding: half a code per conversion and the background's rounded share
    slope = torch.randn(made.shape, generator=torch.Generator().manual_seed(5), dtype=made.dtype)
    rounding = np.abs(layer.conversion.factor).sum() * len(layer.rows.ends) * 3 + 0.5
    zero = torch.zeros_like(x)
    linear = torch.autograd.functional.vjp(lambda x: crossbar_product(x, weight, layer), zero, slope)[1]
    assert torch.allclose(linear, from_x)  # linear: the same gradient at any input
    basis = torch.eye(made[0].numel(), dtype=made.dtype).reshape(-1, *made[0].shape)
    inputs = x[:1].expand(len(basis), *x.shape[1:]).detach().requires_grad_()
    jacobian = torch.autograd.grad(crossbar_product(inputs, weight, layer), inputs, basis)[0]
    predicted = (jacobian * x[:1].detach()).flatten(1).sum(1)
    assert (predicted - made[0].detach().flatten()).abs().max() <= rounding


@pytest.mark.parametrize("signs", SIGNS, ids="-".join)
@pytest.mark.parametrize("bits", [1, 3])
def test_gradients_where_conversions_are_cut_off(signs, bits):
    """Against autograd of a model without rounding: columns summed, clamped between the codes' edges, combined."""
    network = one_conv(bits=4, input_bits=bits, shape=(4, 4, 4), groups=1, stride=(1, 1))
    hardware = chip(signs, adc__bits=2, adc__range="granular", mapping__baseline="dummy_column", **REAL)
    layer = programmed(network, hardware)
    x, weight = tensors(network, images(network))
    made = crossbar_product(x, weight, layer)
    kinds, outputs = layer.kinds, layer.outputs
    padded = layer.cells.reshape(len(layer.rows.order), kinds, -1)[..., :outputs]
    cells = torch.from_numpy(padded.astype(np.float64)).requires_grad_()
    coefficient = torch.from_numpy(layer.conversion.factor.astype(np.float64))
    planes = [((x.detach().int() >> p) & 1).double().requires_grad_() for p in range(bits)]
    soft, cut = torch.zeros(()), 0
    ends = [0, *(layer.rows.segments[end - 1].stop for end in layer.rows.ends)]
    for p, plane in enumerate(planes):
        rows = torch.nn.functional.unfold(plane, 3, padding=(1, 0)).transpose(1, 2)
        for start, end in pairwise(ends):
            sums = torch.einsum("nlr,rko->nlko", rows[..., start:end], cells[start:end])
            clamped = sums.clamp(layer.adc.low - 0.5, layer.adc.high + 0.5 - 1e-9)
            cut += int((clamped != sums).sum())
            soft = soft + 2**p * torch.einsum("nlko,k->nol", clamped, coefficient)
    assert cut > 50
    soft = soft.reshape(made.shape)
    from_x, from_weight = gradients(made, x, weight)
    *from_planes, from_cells = gradients(soft, *planes, cells)
    offset = torch.zeros_like(weight) + layer.offset
    if layer.mask is not None:
        offset = offset * torch.from_numpy(layer.mask.cells[0, :, :outputs].T.astype(np.float64)).reshape(weight.shape)
    corrected = gradients(plain(network, x, offset), x)[0]
    assert torch.allclose(from_x, sum(from_planes) / (2**bits - 1) - corrected)
    w = weight.detach().reshape(outputs, -1).T[:, None]
    carried = (
        coefficient.sign()[:, None] * w >= 0 if signs == ("differential", "digital") else torch.ones_like(cells) > 0
    )
    share = carried * coefficient.abs()[:, None]
    per_level = share / share.sum(1, keepdim=True) / coefficient[:, None]
    assert torch.allclose(from_weight, (from_cells * per_level).sum(1).T.reshape(weight.shape))


def test_where_all_conversions_are_cut_off_nothing_passes():
    network = one_conv(bits=2, input_bits=1, groups=1, padding=(0, 0))
    network = replace(network, arrays={"c.weight": np.ones_like(network.weight("c"))})
    layer = programmed(network, chip(SIGNS[2], adc__bits=1, adc__range="granular", **EXACT))
    x, weight = tensors(network, np.ones((2, 4, 5, 6)))
    from_x, from_weight = gradients(crossbar_product(x, weight, layer), x, weight)
    assert torch.allclose(from_weight, torch.zeros_like(weight), atol=1e-12)
    # only the count of the inputs, which is subtracted exactly, still depends on them
    counted = gradients(plain(network, x, torch.full_like(weight, -layer.offset)), x)[0]
    assert torch.allclose(from_x, counted)


# ------------------------------------------------------------------------------------------- networks and recipes


def small_module() -> tuple[SpikingNetwork, Dataset]:
    torch.manual_seed(0)
    small = architecture(
        "convnet",
        {"channels": (4, 6), "pool_after": (1, 2)},
        input_shape=(1, 8, 8),
        input_bits=5,
        classes=10,
        time_steps=3,
    )
    module, data = SpikingNetwork(small, Integer(3, 8, 8)), load_dataset("digits", "train").head(40)
    module.settle(torch.from_numpy(data.images.astype(np.float32)))
    return module, data


@pytest.mark.parametrize("name", ["rram_32nm", "spikesim_released"])
@pytest.mark.parametrize("fields", [EXACT, REAL, REAL | {"mapping__digital_layers": ["conv1"]}], ids=str)
def test_a_module_on_crossbars_is_the_exported_network_on_that_chip(name, fields):
    module, data = small_module()
    network = export(module, "small")
    hardware = load_hardware(name, {key.replace("__", "."): value for key, value in fields.items()})
    module.product = Crossbars(network, hardware, seed=7).eval()
    module.product.chip = 2
    mapping, exact = map_network(network, hardware), exact_product(network)

    def on_chip(node: Any, x: torch.Tensor) -> torch.Tensor:
        if node.name in hardware.mapping.digital_layers:
            return exact(node, x)
        values = program(mapping, node.name, seed=7, chip=2).multiply(x.flatten(0, 1).numpy())[0]
        return torch.from_numpy(values).reshape(*x.shape[:2], *values.shape[1:])

    wanted = run(network, data.images, product=on_chip).outputs
    with torch.no_grad():
        got = module(torch.from_numpy(data.images.astype(np.float32))).outputs.numpy()
    same = (got == wanted).all(1).mean()
    assert same == 1 if hardware.device.ideal else same >= 0.9
    assert not np.array_equal(network.run(data.images).outputs, wanted)


@pytest.mark.parametrize("name", ["resnet20", "msresnet18", "spikformer"])
def test_any_architecture_trains_through_crossbars(name):
    """Where cells are ideal and converters lossless, its products are the exact ones."""
    torch.manual_seed(0)
    tiny = architecture(name, input_shape=(3, 8, 8), input_bits=4, classes=4, time_steps=2, width=1 / 16)
    module = SpikingNetwork(tiny, Integer(3, 8, weights="lsq"))
    images = np.random.default_rng(0).integers(0, 16, (6, 3, 8, 8), dtype=np.uint8)
    x = torch.from_numpy(images.astype(np.float32))
    module.settle(x)
    network = export(module, name)
    module.product = Crossbars(network, load_hardware("rram_32nm", {"device.ideal": True, "adc.bits": 12})).eval()
    with torch.no_grad():
        assert np.array_equal(module(x).outputs.numpy(), network.run(images).outputs)
    module.product = Crossbars(network, load_hardware("rram_32nm", {"device.program_sigma": 0.1}), chips=2)
    module.train()(x).logits.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_crossbars_have_no_parameters_and_leave_the_export_alone():
    module, data = small_module()
    before, state = export(module, "small"), set(module.state_dict())
    module.product = Crossbars(before, load_hardware("rram_32nm"))
    module(torch.from_numpy(data.images.astype(np.float32))).logits.sum().backward()
    assert set(module.state_dict()) == state
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in module.parameters())
    after = export(module.eval(), "small")
    assert all(np.array_equal(before.weight(n.name), after.weight(n.name)) for n in before.layers)


def test_the_same_seed_draws_the_same_chips_and_parts_of_a_batch_have_their_own():
    network, hardware = one_conv(), chip(**REAL)
    x, weight = tensors(network, images(network, 1).repeat(4, 0))

    def draws(seed: int, chips: int) -> torch.Tensor:
        crossbars = Crossbars(network, hardware, seed=seed, chips=chips)
        return torch.cat([crossbars("c", x[:, None], weight) for _ in range(2)]).detach()

    assert torch.equal(draws(3, 2), draws(3, 2))
    assert not torch.equal(draws(3, 2), draws(4, 2))
    first, second, third, fourth = draws(3, 2)[::2]
    assert torch.equal(draws(3, 2)[0], draws(3, 2)[1])
    pairs = [(first, second), (first, third), (first, fourth), (second, third)]
    assert not any(torch.equal(a, b) for a, b in pairs)
    assert len(draws(3, 9)) == 8  # more chips than samples


def test_calibrated_converters_follow_the_network():
    module, data = small_module()
    network = export(module, "small")
    asked = load_hardware("rram_32nm", {"adc.bits": 3, "adc.range": "percentile", "device.ideal": True})
    crossbars = Crossbars(network, asked).eval()
    x, weight = (torch.from_numpy(a.astype(np.float32)) for a in (data.images, network.weight("conv1")))
    with pytest.raises(ConfigError, match=r"no adc\.full_scales yet"):
        crossbars("conv1", x[:, None], weight)
    crossbars.calibrate(network, data)
    found = calibrate(network, asked, data)
    layer = program(map_network(network, found), "conv1")
    assert np.array_equal(crossbars("conv1", x[:, None], weight)[:, 0].numpy(), layer.multiply(data.images)[0])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"wires.topology": "gated_1t1r"}, "wires.topology = 'gated_1t1r'"),
        ({"wires.topology": "passive", "wires.inactive_rows": "floating"}, "wires.inactive_rows = 'floating'"),
        (
            {"device.read": {"noise": "telegraph", "telegraph_amplitude": 0.1}},
            "device.read.noise = 'telegraph'",
        ),
        (
            {
                "wires.topology": "passive",
                "wires.read_noise": "adjoint",
                "device.read": {"noise": "white", "sigma": 0.1},
            },
            "wires.read_noise = 'adjoint'",
        ),
    ],
)
def test_chips_whose_reads_are_not_linear_products_are_refused(fields, message):
    network, hardware = one_conv(), load_hardware("rram_32nm", fields)
    with pytest.raises(ConfigError, match=message) as caught:
        check_trainable(hardware)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=message):
        Crossbars(network, hardware)


RECIPE = """\
dataset: digits
seed: 1
architecture: {channels: [4, 6], pool_after: [1, 2], time_steps: 3}
quantization: {weight_bits: 3, membrane_bits: 8}
optimization: {epochs: 2, batch: 128}
hardware: {chip: rram_32nm, overrides: {device.program_sigma: 0.15}, start_epoch: 2, chips: 2}
"""


def recipe(tmp_path, old: str = "", new: str = "") -> training.TrainingConfig:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.replace(old, new) if old else RECIPE)
    return training.load_config(path)


def test_a_recipe_trains_through_its_chip_from_the_epoch_it_says(tmp_path):
    wanted = recipe(tmp_path)
    first, history = fit(wanted)
    second, again = fit(wanted)
    exact, before = fit(wanted.model_copy(update={"hardware": None}))
    assert history == again
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert history[0] == before[0]
    assert history[1] != before[1]
    assert not torch.equal(first.weights["fc"].latent, exact.weights["fc"].latent)
    assert first.product is None
    assert not first.training
    images = load_dataset("digits", "search").images[:50]
    with torch.no_grad():
        outputs = first(torch.from_numpy(images.astype(np.float32))).outputs
    assert np.array_equal(outputs.numpy(), export(first, "mine").run(images).outputs)


def test_a_recipe_with_calibrated_converters_and_a_digital_layer(tmp_path):
    fields = "{adc.range: percentile, adc.bits: 4, mapping.digital_layers: [first]}"
    wanted = recipe(tmp_path, "{device.program_sigma: 0.15}", fields)
    assert np.isfinite(fit(wanted)[1][-1].task_loss)


def test_the_file_says_how_it_does_on_the_chip(tmp_path):
    recipe(tmp_path)
    made = training.train(tmp_path / "mine.yaml", output=tmp_path / "net.safetensors")
    metadata = load_network(made.path).model.metadata
    chips = ss.evaluate(made.path, "rram_32nm", overrides={"device.program_sigma": 0.15}, chips=8)
    assert made.chip_accuracy == metadata["chip_accuracy"] == pytest.approx(chips.accuracy)
    assert metadata["chip_instances"] == 8
    assert training.TrainingConfig(**metadata["recipe"]) == training.load_config(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chip: rram_32nm", "chip: rram_32mn", "mine.yaml:6: hardware: chip 'rram_32mn' is neither"),
        ("start_epoch", "start_epocj", "hardware.start_epocj: unknown key; did you mean 'start_epoch'?"),
        ("start_epoch: 2", "start_epoch: 0", "hardware.start_epoch = 0: must be greater than or equal to 1"),
        ("start_epoch: 2", "start_epoch: 3", "hardware.start_epoch = 3: must be at most optimization.epochs = 2"),
        ("chips: 2", "chips: 0", "hardware.chips = 0"),
        ("program_sigma: 0.15", "program_sigma: 2", "device.program_sigma = 2: must be less than or equal to 1"),
        ("program_sigma: 0.15", "programme_sigma: 1", "did you mean 'program_sigma'?"),
        ("device.program_sigma: 0.15", "wires.topology: gated_1t1r", "is not linear in the inputs"),
        ("quantization: {weight_bits: 3, membrane_bits: 8}\n", "", "hardware: crossbars hold integers; needs quantiz"),
    ],
)
def test_a_bad_chip_in_a_recipe_gives_one_clear_line(tmp_path, old, new, message):
    with pytest.raises(ConfigError) as caught:
        recipe(tmp_path, old, new)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_network_that_does_not_fit_the_chip_is_refused_before_training(tmp_path):
    with pytest.raises(MappingError, match="'conv9'"):
        fit(recipe(tmp_path, "device.program_sigma: 0.15", "mapping.digital_layers: [conv9]"))


@pytest.mark.slow
def test_training_through_a_chip_helps_on_it():
    """Programming errors of 20 % of g_on cost plain training some 40 points; at least 20 come back."""
    fields = training.load_config("digits-w4-aware").model_dump(mode="json")
    fields["optimization"]["epochs"] = 12
    fields["hardware"]["overrides"] = {"device.program_sigma": 0.2}
    found = []
    for chosen in (None, fields["hardware"]):
        module, _ = fit(training.TrainingConfig(**fields | {"hardware": chosen}))
        found.append(
            ss.evaluate(
                export(module, "x"), "rram_32nm", overrides={"device.program_sigma": 0.2}, split="search", chips=8
            ).accuracy
        )
    assert found[1] > found[0] + 0.2
