"""Soft labels, the heated start, and what distillation does to gradients."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax, softmax
from torch import Tensor

from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.runtime import CPU, accuracy
from featsplit.training import SoftRecipe, distill, heated, soft_labels, train_soft

SHAPE = (1, 2, 3)


def linear(seed: int = 0, scale: float = 1.0) -> Classifier:
    model = build("linear", shape=SHAPE, classes=4, seed=seed)
    with torch.no_grad():
        model.head.weight.normal_(generator=torch.Generator().manual_seed(seed)).mul_(scale)
    return model


def images(count: int = 64) -> Tensor:
    return torch.rand((count, *SHAPE), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("temperature", [1.0, 7.0])
def test_the_loss_is_the_cross_entropy_of_the_soft_labels_at_the_temperature(temperature: float) -> None:
    """That of the first batch, before any step: one batch of all images."""
    model, inputs = linear(), images()
    rng = np.random.default_rng(0)
    soft = rng.dirichlet(np.ones(4), size=len(inputs))
    logits = model(inputs).detach().double().numpy()
    expected = -(soft * log_softmax(logits / temperature, axis=1)).sum(axis=1).mean()
    recipe = SoftRecipe(epochs=1, batch_size=len(inputs))
    labels, machine = torch.tensor(soft).float(), CPU.exact
    (loss,) = train_soft(model, inputs, labels, temperature=temperature, recipe=recipe, machine=machine)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_a_linear_student_of_a_linear_teacher_becomes_it() -> None:
    """The loss is convex, and the teacher's probabilities are its minimum."""
    teacher, student, inputs = linear(0, 3.0), linear(1), images(256)
    soft = soft_labels(teacher, inputs, temperature=2.0)
    train_soft(student, inputs, soft, temperature=2.0, recipe=SoftRecipe(150, 64, 0.3), machine=CPU.exact)
    torch.testing.assert_close(soft_labels(student, inputs, temperature=2.0), soft, atol=0.03, rtol=0)


def test_soft_labels_are_scipys_softmax_of_logits_by_the_temperature() -> None:
    model, inputs = linear(scale=5.0), images(20)
    expected = softmax(model(inputs).detach().double().numpy() / 3, axis=1)
    np.testing.assert_allclose(soft_labels(model, inputs, temperature=3, batch_size=7), expected, atol=1e-6)


def test_a_heated_network_predicts_at_its_temperature_what_it_did_at_1() -> None:
    model, inputs = linear(), images()
    hot = heated(model, 40.0)
    torch.testing.assert_close(soft_labels(hot, inputs, temperature=40.0), soft_labels(model, inputs))
    torch.testing.assert_close(hot(inputs), 40 * model(inputs), rtol=1e-5, atol=1e-4)


def vanished(model: Classifier, inputs: Tensor, labels: Tensor) -> float:
    free = inputs.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(free), labels, reduction="sum"), free)
    return float((~gradient.flatten(1).any(dim=1)).float().mean())


def test_distillation_keeps_the_accuracy_and_hides_the_gradient(digits: ImageData) -> None:
    start = build(ModelSpec("mlp", 64), shape=digits.shape, classes=10, seed=0)
    start.normalise_by(digits.train.inputs())
    hard, recipe = F.one_hot(digits.train.labels, 10).float(), SoftRecipe(8, 32, 5e-3)
    train_soft(start, digits.train.images, hard, recipe=SoftRecipe(1, 32, 5e-3))
    before = {name: value.clone() for name, value in start.state_dict().items()}
    cold, hot = (
        distill(start, digits.train.images, digits.train.labels, temperature=temperature, recipe=recipe)
        for temperature in (1.0, 100.0)
    )
    assert all(torch.equal(value, before[name]) for name, value in start.state_dict().items())
    assert accuracy(hot.student, digits.test) > accuracy(cold.teacher, digits.test) - 0.05
    inputs, labels = digits.test.inputs(), digits.test.labels
    assert vanished(cold.student, inputs, labels) == 0
    assert vanished(hot.student, inputs, labels) > 0.5
    assert soft_labels(hot.student, inputs, temperature=100).max(dim=1).values.mean() < 0.999


def test_the_same_seed_gives_the_same_network_and_leaves_the_randomness_of_others(digits: ImageData) -> None:
    start = build(ModelSpec("cw", 16), shape=digits.shape, classes=10, seed=0)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    part = digits.train.images[:64], digits.train.labels[:64]
    first = distill(start, *part, temperature=5.0, recipe=SoftRecipe(1), seed=2)
    assert torch.equal(torch.rand(2), expected)
    second = distill(start, *part, temperature=5.0, recipe=SoftRecipe(1), seed=2)
    assert torch.equal(first.student.head.weight, second.student.head.weight)
    assert not torch.equal(first.student.head.weight, first.teacher.head.weight)


@pytest.mark.parametrize(
    ("temperature", "recipe", "says"),
    [
        (0.0, SoftRecipe(), "train_soft.temperature = 0: must be greater than 0, and finite"),
        (1.0, SoftRecipe(epochs=0), "recipe.epochs = 0: must be at least 1"),
        (1.0, SoftRecipe(lr=math.inf), "recipe.lr = inf: must be greater than 0, and finite"),
    ],
)
def test_what_is_out_of_range_is_refused(temperature: float, recipe: SoftRecipe, says: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        train_soft(linear(), images(4), torch.full((4, 4), 0.25), temperature=temperature, recipe=recipe)
    assert str(caught.value) == says


def test_soft_labels_that_are_none_are_refused() -> None:
    for soft, says in (
        (torch.full((4, 3), 1 / 3), "is (4, 3); must be (4, 4), probabilities for each image"),
        (torch.full((4, 4), 2.0), "must be probabilities, at least 0 and summing to 1; logits are none"),
    ):
        with pytest.raises(FeatsplitError) as caught:
            train_soft(linear(), images(4), soft)
        assert str(caught.value) == f"train_soft.soft: {says}"
    with pytest.raises(FeatsplitError) as caught:
        distill(linear(), images(4), torch.zeros(4, dtype=torch.int64), temperature=0.5)
    assert str(caught.value) == "distill.temperature = 0.5: must be at least 1, and finite"
