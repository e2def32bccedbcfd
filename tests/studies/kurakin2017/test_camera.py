"""The simulated camera: its geometry against turns, shifts and scipy, and one draw for each image and seed."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from featsplit.studies.kurakin2017.photographs.camera import (
    GAIN,
    GAMMA,
    ROTATION,
    SCALE,
    SHIFT,
    Shot,
    photographed,
    shots,
    warped,
)


def still(**changed: float) -> Shot:
    """A shot that changes nothing but what is given."""
    usual = {"rotation": 0.0, "scale": 1.0, "across": 0.0, "down": 0.0, "gamma": 1.0, "gain": 1.0, **changed}
    return Shot(**{name: torch.tensor([value]) for name, value in usual.items()})


@pytest.fixture
def image() -> Tensor:
    return torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0))


def test_a_shot_that_changes_nothing_leaves_the_image(image: Tensor) -> None:
    torch.testing.assert_close(warped(image, still()), image)


def test_an_image_turns_clockwise_and_moves_to_the_right_and_down(image: Tensor) -> None:
    turned = warped(image, still(rotation=90.0))
    torch.testing.assert_close(turned, image.rot90(-1, (2, 3)), atol=1e-5, rtol=0)
    moved = warped(image, still(across=2 / 16, down=3 / 16))
    torch.testing.assert_close(moved[:, :, 3:, 2:], image[:, :, :-3, :-2], atol=1e-5, rtol=0)


def test_the_geometry_is_scipys(image: Tensor) -> None:
    """As scipy maps places back: y = R^-1 (x - middle - shift) / scale + middle."""
    angle, scale, shift = np.deg2rad(3.0), 1.03, np.array([0.02, -0.03]) * 16
    back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    middle = np.array([7.5, 7.5])
    known = [
        ndimage.affine_transform(channel, back, middle - back @ (middle + shift), order=1, mode="nearest")
        for channel in image[0].double().numpy()
    ]
    found = warped(image, still(rotation=3.0, scale=scale, down=0.02, across=-0.03))[0]
    np.testing.assert_allclose(found.numpy(), np.stack(known), atol=1e-4)


def test_shots_stay_in_their_ranges_and_fill_them() -> None:
    shot = shots(0, torch.arange(2000))
    ranges = [(0, ROTATION), (1, SCALE), (0, SHIFT), (0, SHIFT), (1, GAMMA), (1, GAIN)]
    for values, (middle, reach) in zip(shot, ranges, strict=True):
        off = (values - middle).abs()
        assert 0.98 * reach < off.max() <= reach * (1 + 1e-6)
        assert off.mean().item() == pytest.approx(reach / 2, rel=0.05)


def test_a_photograph_is_of_an_image_and_a_seed_and_feels_no_other() -> None:
    images = torch.randint(0, 256, (6, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    indices = torch.arange(6)
    whole = photographed(images, seed=0, indices=indices)
    assert whole.dtype == torch.uint8
    assert torch.equal(photographed(images[3:], seed=0, indices=indices[3:]), whole[3:])
    assert not torch.equal(photographed(images, seed=1, indices=indices), whole)
    same = photographed(images[:1].expand(2, -1, -1, -1), seed=0, indices=torch.tensor([0, 1]))
    assert not torch.equal(same[0], same[1])
