"""The linear explanation: shifts of a planted linear model, slopes and straightness against numpy."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from featsplit.data.images import Split
from featsplit.engine.jobs import Worker
from featsplit.models import build
from featsplit.runtime import CPU
from featsplit.studies import read_settings
from featsplit.studies.goodfellow2015.examine import mean_row
from featsplit.studies.goodfellow2015.linear.measure import along, shifts, slopes, straightness
from featsplit.studies.goodfellow2015.place import Place, Stage
from featsplit.studies.goodfellow2015.settings import Settings


def stage(tmp_path: Path, *overrides: str) -> Stage:
    settings = read_settings("goodfellow2015-digits", overrides)
    assert isinstance(settings, Settings)
    return Stage(Worker(tmp_path, CPU, None, print), Place(settings, 0))


def test_signs_move_by_the_sum_of_the_weights_and_noise_by_their_length(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = build("linear", shape=(1, 5, 5), classes=3)
    weights = rng.normal(size=(3, 25))
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor(weights))
    inputs, labels = rng.random((30, 25)), np.arange(30) % 3
    split = Split(torch.tensor(inputs).float().reshape(30, 1, 5, 5), torch.tensor(labels))
    by_sign, by_chance, gap = shifts(model.eval(), split, stage(tmp_path, "linear.draws=2000"))
    logits = inputs @ weights.T + model.head.bias.detach().numpy()
    logits[np.arange(30), labels] = -np.inf
    w = weights[labels] - weights[logits.argmax(axis=1)]
    np.testing.assert_allclose(by_sign, np.abs(w).sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(by_chance, np.linalg.norm(w, axis=1), rtol=0.08)
    assert gap.max() < 1e-4


def test_slopes_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    places, values = rng.normal(size=5), rng.normal(size=(4, 5))
    expected = [np.polyfit(places, row, 1)[0] for row in values]
    np.testing.assert_allclose(slopes(torch.tensor(places), torch.tensor(values)), expected)


def test_straightness_is_the_squared_correlation() -> None:
    rng = np.random.default_rng(2)
    grid, logits = np.linspace(0, 0.5, 9), rng.normal(size=(3, 9, 2))
    expected = [np.mean([np.corrcoef(grid, logits[i, :, k])[0, 1] ** 2 for k in range(2)]) for i in range(3)]
    np.testing.assert_allclose(straightness(torch.tensor(grid), torch.tensor(logits)), expected)
    line = torch.tensor(grid)[None, :, None] * torch.tensor([2.0, -3.0]) + 1
    torch.testing.assert_close(straightness(torch.tensor(grid), line), torch.ones(1, dtype=torch.float64))


def test_logits_are_followed_along_the_sign_of_the_gradient() -> None:
    weights = torch.tensor([[1.0, -2.0], [0.5, 3.0]])

    def network(x: Tensor) -> Tensor:
        return x.flatten(1) @ weights.T

    inputs, grid = torch.full((1, 1, 1, 2), 0.5), torch.tensor([-0.5, 0.0, 0.5])
    found = along(network, inputs, torch.tensor([0]), grid)
    direction = torch.tensor([-1.0, 1.0])  # the signs of the weights of class 1 less those of class 0
    expected = torch.stack([network(inputs + e * direction) for e in grid], dim=1)
    torch.testing.assert_close(found, expected)


def test_a_mean_has_the_standard_error_of_scipy() -> None:
    from scipy import stats

    values = np.random.default_rng(3).random(50)
    row = mean_row("name", torch.tensor(values))
    np.testing.assert_allclose((row["value"], row["error"]), (values.mean(), stats.sem(values)))
    assert row["n"] == 50
