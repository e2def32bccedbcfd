"""How networks are trained: one step against its formula, and what noise and the adversary do to images."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Probe
from featsplit.models import Classifier, build
from featsplit.randomness import torch_generator
from featsplit.records.training import Recipe
from featsplit.studies.goodfellow2015.tops import fast
from featsplit.studies.goodfellow2015.training import Way, disturbed, fit

ONE = Recipe(1, 64, 0.1, momentum=0.0, weight_decay=0.0, schedule="constant")
"""One step on all images."""


@pytest.fixture
def split() -> Split:
    """Sixty images of two classes."""
    labels = torch.arange(60) % 2
    noise = torch.rand((60, 1, 2, 3), generator=torch.Generator().manual_seed(0))
    return Split((noise + labels[:, None, None, None]) / 2, labels)


def whole(split: Split) -> ImageData:
    return ImageData("two", ("a", "b"), split, split)


def linear() -> Classifier:
    return build("linear", shape=(1, 2, 3), classes=2, seed=3)


def stepped(split: Split, way: Way) -> tuple[Tensor, Tensor]:
    """The weights before and after one step."""
    model = linear()
    before = model.head.weight.detach().clone()
    fit(model, whole(split), way, ONE, seed=0)
    return before, model.head.weight.detach()


def test_a_step_of_adversarial_training_is_that_of_the_closed_form(split: Split) -> None:
    """With two classes the fast example lowers the margin by eps |w|_1, w being the difference of both weights."""
    before, after = stepped(split, Way("a", "fgsm", 0.2))
    weight = before.clone().requires_grad_()
    bias = linear().head.bias.detach()
    logits = split.inputs().flatten(1) @ weight.T + bias
    margins = (logits[:, 1] - logits[:, 0]) * (2 * split.labels - 1)
    worst = margins - 0.2 * (weight[1] - weight[0]).abs().sum()
    loss = 0.5 * F.softplus(-margins).mean() + 0.5 * F.softplus(-worst).mean()
    (gradient,) = torch.autograd.grad(loss, weight)
    torch.testing.assert_close(after, before - 0.1 * gradient)


def test_decay_adds_its_weight_times_the_signs_of_the_weights(split: Split) -> None:
    before, plain = stepped(split, Way())
    _, decayed = stepped(split, Way("l1", l1=0.02))
    torch.testing.assert_close(plain - decayed, 0.1 * 0.02 * before.sign())


def test_networks_of_one_seed_see_the_same_batches_however_they_are_trained(split: Split) -> None:
    """An adversary of almost no size changes almost nothing, over epochs of several batches."""
    recipe, found = Recipe(3, 16, 0.1, weight_decay=0.0, schedule="one-cycle"), []
    for way, seed in ((Way(), 5), (Way("a", "fgsm", 1e-9), 5), (Way(), 6)):
        model = linear()
        fit(model, whole(split), way, recipe, seed=seed)
        assert not model.training
        found.append(model.head.weight.detach())
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=0)
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("clip", [False, True])
def test_noise_is_of_its_size_and_fresh_each_time(split: Split, clip: bool) -> None:
    model, generator = linear(), torch_generator(0, "noise")
    inputs = split.inputs()
    signs, again = (disturbed(model, inputs, split.labels, Way("s", "signs", 0.1, clip), generator) for _ in range(2))
    uniform = disturbed(model, inputs, split.labels, Way("u", "uniform", 0.1, clip), generator)
    assert not torch.equal(signs, again)
    if clip:
        assert min(float(found.min()) for found in (signs, uniform)) >= 0
        return
    torch.testing.assert_close((signs - inputs).abs(), torch.full_like(inputs, 0.1))
    moves = (uniform - inputs).numpy()
    assert np.abs(moves).max() <= 0.1 + 1e-6
    assert moves.std() == pytest.approx(0.2 / np.sqrt(12), rel=0.1)
    assert abs(float((signs - inputs).mean())) < 0.02


def test_the_adversary_attacks_the_network_as_it_is_used(split: Split) -> None:
    """In eval mode: dropout makes its examples no other ones."""
    model = build("maxout", shape=(1, 2, 3), classes=2, seed=1).train()
    way = Way("a", "fgsm", 0.1)
    first, second = (disturbed(model, split.inputs(), split.labels, way, torch_generator(0, "")) for _ in range(2))
    assert torch.equal(first, second)
    assert model.training
    assert not first.requires_grad


def test_its_history_is_of_some_epochs_clean_and_under_the_fast_method(split: Split) -> None:
    """Which is PGD of one step; and looking changes nothing."""
    model, unseen, recipe = linear(), linear(), Recipe(11, 16, 0.1, weight_decay=0.0)
    fit(unseen, whole(split), Way(), recipe, seed=5)
    history = fit(model, whole(split), Way(), recipe, seed=5, probe=Probe("linf", 0.2, steps=1))
    assert torch.equal(model.head.weight, unseen.head.weight)
    assert [epoch for epoch, seen in enumerate(history) if "test_accuracy" in seen] == [0, 2, 4, 6, 8, 10]
    assert all(("attacked_accuracy" in seen) == ("test_accuracy" in seen) for seen in history)
    attacked = fast(model, split.inputs(), split.labels, eps=0.2, clip=True, top="softmax")
    right = (model(attacked).argmax(1) == split.labels).float().mean()
    assert history[-1]["attacked_accuracy"] == pytest.approx(float(right))
    assert history[-1]["attacked_accuracy"] < history[-1]["test_accuracy"]


def test_training_repeats_itself_and_leaves_the_random_numbers_of_others_alone(split: Split) -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(11)
        model = build("maxout", shape=(1, 2, 3), classes=2, seed=1)
        fit(model, whole(split), Way(), Recipe(2, 16, 0.1, weight_decay=0.0), seed=5)
        found.append((model.head.weight.detach(), torch.rand(3)))
    assert torch.equal(found[0][0], found[1][0])
    torch.manual_seed(11)
    assert torch.equal(found[0][1], torch.rand(3))
