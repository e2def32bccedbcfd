"""Which images and targets are taken, the cases of distances, and what rows say, each against something else."""

import copy
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from featsplit.attacks import Nearest
from featsplit.data.images import ImageData, Split
from featsplit.models.build import build
from featsplit.models.classifier import Classifier
from featsplit.outcomes import unpacked_numbers
from featsplit.runtime import CPU, frozen, predict
from featsplit.studies.carlini2017.distillation.claims import correlations
from featsplit.studies.carlini2017.networks import half_of
from featsplit.studies.carlini2017.objectives.measure import straightness
from featsplit.studies.carlini2017.place import Attacked, attacked_images
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import case_distances, drawn_of, found_row, in_pieces, towards_all
from featsplit.studies.carlini2017.statements import further

CLASSES = 4


@pytest.fixture(scope="module")
def linear() -> Classifier:
    model = build("linear", shape=(1, 2, 3), classes=CLASSES, seed=0)
    with torch.no_grad():
        model.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        model.head.bias.copy_(-model.head.weight.sum(dim=1) / 2)
    return model.eval()


@pytest.fixture(scope="module")
def split(linear: Classifier) -> Split:
    """Images of four classes, of which the model predicts nine in ten rightly."""
    inputs = torch.rand((200, 1, 2, 3), generator=torch.Generator().manual_seed(1))
    labels = predict(linear, Split(inputs, torch.zeros(200, dtype=torch.int64)))
    labels[::10] = (labels[::10] + 1) % CLASSES
    return Split(inputs, labels)


def test_attacked_images_are_predicted_rightly_and_come_from_one_class_after_the_other(
    linear: Classifier, split: Split
) -> None:
    found = attacked_images(linear, split, 12)
    assert torch.equal(linear(found.inputs).argmax(dim=1), found.labels)
    counts = np.bincount(attacked_images(linear, split, 8).labels, minlength=CLASSES)
    assert counts.tolist() == [2, 2, 2, 2]
    assert not (found.targets == found.labels).any()


def test_the_target_of_an_image_is_the_same_for_every_network_and_count(linear: Classifier, split: Split) -> None:
    """Of all images: of those that two networks predict rightly both have one target."""
    few, all_ = (attacked_images(linear, split, count) for count in (5, 500))
    assert torch.equal(all_.targets[:5], few.targets)
    assert torch.equal(all_.first(5).inputs, few.inputs)
    assert all_.first(5).images == few.images
    other = copy.deepcopy(linear)
    with torch.no_grad():
        other.head.weight.mul_(torch.tensor([[0.5], [1.5], [1.0], [1.0]]))
    targets = {image.numpy().tobytes(): int(target) for image, target in zip(all_.inputs, all_.targets, strict=True)}
    beside = attacked_images(other, split, 500)
    both = [
        (targets[key], int(target))
        for image, target in zip(beside.inputs, beside.targets, strict=True)
        if (key := image.numpy().tobytes()) in targets
    ]
    assert len(both) > 5
    assert all(one == another for one, another in both)


def test_a_class_of_which_most_images_are_misread_has_its_turn_like_the_others(
    linear: Classifier, split: Split
) -> None:
    labels, own = split.labels.clone(), (split.labels == 2).nonzero()[:, 0]
    labels[own[:-2]] = 3
    counts = np.bincount(attacked_images(linear, Split(split.images, labels), 8).labels, minlength=CLASSES)
    assert counts.tolist() == [2, 2, 2, 2]


def test_halves_share_no_image_and_are_all(digits: ImageData) -> None:
    data = replace(digits, train=Split(torch.arange(101.0)[:, None, None, None] / 101, torch.zeros(101).long()))
    first, second = (half_of(data, half, seed=0).train.images.flatten().tolist() for half in (1, 2))
    assert sorted(first + second) == data.train.images.flatten().tolist()
    assert abs(len(first) - len(second)) == 1
    assert half_of(data, 0, seed=0) is data


def attacked_of(labels: list[int], targets: list[int]) -> Attacked:
    inputs = torch.arange(len(labels)).float().reshape(-1, 1, 1, 1).expand(-1, 1, 2, 3) / 10
    return Attacked(inputs, torch.tensor(labels), torch.tensor(targets), "")


def test_the_cases_are_those_of_a_loop_over_targets() -> None:
    attacked = attacked_of([0, 3, 2], [2, 1, 3])
    inputs, targets = towards_all(attacked, CLASSES)
    far = {(row, target): float(10 * row + target) for row in range(3) for target in range(CLASSES)}
    far[1, 0] = float("inf")
    by_target = torch.tensor(
        [far[round(10 * float(image[0, 0, 0])), int(target)] for image, target in zip(inputs, targets, strict=True)]
    ).reshape(3, -1)
    cases = case_distances(by_target, attacked, CLASSES)
    for row, (label, target) in enumerate(zip([0, 3, 2], [2, 1, 3], strict=True)):
        others = [far[row, other] for other in range(CLASSES) if other != label]
        assert cases["best"][row] == min(others)
        assert cases["worst"][row] == max(others)
        assert cases["average"][row] == far[row, target]
    assert torch.equal(drawn_of(targets.reshape(3, -1), attacked, CLASSES), attacked.targets)


