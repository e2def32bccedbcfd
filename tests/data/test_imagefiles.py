"""One image file as it is meant to be seen: turned as its EXIF data say, on white where it is transparent."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from featsplit.data.imagefiles import picture, size_and_grey
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitWarning

UPRIGHT = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
STORED: dict[int, NDArray[np.uint8]] = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}
"""How a camera that was held in another way stores the same image, by the orientation that it notes (EXIF 2.3, 4.6.4):
6 is "the first row is the right side of the scene", so what is stored is turned to the left."""


def rgb(path: Path) -> NDArray[np.uint8]:
    return np.asarray(picture(path, grey=False).image)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("png", {}),
        ("tif", {}),
        ("tif", {"compression": "tiff_lzw"}),
        ("webp", {"lossless": True}),
        ("jpg", {"quality": 100}),
    ],
)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, kind: str, options: dict[str, Any]) -> None:
    side = 16 if kind == "jpg" else 1  # whole blocks of JPEG, which keeps what is flat
    stored, path = np.kron(STORED[orientation], np.ones((side, side), np.uint8)), tmp_path / f"a.{kind}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif, **options)
    upright = np.kron(UPRIGHT, np.ones((side, side), np.uint8))
    assert size_and_grey(path)[0] == (3 * side, 2 * side)
    found = np.asarray(picture(path, grey=True).image)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() <= 2


def test_a_file_whose_exif_data_are_broken_is_read(tmp_path: Path) -> None:
    Image.fromarray(UPRIGHT).save(tmp_path / "a.png", exif=b"Exif\0\0nothing of the kind")
    assert size_and_grey(tmp_path / "a.png") == ((3, 2), True)
    assert np.array_equal(np.asarray(picture(tmp_path / "a.png", grey=True).image), UPRIGHT)


def on_white(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Porter and Duff's "over", on white."""
    part = alpha[..., None] / 255 if colour.ndim == 3 else alpha / 255
    return np.asarray(colour * part + 255 * (1 - part))


def test_an_alpha_channel_is_composited_on_white(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colour, alpha = rng.integers(0, 256, (9, 7, 3), np.uint8), rng.integers(0, 256, (9, 7), np.uint8)
    Image.fromarray(np.dstack([colour, alpha])).save(tmp_path / "a.png")
    assert picture(tmp_path / "a.png", grey=False).transparent
    assert np.abs(rgb(tmp_path / "a.png") - on_white(colour, alpha)).max() <= 1
    Image.fromarray(np.dstack([colour[..., 0], alpha])).save(tmp_path / "b.png")
    assert size_and_grey(tmp_path / "b.png") == ((7, 9), True)
    grey = picture(tmp_path / "b.png", grey=True)
    assert grey.transparent
    assert np.abs(np.asarray(grey.image) - on_white(colour[..., 0], alpha)).max() <= 1


def test_one_colour_may_stand_for_transparent(tmp_path: Path) -> None:
    """In a PNG without an alpha channel (its chunk tRNS), of colours, greys, 16-bit greys or a palette; in a GIF."""
    levels = np.array([[0, 50, 100], [150, 200, 50]], np.uint8)
    Image.fromarray(np.dstack([levels] * 3)).save(tmp_path / "colour.png", transparency=(50, 50, 50))
    Image.fromarray(levels).save(tmp_path / "grey.png", transparency=50)
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    content, clear = (tmp_path / "deep.png").read_bytes(), b"tRNS" + struct.pack(">H", 50 * 257)
    chunk = struct.pack(">I", 2) + clear + struct.pack(">I", zlib.crc32(clear))  # not every Pillow writes it
    (tmp_path / "deep.png").write_bytes(content[:33] + chunk + content[33:])  # after the header
    palette = Image.fromarray(levels // 50)
    palette.putpalette([level for level in range(0, 256, 50) for _ in range(3)])
    palette.save(tmp_path / "palette.png", transparency=bytes([255, 0, 255]))
    palette.save(tmp_path / "index.gif", transparency=1)
    expected = np.where(levels == 50, 255, levels)
    for name in ("colour.png", "grey.png", "deep.png", "palette.png", "index.gif"):
        assert picture(tmp_path / name, grey=False).transparent, name
        assert np.array_equal(rgb(tmp_path / name), np.dstack([expected] * 3)), name


def test_transparency_is_said_once_for_all_images(tmp_path: Path) -> None:
    """Of those that show it: an alpha channel that is opaque changes nothing, and nothing is said of it."""
    rng = np.random.default_rng(0)
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / place).mkdir(parents=True)
        for number, alpha in enumerate((255, 254)):
            colour = rng.integers(0, 256, (4, 4, 3), np.uint8)
            whole = np.dstack([colour, np.full((4, 4), 255, np.uint8)])
            whole[0, 0, 3] = alpha
            Image.fromarray(whole).save(tmp_path / place / f"{number}.png")
    with pytest.warns(FeatsplitWarning) as caught:
        load_data(DataSpec(f"folder:{tmp_path}"))
    (said,) = caught
    assert str(said.message) == f"folder:{tmp_path}: 4 of 8 images have transparency; composited on white"
