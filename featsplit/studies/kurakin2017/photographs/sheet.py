"""A sheet to print: pages of pairs, each image with marks to cut along and the name of its crop; and their manifest."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.files import replacing, write_json
from featsplit.metadata.plain import Json, mapping, sequence, text, whole
from featsplit.studies.kurakin2017.transformations.images import as_pillow

PAGE = (1240, 1754)
"""Width and height of a page: A4 at 150 dots an inch."""
DPI, SIDE, GAP, LINE, MARGIN, TOP = 150, 160, 30, 220, 60, 130
"""Dots: of an image's side, between two, from one line to the next, around a page, and above the first line."""
COLUMNS, LINES = 3, 7
"""Pairs side by side, and one below the other."""
MARK = 12
"""The length of the marks at the corners of an image, along which it is cut."""
MANIFEST = "manifest.json"
FORMAT = 1
HOW = (
    "Print it at 100 %, photograph it, cut out each image along its marks,",
    "and save it under the name below it, as .png or .jpg.",
)


@dataclass(frozen=True)
class Pair:
    """A pair on the sheet: the image at `index` of the test images, clean and by `method` of eps `levels`/255.

    Its crops are the files called `NUMBER-clean` and `NUMBER-adversarial`; `prefiltered` is as in `cases`.
    """

    number: int
    method: str
    levels: int
    index: int
    prefiltered: bool

    @property
    def names(self) -> tuple[str, str]:
        """How the crops of the clean and of the adversarial image are called, without the ending."""
        return f"{self.number:03d}-clean", f"{self.number:03d}-adversarial"


class Manifest(NamedTuple):
    """What is on a sheet: its `pairs`, of the run of `seed` whose network has the key `network`."""

    network: str
    seed: int
    pairs: Sequence[Pair]


def write_sheet(folder: Path, manifest: Manifest, clean: Tensor, adversarial: Tensor) -> list[Path]:
    """Write the pages of `manifest` into `folder`, with images (P, C, H, W) of 8 bits; the files of the pages."""
    found, size = [], COLUMNS * LINES
    for first in range(0, len(manifest.pairs), size):
        rows = slice(first, first + size)
        page = draw_page(manifest.pairs[rows], clean[rows], adversarial[rows], number=first // size + 1)
        found.append(folder / f"page-{first // size + 1}.png")
        with replacing(found[-1]) as partial:
            page.save(partial, format="PNG", dpi=(DPI, DPI))
    pairs = [{**asdict(pair), "crops": list(pair.names)} for pair in manifest.pairs]
    content = {"format": FORMAT, "network": manifest.network, "seed": manifest.seed, "pairs": pairs}
    write_json(folder / MANIFEST, content)
    return found


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`, or in the one above it; FeatsplitError where there is none, or it cannot be read."""
    path = next((place / MANIFEST for place in (folder, folder.parent) if (place / MANIFEST).is_file()), None)
    if path is None:
        raise FeatsplitError(f"{folder}: has no {MANIFEST}, nor has the folder above; put the one of the sheet there")
    try:
        content = mapping(json.loads(path.read_text()))
        pairs = [_pair(one) for one in sequence(content["pairs"])]
        return Manifest(text(content["network"]), whole(content["seed"]), pairs)
    except (ValueError, KeyError, TypeError) as error:
        raise FeatsplitError(f"{path}: is no manifest of a sheet; write it again with --sheet") from error


def _pair(plain: Json) -> Pair:
    fields = mapping(plain)
    numbers = [whole(fields[name]) for name in ("number", "levels", "index")]
    return Pair(numbers[0], text(fields["method"]), numbers[1], numbers[2], bool(fields["prefiltered"]))


def draw_page(pairs: Sequence[Pair], clean: Tensor, adversarial: Tensor, *, number: int) -> Image.Image:
    """A page with these `pairs`, of images (P, C, H, W) of 8 bits, each pixel a square."""
    page = Image.new("RGB", PAGE, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(18)
    for line, words in enumerate((f"featsplit photos, page {number}. {HOW[0]}", HOW[1])):
        pen.text((MARGIN, MARGIN + 26 * line), words, fill="black", font=font)
    for place, pair in enumerate(pairs):
        for column, (image, name) in enumerate(zip((clean[place], adversarial[place]), pair.names, strict=True)):
            left, top = corner(place, column)
            page.paste(enlarged(image), (left, top))
            _marks(pen, left, top)
            pen.text((left, top + SIDE + MARK + 2), name, fill="black", font=ImageFont.load_default(16))
    return page


def corner(place: int, column: int) -> tuple[int, int]:
    """Where the image in `column` (0 clean, 1 adversarial) of the pair at `place` of a page begins: left and top."""
    line, across = divmod(place, COLUMNS)
    return MARGIN + (2 * across + column) * (SIDE + GAP), TOP + line * LINE


def enlarged(image: Tensor) -> Image.Image:
    """An image (C, H, W) of 8 bits as a square of `SIDE` dots, in RGB."""
    return as_pillow(image).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)


def _marks(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
    """Two short lines at each corner of an image, outside of it."""
    for x, outward in ((left - 1, -1), (left + SIDE, 1)):
        for y, beyond in ((top - 1, -1), (top + SIDE, 1)):
            pen.line((x, y + 2 * beyond, x, y + MARK * beyond), fill="black")
            pen.line((x + 2 * outward, y, x + MARK * outward, y), fill="black")


def paired(numbers: Sequence[tuple[str, int, Tensor, Tensor]]) -> list[Pair]:
    """The pairs of a sheet, numbered: of each method and eps, the images at indices (P,), and which are prefiltered."""
    found = list[Pair]()
    for method, levels, indices, prefiltered in numbers:
        for index, sure in zip(indices.tolist(), prefiltered[indices].tolist(), strict=True):
            found.append(Pair(len(found) + 1, method, levels, index, bool(sure)))
    return found


def rows_of(pairs: Sequence[Pair]) -> Tensor:
    """The indices of the images of `pairs`, (P,)."""
    return torch.tensor([pair.index for pair in pairs], dtype=torch.int64)
