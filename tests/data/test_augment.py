"""Augmentation against torchvision's functions with the same parameters, and the laws of `augment` itself."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional as oracle

from featsplit.data.augment import (
    _STEPS,
    AUGMENTATIONS,
    TRIES,
    Padding,
    augment,
    boxes_of,
    check_augment,
    crop,
    flip,
    jitter,
    resized_crop,
    rotate,
)
from featsplit.errors import FeatsplitError


def random_images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def augmented(inputs: Tensor, *names: str, seed: int = 0) -> Tensor:
    return augment(inputs, names, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_crop_is_pad_then_crop_of_torchvision(mode: Padding) -> None:
    inputs = random_images(25, 3, 6, 9)
    tops, lefts = torch.arange(25) // 5, torch.arange(25) % 5
    out = crop(inputs, tops, lefts, padding=2, mode=mode)
    for row in range(25):
        padded = oracle.pad(inputs[row], [2, 2, 2, 2], padding_mode=mode)
        assert torch.equal(out[row], oracle.crop(padded, int(tops[row]), int(lefts[row]), 6, 9))


def test_crop_at_the_padding_is_the_image_itself() -> None:
    inputs = random_images(3, 1, 8, 8)
    assert torch.equal(crop(inputs, torch.full((3,), 2), torch.full((3,), 2), padding=2), inputs)


def test_flip_mirrors_the_chosen_images_alone() -> None:
    inputs = random_images(2, 3, 5, 6)
    out = flip(inputs, torch.tensor([True, False]))
    assert torch.equal(out[0], oracle.horizontal_flip(inputs[0]))
    assert torch.equal(out[1], inputs[1])


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_the_three_adjustments_of_torchvision(order: tuple[int, ...], channels: int) -> None:
    inputs = random_images(4, channels, 6, 7)
    factors = torch.tensor([[0.75, 1.25, 0.8], [1.25, 0.75, 1.2], [1.0, 1.0, 1.0], [1.9, 1.6, 0.1]])
    out = jitter(inputs, factors, torch.tensor(order).expand(4, 3))
    adjust = [oracle.adjust_brightness, oracle.adjust_contrast, oracle.adjust_saturation]
    for row in range(4):
        expected = inputs[row]
        for step in order:
            expected = adjust[step](expected, float(factors[row, step]))
        torch.testing.assert_close(out[row], expected, atol=1e-6, rtol=0)


def test_jitter_takes_each_image_in_its_own_order() -> None:
    inputs, factors = random_images(2, 3, 6, 6), torch.tensor([[1.25, 0.75, 1.25]]).expand(2, 3)
    orders = torch.tensor([[0, 1, 2], [2, 1, 0]])
    both = jitter(inputs, factors, orders)
    for row in range(2):
        assert torch.equal(both[row : row + 1], jitter(inputs[row : row + 1], factors[:1], orders[row : row + 1]))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 7, 12)])
def test_rotate_is_that_of_torchvision(shape: tuple[int, int, int]) -> None:
    inputs, degrees = random_images(5, *shape), torch.tensor([-30.0, -2.0, 0.0, 1.5, 45.0])
    out = rotate(inputs, degrees)
    for row in range(5):
        bilinear = oracle.InterpolationMode.BILINEAR
        expected = oracle.rotate(inputs[row], float(degrees[row]), interpolation=bilinear)
        torch.testing.assert_close(out[row], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(9, 7), (5, 14), (30, 25)])
def test_resized_crop_is_that_of_torchvision(size: tuple[int, int]) -> None:
    """Smaller with antialiasing, larger without, and both at once; boxes at the edges too."""
    inputs = random_images(6, 3, 20, 24)
    boxes = torch.tensor([[0, 0, 20, 24], [3, 5, 9, 7], [0, 20, 20, 4], [19, 23, 1, 1], [6, 2, 14, 15], [7, 0, 5, 24]])
    out = resized_crop(inputs, boxes, size)
    for row, box in enumerate(boxes.tolist()):
        expected = oracle.resized_crop(inputs[row], *box, size=list(size), antialias=True)
        torch.testing.assert_close(out[row], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (5, 40), (40, 5), (1, 9), (30, 41), (1, 2), (2, 1)])
def test_boxes_are_those_of_torchvision_for_the_same_draws(
    height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its random numbers are replaced by ours: as many tries, the first that fits, else the middle."""
    drawn = random_images(60, TRIES, 4)
    boxes, numbers = boxes_of(drawn, height, width), list[float]()
    corners = list[float]()

    def uniform(self: Tensor, low: float = 0, high: float = 1) -> Tensor:
        number = numbers.pop(0)
        if len(numbers) % 2 == 0:  # the second of a try: its corners are those that belong to it
            corners[:] = next(places)
        return torch.tensor([low + (high - low) * number], dtype=torch.float64)

    def randint(low: int, high: int, size: tuple[int, ...]) -> Tensor:
        return torch.tensor([int(corners.pop(0) * (high - low))])

    monkeypatch.setattr(torch.Tensor, "uniform_", uniform)
    monkeypatch.setattr(torch, "randint", randint)
    fallbacks = 0
    for row, tries in enumerate(drawn.double()):
        numbers[:] = tries[:, :2].flatten().tolist()
        places = iter(tries[:, 2:].tolist())
        expected = RandomResizedCrop.get_params(torch.zeros(1, height, width), [0.08, 1.0], [3 / 4, 4 / 3])
        fallbacks += not numbers
        assert boxes[row].tolist() == list(expected)
    assert fallbacks or (height, width) not in ((5, 40), (40, 5), (1, 9))


