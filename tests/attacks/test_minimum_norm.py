"""What every minimum-norm attack is held to: the truth where it is known, and that no image feels its neighbours."""

import math

import pytest
import torch
from torch import Tensor

from featsplit.attacks import Nearest, Network, margin
from featsplit.attacks.objectives import SLACK
from featsplit.geometry import Distance, lengths
from tests.attacks.exact import Linear
from tests.attacks.minimum_norm import CASES, Case
from tests.attacks.networks import SHAPE, SIZE, draw, images, linear

cases = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])

both = [(case, targeted) for case in CASES for targeted in case.ways]
each = pytest.mark.parametrize(
    ("case", "targeted"), both, ids=[f"{case.name}-{('untargeted', 'targeted')[targeted]}" for case, targeted in both]
)
places = pytest.mark.parametrize("place", ["inside", "walls"])

N = 8


def placed(place: str, n: int = N) -> Tensor:
    """Images inside the box, or half of whose pixels lie at its walls."""
    if place == "inside":
        return images(n, low=0.4, high=0.6)
    at_wall = torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(3)).argsort(dim=-1) % 2 == 0
    return torch.where(at_wall, (images(n, seed=4) > 0.5).float(), images(n, low=0.2, high=0.8))


def easy(classes: int, *, only_two: bool) -> Linear:
    """A linear network that leaves every image within reach; with `only_two`, no third class is in the way."""
    biases = torch.zeros(classes)
    biases[2:] = -100.0 if only_two else 0.0
    return Linear(draw(classes, SIZE, seed=1), biases)


