"""rho and gamma against their closed form on linear networks, and against the definition written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featsplit.data.images import Split
from featsplit.data.planted import load_planted, planted_from, truth_of
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Probe, usefulness
from featsplit.evaluation.usefulness import one_against_rest
from featsplit.geometry import Norm
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.runtime import Machine
from featsplit.training import Recipe, train

PLANTED = "planted:classes=4,size=8,train=200,test=400,robust=0.15,nonrobust=0.03,robust_agrees=1"


def linear(weight: Tensor, *, shape: tuple[int, int, int] = (1, 4, 4)) -> Classifier:
    """A linear network with the logits `weight` (K, C * H * W) x, its representation being the image."""
    head = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.zero_()
    return Classifier(nn.Flatten(), head, shape=shape).eval()


def grey(count: int = 120, classes: int = 3, *, seed: int = 0) -> Split:
    """Images near grey, so that a small ball never meets the edge of [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return Split(0.5 + 0.05 * torch.randn(count, 1, 4, 4, generator=generator), torch.arange(count) % classes)


def by_hand(values: np.ndarray, labels: np.ndarray, one: int) -> tuple[float, float]:
    """E[y f] and the standard deviation of f where class `one` weighs as much as the rest."""
    weights = np.where(labels == one, 0.5 / (labels == one).sum(), 0.5 / (labels != one).sum())
    middle = (weights * values).sum()
    scale = np.sqrt((weights * (values - middle) ** 2).sum())
    return float((weights * np.where(labels == one, 1, -1) * (values - middle) / scale).sum()), float(scale)


def test_rho_is_the_definition_written_out() -> None:
    split = grey()
    weight = torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    rho, scale = one_against_rest(split.images.flatten(1) @ weight.T, split.labels, classes=3)
    values = (split.images.flatten(1) @ weight.T).double().numpy()
    for unit in range(3):
        for one in range(3):
            expected = by_hand(values[:, unit], split.labels.numpy(), one)
            assert (float(rho[unit, one]), float(scale[unit, one])) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1)])
def test_gamma_of_a_linear_network_is_rho_less_eps_times_the_dual_norm(norm: Norm, dual: int) -> None:
    split, weight = grey(), torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    eps = 0.02
    rows = usefulness(linear(weight), split, Probe(norm=norm, eps=eps, images=30), machine=Machine(precision="float32"))
    logits = [row for row in rows if row["layer"] == "logits"]
    assert [row["target_class"] for row in logits] == [0, 1, 2]
    values = (split.images.flatten(1) @ weight.T).double().numpy()
    for row, vector in zip(logits, weight, strict=True):
        rho, scale = by_hand(values[:, row["unit"]], split.labels.numpy(), row["target_class"])
        assert row["rho"] == pytest.approx(rho, abs=1e-4)
        lost = eps * float(torch.linalg.vector_norm(vector, ord=dual)) / scale
        assert row["gamma"] == pytest.approx(rho - lost, rel=1e-3)


def test_a_unit_is_taken_with_its_best_class_and_sign() -> None:
    split = grey()
    images = split.images.clone()
    images[split.labels == 2, 0, 0, 0] -= 0.2
    rows = usefulness(linear(torch.eye(3, 16)), Split(images, split.labels), Probe(norm="l2", eps=0.0))
    first = rows[0]
    assert (first["layer"], first["unit"], first["target_class"]) == ("representation", 0, 2)
    assert first["rho"] == first["gamma"] > 0.8


def test_matched_filters_of_planted_components_are_what_they_are_called() -> None:
    data, truth = load_planted(PLANTED), truth_of(planted_from(PLANTED))
    for name, kind in (("robust", "robust"), ("nonrobust", "useful")):
        network = linear(truth.patterns[name].flatten(1), shape=(3, 8, 8))
        rows = [
            r for r in usefulness(network, data.test, Probe(norm="linf", eps=0.05, images=60)) if r["layer"] == "logits"
        ]
        assert {row["kind"] for row in rows} == {kind}
        assert all(row["rho"] > 0.9 for row in rows)


