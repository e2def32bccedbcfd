"""SimCLR: its loss against the sum that the paper writes, and what it learns without a label."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featsplit.data.augment import augment
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.models import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.models.encoder import cut
from featsplit.randomness import torch_generator
from featsplit.records.contrastive import SimCLR
from featsplit.records.probes import Ridge
from featsplit.runtime import accuracy
from featsplit.training import contrastive
from featsplit.training.contrastive import nt_xent, train_simclr
from featsplit.training.probing import fit_head

FEW = SimCLR(epochs=6, batch_size=100, projection=16, augment=("shift",))


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_data(DataSpec("digits", limit=400))


def test_the_loss_is_the_sum_of_the_paper() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(5, 7, generator=generator), torch.randn(5, 7, generator=generator)
    views = np.concatenate([first.numpy(), second.numpy()]).astype(np.float64)
    cosines = views @ views.T / np.linalg.norm(views, axis=1) / np.linalg.norm(views, axis=1)[:, None]
    total = 0.0
    for one in range(10):
        other = (one + 5) % 10
        rest = sum(math.exp(cosines[one, k] / 0.3) for k in range(10) if k != one)
        total -= math.log(math.exp(cosines[one, other] / 0.3) / rest)
    assert float(nt_xent(first, second, 0.3)) == pytest.approx(total / 10, rel=1e-5)


@pytest.mark.slow
def test_an_encoder_learns_the_digits_without_their_labels(digits: ImageData) -> None:
    encoder = cut(build(ModelSpec("cnn", width=8), shape=digits.shape, classes=2, seed=1), "output")
    before = accuracy(fit_head(encoder, digits, Ridge(penalty=0.01)), digits.test)
    losses = train_simclr(encoder, digits.train, SimCLR(epochs=30, batch_size=100, lr=0.1, augment=("shift",)))
    after = accuracy(fit_head(encoder, digits, Ridge(penalty=0.01)), digits.test)
    assert losses[-1]["loss"] < losses[0]["loss"] - 0.5
    assert after > before + 0.02
    assert not encoder.training


def test_the_same_seed_gives_the_same_encoder_and_labels_decide_nothing(digits: ImageData) -> None:
    found = []
    for seed, labels in ((1, digits.train.labels), (1, digits.train.labels * 0), (2, digits.train.labels)):
        encoder = cut(build(ModelSpec("mlp", width=8), shape=digits.shape, classes=2, seed=1), "output")
        train_simclr(encoder, type(digits.train)(digits.train.images, labels), FEW, seed=seed)
        found.append(encoder.representation(digits.test.inputs()).detach())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_seed_decides_what_dropout_draws(digits: ImageData) -> None:
    losses = []
    for _ in range(2):
        encoder = cut(build(ModelSpec("maxout", width=8), shape=digits.shape, classes=2, seed=1), "output")
        losses.append(train_simclr(encoder, digits.train, FEW, seed=3))
    assert losses[0] == losses[1]


def test_what_was_cut_off_goes_on_and_ends_the_same(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encoder() -> Classifier:
        return cut(build(ModelSpec("cnn", width=4), shape=digits.shape, classes=2, seed=1), "output")

    whole, part, again, state = encoder(), encoder(), encoder(), tmp_path / "state"
    losses = train_simclr(whole, digits.train, FEW, seed=1)
    seen, epoch_of = list[int](), contrastive._epoch

    def watched(*arguments: Any, epoch: int, **options: Any) -> float:
        seen.append(epoch)
        if seen == [0, 1, 2, 3]:
            raise KeyboardInterrupt
        return epoch_of(*arguments, epoch=epoch, **options)

    monkeypatch.setattr(contrastive, "_epoch", watched)
    with pytest.raises(KeyboardInterrupt):
        train_simclr(part, digits.train, FEW, seed=1, resume=state)
    assert train_simclr(again, digits.train, FEW, seed=1, resume=state) == losses
    assert seen == [0, 1, 2, 3, 3, 4, 5]
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), again.parameters(), strict=True))
    train_simclr(encoder(), digits.train, replace(FEW, lr=0.01), seed=1, resume=state)
    assert seen[-6:] == [0, 1, 2, 3, 4, 5], "of other work"


def test_the_rate_rises_for_an_epoch_and_falls() -> None:
    rates = [SimCLR(epochs=10, lr=0.2).rate(epoch) for epoch in (0.0, 0.5, 1.0, 5.0, 10.0)]
    assert rates[:2] == [0.0, 0.1]
    assert rates[2:] == pytest.approx([0.1 * (1 + math.cos(math.pi * share)) for share in (0.1, 0.5, 1.0)])


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (SimCLR(temperature=0), "simclr.temperature = 0: must be greater than 0"),
        (SimCLR(batch_size=1), "an image is told from the others of its batch"),
        (SimCLR(augment=()), "two views of an image must differ"),
        (SimCLR(augment=("flop",)), 'did you mean "flip"'),
    ],
)
def test_what_cannot_be_trained(digits: ImageData, recipe: SimCLR, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        train_simclr(cut(build("linear", shape=digits.shape, classes=2), "output"), digits.train, recipe)
    assert message in str(error.value)


def test_a_fifth_of_the_images_lose_their_colours() -> None:
    images = torch.rand(4000, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    grey = augment(images, ["grey"], generator=torch_generator(0, "test"))
    same = (grey[:, 0] == grey[:, 1]).flatten(1).all(dim=1) & (grey[:, 1] == grey[:, 2]).flatten(1).all(dim=1)
    assert float(same.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert torch.equal(grey[~same], images[~same])