def truths(case: Case, linear: Linear, inputs: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """The exact distances (N,) in the norm of the case; images of one channel have as many pixels as components."""
    norm: Distance = "l0" if case.norm == "l0-pixels" else case.norm
    ends = [None] * len(labels) if targets is None else targets.tolist()
    ways = zip(inputs, labels.tolist(), ends, strict=True)
    return torch.tensor([linear.distance(image, label, norm, target) for image, label, target in ways])


def assert_sound(result: Nearest, case: Case, inputs: Tensor) -> None:
    """In the box, no NaN, and the distance is that of what came back; 0 is no failure and a failure no 0."""
    assert not result.distance.isnan().any()
    assert ((result.inputs >= 0) & (result.inputs <= 1)).all()
    assert result.inputs.dtype == torch.float32
    moved = lengths(result.inputs - inputs, case.norm)
    torch.testing.assert_close(result.distance[result.success], moved[result.success], rtol=0, atol=1e-6)
    assert (moved[~result.success] == 0).all()
    assert (result.calls > 0).all()


def assert_near(result: Nearest, case: Case, truth: Tensor, place: str) -> None:
    """Never nearer than the truth, and as near as the case promises."""
    places = {"inside": case.factor, "walls": case.at_walls, "circle": case.on_circle}
    factor = case.factor if (special := places[place]) is None else special
    assert (result.distance >= truth * (1 - 1e-5) - 1e-6).all()
    if factor < math.inf:
        assert (result.distance <= truth * factor + case.components + 1e-6).all(), result.distance / truth


@cases
@places
@pytest.mark.parametrize("classes", [2, 5])
def test_on_a_linear_network_it_finds_the_nearest_input(case: Case, place: str, classes: int) -> None:
    if False not in case.ways:
        pytest.skip("targeted only")
    known, inputs = easy(classes, only_two=False), placed(place)
    labels = known.network()(inputs).argmax(dim=1)
    result = case.attack(known.network(), inputs, labels, False)
    truth = truths(case, known, inputs, labels, None)
    assert truth.isfinite().all()
    assert_sound(result, case, inputs)
    assert_near(result, case, truth, place)
    if case.factor < math.inf:
        assert (known.network()(result.inputs).argmax(dim=1) != labels).all()


@cases
@places
@pytest.mark.parametrize("classes", [2, 5])
def test_on_a_linear_network_it_reaches_its_target_by_the_nearest_input(case: Case, place: str, classes: int) -> None:
    if True not in case.ways:
        pytest.skip("untargeted only")
    known, inputs = easy(classes, only_two=True), placed(place)
    labels = known.network()(inputs).argmax(dim=1)
    targets = 1 - labels
    result = case.attack(known.network(), inputs, targets, True)
    assert_sound(result, case, inputs)
    assert_near(result, case, truths(case, known, inputs, labels, targets), place)
    if case.factor < math.inf:
        assert (known.network()(result.inputs).argmax(dim=1) == targets).all()


def circle(radius: float) -> Network:
    """Class 0 inside of the circle around (1/2, 1/2, ...), class 1 outside."""

    def network(inputs: Tensor) -> Tensor:
        square = (inputs - 0.5).square().flatten(1).sum(dim=1)
        return torch.stack([radius**2 - square, square - radius**2], dim=1)

    return network


@each
@pytest.mark.parametrize("inside", [True, False])
def test_on_a_circle_it_finds_the_nearest_input(case: Case, targeted: bool, inside: bool) -> None:
    if case.norm != "l2":
        pytest.skip("known in l2")
    radius = 0.4
    way = draw(N, *SHAPE, seed=5)
    way = way / lengths(way, "l2")[:, None, None, None]
    far = torch.linspace(0.1, 0.35, N) if inside else torch.linspace(0.45, 0.75, N)
    inputs = 0.5 + way * far[:, None, None, None]
    assert ((inputs >= 0) & (inputs <= 1)).all()
    labels = torch.full((N,), int(not inside))
    result = case.attack(circle(radius), inputs, 1 - labels if targeted else labels, targeted)
    assert_sound(result, case, inputs)
    assert_near(result, case, (far - radius).abs(), "circle")


COLOURED = (3, 4, 4)


def curved(inputs: Tensor) -> Tensor:
    """Two layers with tanh between them, on images of three channels, in double precision: batches round alike."""
    hidden = torch.tanh((inputs.flatten(1).double() - 0.5) @ draw(48, 20, seed=7).double() / 3)
    return (hidden @ draw(20, 4, seed=8).double()).float()


def coloured(n: int, *, targeted: bool) -> tuple[Tensor, Tensor]:
    """`n` images, and what `curved` predicts of them; when targeted, another class."""
    inputs = torch.rand(n, *COLOURED, generator=torch.Generator().manual_seed(9))
    return inputs, (curved(inputs).argmax(dim=1) + targeted) % 4


@each
def test_an_image_alone_comes_as_near_as_among_many(case: Case, targeted: bool) -> None:
    inputs, labels = coloured(case.many, targeted=targeted)
    together = case.attack(curved, inputs, labels, targeted)
    assert_sound(together, case, inputs)
    for i in (0, 3 * case.many // 5, case.many - 1):
        alone = case.attack(curved, inputs[i : i + 1], labels[i : i + 1], targeted)
        torch.testing.assert_close(alone.distance, together.distance[i : i + 1], rtol=0, atol=1e-5)
        assert alone.calls.tolist() == together.calls[i : i + 1].tolist()


@each
def test_channels_last_comes_as_near_as_contiguous(case: Case, targeted: bool) -> None:
    inputs, labels = coloured(min(16, case.many), targeted=targeted)
    usual = case.attack(curved, inputs, labels, targeted)
    other = case.attack(curved, inputs.contiguous(memory_format=torch.channels_last), labels, targeted)
    assert_sound(other, case, inputs)
    torch.testing.assert_close(other.distance, usual.distance, rtol=0, atol=1e-5)


@each
def test_a_constant_network_fails_every_image(case: Case, targeted: bool) -> None:
    def constant(inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ torch.zeros(SIZE, 3) + torch.tensor([1.0, 0.0, 0.0])

    inputs = images(N)
    result = case.attack(constant, inputs, torch.full((N,), int(targeted)), targeted)
    assert (result.distance == math.inf).all()
    assert torch.equal(result.inputs, inputs)


@each
@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_logits_so_large_that_cross_entropy_is_flat_give_no_nan(case: Case, targeted: bool, scale: float) -> None:
    _, network = linear(5, scale=scale)
    inputs = placed("walls")
    labels = (network(inputs).argmax(dim=1) + targeted) % 5
    assert_sound(case.attack(network, inputs, labels, targeted), case, inputs)


@each
def test_a_nan_in_one_image_fails_that_image_alone(case: Case, targeted: bool) -> None:
    inputs, labels = coloured(5, targeted=targeted)
    whole = case.attack(curved, inputs, labels, targeted)
    spoilt = inputs.clone()
    spoilt[2, 0, 1, 1] = math.nan
    result, others = case.attack(curved, spoilt, labels, targeted), [0, 1, 3, 4]
    assert result.distance[2] == math.inf
    torch.testing.assert_close(result.distance[others], whole.distance[others], rtol=0, atol=1e-5)
    assert not result.inputs[others].isnan().any()


@each
def test_what_is_found_is_won_by_more_than_rounding(case: Case, targeted: bool) -> None:
    """Logits of which float32 keeps few digits: a lead of one of them is won or lost with the size of the batch."""

    def lifted(inputs: Tensor) -> Tensor:
        return curved(inputs) + 1e4

    inputs, labels = coloured(min(16, case.many), targeted=targeted)
    result = case.attack(lifted, inputs, labels, targeted)
    logits = lifted(result.inputs)
    lead = (margin(logits, labels) if targeted else -margin(logits, labels))[result.success]
    assert len(lead)
    assert (lead > SLACK * 1e4 * 0.9).all()


@each
def test_an_image_that_is_adversarial_already_comes_back_at_distance_0(case: Case, targeted: bool) -> None:
    inputs, labels = coloured(6, targeted=targeted)
    labels[[1, 4]] = (curved(inputs).argmax(dim=1)[[1, 4]] + (not targeted)) % 4
    result = case.attack(curved, inputs, labels, targeted)
    assert (result.distance == 0).nonzero()[:, 0].tolist() == [1, 4]
    assert torch.equal(result.inputs[[1, 4]], inputs[[1, 4]])