def test_noise_is_useless() -> None:
    split = grey(400)
    rows = usefulness(linear(torch.zeros(3, 16)), split, Probe(norm="l2", eps=0.5, images=30))
    assert {row["kind"] for row in rows if row["layer"] == "logits"} == {"useless"}
    assert sum(row["kind"] == "useless" for row in rows) >= 18  # of 19; one unit in 100 is useful by chance
    assert all(row["rho"] == row["gamma"] == 0 for row in rows if row["layer"] == "logits")


def shuffled(split: Split, seed: int) -> Split:
    """The same images with their labels in another order, of which nothing can be told."""
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    return Split(split.images, split.labels[order])


@pytest.mark.parametrize("eps", [0.0, 0.02])
def test_units_that_tell_nothing_are_neither_useful_nor_robust_whatever_the_eps(eps: float) -> None:
    """An untrained network, and labels in random order: gamma is above 0 for many, for what rho is by chance."""
    data, kinds, above = load_data(DataSpec("digits")), list[tuple[str, str]](), 0
    for seed in range(4):
        network = build(ModelSpec("cnn", 32), shape=data.shape, classes=10, seed=seed)
        rows = usefulness(network, shuffled(data.test, seed), Probe(norm="l2", eps=eps, images=60, steps=2), seed=seed)
        kinds += [(row["layer"], row["kind"]) for row in rows]
        above += sum(row["gamma"] > 0 for row in rows)
    assert above > len(kinds) / 5
    for layer in ("representation", "logits"):
        of = [kind for name, kind in kinds if name == layer]
        assert sum(kind != "useless" for kind in of) <= 0.04 * len(of)


def test_a_network_that_learned_labels_in_random_order_has_no_useful_units() -> None:
    data = load_data(DataSpec("digits", limit=300))
    wrong = replace(data, train=shuffled(data.train, 0))
    network = build(ModelSpec("cnn", 32), shape=data.shape, classes=10, seed=0)
    train(network, wrong, Recipe(epochs=4, batch_size=50, schedule="constant"), seed=0)
    rows = usefulness(network, shuffled(data.test, 1), Probe(norm="l2", eps=0.02, images=60, steps=2))
    assert sum(row["kind"] != "useless" for row in rows) <= 2


def test_units_of_a_trained_network_are_useful_still() -> None:
    data = load_data(DataSpec("digits", limit=300))
    network = build(ModelSpec("cnn", 32), shape=data.shape, classes=10, seed=0)
    train(network, data, Recipe(epochs=4, batch_size=50, schedule="constant"), seed=0)
    rows = usefulness(network, data.test, Probe(norm="l2", eps=0.02, images=60, steps=2))
    assert sum(row["kind"] == "robust" for row in rows) >= 0.9 * len(rows)


def test_chance_is_that_of_shuffled_labels_of_a_unit_its_best_class_of_a_logit_its_own() -> None:
    """rho of a feature that tells nothing is normal with variance (1 / n_in + 1 / n_out) / 4."""
    split = grey(600)
    rows = usefulness(linear(torch.eye(3, 16)), split, Probe(norm="l2", eps=0.0))
    deviation = (1 / 200 + 1 / 400) ** 0.5 / 2
    unit, logit = (
        next(row["chance"] for row in rows if row["layer"] == layer) for layer in ("representation", "logits")
    )
    assert logit == pytest.approx(2.33 * deviation, rel=0.25)
    assert unit == pytest.approx(2.94 * deviation, rel=0.1)  # the two-sided .99 of the largest of three
    assert logit < 0.95 * unit


