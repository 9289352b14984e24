"""The loop: deterministic, leaves no trace, learns; recipes: checked field by field."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

import training
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import ConfigError, EvaluationError, InputError
from spikesim_py.network import load_network
from training import export
from training.augment import augmented, one_each, sheared, shifted, turned
from training.config import Augmentation
from training.loop import Run
from training.prepare import blueprint_of
from training.trainer import fit

RECIPE = """\
dataset: digits
seed: 1
architecture: {channels: [4, 6], pool_after: [1, 2], time_steps: 3}
optimization: {epochs: 1}
"""
BITS = "quantization: {weight_bits: 2, membrane_bits: 8,"
QUANTIZED = RECIPE + "quantization: {weight_bits: 2, membrane_bits: 8}\n"


def _recipe(tmp_path, text: str):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def _state(recipe) -> dict[str, torch.Tensor]:
    return fit(recipe)[0].state_dict()


@pytest.mark.parametrize("text", [RECIPE, QUANTIZED])
def test_one_epoch_twice_gives_identical_weights_whatever_the_callers_threads(tmp_path, text):
    recipe = training.load_config(_recipe(tmp_path, text))
    first = _state(recipe)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        torch.manual_seed(99)
        second = _state(recipe)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = _state(recipe.model_copy(update={"seed": 2}))
    assert not torch.equal(first["weights.fc.latent"], other["weights.fc.latent"])


def test_training_leaves_the_callers_torch_as_it_was(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit(training.load_config(_recipe(tmp_path, RECIPE)))
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_learns_and_the_file_says_how(tmp_path):
    seen: list[training.Epoch] = []
    text = QUANTIZED.replace("epochs: 1", "epochs: 8, batch: 16, learning_rate: 0.01").replace("4, 6", "8, 12")
    path, log = tmp_path / "net.safetensors", tmp_path / "log.csv"
    made = training.train(_recipe(tmp_path, text), output=path, log=log, progress=seen.append)
    assert made.path == path
    assert tuple(seen) == made.history
    assert seen[-1].task_loss < 0.7 * seen[0].task_loss
    rows = list(csv.DictReader(log.read_text().splitlines()))
    assert [float(row["cross_entropy_loss"]) for row in rows] == [epoch.task_loss for epoch in seen]
    network = load_network(path)
    report, metadata = load_dataset("digits", "report"), network.model.metadata
    right = int((network.run(report.images).predictions == report.labels).sum())
    assert metadata["test_correct"] == right
    assert metadata["test_accuracy"] == made.accuracy == right / 600
    assert made.accuracy > 0.5
    assert (metadata["weight_bits"], metadata["membrane_bits"], metadata["seed"]) == (2, 8, 1)
    assert metadata["command"] == "spikesim train mine.yaml"
    assert set(network.model.activity) == {"conv1", "conv2", "fc"}
    assert training.TrainingConfig(**metadata["recipe"]) == training.load_config(tmp_path / "mine.yaml")


def test_wide_membranes_behind_small_sums_learn(tmp_path):
    """A threshold of many units takes large multipliers: cut to 8 bits, they would leave hardly a spike."""
    text = QUANTIZED.replace("epochs: 1", "epochs: 4, batch: 16, learning_rate: 0.01")
    module, history = fit(training.load_config(_recipe(tmp_path, text.replace("bits: 8", "bits: 16"))))
    narrow = fit(training.load_config(_recipe(tmp_path, text)))[1]
    assert history[-1].train_accuracy > narrow[-1].train_accuracy - 0.1 > 0.2
    network, images = export(module, "wide"), load_dataset("digits", "search").images[:50]
    with torch.no_grad():
        outputs = module(torch.from_numpy(images.astype(np.float32))).outputs
    assert np.array_equal(outputs.numpy(), network.run(images).outputs)


def test_training_that_diverges_stops_and_says_so(tmp_path, monkeypatch):
    step = Run._step

    def diverging(run, *batch):
        each, share = step(run, *batch)
        return {name: loss * (1 if len(run.history) < 1 else np.nan) for name, loss in each.items()}, share

    monkeypatch.setattr(Run, "_step", diverging)
    with pytest.raises(EvaluationError, match=r"'mine': epoch 2: a loss is not finite any more; try a smaller"):
        training.train(_recipe(tmp_path, RECIPE.replace("epochs: 1", "epochs: 3")), output=tmp_path / "net.safetensors")
    assert not (tmp_path / "net.safetensors").exists()
    assert (tmp_path / "net.checkpoint").exists()


@pytest.mark.parametrize(("text", "method"), [(RECIPE, "_epoch"), (QUANTIZED, "_step")], ids=["float", "integers"])
def test_weights_that_diverge_stop_it_too(tmp_path, monkeypatch, text, method):
    """Behind the last loss, and where integers are made of them."""
    real = getattr(Run, method)

    def diverging(run, *given):
        made = real(run, *given)
        run.module.norm("norm1").gamma.data.fill_(np.nan)
        return made

    monkeypatch.setattr(Run, method, diverging)
    recipe = training.load_config(_recipe(tmp_path, text + "samples: 128\n"))
    with pytest.raises(EvaluationError, match=r"'mine': epoch 1: a weight is not finite any more; try a smaller"):
        fit(recipe)


METHODS = """\
dataset: digits
seed: 1
architecture: {name: vgg5, width: 0.0625, time_steps: 2, leak: 0.75, learn_leak: true, norm: tebn, reset: subtract}
quantization:
  {weight_bits: 2, membrane_bits: 4, weights: lsq, membranes: learned, per_channel: true, edge_bits: 8, warm_up: 1}