def test_random_resized_crops_have_the_size_asked_for() -> None:
    inputs = random_images(9, 3, 16, 16)
    draws = {"generator": torch.Generator().manual_seed(0)}
    out = augment(inputs, ["random-resized-crop", "flip"], generator=draws["generator"], size=(14, 14))
    assert out.shape == (9, 3, 14, 14)
    boxes = boxes_of(torch.rand(9, TRIES, 4, generator=torch.Generator().manual_seed(0)), 16, 16)
    cut = resized_crop(inputs, boxes, (14, 14))
    mirrored = (out != cut).flatten(1).any(1)
    assert torch.equal(torch.where(mirrored[:, None, None, None], cut.flip(3), cut), out)


@pytest.mark.parametrize(
    ("name", "size", "reach"), [("crop", 32, 4), ("crop", 8, 1), ("crop", 4, 1), ("shift", 28, 2), ("shift", 8, 1)]
)
def test_windows_move_in_proportion_to_the_size(name: str, size: int, reach: int) -> None:
    inputs = torch.zeros(400, 1, size, size)
    inputs[:, :, size // 2, size // 2] = 1
    moves = augmented(inputs, name).nonzero()[:, 2:] - size // 2
    assert sorted(set(moves[:, 0].tolist())) == list(range(-reach, reach + 1))
    assert sorted(set(moves[:, 1].tolist())) == list(range(-reach, reach + 1))
    assert len({tuple(move) for move in moves.tolist()}) == (2 * reach + 1) ** 2


def test_crop_fills_with_zeros_and_reflect_crop_does_not() -> None:
    white = torch.ones(200, 3, 16, 16)
    assert (augmented(white, "crop") == 0).any()
    assert torch.equal(augmented(white, "reflect-crop"), white)


def test_flip_takes_half_of_the_images() -> None:
    inputs = torch.tensor([0.0, 1.0]).expand(4000, 1, 1, 2)
    assert augmented(inputs, "flip")[:, 0, 0, 0].mean().item() == pytest.approx(0.5, abs=0.04)


def test_color_jitter_draws_factors_up_to_a_quarter() -> None:
    brightness = augmented(torch.full((2000, 1, 4, 4), 0.5), "color-jitter").mean((1, 2, 3)) / 0.5
    assert 0.75 - 1e-6 <= brightness.min().item() < 0.76
    assert 1.24 < brightness.max().item() <= 1.25 + 1e-6
    assert brightness.mean().item() == pytest.approx(1, abs=0.02)


def test_rotation_stays_within_two_degrees() -> None:
    """The centre of mass of a dot at distance r turns by the angle that was drawn."""
    inputs = torch.zeros(500, 1, 65, 65)
    inputs[:, 0, 32, 62] = 1
    out = augmented(inputs, "rotation")
    height = (out * (32 - torch.arange(65.0))[:, None]).sum((1, 2, 3)) / out.sum((1, 2, 3))
    degrees = torch.rad2deg(torch.asin(height / 30))
    assert -2.05 < degrees.min().item() < -1.9
    assert 1.9 < degrees.max().item() < 2.05


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_stay_pixels_and_the_generator_decides(name: str, channels: int) -> None:
    inputs = random_images(64, channels, 12, 12).round(decimals=1)
    out = augmented(inputs, name)
    assert out.shape == inputs.shape
    assert out.min() >= 0
    assert out.max() <= 1
    without_effect = name == "grey" and channels == 1
    assert torch.equal(out, inputs) == without_effect
    assert torch.equal(out, augmented(inputs, name))
    assert torch.equal(out, augmented(inputs, name, seed=1)) == without_effect


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_image_does_not_feel_its_batch(name: str) -> None:
    inputs, others = random_images(8, 3, 12, 12), random_images(8, 3, 12, 12, seed=1)
    others[3] = inputs[3]
    assert torch.equal(augmented(inputs, name)[3], augmented(others, name)[3])


def test_steps_come_in_the_order_given() -> None:
    inputs = random_images(16, 3, 16, 16)
    generator = torch.Generator().manual_seed(0)
    by_hand = augment(augment(inputs, ["flip"], generator=generator), ["crop"], generator=generator)
    assert torch.equal(augmented(inputs, "flip", "crop"), by_hand)
    assert not torch.equal(augmented(inputs, "crop", "flip"), by_hand)
    assert augmented(inputs) is inputs


@pytest.mark.parametrize("call", [check_augment, lambda names: augmented(torch.zeros(1, 1, 4, 4), *names)])
def test_an_unknown_name_is_refused(call: Callable[[list[str]], object]) -> None:
    with pytest.raises(FeatsplitError) as error:
        call(["crop", "flop"])
    assert str(error.value) == (
        'train.augment = "flop": must be one of crop, reflect-crop, flip, shift, color-jitter, strong-color-jitter, '
        'grey, rotation, random-resized-crop; did you mean "flip"?'
    )


def test_every_name_passes_the_check() -> None:
    assert set(AUGMENTATIONS) == set(_STEPS)
    check_augment(AUGMENTATIONS)
