"""AutoAttack: within its threat model, never weaker than PGD, exact on a linear network, for any number of classes."""

import importlib
import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.evaluation import Attack, evaluate
from featsplit.evaluation.autoattack import autoattack
from featsplit.geometry import NORMS, Norm, lengths
from featsplit.models import Classifier, build

package = importlib.import_module("pyautoattack")
norms = pytest.mark.parametrize("norm", NORMS)
SHAPE = (1, 8, 8)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every AutoAttack that is run; Square makes 20 queries, not 5000, and FAB 10 steps, not 100: cost, no contract."""
    found: list[Any] = []

    whole = package.AutoAttack.run_standard_evaluation

    def quick(attack: Any, *arguments: Any, **options: Any) -> Any:
        attack.square.n_queries, attack.fab.n_iter = 20, 10
        found.append(attack)
        return whole(attack, *arguments, **options)

    monkeypatch.setattr(package.AutoAttack, "run_standard_evaluation", quick)
    return found


def images(n: int, *, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand((n, *SHAPE), generator=torch.Generator().manual_seed(0))


def two_classes() -> tuple[Classifier, Tensor]:
    """A linear network of two classes and the difference of their weights, (64,)."""
    weights = torch.randn((2, 64), generator=torch.Generator().manual_seed(1))
    head = nn.Linear(64, 2)
    middle = 0.5 * (weights[1] - weights[0]).sum()
    head.load_state_dict({"weight": weights, "bias": torch.stack([middle, torch.zeros(())])})
    return Classifier(nn.Flatten(), head, shape=SHAPE), weights[0] - weights[1]


@norms
def test_on_a_linear_network_both_attacks_have_the_exact_robust_accuracy(norm: Norm, made: list[Any]) -> None:
    """An image holds where its margin is above eps times the dual norm of the weights; the box is out of reach."""
    model, slope = two_classes()
    inputs = images(40, low=0.35, high=0.65)
    with torch.no_grad():
        logits = model(inputs)
    labels, margins = logits.argmax(1), (logits[:, 0] - logits[:, 1]).abs()
    labels[:5] = 1 - labels[:5]  # misread
    reach = margins / (slope.norm() if norm == "l2" else slope.abs().sum())
    eps = float(reach[5:].sort().values[17:19].mean())
    assert float((reach - eps).abs().min()) > 1e-3 * eps, "no image is on the edge"
    assert eps < 0.35
    expected = float((reach[5:] > eps).sum()) / 40
    attacks = [Attack("pgd", norm, eps, steps=10), Attack("autoattack", norm, eps)]
    found = evaluate(model, Split(inputs, labels), attacks)
    assert [row["accuracy"] for row in found] == pytest.approx([expected, expected])
    assert 0.3 < expected < 0.6
    assert len(made) == 1


@norms
@pytest.mark.parametrize(("classes", "strong"), [(2, []), (3, ["apgd-dlr"]), (4, ["apgd-t"])], ids=["2", "3", "4"])
def test_any_number_of_classes_is_attacked_in_the_ball_and_box(
    norm: Norm, classes: int, strong: list[str], made: list[Any]
) -> None:
    """The targeted parts take all other classes; on images at the walls of the box too."""
    network = build("linear", shape=SHAPE, classes=classes, seed=3).eval()
    inputs, eps = images(6, low=-0.5, high=1.5).clamp(0, 1), 0.05 if norm == "linf" else 0.3
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    found = autoattack(network, inputs, labels, norm=norm, eps=eps, seed=2)
    assert found.dtype == torch.float32
    assert float(lengths(found - inputs, norm).max()) <= eps * (1 + 1e-4)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    (run,) = made
    assert run.attacks_to_run == ["apgd-ce", *strong, "fab-t", "square"]
    assert {run.apgd_targeted.n_target_classes, run.fab.n_target_classes} == {classes - 1}
    with torch.no_grad():
        won = network(found).argmax(1) != labels
    assert won.any()
    moved = (found != inputs).flatten(1).any(1)
    assert torch.equal(moved, won), "an image that holds is as it was"


@norms
def test_it_is_never_weaker_than_pgd(norm: Norm, standard: Classifier, digits: ImageData, made: list[Any]) -> None:
    split = digits.test.take(torch.arange(16))
    eps = 0.35 if norm == "l2" else 0.07
    attacks = [Attack(), Attack("pgd", norm, eps, steps=5), Attack("autoattack", norm, eps)]
    clean, pgd, strong = (row["accuracy"] for row in evaluate(standard, split, attacks))
    assert clean > pgd >= strong
    assert pgd > 0.1
    assert {made[0].apgd_targeted.n_target_classes, made[0].fab.n_target_classes} == {9}


def test_the_state_of_randomness_is_left_alone_and_the_seed_decides(made: list[Any]) -> None:
    network = build("linear", shape=SHAPE, classes=3, seed=3).eval()
    inputs = images(4, low=0.3, high=0.7)
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    one, two = (autoattack(network, inputs, labels, norm="l2", eps=0.5, seed=4) for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, two)
    assert [run.seed for run in made] == [4, 4]


def test_without_the_package_it_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyautoattack" else found(name))
    model, _ = two_classes()
    split = Split(images(2, low=0, high=1), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(FeatsplitError) as caught:
        evaluate(model, split, [Attack(), Attack("autoattack", "l2", 0.1)])
    assert str(caught.value) == "attack.name: AutoAttack is not installed; pip install pyautoattack"


def test_what_square_cannot_take_in_l2_is_said_and_attacked_by_the_rest() -> None:
    """Images of 14 rows: its tiles of two rows begin in the third, and seven of them do not fit."""
    model = Classifier(nn.Flatten(), nn.Linear(196, 2), shape=(1, 14, 14)).eval()
    inputs = torch.rand((6, 1, 14, 14), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    with pytest.warns(FeatsplitWarning, match="cannot be run on images of 14 rows in l2; left out"):
        attacked = autoattack(model, inputs, labels, norm="l2", eps=5.0)
    with torch.no_grad():
        assert bool((model(attacked).argmax(1) != labels).all())