def test_a_failure_is_infinity_and_is_in_no_mean() -> None:
    row = found_row({"seed": 0}, torch.tensor([1.0, torch.inf, 3.0]), torch.tensor([1, 2, 3]))
    assert (row["mean_distance"], row["distance"], row["n"], row["calls"]) == (2.0, 3.0, 3, 2.0)
    assert row["success"] == pytest.approx(2 / 3)
    assert row["accuracy"] == pytest.approx(1 / 3)
    none = found_row({"seed": 0}, torch.tensor([torch.inf]), torch.tensor([1]))
    assert (none["mean_distance"], none["distance"], none["success"]) == (None, None, 0.0)


def test_pieces_are_put_together_in_order() -> None:
    def find(inputs: Tensor, labels: Tensor) -> Nearest:
        return Nearest(inputs + 1, labels.float(), labels)

    inputs, labels = torch.rand(600, 1, 1, 1), torch.arange(600)
    found = in_pieces(find, inputs, labels, CPU)
    assert torch.equal(found.inputs, inputs + 1)
    assert torch.equal(found.calls, labels)


def test_on_a_linear_network_the_way_is_straight_and_slopes_are_those_of_the_softmax(linear: Classifier) -> None:
    """grad F_t = F_t (w_t - sum_j F_j w_j)."""
    generator = torch.Generator().manual_seed(2)
    inputs, ends = (torch.rand((5, 1, 2, 3), generator=generator) for _ in range(2))
    targets = torch.tensor([0, 1, 2, 3, 0])
    found = straightness(frozen(linear), inputs, ends, targets)
    np.testing.assert_allclose(np.abs(unpacked_numbers(found["straight"])), 1, atol=1e-5)
    weights = linear.head.weight.detach().numpy()
    for where, images in (("slope_at_start", inputs), ("slope_at_end", ends)):
        shares = linear(images).softmax(dim=1).detach().numpy()
        own = shares[np.arange(5), targets]
        slopes = own[:, None] * (weights[targets] - shares @ weights)
        assert dict(found)[where] == pytest.approx(float(np.median(np.linalg.norm(slopes, axis=1))), rel=1e-4)


def row(values: list[float], seed: int = 0, images: str = "same") -> CarliniRow:
    distances = torch.tensor(values)
    return found_row({"seed": seed, "images": images}, distances, torch.ones(len(values)))


def test_distances_of_the_same_images_are_compared_image_by_image() -> None:
    rng = np.random.default_rng(0)
    right = rng.uniform(1, 5, size=12)
    left = 1.2 * right + rng.normal(size=12) / 100
    found = further([row([*left, np.inf, 1.0])], [row([*right, 1.0, np.inf])], 1.1)
    low, high = (found.low * right.mean(), found.high * right.mean())
    gap = left - 1.1 * right
    reach = 1.96 * gap.std(ddof=1) / np.sqrt(12)
    assert (low, high) == pytest.approx((gap.mean() - reach, gap.mean() + reach), abs=1e-4)
    apart = further([row([*left], images="a")], [row([*right], images="b")], 1.1)
    assert apart.value == pytest.approx(found.value, abs=1e-5)
    spread = np.hypot(stats.sem(left), 1.1 * stats.sem(right))
    assert apart.high - apart.low == pytest.approx(2 * 1.96 * spread / right.mean(), abs=1e-3)


def test_nothing_to_compare_is_undecided() -> None:
    found = further([row([np.inf, 1.0])], [row([1.0, np.inf])])
    assert (found.n, found.above(0)) == (0, "undecided")
    assert further([row([1.0], seed=0)], [row([1.0], seed=1)]).above(0) == "undecided"


def test_the_correlation_is_pearsons_and_its_error_shrinks_with_the_images() -> None:
    rng, temperatures = np.random.default_rng(0), [1.0, 5.0, 10.0, 40.0]

    def lines(count: int) -> list[list[CarliniRow]]:
        return [[row((rng.normal(size=count) + 0.02 * one + 5).tolist())] for one in temperatures]

    def measured(one: CarliniRow) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        return cast("np.ndarray[tuple[int], np.dtype[np.float32]]", unpacked_numbers(one["distances"]))

    few, many = lines(8), lines(800)
    ((rho, error),) = correlations(temperatures, few, measured)
    means = [float(unpacked_numbers(one["distances"]).mean()) for (one,) in few]
    assert rho == pytest.approx(stats.pearsonr(temperatures, means).statistic, abs=1e-6)
    ((_, less),) = correlations(temperatures, many, measured)
    assert less < error / 2
    flat = [[row([2.0, 2.0])] for _ in temperatures]
    assert correlations(temperatures, flat, measured) == [(0.0, 0.0)]
