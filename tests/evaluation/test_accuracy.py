"""Accuracy under attack: restarts, misread images and independence of the batches."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from featsplit.attacks import pgd
from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Attack, AttackName, accuracy, evaluate
from featsplit.geometry import Norm, Threat, lengths
from featsplit.models import Classifier, wrap
from featsplit.models.checkpoints import state_digest
from featsplit.runtime import Frozen, Machine, frozen
from tests.evaluation.networks import by_distance, level, norms


def accuracies(model: Classifier, split: Split, *attacks: Attack, **options: Any) -> list[float]:
    return [
        row["accuracy"]
        for row in evaluate(model, split, list(attacks), machine=Machine(precision="float32"), **options)
    ]


@norms
def test_a_restart_wins_where_the_image_itself_has_no_gradient(norm: Norm) -> None:
    model = by_distance(dead=0.001, edge=0.1)
    attacks = [Attack("pgd", norm=norm, eps=0.3, steps=10, restarts=restarts) for restarts in (1, 6)]
    assert accuracies(model, level(0.5, 0), *attacks) == [1.0, 0.0]


@pytest.mark.parametrize(
    "attack", [Attack("fgsm", "linf", 0.4), Attack("pgd", "linf", 0.4, 1), Attack("bim", "linf", 0.4, 1)]
)
def test_an_image_that_is_misread_counts_as_wrong_whatever_the_attack_makes_of_it(attack: Attack) -> None:
    """The step of 0.4 leads across the middle, from 0.55 (predicted 0) to 0.15 (predicted 1, which is the label)."""
    model = by_distance(dead=0.0, edge=0.1)
    assert accuracies(model, level(0.15, 1), Attack()) == [1.0]
    assert accuracies(model, level(0.55, 1), Attack(), attack) == [0.0, 0.0]


def test_every_image_misread_leaves_nothing_to_attack() -> None:
    attack = Attack("pgd", eps=0.1, steps=2, restarts=3)
    assert accuracies(by_distance(dead=0.0, edge=0.1), level(0.5, 1), Attack(), attack) == [0.0, 0.0]


def test_accuracy_is_over_the_whole_test_set() -> None:
    right, wrong = level(0.5, 0, n=3), level(0.5, 1, n=1)
    mixed = Split(torch.cat([right.images, wrong.images]), torch.cat([right.labels, wrong.labels]))
    assert accuracies(by_distance(dead=0.0, edge=0.3), mixed, Attack(), Attack("fgsm", "linf", 0.1)) == [0.75, 0.75]


@pytest.fixture(scope="module")
def few(digits: ImageData) -> Split:
    """60 test images."""
    return Split(digits.test.images[:60], digits.test.labels[:60])


HARD = {"l2": Attack("pgd", "l2", 0.4, steps=3), "linf": Attack("pgd", "linf", 0.07, steps=3)}


def single_run(model: Classifier, split: Split, attack: Attack, restart: int) -> Tensor:
    """Which images stand one run from the same starts, on all images at once."""
    network, norm, eps = frozen(model, Machine(precision="float32")), attack.norm, attack.eps
    stage = f"evaluate/restart/{restart}"
    offsets = attack.threat.random_offsets(range(len(split)), model.shape, seed=5, stage=stage)
    attacked = pgd(
        network,
        split.inputs(),
        split.labels,
        norm=norm,
        eps=eps,
        steps=attack.steps,
        step_size=attack.plan()[1],
        offsets=offsets if restart else None,
    )
    held: Tensor = network(attacked).argmax(1) == split.labels
    return held


@norms
def test_an_image_counts_as_right_only_if_it_stands_every_restart(standard: Classifier, few: Split, norm: Norm) -> None:
    attacks = [replace(HARD[norm], restarts=restarts) for restarts in (1, 2, 4)]
    found = accuracies(standard, few, *attacks, seed=5)
    held = frozen(standard)(few.inputs()).argmax(1) == few.labels
    standing = []
    for restart in range(4):
        held &= single_run(standard, few, HARD[norm], restart)
        standing.append(float(held.float().mean()))
    assert found == pytest.approx([standing[0], standing[1], standing[3]])
    assert found[2] < found[0], "here the restarts do win more"


class Brighter(nn.Module):
    """1 where the mean pixel is above 0.55, else 0, without a slope: an attack ends where it starts."""

    def forward(self, inputs: Tensor) -> Tensor:
        mean = inputs.flatten(1).mean(dim=1, keepdim=True)
        return (mean > 0.55).float() + 0 * mean


@norms
@pytest.mark.parametrize("seed", range(3))
def test_starts_derive_from_seed_restart_and_index(norm: Norm, seed: int) -> None:
    model, held = by_distance(dead=0.0, edge=0.5), torch.ones(40, dtype=torch.bool)
    model.body = Brighter()
    for restart in (1, 2):
        stage = f"evaluate/restart/{restart}"
        offsets = Threat(norm, 0.3).random_offsets(range(40), model.shape, seed=seed, stage=stage)
        held &= offsets.flatten(1).mean(1) <= 0.05
    attack = Attack("pgd", norm, 0.3, steps=2, restarts=3)
    found = accuracies(model, level(0.5, 0, n=40), attack, seed=seed, batch_size=7)
    assert found == pytest.approx([float(held.float().mean())])


@norms
def test_the_result_does_not_depend_on_the_batches(standard: Classifier, few: Split, norm: Norm) -> None:
    attack = replace(HARD[norm], restarts=3)
    found = {accuracies(standard, few, attack, seed=5, batch_size=size)[0] for size in (7, 25, 60)}
    assert len(found) == 1
    assert 0.1 < found.pop() < 0.9


@norms
def test_to_stop_at_the_first_win_is_to_win_as_often(
    standard: Classifier, few: Split, norm: Norm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same accuracy as when every image takes every step, at each of three radii; with far fewer calls."""
    attacks = [replace(HARD[norm], eps=HARD[norm].eps * size, steps=15, restarts=2) for size in (0.5, 1, 2)]
    calls: list[int] = []
    whole = False

    def watched(network: Classifier, inputs: Tensor, labels: Tensor, **options: Any) -> Tensor:
        assert options["until_won"]

        def counting(current: Tensor) -> Tensor:
            calls.append(len(current))
            logits: Tensor = network(current)
            return logits

        return pgd(counting, inputs, labels, **(options | {"until_won": False, "rough": 0.0} if whole else options))

    monkeypatch.setattr(accuracy, "pgd", watched)
    found, spared = accuracies(standard, few, *attacks), sum(calls)
    calls.clear()
    whole = True
    assert accuracies(standard, few, *attacks) == found
    assert found[0] > found[1] > found[2]
    assert spared < 0.9 * sum(calls)


