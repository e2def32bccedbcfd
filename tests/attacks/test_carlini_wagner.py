"""What the attacks of Carlini and Wagner share: Adam by image, the change of variables, what comes back, the calls."""

import pytest
import torch
from torch import Tensor

from featsplit.attacks import Network
from featsplit.attacks.carlini_wagner import Adam, into_box, onto_line, stalled
from featsplit.geometry import lengths
from tests.attacks.minimum_norm import CASES, Case
from tests.attacks.networks import SHAPE, draw, images, small_network

ours = pytest.mark.parametrize(
    "case", [case for case in CASES if case.name.startswith(("carlini", "szegedy"))], ids=lambda case: case.name
)


def test_adam_is_that_of_torch_for_each_image() -> None:
    """The state of one image is reset, and another image leaves, and neither is felt by the others."""
    start, gradients = draw(3, *SHAPE), [draw(3, *SHAPE, seed=5 + k) for k in range(12)]
    points, adam = start.clone(), Adam.at(start)
    for k, gradient in enumerate(gradients):
        if k == 5:
            adam.reset(torch.tensor([False, True, False]))
        if k == 8:
            points, adam = points[1:], adam[torch.tensor([1, 2])]
        points += adam.move(gradient[-len(points) :], 0.03)
    for row in (1, 2):
        reset = 5 if row == 1 else 0
        expected = reference(start[row], [gradient[row] for gradient in gradients], reset)
        torch.testing.assert_close(points[row - 1], expected, rtol=0, atol=1e-6)


def reference(start: Tensor, gradients: list[Tensor], reset: int) -> Tensor:
    """Where torch's Adam goes, begun again after `reset` steps."""
    point = start.clone().requires_grad_(True)
    for part in (gradients[:reset], gradients[reset:]):
        optimizer = torch.optim.Adam([point], lr=0.03)
        for gradient in part:
            point.grad = gradient.clone()
            optimizer.step()
    return point.detach()


def test_black_and_white_pixels_lie_at_a_finite_point_and_come_back() -> None:
    pixels = torch.linspace(0, 1, 256)
    assert onto_line(pixels).isfinite().all()
    torch.testing.assert_close(into_box(onto_line(pixels)), pixels, rtol=0, atol=1e-6)


def test_an_image_ends_early_where_a_tenth_of_the_steps_takes_less_than_1e_4_off_its_loss() -> None:
    previous = torch.tensor([torch.inf, 1.0, 1.0, 1.0, -1.0, 1.0])
    loss = torch.tensor([5.0, 0.9998, 0.99995, 0.99995, -1.0, torch.nan])
    count = torch.tensor([0, 20, 20, 21, 20, 21])
    assert stalled(loss, previous, count, steps=100).tolist() == [False, False, True, False, True, True]
    assert previous.tolist() == pytest.approx([5.0, 0.9998, 0.99995, 1.0, -1.0, 1.0])


class Recording:
    """A network that keeps every input it was given."""

    def __init__(self, network: Network) -> None:
        self.network, self.seen = network, list[Tensor]()

    def __call__(self, inputs: Tensor) -> Tensor:
        self.seen.append(inputs.detach().clone())
        return self.network(inputs)


@ours
@pytest.mark.parametrize("targeted", [False, True])
def test_calls_are_how_often_the_network_was_run_on_each_image(case: Case, targeted: bool) -> None:
    """One image is adversarial from the start, and the others end at different times."""
    network, inputs = Recording(small_network()), images(6)
    labels = (small_network()(inputs).argmax(dim=1) + targeted) % 4
    labels[2] = (labels[2] + (-1 if targeted else 1)) % 4
    result = case.attack(network, inputs, labels, targeted)
    assert int(result.calls.sum()) == sum(map(len, network.seen))
    assert result.calls[2] == result.calls.min() == 3
    assert len(set(result.calls.tolist())) > 2


@pytest.mark.parametrize("name", ["l2", "l0", "linf"])
@pytest.mark.parametrize("targeted", [False, True])
def test_what_comes_back_is_the_nearest_of_all_that_was_tried(name: str, targeted: bool) -> None:
    case = next(case for case in CASES if case.name == f"carlini-wagner-{name}")
    plain = small_network()
    for image in images(3)[:, None]:
        network, label = Recording(plain), (plain(image).argmax(dim=1) + targeted) % 4
        result = case.attack(network, image, label, targeted)
        tried = torch.cat(network.seen).clamp(0, 1)
        logits = plain(tried)
        others = logits.scatter(1, label.expand(len(tried), 1), -torch.inf).amax(dim=1)
        lead = (logits[:, int(label)] - others) * (1 if targeted else -1)
        distance = lengths(tried - image, case.norm)
        asked = 0.0099 if name == "l0" else 1e-4
        assert result.success.all()
        assert result.distance <= distance[lead > asked].min() + 1e-6
        assert result.distance >= distance[lead > 0].min() - 1e-6
