"""The schedules, and what a recipe refuses."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.training import Adversary, Recipe, train
from tests.training.networks import SHORT, fresh


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(lr=1.0, schedule="step", drop_every=50), {0: 1, 49.9: 1, 50: 0.1, 149: 0.01}),
        (Recipe(lr=1.0, schedule="one-cycle", epochs=40), {0: 0, 5: 0.5, 10: 1, 25: 0.5, 40: 0}),
        (Recipe(lr=0.3, schedule="constant"), {0: 0.3, 149: 0.3}),
    ],
    ids=["step", "one-cycle", "constant"],
)
def test_the_rate_follows_its_schedule(recipe: Recipe, expected: dict[float, float]) -> None:
    assert {epoch: recipe.rate(epoch) for epoch in expected} == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0, 5])
def test_cosine_is_that_of_torch(warmup: int) -> None:
    """CosineAnnealingLR at each epoch, after torch's own linear warm-up."""
    recipe = Recipe(lr=0.4, schedule="cosine", epochs=30, warmup=warmup)
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=0.4)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=30 - warmup)
    for epoch in range(warmup, 31):
        assert recipe.rate(epoch) == pytest.approx(optimiser.param_groups[0]["lr"], abs=1e-12)
        optimiser.step()
        falling.step()
    rising = [recipe.rate(epoch) for epoch in range(warmup)]
    assert rising == pytest.approx([0.4 * epoch / 5 for epoch in range(warmup)])


def test_fields_that_came_later_change_no_key_unless_they_are_used() -> None:
    first = {"epochs", "batch_size", "lr", "momentum", "nesterov", "weight_decay", "schedule", "drop_every"}
    assert set(Recipe().plain()) == first | {"drop_factor", "augment", "adversary"}
    later = Recipe(schedule="cosine", warmup=3, label_smoothing=0.1).plain()
    assert (later["warmup"], later["label_smoothing"]) == (3, 0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"warmup": 1}, r"train\.warmup = 1: is of the schedule cosine \(3 epochs, one-cycle\)"),
        (
            {"warmup": 3, "schedule": "cosine"},
            r"train\.warmup = 3: must be at least 0 and below the epochs \(3 epochs, cosine\)",
        ),
        ({"warmup": -1, "schedule": "cosine"}, r"train\.warmup = -1: must be at least 0"),
        ({"label_smoothing": 1.0}, r"train\.label_smoothing = 1: must be in \[0, 1\)"),
        ({"label_smoothing": -0.1}, r"train\.label_smoothing = -0\.1: must be in \[0, 1\)"),
        ({"epochs": 0}, r"train\.epochs = 0: must be at least 1"),
        ({"lr": 0.0}, r"train\.lr = 0: must be greater than 0"),
        ({"momentum": 1.0}, r"train\.momentum = 1: must be in \[0, 1\)"),
        ({"weight_decay": -1.0}, r"train\.weight_decay = -1: must be at least 0"),
        ({"schedule": "one-cycel"}, r'train\.schedule = "one-cycel": .* did you mean "one-cycle"'),
        ({"augment": ("flop",)}, r'"flop".*did you mean "flip"'),
    ],
)
def test_a_recipe_out_of_range_is_named(digits: ImageData, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError, match=message):
        train(fresh(digits), digits, replace(SHORT, **wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attack": "pdg"}, r'attack = "pdg": .* did you mean "pgd"'),
        ({"norm": "linf", "eps": 8}, r"eps = 8: .* 8/255 is 0\.0314"),
        ({"steps": 0}, r"steps = 0"),
        ({"alpha": 2}, r"alpha = 2: must be in \[0, 1\]"),
        ({"step_size": 0}, r"step_size = 0: must be greater"),
    ],
)
def test_an_adversary_out_of_range_is_named(digits: ImageData, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError, match=rf"train\.adversary\.{message}"):
        train(fresh(digits), digits, replace(SHORT, adversary=replace(Adversary(), **wrong)))
