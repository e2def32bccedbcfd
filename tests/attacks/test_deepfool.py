"""DeepFool, iterate for iterate that of foolbox, and its closed form on a linear network."""

import importlib
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from featsplit import FeatsplitError
from featsplit.attacks import Network
from featsplit.attacks.deepfool import deepfool
from featsplit.geometry import Norm
from tests.attacks.exact import Linear
from tests.attacks.networks import draw, images, norms, small_network


def imported_foolbox() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports from a scipy namespace that is to go
        return importlib.import_module("foolbox")


def curved_network() -> nn.Module:
    """One on which DeepFool needs several steps."""
    network = small_network()
    next(network.parameters()).mul_(4)
    return network.eval()


@norms
@pytest.mark.parametrize("candidates", [10, 3, 2])
def test_iterates_are_those_of_foolbox(norm: Norm, candidates: int) -> None:
    network, inputs, foolbox = curved_network(), images(40), imported_foolbox()
    labels = network(inputs).argmax(dim=1)
    attacks = {"l2": foolbox.attacks.L2DeepFoolAttack, "linf": foolbox.attacks.LinfDeepFoolAttack}
    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    lengths = []
    for steps in (1, 2, 3, 4, 50):
        attack = attacks[norm](steps=steps, candidates=candidates)
        expected = attack.run(model, inputs, foolbox.criteria.Misclassification(labels))
        found = deepfool(network, inputs, labels, norm=norm, steps=steps, candidates=candidates)
        assert torch.equal(found.success, network(expected).argmax(dim=1) != labels)
        won = found.success
        torch.testing.assert_close(found.inputs[won], expected[won], rtol=0, atol=2e-6)
        lengths.append(int(won.sum()))
    assert lengths[0] < lengths[1] < lengths[-1], "some take more steps than others"


@norms
def test_two_classes_of_a_linear_network_are_one_step_apart(norm: Norm) -> None:
    """Inside the box the one step is |f| / ||w|| + 1e-4, 1.02 times as long."""
    linear = Linear(draw(2, 12, seed=1), torch.zeros(2))
    network, inputs = linear.network(), images(low=0.45, high=0.55)
    labels = network(inputs).argmax(dim=1)
    found = deepfool(network, inputs, labels, norm=norm)
    exact = torch.tensor(
        [linear.distance(image, int(label), norm) for image, label in zip(inputs, labels, strict=True)]
    )
    torch.testing.assert_close(found.distance, 1.02 * (exact + 1e-4), rtol=1e-4, atol=0)
    assert found.calls.tolist() == [4] * 6, "two on the way, two at the end"


def test_from_within_a_circle_it_lands_where_the_tangent_says() -> None:
    """At r from the centre, f = R^2 - r^2 and ||w|| = 2 r: one step of f / ||w||, further than R - r, where it is."""
    radius, far = 0.4, torch.tensor([0.25, 0.3, 0.35])
    way = torch.tensor([1.0, -1.0]).repeat(6) / 12**0.5
    inputs = (0.5 + far[:, None] * way).view(3, 1, 3, 4)

    def network(inputs: Tensor) -> Tensor:
        square = (inputs - 0.5).square().flatten(1).sum(dim=1)
        return torch.stack([(radius**2 - square) / 2, (square - radius**2) / 2], dim=1)

    found = deepfool(network, inputs, torch.zeros(3, dtype=torch.int64))
    expected = 1.02 * ((radius**2 - far**2) / (2 * far) + 1e-4)
    torch.testing.assert_close(found.distance, expected, rtol=1e-4, atol=0)


def test_an_image_that_is_done_leaves_the_batch() -> None:
    sizes: list[int] = []
    network = curved_network()

    def watched(inputs: Tensor) -> Tensor:
        sizes.append(len(inputs))
        logits: Tensor = network(inputs)
        return logits

    labels = network(images(40)).argmax(dim=1)
    found = deepfool(watched, images(40), labels)
    on_the_way = sizes[:-2]
    assert on_the_way == sorted(on_the_way, reverse=True)
    assert on_the_way[0] == 40 > on_the_way[-1] > 0
    assert sum(sizes) == int(found.calls.sum())


def test_a_target_or_a_single_candidate_is_refused() -> None:
    network: Network = small_network()
    with pytest.raises(FeatsplitError, match=r"deepfool.targeted = True: DeepFool has no target; use"):
        deepfool(network, images(), torch.zeros(6, dtype=torch.int64), targeted=True)
    with pytest.raises(FeatsplitError, match=r"deepfool.candidates = 1: must be at least 2"):
        deepfool(network, images(), torch.zeros(6, dtype=torch.int64), candidates=1)
