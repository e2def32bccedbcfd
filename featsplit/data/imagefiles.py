"""Image files: those that a folder holds, and what each looks like.

Images are what Pillow has a reader for, with its name for the extension. Hidden files and folders, and what systems
leave beside images, are not looked at; links are followed. An image is turned as its EXIF data say, and lies on white
where it is transparent.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from featsplit.errors import FeatsplitError

NO_IMAGES = frozenset(["BUFR", "EPS", "FLI", "GRIB", "HDF5", "MPEG", "PDF", "WMF"])
"""What Pillow knows that is no image of pixels: films, drawings, tables. To read an EPS it would start Ghostscript."""
LEFTOVERS = frozenset(["__macosx", "@eadir", "thumbs.db", "desktop.ini"])
GREY_MODES = frozenset(["1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N"])
TRANSPARENT_MODES = frozenset(["LA", "La", "PA", "RGBA", "RGBa"])
GONE = "a link to nothing"
SHOWN = 10  # files that an error names
Unreadable = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
ORIENTATION = 0x0112
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by its EXIF orientation; from 5 on its sides change places."""


Content = Path | bytes
"""An encoded image: a file, or what is in one."""


class Broken(NamedTuple):
    """A file, or a folder, that cannot be read, and why, in a few words."""

    path: Path
    reason: str


class Listing(NamedTuple):
    """What a folder holds at any depth, in order: images and others, by their extensions, and what is broken."""

    images: list[Path]
    others: list[Path]
    broken: list[Broken]


class Picture(NamedTuple):
    """An image in 8 bits a channel, L or RGB, as it looks, and whether any of it was transparent."""

    image: Image.Image
    transparent: bool


def is_skipped(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or a system's own."""
    return name.startswith(".") or name.lower() in LEFTOVERS


def formats() -> list[str]:
    """Pillow's names of the kinds of image that are read, those last that have no mark by which a file is known."""
    Image.init()
    return sorted((kind for kind in Image.ID if kind not in NO_IMAGES), key=lambda kind: Image.OPEN[kind][1] is None)


def extensions() -> frozenset[str]:
    """What the files of these kinds end in, in small letters, as Pillow registers it: ".jfif", ".png", ".tga" ..."""
    read = {*formats(), "MPO"}  # which is a JPEG with more behind it
    return frozenset(end for end, kind in Image.registered_extensions().items() if kind in read)


def listed(folder: Path) -> Listing:
    """The files in `folder`; a folder that several links lead to is read once, and a link to nothing is broken."""
    broken = list[Broken]()
    try:
        files = sorted(_files(folder, broken))
    except RecursionError as error:  # Python's own walk calls itself for each
        raise FeatsplitError(
            f"{folder}: folders in folders, too many to be walked through; move the images up"
        ) from error
    broken += [Broken(file, GONE) for file in files if leads_nowhere(file)]
    there = [file for file in files if not leads_nowhere(file)]
    ends = extensions()
    images = [file for file in there if file.suffix.lower() in ends]
    return Listing(images, [file for file in there if file.suffix.lower() not in ends], broken)


def leads_nowhere(path: Path) -> bool:
    """Whether `path` is a link to what is not there."""
    return os.path.islink(path) and not os.path.exists(path)


def _files(folder: Path, broken: list[Broken]) -> Iterator[Path]:
    """The files in `folder` at any depth; the folders that cannot be read join `broken`."""
    seen = set[str]()

    def failed(error: OSError) -> None:
        broken.append(Broken(Path(error.filename), reason(Path(error.filename), error)))

    for place, folders, files in os.walk(folder, followlinks=True, onerror=failed):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not is_skipped(name))
        if real not in seen:
            yield from (Path(place, name) for name in files if not is_skipped(name))
        seen.add(real)


