"""The transformations against scipy, Pillow and closed forms; every one gives 8 bits, and an image feels no other."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from featsplit.studies.kurakin2017.storage.chain import STAGES, resized, stages
from featsplit.studies.kurakin2017.transformations.images import RANGES, blurred, jpeg, png, transformed


def drawn(count: int, channels: int = 3, side: int = 16) -> Tensor:
    """Images of 8 bits."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, side, side), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("sigma", RANGES["blur"])
@pytest.mark.parametrize("side", [8, 16])
def test_the_blur_is_scipys(sigma: float, side: int) -> None:
    levels = drawn(2, side=side).float()
    known = ndimage.gaussian_filter(levels.numpy(), (0, 0, sigma, sigma), mode="nearest", truncate=4.0)
    np.testing.assert_allclose(blurred(levels, sigma).numpy(), known, atol=1e-3)


def test_brightness_is_added_and_contrast_is_about_the_middle_both_clamped_and_rounded() -> None:
    levels = torch.tensor([0, 1, 100, 128, 200, 255], dtype=torch.uint8).reshape(1, 1, 2, 3)
    brighter, darker = (transformed(levels, "brightness", by, seed=0).flatten().tolist() for by in (20, -20))
    assert brighter == [20, 21, 120, 148, 220, 255]
    assert darker == [0, 0, 80, 108, 180, 235]
    flatter, steeper = (transformed(levels, "contrast", by, seed=0).flatten().tolist() for by in (0.5, 1.4))
    assert flatter == [64, 64, 114, 128, 164, 192]
    assert steeper == [0, 0, 89, 128, 229, 255]


def test_noise_has_its_standard_deviation_and_is_of_an_image_and_a_seed() -> None:
    grey = torch.full((4, 3, 64, 64), 128, dtype=torch.uint8)
    noisy = transformed(grey, "noise", 16, seed=0)
    moved = noisy.double() - 128
    assert moved.std().item() == pytest.approx((16**2 + 1 / 12) ** 0.5, rel=0.01)
    assert abs(moved.mean().item()) < 0.3
    assert torch.equal(transformed(grey[:2], "noise", 16, seed=0), noisy[:2])
    assert not torch.equal(transformed(grey, "noise", 16, seed=1), noisy)
    assert not torch.equal(noisy[0], noisy[1])


def test_jpeg_is_pillows_of_that_quality_with_halved_chroma() -> None:
    (image,) = drawn(1)
    array, file = image.permute(1, 2, 0).numpy(), io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=30, subsampling=2)
    known = np.array(Image.open(file)).transpose(2, 0, 1)
    np.testing.assert_array_equal(jpeg(image[None], 30)[0].numpy(), known)


def test_jpeg_comes_nearer_with_its_quality_and_takes_grey_images() -> None:
    for channels in (1, 3):
        images = drawn(4, channels)
        far = [(jpeg(images, quality).float() - images.float()).abs().mean().item() for quality in (10, 50, 95)]
        assert far == sorted(far, reverse=True)
        assert jpeg(images, 50).shape == images.shape


@pytest.mark.parametrize("name", ["identity", *RANGES])
def test_what_comes_out_has_8_bits_and_is_the_same_one_by_one(name: str) -> None:
    images = drawn(3)
    strength = 0.0 if name == "identity" else RANGES[name][-1]
    found = transformed(images, name, strength, seed=0)
    assert found.dtype == torch.uint8
    assert torch.equal(found[:1], transformed(images[:1], name, strength, seed=0))
    assert torch.equal(found, images) == (name == "identity")


def test_a_png_changes_nothing() -> None:
    for channels in (1, 3):
        assert torch.equal(png(drawn(3, channels)), drawn(3, channels))


def test_a_resized_image_is_nearly_itself_cut_at_the_edge() -> None:
    """A constant stays; a slope of a level a pixel stays one, less steep by the part that is cut off."""
    constant = torch.full((1, 3, 16, 16), 77, dtype=torch.uint8)
    assert torch.equal(resized(constant), constant)
    slope = (4 * torch.arange(16, dtype=torch.uint8)).expand(1, 1, 16, 16).contiguous()
    middle = resized(slope)[0, 0, 8, 3:13].double().numpy()
    steepness = np.polyfit(range(10), middle, 1)[0]
    assert steepness == pytest.approx(4 * 30 / 32, rel=0.05)


def test_each_stage_is_made_of_the_one_before() -> None:
    stored = drawn(2)
    found = stored.float() / 255 + 0.001
    by_stage = stages(found, stored)
    assert tuple(by_stage) == STAGES
    assert torch.equal(by_stage["float"], found)
    assert torch.equal(by_stage["8-bit"], stored)
    assert torch.equal(by_stage["resized"], resized(stored))
    assert torch.equal(by_stage["other network"], resized(stored))