def test_a_unit_whose_gamma_is_nothing_beside_its_error_is_not_robust() -> None:
    """A logit that follows its class, and an adversary who takes all of it but a little more than nothing."""
    split = grey(120)
    images = split.images.clone()
    images[split.labels == 0, 0, 0, 0] += 0.1
    split = Split(images, split.labels)
    values = images.flatten(1)[:, 0].double().numpy()
    rho, scale = by_hand(values, split.labels.numpy(), 0)
    for left, kind in ((0.02, "useful"), (0.35, "robust")):
        eps = (rho - left) * scale
        row = usefulness(
            linear(torch.eye(3, 16)), split, Probe(norm="l2", eps=eps, images=60), machine=Machine(precision="float32")
        )[-3]
        assert row["gamma"] == pytest.approx(left, abs=1e-3)
        assert (row["target_class"], row["kind"]) == (0, kind)


def test_the_error_of_gamma_is_that_of_rho_where_every_image_loses_alike() -> None:
    """Of a linear unit: the standard errors of its means in the class and outside, each weighing half."""
    split, weight = grey(), torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    row = usefulness(
        linear(weight), split, Probe(norm="l2", eps=0.02, images=30), machine=Machine(precision="float32")
    )[-3]
    values = (split.images.flatten(1) @ weight.T)[:, 0].double().numpy()
    _, scale = by_hand(values, split.labels.numpy(), 0)
    inside = split.labels.numpy() == 0
    errors = [values[of].var(ddof=1) / of.sum() for of in (inside, ~inside)]
    assert row["error"] == pytest.approx(sum(errors) ** 0.5 / 2 / scale, rel=1e-3)


def test_gamma_depends_on_no_batch() -> None:
    split, weight = grey(), torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    few = usefulness(linear(weight), split, Probe(norm="l2", eps=0.02, images=10))
    many = usefulness(linear(weight), split, Probe(norm="l2", eps=0.02, images=120))
    assert [row["gamma"] for row in few] == pytest.approx([row["gamma"] for row in many], rel=1e-3)


def test_the_adversary_meets_every_class() -> None:
    """Labels that take turns: every third image is of one class, and a choice by equal steps would see only that."""
    split, weight = grey(88), torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    every = usefulness(linear(weight), split, Probe(norm="l2", eps=0.02, images=88))
    few = usefulness(linear(weight), split, Probe(norm="l2", eps=0.02, images=30))
    assert [row["gamma"] for row in few] == pytest.approx([row["gamma"] for row in every], rel=1e-3)


def test_every_class_needs_two_images() -> None:
    with pytest.raises(FeatsplitError, match="images = 5: must be at least 6, two for each class"):
        usefulness(linear(torch.eye(3, 16)), grey(), Probe(norm="l2", eps=0.1, images=5))


class Square(nn.Module):
    """(w' x)^2 for each row of `weight`."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) to (N, rows)."""
        squared: Tensor = (inputs.flatten(1) @ self.weight.T).square()
        return squared


def test_what_is_lost_weighs_half_in_the_class_and_half_outside() -> None:
    """Of u^2, u = w' x and ||w|| = 1, an image of the class loses u^2 - (u - eps)^2, another (u + eps)^2 - u^2."""
    split, eps = grey(), 0.1
    weight = torch.nn.functional.normalize(torch.ones(1, 16), dim=1)
    head = nn.Linear(1, 3)
    network = Classifier(Square(weight), head, shape=(1, 4, 4)).eval()
    row = usefulness(
        network, split, Probe(norm="l2", eps=eps, images=len(split), steps=20), machine=Machine(precision="float32")
    )[0]
    u = (split.images.flatten(1) @ weight.T)[:, 0].double().numpy()
    rho, scale = by_hand(u**2, split.labels.numpy(), row["target_class"])
    inside = split.labels.numpy() == row["target_class"]
    sign = np.where(inside, 1, -1) * np.sign(rho)
    lost = np.where(sign > 0, u**2 - (u - eps) ** 2, (u + eps) ** 2 - u**2)
    weights = np.where(inside, 0.5 / inside.sum(), 0.5 / (~inside).sum())
    assert row["gamma"] == pytest.approx(abs(rho) - (weights * lost).sum() / scale, rel=1e-3)