def size_and_grey(content: Content) -> tuple[tuple[int, int], bool]:
    """Width and height of an image as it is shown, and whether it is grey, by its header; or one of `Unreadable`.

    Of a PNG whose EXIF data come after its pixels, the size is that before it is turned.
    """
    with _opened(content) as image:
        grey = image.mode in GREY_MODES
        if image.format == "TIFF" and _orientation(image) > 1:
            image.load()  # turns it
        elif _header_orientation(image) >= 5:
            return (image.height, image.width), grey
        return image.size, grey


def picture(content: Content, *, grey: bool) -> Picture:
    """An image in L, with `grey`, or in RGB; one of `Unreadable` where it cannot be read."""
    with _opened(content) as image:
        image.load()
        turn = None if image.format == "TIFF" else TURNED.get(_orientation(image))  # Pillow turns a TIFF itself
        found = _on_white(image)
        upright = found.image if turn is None else found.image.transpose(turn)
        return Picture(upright.convert("L" if grey else "RGB"), found.transparent)


@contextmanager
def _opened(content: Content) -> Iterator[Image.Image]:
    """The image, for Pillow a file and not a path: that it would map, and turn the rows of a TIFF wrongly."""
    opened = BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    with opened as file, Image.open(file, formats=formats()) as image:
        yield image


def _header_orientation(image: Image.Image) -> int:
    """The EXIF orientation where it stands before the pixels: to look for it after them is to read a whole PNG."""
    early = any(key in image.info for key in ("exif", "Raw profile type exif", "XML:com.adobe.xmp"))
    return _orientation(image) if early or image.format != "PNG" else 1


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Unreadable:
        return 1  # the pixels may be sound all the same


def _on_white(image: Image.Image) -> Picture:
    """The image in a mode that converts to L and RGB as it looks: 16 bits scaled to 8, palettes resolved, no alpha."""
    if image.mode == "F":
        raise ValueError("floating-point pixels")  # they have no agreed white
    if image.mode.startswith("I"):
        return _sixteen_bits(image)
    if not _may_be_transparent(image):
        return Picture(image.convert("RGB") if image.mode == "P" else image, False)
    whole = image.convert("RGBA")
    if whole.getchannel("A").getextrema()[0] == 255:
        return Picture(whole, False)
    return Picture(Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole), True)


def _sixteen_bits(image: Image.Image) -> Picture:
    array = np.asarray(image)
    clear = array == image.info.get("transparency", -1)
    levels = (array.astype(np.int64).clip(0, 65535) / 257).round().astype(np.uint8)
    return Picture(Image.fromarray(np.where(clear, np.uint8(255), levels)), bool(clear.any()))


def _may_be_transparent(image: Image.Image) -> bool:
    """As Pillow's `has_transparency_data`, which is there from 10.1 on."""
    palette = image.palette.mode if image.mode == "P" and image.palette is not None else ""
    return "transparency" in image.info or image.mode in TRANSPARENT_MODES or palette.endswith("A")


def reason(content: Content, error: BaseException) -> str:
    """Why an image, or a folder, could not be read, in a few words."""
    if isinstance(content, Path) and leads_nowhere(content):
        return GONE
    if isinstance(error, UnidentifiedImageError):
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        return "not an image" if size else "empty"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "too many pixels"
    text = str(getattr(error, "strerror", None) or error)
    if "truncated" in text.lower():
        return "truncated"
    return " ".join(text.split())[:60] or type(error).__name__


def unreadable(broken: Sequence[Broken], place: str, root: Path) -> FeatsplitError:
    """The error that names the first of the `broken` files, as they lie in `root`, and says how many there are."""
    named = [f"{os.path.relpath(path, root)} ({why})" for path, why in broken[:SHOWN]]
    if len(broken) == 1:
        return FeatsplitError(f"{place}: {named[0]} cannot be read as an 8- or 16-bit image; repair it or remove it")
    more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    what = f"{len(broken)} files cannot be read as 8- or 16-bit images"
    return FeatsplitError(f"{place}: {what}: {', '.join(named)}{more}; repair or remove them")


def transparency(count: int, whole: int) -> str:
    """What is said where `count` of `whole` images are transparent."""
    return f"{count} of {whole} images {'has' if count == 1 else 'have'} transparency; composited on white"