optimization: {epochs: 2, surrogate: atan}
"""


def test_every_method_of_a_recipe_reaches_its_network(tmp_path):
    recipe = training.load_config(_recipe(tmp_path, METHODS))
    seen: list[float] = []
    module, _ = fit(recipe, lambda epoch: seen.append(epoch.learning_rate))
    network = export(module, "methods")
    assert [layer.weight_bits for layer in network.layers] == [8, 2, 2, 2, 8]
    neurons = [node for node in network.nodes if node.op == "lif"]
    assert {(node.reset, node.membrane_bits) for node in neurons} == {("subtract", 4)}
    assert all(node.per_step for node in network.nodes if node.op == "affine")
    leaks = [node.leak.multiplier / 2**node.leak.shift for node in neurons]
    assert leaks == [float(module.leak(node.name).detach()) for node in neurons]
    assert leaks == pytest.approx([0.75] * 4, abs=0.1)
    moved = {float(p.detach()) for p in module.ranges.parameters()}
    assert len(moved) == 4  # every layer's range has learned something of its own
    assert len(seen) == 2


def test_a_warm_up_is_training_in_floats(tmp_path):
    """Its first epoch is that of the float network, to the bit."""
    text = METHODS.replace("edge_bits: 8, warm_up: 1", "warm_up: 1")
    plain = "\n".join(line for line in text.splitlines() if "quantization" not in line and "weight_bits" not in line)
    first = [fit(training.load_config(_recipe(tmp_path, each)))[1][0] for each in (text, plain)]
    assert first[0] == first[1]


def test_events_are_trained_as_frames(tmp_path):
    recipe = training.load_config(_recipe(tmp_path, RECIPE))
    frames = Dataset("events", np.ones((4, 3, 2, 8, 8), np.uint8), np.arange(4))
    made = blueprint_of(recipe, frames)
    assert (made.model.input.coding, made.model.input.encoder, made.time_steps) == ("events", "every_step", 3)
    with pytest.raises(InputError, match=r"architecture\.time_steps = 3: events has 5 frames"):
        blueprint_of(recipe, Dataset("events", np.ones((4, 5, 2, 8, 8), np.uint8), np.arange(4)))


def test_distillation_starts_at_the_teacher_and_brings_membranes_closer():
    recipe = training.load_config("digits-w4")
    quick = recipe.model_copy(update={"optimization": recipe.optimization.model_copy(update={"epochs": 3})})
    history = fit(quick)[1]
    assert history[0].train_accuracy > 0.9
    assert history[-1].losses["membrane"] < history[0].losses["membrane"]


def test_shifts_move_whole_images_by_at_most_the_stated_pixels():
    torch.manual_seed(0)
    images = torch.arange(1.0, 17).reshape(1, 1, 4, 4).expand(60, -1, -1, -1)
    wide = torch.nn.functional.pad(images[:1], [2] * 4)
    allowed = [wide[:, :, 2 + dy : 6 + dy, 2 + dx : 6 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    moved = shifted(images, 1)
    found = {next(i for i, other in enumerate(allowed) if torch.equal(one[None], other)) for one in moved}
    assert found == set(range(9))
    assert torch.equal(shifted(images, 0), images)


def _pixel(row: int, column: int, samples: int = 400) -> torch.Tensor:
    images = torch.zeros(samples, 2, 3, 9, 9)
    images[..., row, column] = 7
    return images


def test_images_turn_about_their_centre():
    torch.manual_seed(0)
    assert torch.equal(turned(_pixel(4, 4), 180), _pixel(4, 4))
    moved = turned(_pixel(4, 8), 20).sum((0, 1, 2))
    assert set(map(tuple, moved.nonzero().tolist())) == {(3, 8), (4, 8), (5, 8)}  # 4 sin 20 degrees is 1.4 pixels
    around = turned(_pixel(4, 8), 180)
    rows, columns = around[:, 0, 0].sum(0).nonzero(as_tuple=True)
    reach = (rows - 4) ** 2 + (columns - 4) ** 2
    assert 13 <= reach.min() <= reach.max() <= 20  # 16, and half a pixel either way
    assert len(rows) > 12


def test_rows_shear_in_proportion_to_their_height():
    torch.manual_seed(0)
    assert torch.equal(sheared(_pixel(4, 4), 45), _pixel(4, 4))
    columns = [sheared(_pixel(row, 4), 45).sum((0, 1, 2)).nonzero() for row in (0, 2, 8)]
    assert [set(found[:, 0].tolist()) for found in columns] == [{0}, {2}, {8}]
    assert [set(found[:, 1].tolist()) for found in columns] == [set(range(9)), set(range(2, 7)), set(range(9))]


@pytest.mark.parametrize("change", [lambda x: turned(x, 25), lambda x: sheared(x, 25)])
def test_frames_and_channels_are_warped_alike_and_no_value_is_made(change):
    torch.manual_seed(0)
    images = torch.randint(1, 9, (20, 1, 1, 8, 6)).float()
    made = change(images.expand(-1, 3, 2, -1, -1).contiguous())
    assert torch.equal(made, made[:, :1, :1].expand_as(made))
    assert set(made.unique().tolist()) <= {0.0, *images.unique().tolist()}
    assert not torch.equal(made[:, :1, :1], images)
    assert torch.equal(turned(images, 0), images)


def test_one_change_each_is_one_of_those_asked_for():
    torch.manual_seed(0)
    images = torch.randint(1, 9, (300, 1, 9, 9)).float()
    made = one_each(images, [lambda x: x + 10, lambda x: x + 20])
    added = (made - images).flatten(1)
    assert torch.equal(added.amin(1), added.amax(1))
    assert 100 < int((added[:, 0] == 10).sum()) < 200
    assert set(added[:, 0].tolist()) == {10, 20}
    assert one_each(images, []) is images
    how = Augmentation(roll_pixels=1, rotate_degrees=30, shear_degrees=30, cutout_pixels=3, one_each=True)
    assert augmented(images, how).shape == images.shape
    untouched = (augmented(images, how.model_copy(update={"one_each": False})) == images).float().mean()
    assert (augmented(images, how) == images).float().mean() > untouched


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 1", "seed: -1", "mine.yaml:2: seed = -1: must be greater than or equal to 0"),
        ("epochs: 1", "epoch: 1", "unknown key; did you mean 'epochs'?"),
        ("optimization: {epochs: 1}\n", "", "mine.yaml: optimization: is missing"),
        ("[1, 2]", "[3]", "mine.yaml:3: architecture: pool_after = [3]: must be distinct, from 1 to 2"),
        ("[4, 6]", "[]", "mine.yaml:3: architecture: channels: is missing (the outputs of each convolution)"),
        ("epochs: 1", "epochs: 1, learning_rate: fast", "learning_rate = 'fast': must be a valid number"),
        ("optimization", "quantization: {weight_bits: 9, membrane_bits: 8}\noptimization", "weight_bits = 9"),
        ("dataset: digits", "dataset: [", "mine.yaml:3: is not valid YAML"),
        (
            "{channels",
            "{name: vgg9, channels",
            "channels, pool_after, hidden: are of convnet and sei_convnet, not of 'vgg9'",
        ),
        ("{channels: [4, 6], pool_after: [1, 2]", "{name: vgg", "name = 'vgg': unknown; did you mean 'vgg"),
        ("[1, 2]", "[1, 2], width: 0.5", "width = 0.5: a convnet states its channels"),
    ],
)
def test_a_bad_recipe_gives_one_clear_line(tmp_path, old, new, message):
    path = _recipe(tmp_path, RECIPE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        training.train(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("weight_bits: 1, membrane_bits: 8, weights: lsq", "weight_bits = 1: must be 2 to 8 with weights = 'lsq'"),
        ("weight_bits: 2, membrane_bits: 8, weights: lsp", "weights = 'lsp': unknown; did you mean 'lsq'?"),
        ("weight_bits: 2, membrane_bits: 2, membranes: shared", "membranes = 'shared': needs weights = 'mint'"),
        ("weight_bits: 2, membrane_bits: 8, warm_up: 1", "quantization.warm_up = 1: must be below"),
        ("weight_bits: 1, membrane_bits: 8, kernel_bits: 4", "kernel_bits = 4: needs weights = 'sub_bit'"),
        ("weight_bits: 1, membrane_bits: 8, weights: sub_bit, kernel_bits: 9", "quantization.kernel_bits = 9"),
        ("weight_bits: 2, membrane_bits: 17", "quantization.membrane_bits = 17"),
    ],
)
def test_a_bad_quantization_gives_one_clear_line(tmp_path, fields, message):
    with pytest.raises(ConfigError) as caught:
        training.load_config(_recipe(tmp_path, f"{RECIPE}quantization: {{{fields}}}\n"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataset: digits", "dataset: digit", "did you mean 'digits'?"),
        ("epochs: 1", "epochs: 1, batch: 2000", "optimization.batch = 2000: digits/train has 897 images"),
        ("[4, 6], pool_after: [1, 2]", "[2, 2, 2, 2], pool_after: [1, 2, 3, 4]", "8 x 8 pixels is too small: pool4"),
        ("optimization", "distillation: {teacher: digits-w4}\noptimization", "a teacher is a float network"),
        ("optimization", "distillation: {teacher: digits-fp}\noptimization", "has another architecture"),
        ("optimization", "distillation: {teacher: digits-fq}\noptimization", "did you mean 'digits-fp'?"),
        (
            "optimization",
            "losses: {rmp: }\noptimization",
            "'mine': losses.rmp: stages = 'inner': the network has 2 stages",
        ),
        ("time_steps: 3}", "time_steps: 1}\nlosses: {temporal_self: }", "'mine': losses.temporal_self: logits: shape"),
        (
            "optimization",
            f"{BITS} layer_bits: {{conv3: 8}}}}\noptimization",
            "layer_bits: 'conv3' is the name of no layer",
        ),
        ("optimization", f"{BITS} membranes: batch}}\noptimization", "membranes = 'batch': a range that is taken from"),
    ],
)
def test_a_recipe_that_cannot_be_followed_gives_one_clear_line(tmp_path, old, new, message):
    path = _recipe(tmp_path, RECIPE.replace(old, new))
    with pytest.raises(InputError) as caught:
        training.train(path, output=tmp_path / "net.safetensors")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.glob("net.*") if file.name != "net.run.json"] == []


def test_an_output_that_is_no_network_file_is_refused_before_training(tmp_path):
    with pytest.raises(InputError, match=r"output = .*net\.pt'.*ends in \.safetensors"):
        training.train(_recipe(tmp_path, RECIPE), output=tmp_path / "net.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_log_under_another_files_name_is_refused_before_training(tmp_path):
    for name in ("mine.yaml", "net.safetensors", "net.checkpoint", "net.run.json"):
        with pytest.raises(InputError, match=r"a log ends in \.csv"):
            training.train(_recipe(tmp_path, RECIPE), output=tmp_path / "net.safetensors", log=tmp_path / name)
    assert (tmp_path / "mine.yaml").read_text() == RECIPE


def test_few_samples_do_not_lessen_the_classes(tmp_path):
    recipe = training.load_config(
        _recipe(tmp_path, RECIPE.replace("epochs: 1", "epochs: 1, batch: 2") + "samples: 2\n")
    )
    assert fit(recipe)[0].blueprint.edges["readout"].shape == (10, 1, 1)


def test_layers_have_the_bits_that_their_names_ask_for(tmp_path):
    text = RECIPE + f"samples: 128\n{BITS} weights: lsq, edge_bits: 8, layer_bits: {{'conv?': 1, '*2': 5}}}}\n"
    module, _ = fit(training.load_config(_recipe(tmp_path, text)))
    layers = {layer.name: layer for layer in export(module, "mixed").layers}
    assert {name: layer.weight_bits for name, layer in layers.items()} == {"conv1": 1, "conv2": 1, "fc": 8}


def test_an_unknown_recipe_names_the_bundled_ones():
    with pytest.raises(InputError, match="did you mean 'digits-w4'"):
        training.train("digits-w5x4")


def test_bundled_recipes_name_themselves():
    assert set(training.recipes()) >= {"digits-fp", "digits-w1", "digits-w2", "digits-w4", "digits-w8"}
    for name in training.recipes():
        assert training.load_config(name).name == name


def test_training_never_sees_other_splits(monkeypatch, tmp_path):
    asked: list[str] = []

    def spy(name: str, split: str = "report", *given, **options):
        asked.append(split)
        return load_dataset(name, split, *given, **options)

    monkeypatch.setattr("training.prepare.load_dataset", spy)
    fit(training.load_config(_recipe(tmp_path, RECIPE)))
    assert asked == ["train"]
