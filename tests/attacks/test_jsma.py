"""JSMA against a loop in numpy that looks at every pair, and its choice of pairs against all of them."""

from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jacrev

from featsplit.attacks.jsma import Of, best_pairs, jsma
from featsplit.errors import FeatsplitError
from tests.attacks.networks import images, small_network

Array = NDArray[np.float64]


def by_all_pairs(image: Array, target: int, *, of: Of, theta: int, gamma: float) -> tuple[Array, bool]:
    """Papernot's algorithm 2, image and whether it ends at the target."""
    wall, network = (theta + 1) // 2, small_network().double()
    domain = [p for p in range(12) if image[p] != wall]
    for _ in range(int(12 * gamma / 2)):

        def outputs(x: Tensor) -> Tensor:
            logits: Tensor = network(x.view(1, 1, 3, 4))[0]
            return logits if of == "logits" else logits.softmax(dim=0)

        point = torch.from_numpy(image)
        if int(outputs(point).argmax()) == target:
            break
        slopes = theta * jacrev(outputs)(point).numpy()
        best, pair = 0.0, None
        for place, p in enumerate(domain):
            for q in domain[place + 1 :]:
                alpha = slopes[target, p] + slopes[target, q]
                beta = slopes[:, [p, q]].sum() - alpha
                if alpha > 0 > beta and -alpha * beta > best:
                    best, pair = -alpha * beta, (p, q)
        if pair is None:
            break
        image = image.copy()
        image[list(pair)] = wall
        domain = [p for p in domain if p not in pair]
    return image, int(network(torch.from_numpy(image).view(1, 1, 3, 4)).argmax()) == target


@pytest.mark.parametrize("of", ["logits", "probabilities"])
@pytest.mark.parametrize("theta", [1, -1])
@pytest.mark.parametrize("gamma", [0.4, 1.0])
def test_the_path_is_that_of_a_loop_over_all_pairs(of: Of, theta: Literal[1, -1], gamma: float) -> None:
    inputs, network = images(24), small_network()
    inputs[:, 0, 0, :2] = (theta + 1) / 2  # some components are at the wall from the start
    targets = network(inputs).argsort(dim=1, descending=True)[torch.arange(24), 1 + torch.arange(24) % 2]
    found = jsma(network, inputs, targets, of=of, theta=theta, gamma=gamma, targeted=True)
    ends = [
        by_all_pairs(image.double().flatten().numpy(), int(target), of=of, theta=theta, gamma=gamma)
        for image, target in zip(inputs, targets, strict=True)
    ]
    assert found.success.tolist() == [won for _, won in ends]
    assert 3 < int(found.success.sum()) < 24
    for row in found.success.nonzero()[:, 0].tolist():
        np.testing.assert_array_equal(found.inputs[row].flatten().numpy(), ends[row][0].astype(np.float32))
        assert found.distance[row] == (found.inputs[row] != inputs[row]).sum()


def test_an_untargeted_attack_is_the_nearest_of_all_targets() -> None:
    inputs, network = images(24), small_network()
    labels = network(inputs).argmax(dim=1)
    found = jsma(network, inputs, labels, gamma=1.0)
    every = [jsma(network, inputs, (labels + shift) % 4, gamma=1.0, targeted=True) for shift in (1, 2, 3)]
    assert torch.equal(found.distance, torch.stack([each.distance for each in every]).amin(dim=0))
    assert found.success.any()
    assert (found.calls > sum(each.calls - 2 for each in every)).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 20), levels=st.sampled_from([3, 10, 10**6]))
def test_the_pair_is_the_best_of_all(seed: int, size: int, levels: int) -> None:
    """With few levels many pairs are equal; the product is what counts."""
    generator = torch.Generator().manual_seed(seed)
    gains, losses = torch.randint(-levels, levels + 1, (2, 5, size), generator=generator).float().unbind()
    unused = torch.rand(5, size, generator=generator) < 0.8
    pairs, some = best_pairs(gains, losses, unused)
    for row in range(5):
        products = [
            float(gains[row, [p, q]].sum() * losses[row, [p, q]].sum())
            for p in range(size)
            for q in range(p + 1, size)
            if unused[row, p] and unused[row, q] and gains[row, [p, q]].sum() > 0 and losses[row, [p, q]].sum() > 0
        ]
        assert bool(some[row]) == bool(products)
        if products:
            pair = pairs[row]
            assert unused[row, pair].all()
            assert pair[0] != pair[1]
            assert float(gains[row, pair].sum() * losses[row, pair].sum()) == max(products)


def test_images_that_are_compared_in_several_chunks_are_the_same() -> None:
    gains, losses = torch.randn(2, 9, 50, generator=torch.Generator().manual_seed(0)).unbind()
    expected, some = best_pairs(gains, losses, torch.ones(9, 50, dtype=torch.bool))
    assert some.all()
    assert torch.equal(best_pairs(gains, losses, torch.ones(9, 50, dtype=torch.bool), at_once=1)[0], expected)


@pytest.mark.parametrize(("gamma", "pairs"), [(1.0, 5), (0.9, 5), (0.8, 0), (0.145, 0)])
def test_no_more_than_its_share_of_the_components_changes(gamma: float, pairs: int) -> None:
    """Each pair of black components that turns white is worth 2, and 9 is what it takes."""
    network, inputs = (
        (lambda x: torch.stack([9 - x.flatten(1).sum(dim=1), x.flatten(1).sum(dim=1) - 9], dim=1)),
        images(),
    )
    found = jsma(network, 0 * inputs, torch.ones(6, dtype=torch.int64), gamma=gamma, targeted=True)
    assert found.distance.tolist() == [2.0 * pairs if pairs else float("inf")] * 6
    looked_at = int(gamma * 12 / 2)
    assert found.calls.tolist() == [(min(looked_at, 6) if pairs else looked_at) + 2] * 6


def test_a_network_without_a_gradient_is_stuck_at_once() -> None:
    inputs, targets = images(), torch.ones(6, dtype=torch.int64)
    found = jsma(
        lambda x: torch.eye(4)[torch.zeros(len(x), dtype=torch.int64)], inputs, targets, targeted=True, gamma=1
    )
    assert found.distance.tolist() == [float("inf")] * 6
    assert torch.equal(found.inputs, inputs)
    assert found.calls.tolist() == [3] * 6


def test_arguments_out_of_range_are_refused() -> None:
    unknown: Any = "logit"
    half: Any = 0.5
    network, inputs, labels = small_network(), images(), torch.zeros(6, dtype=torch.int64)
    with pytest.raises(FeatsplitError, match=r'jsma.of = "logit": must be one of .*; did you mean "logits"'):
        jsma(network, inputs, labels, of=unknown)
    with pytest.raises(FeatsplitError, match=r"jsma.theta = 0.5: must be 1, components rise to 1, or -1"):
        jsma(network, inputs, labels, theta=half)
    with pytest.raises(FeatsplitError, match=r"jsma.gamma = 14.5: must be a share of the components"):
        jsma(network, inputs, labels, gamma=14.5)
