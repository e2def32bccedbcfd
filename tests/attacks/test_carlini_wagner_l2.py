"""The L2 attack of Carlini and Wagner against foolbox's, and on linear networks, whose nearest inputs are known."""

import importlib
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from featsplit.attacks import Network, carlini_wagner_l2
from featsplit.attacks.carlini_wagner import into_box, onto_line
from featsplit.attacks.carlini_wagner_l2 import BOXES, Box, _penalty
from featsplit.attacks.seven_objectives import ObjectiveName
from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.geometry import lengths
from tests.attacks.networks import SHAPE, draw, images, small_network
from tests.attacks.test_minimum_norm import easy, placed

both = pytest.mark.parametrize("targeted", [False, True])


@pytest.fixture(scope="module")
def trained(digits: ImageData) -> tuple[Network, Tensor, Tensor]:
    """A network trained on digits of 8x8, 20 images, and what it predicts of them."""
    inputs, labels = digits.train.images.float() / 255, digits.train.labels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(inputs[0].numel(), 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(network(inputs), labels))
        optimizer.step()
    network.requires_grad_(False).eval()
    few = inputs[:20]
    assert (network(few).argmax(dim=1) == labels[:20]).all()
    return network, few, labels[:20]


def foolbox_distances(network: Network, inputs: Tensor, labels: Tensor, rounds: int, targeted: bool) -> Tensor:
    """How near foolbox's attack comes in 100 steps a round; its stop by the sum over the batch is off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fb: Any = importlib.import_module("foolbox")
    attack = fb.attacks.L2CarliniWagnerAttack(binary_search_steps=rounds, steps=100, stepsize=0.05, abort_early=False)
    aim = fb.criteria.TargetedMisclassification if targeted else fb.criteria.Misclassification
    model = fb.PyTorchModel(network, bounds=(0, 1), device="cpu")
    success: Tensor
    found: Tensor
    _, found, success = attack(model, inputs, aim(labels), epsilons=None)
    assert success.all()
    return lengths(found - inputs, "l2")


@pytest.mark.parametrize(("targeted", "rounds"), [(False, 9), (True, 10)])
def test_it_comes_as_near_as_foolbox_in_as_many_steps(
    trained: tuple[Network, Tensor, Tensor], targeted: bool, rounds: int
) -> None:
    pytest.importorskip("foolbox")
    network, inputs, labels = trained
    labels = (labels + targeted) % 10
    theirs = foolbox_distances(network, inputs, labels, rounds, targeted)
    ours = [
        carlini_wagner_l2(
            network, inputs, labels, steps=100, step_size=0.05, rounds=rounds, early_stop=early_stop, targeted=targeted
        )
        for early_stop in (False, True)
    ]
    apart = (ours[0].distance / theirs - 1).abs()
    assert apart.median() < 1e-5, "image by image, where none ends early"
    assert apart.max() < 0.01, "one step may be adversarial by less than we count"
    assert ours[1].distance.mean() <= 1.03 * theirs.mean()
    assert ours[1].calls.sum() < 0.9 * ours[0].calls.sum()


@both
@pytest.mark.parametrize("classes", [2, 5])
def test_at_the_walls_of_the_box_it_finds_the_nearest_input_of_a_linear_network(classes: int, targeted: bool) -> None:
    known, inputs = easy(classes, only_two=targeted), placed("walls")
    labels = known.network()(inputs).argmax(dim=1)
    ends = 1 - labels if targeted else labels
    truth = torch.tensor(
        [
            known.distance(image, int(label), "l2", int(end) if targeted else None)
            for image, label, end in zip(inputs, labels, ends, strict=True)
        ]
    )
    found = carlini_wagner_l2(
        known.network(), inputs, ends, steps=300, step_size=0.02, early_stop=False, targeted=targeted
    )
    assert (found.distance <= 1.05 * truth).all(), found.distance / truth


@pytest.mark.parametrize("box", BOXES)
def test_every_box_finds_the_nearest_input(box: Box) -> None:
    known, inputs = easy(5, only_two=False), placed("inside")
    labels = known.network()(inputs).argmax(dim=1)
    pairs = zip(inputs, labels.tolist(), strict=True)
    truth = torch.tensor([known.distance(image, label, "l2") for image, label in pairs])
    found = carlini_wagner_l2(known.network(), inputs, labels, steps=200, step_size=0.01, box=box)
    assert (found.distance <= 1.05 * truth).all(), found.distance / truth


@pytest.mark.parametrize("box", BOXES)
def test_at_the_walls_no_box_lets_anything_out(box: Box) -> None:
    known, inputs, seen = easy(5, only_two=False), placed("walls"), []
    labels = known.network()(inputs).argmax(dim=1)

    def network(images: Tensor) -> Tensor:
        seen.append(images.detach().clone())
        return known.network()(images)

    found = carlini_wagner_l2(network, inputs, labels, steps=60, step_size=0.05, rounds=6, box=box)
    assert found.success.float().mean() > 0.5
    assert all(((images >= 0) & (images <= 1)).all() for images in seen)


def test_what_is_clipped_pays_for_all_of_r_and_tanh_pays_from_where_it_starts() -> None:
    inputs, point = placed("walls", 3), 2 * draw(3, *SHAPE)
    square = torch.stack([(row**2).sum() for row in point])
    torch.testing.assert_close(_penalty(point, (inputs + point).clamp(0, 1), inputs, "clipped"), square)
    start = onto_line(inputs)
    assert (_penalty(start, into_box(start), inputs, "tanh") == 0).all()


@pytest.mark.parametrize("objective", ["f1", "f2", "f3", "f4", "f5", "f6", "f7"])
@both
def test_every_objective_finds_the_nearest_input_where_logits_are_small(
    objective: ObjectiveName, targeted: bool
) -> None:
    known, inputs = easy(2, only_two=True), placed("inside")
    labels = known.network()(inputs).argmax(dim=1)
    pairs = zip(inputs, labels.tolist(), strict=True)
    truth = torch.tensor([known.distance(image, label, "l2") for image, label in pairs])
    found = carlini_wagner_l2(
        known.network(),
        inputs,
        1 - labels if targeted else labels,
        steps=100,
        step_size=0.05,
        objective=objective,
        targeted=targeted,
    )
    assert (found.distance <= 1.05 * truth).all(), found.distance / truth


@both
def test_the_lead_that_is_asked_for_is_reached_and_costs_distance(targeted: bool) -> None:
    network, inputs = small_network(), images(8)
    labels = (network(inputs).argmax(dim=1) + targeted) % 4
    distances = []
    for confidence in (0.0, 0.05, 0.1):
        found = carlini_wagner_l2(
            network, inputs, labels, steps=100, step_size=0.1, confidence=confidence, targeted=targeted
        )
        assert found.success.all()
        lead = lead_of(network(found.inputs), labels, targeted=targeted)
        assert (lead >= confidence).all()
        assert (lead <= confidence + 0.03).all()
        distances.append(found.distance)
    assert (distances[0] < distances[1]).all()
    assert (distances[1] < distances[2]).all()


def lead_of(logits: Tensor, labels: Tensor, *, targeted: bool) -> Tensor:
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
    return own - others if targeted else others - own


def test_an_image_that_is_lost_by_less_than_the_lead_is_moved_on() -> None:
    network, inputs = small_network(), images(4)
    logits = network(inputs)
    labels = logits.topk(2, dim=1).indices[:, 1]
    lead = lead_of(logits, labels, targeted=False)
    found = carlini_wagner_l2(network, inputs, labels, steps=60, step_size=0.1, confidence=float(lead.median()) + 1e-3)
    assert ((found.distance > 0) == (lead < lead.median() + 1e-3)).all()
    assert found.success.all()


def test_where_a_lead_is_out_of_reach_the_image_has_failed() -> None:
    network, inputs = small_network(), images(4)
    labels = network(inputs).argmax(dim=1)
    found = carlini_wagner_l2(network, inputs, labels, steps=20, step_size=0.1, confidence=1e4)
    assert found.distance.isinf().all()
    assert torch.equal(found.inputs, inputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "f8"}, 'carlini_wagner_l2.objective = "f8": must be one of f1, f2, f3, f4, f5, f6, f7; did you'),
        ({"box": "clip"}, 'carlini_wagner_l2.box = "clip": must be one of tanh, clipped, projected; did you mean'),
        ({"confidence": -1.0}, "carlini_wagner_l2.confidence = -1: must be a number of at least 0"),
        (
            {"confidence": 5.0, "objective": "f1"},
            'carlini_wagner_l2.confidence = 5: must be 0 for objective "f1"; only "f6" asks for a lead',
        ),
        ({"steps": 0}, "carlini_wagner_l2.steps = 0: must be at least 1"),
        ({"rounds": 0}, "carlini_wagner_l2.rounds = 0: must be at least 1"),
        ({"step_size": 0.0}, "carlini_wagner_l2.step_size = 0: must be greater than 0, and finite"),
        ({"constant": 0.0}, "carlini_wagner_l2.constant = 0: must be greater than 0, and finite"),
    ],
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError) as raised:
        carlini_wagner_l2(small_network(), images(1), torch.zeros(1, dtype=torch.int64), **options)
    assert str(raised.value).startswith(message)
