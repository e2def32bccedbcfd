"""An image that is won takes no more steps, and what only a rough network sees is no win."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from featsplit.attacks import Network, classification, pgd
from featsplit.geometry import Norm
from tests.attacks.networks import SIZE, draw, images, norms, small_network

STEP_SIZE: dict[Norm, float] = {"l2": 0.07, "linf": 0.024}
"""So long that 40 images are lost by `small_network` little by little, and some not at all in eight steps."""


def labels_of(network: Network, *, targeted: bool) -> Tensor:
    """What the network reads in 40 images; or to be targeted, another class."""
    return (network(images(40)).argmax(1) + targeted) % 4


def attacked(network: Network, norm: Norm, labels: Tensor, **options: Any) -> Tensor:
    """40 images after eight steps, or as `options` say."""
    options = {"steps": 8, "eps": 8 * STEP_SIZE[norm], **options}
    return pgd(network, images(40), labels, norm=norm, step_size=STEP_SIZE[norm], **options)


@norms
@pytest.mark.parametrize("targeted", [False, True])
def test_until_won_returns_the_first_iterate_that_wins(norm: Norm, targeted: bool) -> None:
    """Those that no iterate wins come back at their best one; so until_won wins exactly the images that best does."""
    network, rows = small_network(), torch.arange(40)
    labels = labels_of(network, targeted=targeted)
    path = [images(40)]
    path += [attacked(network, norm, labels, targeted=targeted, steps=n, keep="last") for n in range(1, 9)]
    scores = torch.stack(
        [classification(network, labels, targeted=targeted)(point, rows, rough=False).score for point in path]
    )
    won, first = (scores < 0).any(dim=0), (scores < 0).int().argmax(dim=0)
    assert len(set(first[won].tolist())) > 4, "they are won at different steps"
    assert not won.all()
    expected = torch.stack(path)[torch.where(won, first, scores.argmin(dim=0)), rows]
    found = attacked(network, norm, labels, targeted=targeted, until_won=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    whole = attacked(network, norm, labels, targeted=targeted)
    assert torch.equal(classification(network, labels, targeted=targeted)(whole, rows, rough=False).score < 0, won)


class Offering:
    """A network that offers another as its `rough`."""

    def __init__(self, exact: Network, rough: Network) -> None:
        self.exact, self.rough = exact, rough

    def __call__(self, inputs: Tensor) -> Tensor:
        return self.exact(inputs)


@norms
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_until_won_spares_the_network_and_the_first_steps_are_rough(norm: Norm, share: float) -> None:
    sizes: list[tuple[int, bool]] = []
    quick = small_network()
    labels = labels_of(quick, targeted=False)

    def watched(inputs: Tensor, *, rough: bool) -> Tensor:
        if torch.is_grad_enabled():
            sizes.append((len(inputs), rough))
        else:
            assert not rough, "what counts is not"
        logits: Tensor = quick(inputs)
        return logits

    network = Offering(partial(watched, rough=False), partial(watched, rough=True))
    attacked(network, norm, labels, until_won=True, rough=share)
    assert [rough for _, rough in sizes] == [step < 8 * share for step in range(8)]
    assert sizes[0][0] == 40
    assert sizes[-1][0] <= 30
    sizes.clear()
    attacked(network, norm, labels, rough=share)
    assert [size for size, _ in sizes] == [40] * 8


@norms
def test_a_win_that_only_the_rough_network_sees_is_none(norm: Norm) -> None:
    """A linear network whose rough one predicts the other class always; its gradient points the right way even so."""
    weights, labels = draw(SIZE, seed=1), torch.zeros(40, dtype=torch.int64)

    def exact(inputs: Tensor, lost: float = 0.0) -> Tensor:
        lead = (images(40).flatten(1) @ weights).mean() - 0.4
        return torch.stack([inputs.flatten(1) @ weights - lead - lost, torch.zeros(len(inputs))], dim=1)

    network = Offering(exact, partial(exact, lost=50.0))
    honest = attacked(network, norm, labels, until_won=True, steps=12)
    found = attacked(network, norm, labels, until_won=True, steps=12, rough=0.5)
    torch.testing.assert_close(found, honest, rtol=0, atol=1e-5)
    moved = (found != images(40)).flatten(1).any(dim=1)
    assert 5 < moved.sum() < 35
