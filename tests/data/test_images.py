"""What goes over all images goes in pieces, and gives what it would give at once."""

import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor

from featsplit.data.images import ImageData, Split, channel_moments, check, digest_of, pieces
from featsplit.errors import FeatsplitError

LARGE = (5, 2, 512, 1100)
"""An image of these is more than half of a piece."""


def images(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if dtype == torch.uint8:
        return torch.randint(0, 256, shape, generator=generator, dtype=dtype)
    return torch.rand(shape, generator=generator).to(dtype)


@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32], ids=str)
def test_a_digest_is_over_type_shape_and_values(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    array = images(shape, dtype).numpy()
    expected = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hexdigest()
    assert digest_of(torch.from_numpy(array)) == expected


def test_a_digest_does_not_feel_how_the_values_lie() -> None:
    tensor = images((4, 3, 5, 6), torch.float32)
    assert digest_of(tensor.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)) == digest_of(tensor)


@pytest.mark.parametrize(("shape", "sizes"), [((3000, 1, 64, 64), [256] * 11 + [184]), (LARGE, [1] * 5)])
def test_pieces_are_all_the_images_in_order(shape: tuple[int, ...], sizes: list[int]) -> None:
    whole = images(shape, torch.uint8)
    parts = list(pieces(whole))
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32], ids=str)
def test_moments_are_those_of_numpy(dtype: torch.dtype) -> None:
    found = images(LARGE, dtype)
    found[:, 1] //= 3 if dtype == torch.uint8 else 1
    array = found.numpy().astype(np.float64) / (255 if dtype == torch.uint8 else 1)
    mean, std = channel_moments(found)
    np.testing.assert_allclose(mean.numpy(), array.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.numpy(), array.std(axis=(0, 2, 3), ddof=1), rtol=1e-6)


def test_moments_of_few_pixels_are_not_biased() -> None:
    found = images((3, 2, 1, 1), torch.float32)
    torch.testing.assert_close(channel_moments(found)[1], found.std(dim=(0, 2, 3)))
    assert channel_moments(torch.full((9, 1, 2, 2), 0.3))[1].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.nan, "train: image 3 has NaN or infinite pixels; repair or drop it"),
        (torch.inf, "train: image 3 has NaN or infinite pixels; repair or drop it"),
        (1.5, r"train: pixels span 0\.25 to 1\.5; floating-point images must be in \[0, 1\]"),
        (-0.5, r"train: pixels span -0\.5 to 0\.75; floating-point images must be in \[0, 1\]"),
    ],
)
def test_bad_pixels_are_found_in_any_piece(value: float, message: str) -> None:
    found = torch.full(LARGE, 0.25)
    found[4] = 0.75
    split = Split(found.clone(), torch.arange(5) % 2)
    check(ImageData("fine", ("a", "b"), split, split))
    found[3, 1, 5, 7] = value
    with pytest.raises(FeatsplitError, match=message):
        check(ImageData("own", ("a", "b"), Split(found, split.labels), split))
