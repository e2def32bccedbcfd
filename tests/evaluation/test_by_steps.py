"""Accuracy by steps: one long attack gives what an attack of each length gives, and the best step size is taken."""

import pytest
import torch
from torch import nn

from featsplit.attacks import LOSSES, Loss
from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Attack, accuracy_by_steps, evaluate
from featsplit.evaluation.by_steps import COUNTS
from featsplit.geometry import NORMS, Norm
from featsplit.models import Classifier
from featsplit.runtime import Machine

norms = pytest.mark.parametrize("norm", NORMS)
losses = pytest.mark.parametrize("loss", LOSSES)
EPS: dict[Norm, float] = {"l2": 0.45, "linf": 0.08}


@pytest.fixture(scope="module")
def few(digits: ImageData) -> Split:
    """50 test images."""
    return digits.test.take(torch.arange(50))


def curve(model: Classifier, split: Split, norm: Norm, *relatives: float, loss: Loss, steps: int = 12) -> list[float]:
    rows = accuracy_by_steps(
        model,
        split,
        attack=Attack("pgd", norm=norm, eps=EPS[norm], steps=steps, loss=loss),
        relative_step_sizes=relatives,
    )
    assert [row["steps"] for row in rows] == [1, 2, 5, 10, 12][: len(rows)]
    assert all((row["n"], row["norm"], row["eps"], row["loss"]) == (50, norm, EPS[norm], loss) for row in rows)
    return [row["accuracy"] for row in rows]


@norms
@losses
def test_each_point_is_an_attack_of_that_length(standard: Classifier, few: Split, norm: Norm, loss: Loss) -> None:
    found = curve(standard, few, norm, 0.1, loss=loss)
    attacks = [Attack("pgd", norm, EPS[norm], count, 0.1 * EPS[norm], loss=loss) for count in (1, 2, 5, 10, 12)]
    expected = [row["accuracy"] for row in evaluate(standard, few, attacks, machine=Machine(precision="float32"))]
    assert found == pytest.approx(expected)
    assert found[0] > found[2] > found[4], "it does fall"
    assert found == sorted(found, reverse=True)


@norms
def test_of_several_step_sizes_the_least_accuracy_is_taken(standard: Classifier, few: Split, norm: Norm) -> None:
    relatives = (0.05, 4.0, 0.5)  # the second goes furthest in one step, and then from wall to wall
    rows = accuracy_by_steps(
        standard, few, attack=Attack("pgd", norm=norm, eps=EPS[norm], steps=12), relative_step_sizes=relatives
    )
    alone = {relative: curve(standard, few, norm, relative, loss="cross-entropy") for relative in relatives}
    for place, row in enumerate(rows):
        least = min(alone[relative][place] for relative in relatives)
        assert row["accuracy"] == least
        assert alone[round((row["step_size"] or 0) / EPS[norm], 9)][place] == least
    assert len({row["step_size"] for row in rows}) > 1, "here the best step size depends on the number of steps"


def test_the_counts_end_with_the_number_asked_for(standard: Classifier, few: Split) -> None:
    for steps, expected in ((1, [1]), (5, [1, 2, 5]), (7, [1, 2, 5, 7])):
        rows = accuracy_by_steps(
            standard,
            few.take(torch.arange(3)),
            attack=Attack("pgd", norm="l2", eps=0.1, steps=steps),
            relative_step_sizes=(1.0,),
        )
        assert [row["steps"] for row in rows] == expected
    assert COUNTS[-1] == 2500


@norms
@losses
def test_on_a_linear_network_one_step_of_eps_is_the_closed_form(norm: Norm, loss: Loss) -> None:
    """margin > eps times the dual norm of the difference of weights; misread images count as wrong."""
    weights = torch.randn((2, 12), generator=torch.Generator().manual_seed(1))
    head = nn.Linear(12, 2)
    head.load_state_dict(
        {"weight": weights, "bias": torch.stack([0.5 * (weights[1] - weights[0]).sum(), weights.sum() * 0])}
    )
    model, inputs = (
        Classifier(nn.Flatten(), head, shape=(1, 3, 4)),
        torch.rand((50, 1, 3, 4), generator=torch.Generator().manual_seed(2)),
    )
    inputs = 0.4 + 0.2 * inputs
    with torch.no_grad():
        lead = model(inputs)[:, 0] - model(inputs)[:, 1]
    labels = (lead < 0).long()
    labels[:10] = 1 - labels[:10]
    slope = weights[0] - weights[1]
    reach = lead.abs() / (slope.norm() if norm == "l2" else slope.abs().sum())
    eps = float(reach[10:].sort().values[19:21].mean())
    rows = accuracy_by_steps(
        model,
        Split(inputs, labels),
        attack=Attack("pgd", norm=norm, eps=eps, steps=2, loss=loss),
        relative_step_sizes=(1.0,),
    )
    assert [row["accuracy"] for row in rows] == pytest.approx([0.4, 0.4])


def test_a_network_that_misreads_everything_has_a_curve_of_zeros(standard: Classifier, few: Split) -> None:
    with torch.no_grad():
        read = standard.eval()(few.inputs()).argmax(1)
    wrong = Split(few.images, (read + 1) % 10)
    assert curve(standard, wrong, "l2", 1.0, loss="margin", steps=2) == [0, 0]
