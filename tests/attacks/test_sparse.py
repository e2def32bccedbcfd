"""The sparse attack against every set of components, and what its parts must not do."""

from itertools import combinations, product
from typing import Any

import pytest
import torch
from torch import Tensor

from featsplit import FeatsplitError
from featsplit.attacks import Network, sparse
from featsplit.geometry import lengths
from tests.attacks.networks import draw, images, linear, small_network


def curved(inputs: Tensor) -> Tensor:
    """A network of 2 x 3 pixels of three channels, whose margin is monotone in each component but not linear."""
    hidden = (inputs.flatten(1) - 0.5) @ draw(18, 4, seed=11)
    return hidden + 0.2 * hidden**3


def sure_images() -> Tensor:
    """Ten images of which `curved` is surest, so that it takes more than one pixel of some."""
    inputs = torch.rand(4000, 3, 2, 3, generator=torch.Generator().manual_seed(2))
    top = curved(inputs).topk(2, dim=1).values
    return inputs[(top[:, 0] - top[:, 1]).topk(10).indices]


def fewest(network: Network, image: Tensor, label: int, target: int | None, *, groups: list[list[int]]) -> int:
    """The least number of groups whose components, all at walls, change the prediction: by trying every set of them."""
    for count in range(1, len(groups) + 1):
        points = []
        for chosen in combinations(groups, count):
            places = [place for group in chosen for place in group]
            for values in product([0.0, 1.0], repeat=len(places)):
                points.append(image.flatten().clone())
                points[-1][places] = torch.tensor(values)
        predicted = network(torch.stack(points).view(-1, *image.shape)).argmax(dim=1)
        if bool((predicted != label).any() if target is None else (predicted == target).any()):
            return count
    raise AssertionError("no set of components suffices")


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("pixels", [False, True])
def test_no_set_of_walls_is_smaller(targeted: bool, pixels: bool) -> None:
    inputs = sure_images()
    order = curved(inputs).argsort(dim=1, descending=True)
    labels, targets = order[:, 0], order[:, 1]
    groups = [[pixel, 6 + pixel, 12 + pixel] for pixel in range(6)] if pixels else [[place] for place in range(18)]
    found = sparse(
        curved,
        inputs,
        targets if targeted else labels,
        norm="l0-pixels" if pixels else "l0",
        steps=60,
        targeted=targeted,
    )
    exact = [
        fewest(curved, image, int(label), int(target) if targeted else None, groups=groups)
        for image, label, target in zip(inputs, labels, targets, strict=True)
    ]
    assert found.distance.tolist() == exact
    assert max(exact) > 1, exact


def test_pixels_are_counted_once_and_components_each() -> None:
    inputs = sure_images()
    labels = curved(inputs).argmax(dim=1)
    by_pixel, by_component = (sparse(curved, inputs, labels, norm=norm, steps=60) for norm in ("l0-pixels", "l0"))
    assert (lengths(by_component.inputs - inputs, "l0") == by_component.distance).all()
    assert (lengths(by_pixel.inputs - inputs, "l0-pixels") == by_pixel.distance).all()
    assert (by_pixel.distance <= by_component.distance).all()
    assert (by_pixel.distance < by_component.distance).any()


@pytest.mark.parametrize("norm", ["l0", "l0-pixels"])
@pytest.mark.parametrize("targeted", [False, True])
def test_pruning_and_swapping_never_lose_and_often_gain(norm: Any, targeted: bool) -> None:
    """From the same steps of sigma-zero: few, so that much is left to gain."""
    network, inputs = small_network(), images(40)
    labels = network(inputs).argsort(dim=1, descending=True)[:, int(targeted)]

    def run(*, steps: int, swapping: float, prune: bool) -> Tensor:
        assert norm in ("l0", "l0-pixels")
        found = sparse(
            network, inputs, labels, norm=norm, steps=steps, swapping=swapping, targeted=targeted, prune=prune
        )
        return found.distance

    bare, pruned = (run(steps=9, swapping=0, prune=prune) for prune in (False, True))
    swapped, both = (run(steps=30, swapping=0.7, prune=prune) for prune in (False, True))
    for before, after in ((bare, pruned), (swapped, both), (bare, swapped)):
        assert (after <= before).all()
        assert torch.equal(after.isfinite(), before.isfinite())
    assert int(bare.isfinite().sum()) > 10
    assert (pruned < bare).any()
    assert (swapped < pruned).any()


@pytest.mark.parametrize(("steps", "swapping"), [(1, 0.5), (2, 0.5), (7, 0.5), (40, 0.5), (40, 0.0), (40, 0.9)])
def test_it_takes_no_more_steps_than_it_may(steps: int, swapping: float) -> None:
    network, inputs, backward = small_network(), images(20), 0

    def watched(inputs: Tensor) -> Tensor:
        nonlocal backward
        backward += torch.is_grad_enabled()
        logits: Tensor = network(inputs)
        return logits

    labels = network(inputs).argmax(dim=1)
    found = sparse(watched, inputs, labels, steps=steps, swapping=swapping)
    assert backward <= steps
    assert int(found.calls.max()) <= steps + 12 + 2
    if steps == 40 and not swapping:
        assert backward == 40


def test_an_image_that_one_component_wins_leaves_the_batch() -> None:
    _, network = linear(2)
    inputs = images(20)
    found = sparse(network, inputs, network(inputs).argmax(dim=1))
    single = found.distance == 1
    assert single.any()
    assert found.calls[single].max() < 100
    assert found.calls[~single].min() > 290


def test_arguments_out_of_range_are_refused() -> None:
    unknown: Any = "l0-pixel"
    network, inputs, labels = small_network(), images(), torch.zeros(6, dtype=torch.int64)
    with pytest.raises(FeatsplitError, match=r'sparse.norm = "l0-pixel": must be one of .*; did you mean "l0-pixels"'):
        sparse(network, inputs, labels, norm=unknown)
    with pytest.raises(FeatsplitError, match=r"sparse.swapping = 1: must be a share of the steps, from 0 to below 1"):
        sparse(network, inputs, labels, swapping=1)
    with pytest.raises(FeatsplitError, match=r"sparse.steps = 0: must be at least 1"):
        sparse(network, inputs, labels, steps=0)
    with pytest.raises(FeatsplitError, match=r"sparse.sigma = 0: must be greater than 0"):
        sparse(network, inputs, labels, sigma=0)
