"""Purity and cosine as numpy counts them, whitening, and what is no direction."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch

from featsplit.data.images import ImageData
from featsplit.studies.szegedy2014.units.measure import TOP, Shown, directions, layer_rows, white


@pytest.fixture(scope="module")
def shown(digits: ImageData) -> Shown:
    """The first test images of the digits."""
    return Shown.of(digits.test.take(torch.arange(60)))


def test_purity_and_cosine_are_those_of_the_images_that_score_highest(shown: Shown, digits: ImageData) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(60, 3, generator=generator)
    found = shown.of_scores(scores)
    flat = digits.test.inputs()[:60].flatten(1).double().numpy()
    centred = flat - flat.mean(axis=0)
    for direction in range(3):
        rows = np.argsort(-scores[:, direction].numpy())[:TOP]
        (_, most), *_ = Counter(digits.test.labels[rows].tolist()).most_common(1)
        cosines = [
            centred[a] @ centred[b] / np.linalg.norm(centred[a]) / np.linalg.norm(centred[b])
            for a, b in permutations(rows, 2)
        ]
        assert float(found.purity[direction]) == pytest.approx(most / TOP)
        assert float(found.cosine[direction]) == pytest.approx(np.mean(cosines), abs=1e-5)


def test_whitened_outputs_vary_alike_in_every_direction_that_there_is() -> None:
    values = torch.randn(400, 6, generator=torch.Generator().manual_seed(0))
    mixed = torch.cat([values @ torch.diag(torch.tensor([9.0, 1, 1, 0.1, 2, 3])), values[:, :2]], dim=1)
    found = white(mixed).double().numpy()
    assert found.shape == (400, 6)
    np.testing.assert_allclose(found.T @ found / 400, np.eye(6), atol=1e-4)


def test_a_direction_of_one_class_is_pure_and_random_ones_of_noise_are_as_random_images(shown: Shown) -> None:
    generator = torch.Generator().manual_seed(1)
    planted = torch.nn.functional.one_hot(shown.labels, 10).float()
    noise = torch.randn(60, 10, generator=generator)
    pure, none = (
        {row["basis"]: row for row in layer_rows(shown, values, "representation", depth=1, seed=0, count=50)}
        for values in (planted * 5 + 0.01 * noise, noise)
    )
    held = [int((shown.labels == label).sum()) for label in range(10)]
    assert pure["units"]["purity"] == pytest.approx(np.mean([min(count, TOP) / TOP for count in held]), abs=0.05)
    drawn = shown.of_rows(torch.stack([torch.randperm(60, generator=generator)[:TOP] for _ in range(300)]))
    error = 3 * none["random"]["purity_error"]
    assert abs(none["random"]["purity"] - float(drawn.purity.mean())) < error + 0.02


def test_units_that_are_always_zero_are_left_out_and_counted(shown: Shown) -> None:
    values = torch.randn(60, 5, generator=torch.Generator().manual_seed(2))
    values[:, [1, 3]] = 0.0
    rows = layer_rows(shown, values, "ReLU 1", depth=1, seed=0, count=20)
    assert [(row["basis"], row["n"], row["dead"]) for row in rows] == [("units", 3, 2), ("random", 20, 2)]


def test_random_directions_are_unit_vectors_that_point_everywhere() -> None:
    drawn = directions(50, 400, seed=1).double().numpy()
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(drawn @ drawn.T, 400 / 50 * np.eye(50), atol=2.5)
    assert abs(drawn.mean()) < 0.005
