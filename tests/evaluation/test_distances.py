"""Accuracy at every eps follows from distances; what a row tells beside it is numpy's."""

import numpy as np
import pytest
import torch
from torch import Tensor

from featsplit.attacks import Nearest
from featsplit.data.images import Split
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack, distances, evaluate
from featsplit.evaluation.seen import seen, top_k
from featsplit.models import Classifier, wrap
from featsplit.outcomes import packed_numbers, unpacked, unpacked_numbers
from featsplit.records.minimum_norm import NEAREST, NORMS_OF, MinimumNorm
from featsplit.runtime import Machine

EPS = (0.05, 0.1, 0.2)


def network(classes: int = 3, seed: int = 0) -> Classifier:
    """A linear network on images of 1 x 4 x 4."""
    layer = torch.nn.Linear(16, classes)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(classes, 16, generator=torch.Generator().manual_seed(seed)))
        layer.bias.zero_()
    body = torch.nn.Sequential(torch.nn.Flatten(), layer)
    return wrap(body, shape=(1, 4, 4), classes=classes, mean=(0.0,), std=(1.0,))


def split(n: int = 40, classes: int = 3) -> Split:
    images = 0.4 + 0.2 * torch.rand((n, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    return Split(images, torch.arange(n) % classes)


def exact(model: Classifier, data: Split) -> Tensor:
    """The l2 distance of each image to the nearest face of the linear network; 0 where it is predicted wrongly."""
    weights, logits = model.head.weight.detach(), model(data.inputs()).detach()
    gaps = logits.gather(1, data.labels[:, None]) - logits
    sizes = (weights[None] - weights[data.labels][:, None]).norm(dim=2)
    nearest: Tensor = (gaps / sizes).scatter(1, data.labels[:, None], torch.inf).amin(dim=1).clamp_min(0)
    return nearest


def test_distances_and_the_accuracy_at_each_eps_are_those_of_the_closed_form() -> None:
    model, data = network(), split()
    whole, *at = evaluate(model, data, [MinimumNorm(eps=EPS)])
    truth = exact(model, data)
    found = torch.from_numpy(unpacked_numbers(whole["distances"]))
    torch.testing.assert_close(found, truth, rtol=0.01, atol=1e-6)
    assert (found >= truth * (1 - 1e-4)).all()
    assert whole["distance"] == pytest.approx(float(found.median()))
    assert whole["mean_distance"] == pytest.approx(float(found.mean()))
    assert (whole["success"], whole["accuracy"], whole["n"]) == (1.0, 0.0, 40)
    for row, eps in zip(at, EPS, strict=True):
        assert (row["attack"], row["norm"], row["eps"], row["steps"]) == ("closest", "l2", eps, 100)
        assert row["accuracy"] == pytest.approx(float((found > eps).float().mean()))
        np.testing.assert_array_equal(unpacked(row["outcomes"], 40), (found > eps).numpy())


def test_a_row_is_numpys_of_what_was_found_in_batches_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of planted distances, some infinite: the median is of all, the mean of those found; at eps they are fooled."""
    planted = np.array([0.0, 0.5, np.inf, 0.25, 1.0, np.inf, 0.75], dtype=np.float32)
    images, sizes = torch.linspace(0, 1, 7)[:, None, None, None].expand(7, 1, 4, 4), list[int]()

    def find(network: Classifier, inputs: Tensor, labels: Tensor, attack: MinimumNorm) -> Nearest:
        sizes.append(len(inputs))
        rows = (6 * inputs[:, 0, 0, 0]).round().long()
        return Nearest(inputs, torch.from_numpy(planted)[rows], 10 * rows)

    monkeypatch.setattr(distances, "find", find)
    data, attack = Split(images, torch.zeros(7, dtype=torch.int64)), MinimumNorm(eps=(0.25, 0.6))
    whole, *at = evaluate(network(), data, [attack], seed=4, batch_size=3)
    assert sizes == [3, 3, 1]
    np.testing.assert_array_equal(unpacked_numbers(whole["distances"]), planted)
    finite = planted[np.isfinite(planted)]
    assert (whole["distance"], whole["mean_distance"]) == (float(np.median(planted)), float(finite.mean()))
    assert whole["success"] == pytest.approx(5 / 7)
    assert whole["accuracy"] == pytest.approx(2 / 7)
    np.testing.assert_array_equal(unpacked(whole["outcomes"], 7), np.isinf(planted))
    assert whole["calls"] == pytest.approx(np.mean(10 * np.arange(7)))
    assert [row["accuracy"] for row in at] == [pytest.approx((planted > eps).mean()) for eps in attack.eps]
    assert {row["seed"] for row in (whole, *at)} == {4}


def test_no_budget_attack_fools_an_image_that_is_further_away_than_its_eps() -> None:
    model, data = network(), split()
    pgd = evaluate(model, data, [Attack("pgd", "l2", eps) for eps in EPS], machine=Machine(precision="float32"))
    _, *at = evaluate(model, data, [MinimumNorm(eps=EPS)])
    assert [row["accuracy"] for row in at] == [row["accuracy"] for row in pgd]
    assert len({row["accuracy"] for row in at}) > 1


def test_where_nothing_is_found_the_distance_is_infinite_and_said_so() -> None:
    model = network()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    data = split(n=4)
    row, at = evaluate(model, Split(data.images, torch.zeros(4, dtype=torch.int64)), [MinimumNorm(eps=(5.0,))])
    assert (row["success"], row["distance"], row["mean_distance"], row["accuracy"]) == (0.0, None, None, 1.0)
    assert at["accuracy"] == 1.0
    assert np.isinf(unpacked_numbers(row["distances"])).all()


@pytest.mark.parametrize("attack", [MinimumNorm(name, norms[0]) for name, norms in NORMS_OF.items()], ids=NEAREST)
def test_every_named_attack_is_run(attack: MinimumNorm) -> None:
    attack = MinimumNorm(attack.name, attack.norm, steps=20 if attack.name == "carlini-wagner" else None)
    model, data = network(), split(n=6)
    (row,) = evaluate(model, data, [attack])
    assert (row["attack"], row["norm"]) == (attack.name, attack.norm)
    assert row["success"] > 0
    if attack.norm == "l2":
        assert (unpacked_numbers(row["distances"]) >= exact(model, data).numpy() * (1 - 1e-4) - 1e-6).all()


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (MinimumNorm("jsma", "l2"), 'attack.norm = "l2": jsma finds distances in l0; for l2: closest, carlini-wagner'),
        (MinimumNorm("jsma", "l0", 5), "attack.steps = 5: jsma has no steps; leave it out"),
        (MinimumNorm(steps=0), "attack.steps = 0: must be "),
        (MinimumNorm(confidence=1), "attack.confidence = 1: only carlini-wagner in l2 has it"),
        (MinimumNorm(eps=(-1.0,)), "attack.eps = -1: must be a number of at least 0"),
    ],
)
def test_what_is_out_of_range_is_refused(attack: MinimumNorm, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        evaluate(network(), split(n=4), [attack])
    assert str(caught.value).startswith(message)


def test_confidence_and_top_k_are_those_of_numpy() -> None:
    model, data = network(classes=5, seed=3), split(classes=5)
    logits = model(data.inputs()).detach().double().numpy()
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = data.labels.numpy()
    wrong = logits.argmax(axis=1) != labels
    in_top = (np.argsort(-logits, axis=1)[:, :2] == labels[:, None]).any(axis=1)
    fields = seen(model, data.inputs(), data.labels).fields(5)
    assert fields["confidence"] == pytest.approx(chances.max(axis=1)[wrong].mean(), rel=1e-5)
    assert fields["top_k"] == 2
    assert fields["top_k_accuracy"] == pytest.approx(in_top.mean())
    assert seen(model, data.inputs(), torch.from_numpy(logits.argmax(axis=1))).fields(5)["confidence"] is None
    (row,) = evaluate(model, data, [Attack()])
    assert row["confidence"] == pytest.approx(fields["confidence"])
    assert row["top_k_accuracy"] == pytest.approx(in_top.mean())


def test_of_two_classes_the_second_says_nothing_and_of_a_hundred_five_are_looked_at() -> None:
    assert [top_k(classes) for classes in (2, 3, 10, 20, 1000)] == [0, 2, 2, 5, 5]
    assert "top_k" not in evaluate(network(classes=2), split(classes=2), [Attack()])[0]


def test_numbers_come_back_from_their_text() -> None:
    values = torch.tensor([0.0, 1.5, torch.inf, 1e-30])
    np.testing.assert_array_equal(unpacked_numbers(packed_numbers(values)), values.numpy())