@norms
def test_what_is_wrong_in_bfloat16_is_wrong_in_float32(
    standard: Classifier, few: Split, norm: Norm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attacked image as the model itself reads it in float32, in its ball; the count is that which is told."""
    exact, seen = accuracies(standard, few, Attack(), HARD[norm]), list[Tensor]()

    def watched(network: Classifier, inputs: Tensor, labels: Tensor, **options: Any) -> Tensor:
        assert isinstance(network, Frozen)
        assert network.half_precision
        assert options["rough"] == 1
        point = pgd(network, inputs, labels, **options)
        assert float(lengths(point - inputs, norm).max()) <= options["eps"] + 1e-5
        seen.append(standard(point).argmax(1) != labels)
        return point

    def representation(network: Frozen, inputs: Tensor) -> Tensor:
        calls.add((torch.is_grad_enabled(), network.in_half))
        return plainly(network, inputs)

    calls, plainly = set[tuple[bool, bool]](), Frozen.representation
    monkeypatch.setattr(Frozen, "representation", representation)
    monkeypatch.setattr(accuracy, "pgd", watched)
    clean, attacked = (
        row["accuracy"]
        for row in evaluate(standard, few, [Attack(), HARD[norm]], batch_size=25, machine=Machine(precision="bfloat16"))
    )
    assert calls == {(True, True), (False, False)}, "only gradients are rough, what counts is not"
    wrong = int(torch.cat(seen).sum())
    assert 10 < wrong < 50
    assert clean == exact[0], "clean accuracy is in float32"
    assert attacked == pytest.approx(clean - wrong / 60)
    assert attacked == pytest.approx(exact[1], abs=0.06)


def test_stronger_attacks_take_more(standard: Classifier, few: Split) -> None:
    attacks = [Attack(), Attack("fgsm", "l2", 0.4), Attack("pgd", "l2", 0.4), Attack("pgd", "l2", 0.8)]
    clean, fgsm, pgd_near, pgd_far = accuracies(standard, few, *attacks)
    assert clean > fgsm > pgd_near > pgd_far


@norms
@pytest.mark.parametrize("name", ["fgsm", "bim", "pgd"])
def test_no_radius_is_no_attack(standard: Classifier, few: Split, name: AttackName, norm: Norm) -> None:
    clean, attacked = accuracies(standard, few, Attack(), Attack(name, norm, 0.0, steps=2))
    assert attacked == clean
    assert clean > 0.8


def test_evaluation_leaves_the_model_as_it_was(standard: Classifier, few: Split) -> None:
    digest = state_digest(standard)
    standard.train()
    evaluate(standard, few, [Attack("fgsm", "linf", 0.05)])
    assert standard.training
    standard.eval()
    assert state_digest(standard) == digest
    assert all(parameter.requires_grad for parameter in standard.parameters())


class _Viewing(nn.Module):
    """A network that flattens as the robustness package does, which fails on no images at all."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.linear(inputs.view(inputs.size(0), -1))
        return logits


def test_a_network_that_no_image_survives_is_evaluated_to_the_end(digits: ImageData) -> None:
    model = wrap(_Viewing(), shape=digits.shape, classes=10, mean=(0,), std=(1,))
    rows = evaluate(model, digits.test, [Attack("pgd", "l2", 4.0, steps=10, restarts=3)])
    assert rows[0]["accuracy"] == 0
