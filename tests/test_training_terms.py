"""Losses that recipes name, and who teaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml

import training
from spikesim_py.datasets import network_data
from spikesim_py.errors import ConfigError, InputError
from training import fit, losses
from training.loop import Run, accuracy_of
from training.objective import Objective
from training.terms import Losses, Seen

BASE = {
    "name": "mine",
    "samples": 128,
    "architecture": {"channels": [4, 6, 6], "pool_after": [1, 2], "time_steps": 2},
    "optimization": {"epochs": 1},
}
TEACHER = training.TrainingConfig.model_validate(BASE)
#: options of each loss, where it needs any
EACH = {name: {} for name in Losses.model_fields} | {
    "kdsnn": {"weight": 1e-3},
    "kdsnn_response": {"share": 0.5, "temperature": 2},
}


def _with(**fields) -> training.TrainingConfig:
    return training.TrainingConfig.model_validate(BASE | fields)


@pytest.fixture(scope="module")
def teacher():
    return fit(TEACHER)[0]


@pytest.fixture(scope="module")
def pupil():
    return fit(TEACHER.model_copy(update={"seed": 1}))[0]


def images() -> torch.Tensor:
    return torch.randint(0, 17, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float()


@pytest.mark.parametrize("name", EACH)
def test_every_loss_has_a_place_in_the_total(teacher, pupil, name):
    recipe = _with(losses={name: EACH[name]}, distillation={"teacher": "given"})
    objective = Objective(recipe.terms, pupil, teacher)
    x, y = images(), torch.arange(8)
    with torch.no_grad():
        theirs = teacher(x)
    seen = Seen(pupil.train()(x), theirs, y)
    total, each = objective(seen, 1, 1)
    value = float(total.detach())
    assert name in each
    is_task = name in ("cross_entropy", "tet", "kdsnn_response")
    assert ("cross_entropy" in each) == (name == "cross_entropy" or not is_task)
    weights = {key: term.weight_at(1, 1) for key, term in recipe.terms.items()}
    assert value == pytest.approx(sum(weights[key] * float(loss.detach()) for key, loss in each.items()), rel=1e-6)
    assert float(each[name].detach()) > 0
    total.backward()
    learns = [p.grad is not None and bool(p.grad.any()) for p in objective.parameters()]
    assert all(learns)
    assert bool(learns) == (name == "bkdsnn")  # kdsnn learns only where channels differ


def test_the_losses_of_terms_are_those_of_the_library(teacher, pupil):
    x, y = images(), torch.arange(8)
    with torch.no_grad():
        ours, theirs = pupil(x), teacher(x)
    named = {
        "tet": {"share": 0.3},
        "membrane": {"match": "mean"},
        "spike": {"window": 1},
        "im": {},
        "rmp": {"stages": "all"},
    }
    recipe = _with(losses=named, distillation={"teacher": "given"})
    each = Objective(recipe.terms, pupil, teacher)(Seen(ours, theirs, y), 1, 1)[1]
    assert list(each) == ["tet", "membrane", "spike", "rmp", "im"]
    assert each["tet"] == losses.tet(ours.step_logits, y, 0.3)
    assert each["membrane"] == losses.membrane_distillation(ours.membranes, theirs.membranes, "mean")
    assert each["spike"] == losses.spike_distillation(ours.spikes, theirs.spikes, 1)
    assert each["rmp"] == losses.rmp(ours.membranes)
    assert each["im"] == losses.information_maximization(ours.membranes[1:-1])


def test_rmp_grows_with_the_epoch():
    term = _with(losses={"rmp": {"weight": 0.2}}).terms["rmp"]
    weights = [term.weight_at(epoch, 10) for epoch in range(1, 11)]
    assert np.all(np.diff(weights) > 0)
    assert weights[-1] == pytest.approx(0.2)


def test_distillation_alone_is_md_snn_and_weights_of_zero_are_left_out():
    named = _with(distillation={"teacher": "digits-fp", "logits_weight": 0.5, "membrane_weight": 0}).terms
    assert list(named) == ["cross_entropy", "logits"]
    assert (named["logits"].weight, named["logits"].temperature) == (0.5, 2)
    assert list(_with(distillation={"teacher": "digits-fp"}).terms) == ["cross_entropy", "logits", "membrane"]


def test_a_task_of_weight_zero_stays_away():
    named = _with(distillation={"teacher": "digits-fp"}, losses={"cross_entropy": {"weight": 0}, "logits": {}}).terms
    assert list(named) == ["logits"]
    with pytest.raises(ValueError, match="losses: all have weight 0"):
        _with(losses={"cross_entropy": {"weight": 0}})


def test_recipes_survive_their_description():
    recipe = _with(losses={"rmp": None, "logits": {"temperature": 4}}, distillation={"teacher": "digits-fp"})
    assert list(recipe.terms) == ["cross_entropy", "logits", "rmp"]
    assert training.TrainingConfig(**recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"losses": {"rpm": {}}}, r"losses.rpm: unknown key; did you mean 'rmp'?"),
        ({"losses": {"logits": {}}}, "losses.logits: needs a teacher: name one in distillation.teacher"),
        ({"losses": {"tet": {"weights": 1}}}, "losses.tet.weights: unknown key; did you mean 'weight'?"),
        ({"losses": {"tet": {}, "cross_entropy": {}}}, "losses: cross_entropy and tet exclude each other"),
        ({"losses": {"kdsnn": {}}, "distillation": {"teacher": "a"}}, "losses.kdsnn.weight: is missing"),
        (
            {"losses": {"rmp": {}}, "distillation": {"teacher": "a", "logits_weight": 1}},
            "distillation.logits_weight: belongs to losses.logits or .membrane: losses are given",
        ),
    ],
)
def test_a_bad_loss_gives_one_clear_line(tmp_path, fields, message):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(BASE | fields))
    with pytest.raises(ConfigError) as caught:
        training.load_config(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_student_begins_as_its_teacher_where_they_have_the_same_nodes(teacher):
    slow = {"epochs": 1, "learning_rate": 1e-9}
    quantized = {"weight_bits": 8, "membrane_bits": 16}
    recipe = _with(optimization=slow, quantization=quantized, distillation={"teacher": "given"}, losses={})
    student = fit(recipe, teacher=teacher)[0]
    for name in student.weights:
        assert torch.allclose(student.layer(name).latent, teacher.layer(name).latent, atol=1e-6)
    data = network_data(teacher.blueprint, "digits", "search")
    assert accuracy_of(student, data) == pytest.approx(accuracy_of(teacher, data), abs=0.03)


def test_one_teacher_of_more_time_steps_teaches_students_of_fewer(teacher):
    short = BASE["architecture"] | {"time_steps": 1}
    recipe = _with(architecture=short, distillation={"teacher": "given"}, losses={"membrane": {"match": "strided"}})
    student, history = fit(recipe, teacher=teacher)
    assert student.blueprint.time_steps == 1
    assert history[0].losses["membrane"] > 0
    longer = BASE["architecture"] | {"time_steps": 3}
    with pytest.raises(InputError, match="has 2 time-steps: too few for a student of 3"):
        fit(_with(architecture=longer, distillation={"teacher": "given"}), teacher=teacher)


def test_a_teacher_of_other_batch_norms_teaches_and_gives_no_weights():
    bntt = TEACHER.model_copy(update={"architecture": TEACHER.architecture.model_copy(update={"norm": "bntt"})})
    teacher = fit(bntt)[0]
    slow = {"epochs": 1, "learning_rate": 1e-9}
    student, history = fit(_with(optimization=slow, distillation={"teacher": "given"}), teacher=teacher)
    assert history[0].losses["membrane"] > 0
    assert not torch.allclose(student.layer("fc").latent, teacher.layer("fc").latent, atol=1e-3)


def test_a_teacher_of_another_architecture_teaches_by_its_answers_but_not_by_its_membranes():
    recipe = _with(distillation={"teacher": "digits-fp"}, losses={"logits": {}, "sei": {}})
    assert fit(recipe)[1][0].losses["logits"] > 0
    for name in ("membrane", "s2nn"):
        with pytest.raises(
            InputError, match=rf"'mine': losses\.{name}: teacher 'digits-fp' has another architecture.*16x8x8"
        ):
            fit(_with(distillation={"teacher": "digits-fp"}, losses={name: {}}))


def test_a_recipe_teaches_the_next_stage_by_stage(tmp_path, monkeypatch):
    """teacher -> assistant -> student: what the student's recipe gives is what the three make one after the other."""
    monkeypatch.chdir(tmp_path)
    bits = {"membrane_bits": 8}
    stages = {
        "teacher": BASE | {"name": "teacher"},
        "assistant": BASE | {"name": "assistant", "quantization": {"weight_bits": 4} | bits},
        "student": BASE | {"name": "student", "quantization": {"weight_bits": 2} | bits},
    }
    for name, above in (("assistant", "teacher"), ("student", "assistant")):
        stages[name] = stages[name] | {"distillation": {"teacher": f"{above}.yaml"}}
    for name, fields in stages.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(fields))
    seen = []
    made = training.train("student.yaml", progress=seen.append)
    assert len(seen) == 3
    again = training.train("student.yaml", progress=seen.append, resume=True)
    assert len(seen) == 3  # teachers, too, go on from where they ended
    assert all(np.array_equal(array, again.network.arrays[name]) for name, array in made.network.arrays.items())
    assert {path.name for path in tmp_path.glob("*.checkpoint")} == {
        f"student{end}.checkpoint" for end in ("", "-teacher", "-teacher-teacher")
    }
    above = None
    for fields in stages.values():
        above = fit(training.TrainingConfig.model_validate(fields), teacher=above)[0]
    by_hand = training.export(above, "student")
    assert all(np.array_equal(array, by_hand.arrays[name]) for name, array in made.network.arrays.items())
    stages["teacher"] |= {"distillation": {"teacher": "student.yaml"}}
    (tmp_path / "teacher.yaml").write_text(yaml.safe_dump(stages["teacher"]))
    with pytest.raises(InputError, match=r"'student' would teach itself \(student > assistant > teacher\)"):
        fit(training.load_config("student.yaml"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"losses": {"rmp": {}}, "architecture": {"channels": [4, 6]}}, r"losses\.rmp: stages = 'inner'"),
        ({"losses": {"spike": {"spatial": 3}}}, r"losses\.spike: spatial = 3: larger than a map of \(2, 2\)"),
        ({"architecture": BASE["architecture"] | {"time_steps": 3}}, r"losses\.membrane: .*too few for a student of 3"),
        ({"losses": {"logits": {}}, "dataset": "digits:poisson"}, "takes other inputs than the student"),
    ],
)
def test_what_cannot_be_is_refused_before_the_teacher_is_trained(tmp_path, monkeypatch, fields, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teacher.yaml").write_text(yaml.safe_dump(BASE | {"name": "teacher"}))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(BASE | {"distillation": {"teacher": "teacher.yaml"}} | fields))
    with pytest.raises(InputError, match=f"recipe 'mine': .*{message}"):
        training.train("mine.yaml")
    assert {path.name for path in tmp_path.iterdir()} == {"teacher.yaml", "mine.yaml"}


def test_teachers_carry_no_gradient(teacher):
    teacher.zero_grad()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    fit(_with(distillation={"teacher": "given"}), teacher=teacher)
    assert not any(p.requires_grad or p.grad is not None for p in teacher.parameters())
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


EVENTS = {"dataset": "event-digits", "samples": 64, "distillation": {"teacher": "given"}}


def _steps(steps: int) -> dict:
    return {"architecture": BASE["architecture"] | {"time_steps": steps}}


@pytest.fixture(scope="module")
def watcher():
    """A teacher of four frames."""
    return fit(_with(dataset="event-digits", samples=64, augmentation={"roll_pixels": 2}, **_steps(4)))[0]


def test_events_train_and_their_teachers_see_their_own_frames(watcher, monkeypatch):
    seen = []
    batch = Run._batch
    monkeypatch.setattr(Run, "_batch", lambda run, picked: seen.append(batch(run, picked)) or seen[-1])
    how = {"roll_pixels": 2, "flip": True, "cutout_pixels": 4}
    recipe = _with(**EVENTS, **_steps(2), augmentation=how, losses={"logits": {}, "membrane": {"match": "mean"}})
    student, history = fit(recipe, teacher=watcher)
    assert student.blueprint.model.input.coding == "events"
    assert history[0].losses["membrane"] > 0
    for ours, theirs in seen:  # the same recordings, moved alike, in twice as many frames
        assert (ours.shape[1], theirs.shape[1]) == (2, 4)
        assert torch.equal(ours, theirs.reshape(len(theirs), 2, 2, *theirs.shape[2:]).sum(2))


def test_a_teacher_in_a_file_sees_its_own_frames_too(watcher, tmp_path):
    training.export(watcher, "watcher").save(tmp_path / "watcher.safetensors")
    named = EVENTS | {"distillation": {"teacher": str(tmp_path / "watcher.safetensors")}}
    losses = {"membrane": {"match": "strided"}, "spike": {"match": "mean"}}
    first = fit(_with(**named, **_steps(2), losses=losses))[1][0].losses
    second = fit(_with(**EVENTS, **_steps(2), losses=losses), teacher=watcher)[1][0].losses
    assert first["membrane"] == pytest.approx(second["membrane"], rel=0.1)
    assert first["spike"] == pytest.approx(second["spike"], rel=0.1)


@pytest.mark.parametrize(
    ("losses", "steps", "message"),
    [
        ({"membrane": {}}, 2, r"'mine': losses\.membrane\.match = 'first': of 4 frames of the teacher, the first 2"),
        ({"spike": {}}, 2, r"losses\.spike\.match = 'first'.*must be mean or strided"),
        ({"s2nn": {"match": "mean"}}, 8, "has 4 time-steps: too few for a student of 8"),
    ],
)
def test_frames_that_cannot_be_compared_are_refused(watcher, losses, steps, message):
    with pytest.raises(InputError, match=message):
        fit(_with(**EVENTS, **_steps(steps), losses=losses), teacher=watcher)
