"""The image explorer of a page: sheets of images as PNG, and what is known of each as JSON.

Without a script the sheets are read as they are. `page.js` cuts them up and shows one image at a time; the change is
computed there, from the 8 bits of two images, so that one scale holds for all.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from featsplit.metadata.plain import Fields
from featsplit.report.blocks import ExampleSet, Explorer
from featsplit.report.examples import Examples, read_examples
from featsplit.report.packaged import packaged

MOST, BYTES = 100, 2_000_000
"""How many images of each set are shown, and how much of the page they take at most, unless a number is asked for."""
COLUMNS, GAP = 10, 1
"""Of a sheet: how many images a line has, and how many grey pixels are right of and below each."""
WIDTH = 320
"""At least so wide is a sheet where there is no script, in pixels of the page."""
FULL, TIMES = 0.5, 50
"""How far from grey large changes of a perturbed set are shown at first, and by how much they are amplified at most."""
Pixels = NDArray[np.uint8]


def explorer_html(block: Explorer, folder: Path) -> str:
    """The explorer as HTML, of as many images as are asked for; else of as many as are small enough."""
    found = [read_examples(folder / one.examples) for one in block.sets]
    if block.images is not None:
        return _html(block, found, block.images)
    count = MOST
    while len(html := _html(block, found, count)) > BYTES and count > 1:
        count = max(1, min(count - 1, count * BYTES // len(html)))
    return html


def _html(block: Explorer, found: Sequence[Examples], count: int) -> str:
    chosen = [examples.spread(count) for examples in found]
    sources = {int(row): tile for one in chosen for row, tile in zip(one.index, one.source, strict=True)}
    ordered = sorted(sources)
    place = {row: number for number, row in enumerate(ordered)}
    starts = _starts(chosen)
    tiles = np.stack([sources[row] for row in ordered])
    sheets = [_sheet("source", "Source images, which the others follow in their order", tiles)]
    for number, (one, examples) in enumerate(zip(block.sets, chosen, strict=True)):
        if starts[number] == number:
            sheets.append(_sheet(f"start-{number}", f"{one.label}: where each image started", examples.start))
        sheets.append(_sheet(f"derived-{number}", f"{one.label}: images of the set", examples.derived))
    data = {
        "networks": list(block.networks),
        "classes": list(block.classes),
        "columns": COLUMNS,
        "gap": GAP,
        "times": _times(block.sets, chosen),
        "size": chosen[0].source.shape[1:3],
        "starts": starts,
        "sets": [_facts(one, examples, place) for one, examples in zip(block.sets, chosen, strict=True)],
    }
    known = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<section class="explorer" aria-label="Image explorer">\n<p>{escape(block.says)}</p>\n'
        f"{packaged('explorer.html')}"
        f'<div class="sheets">\n{"".join(sheets)}</div>\n<script type="application/json">{known}</script>\n</section>'
    )


def _starts(chosen: Sequence[Examples]) -> list[int | None]:
    """For each set the first one with the same starts, which has a sheet of them; None where there are none."""
    pixels = [one.start.tobytes() for one in chosen]
    return [pixels.index(one) if one else None for one in pixels]


def _times(sets: Sequence[ExampleSet], chosen: Sequence[Examples]) -> int:
    """How much changes are amplified at first: so that large ones of the perturbed sets are seen well."""
    perturbed = [found for one, found in zip(sets, chosen, strict=True) if one.control is not None]
    changes = [np.abs(found.derived.astype(int) - found.source).ravel() / 255 for found in perturbed]
    large = float(np.quantile(np.concatenate(changes), 0.99)) if changes else 0.0
    return max(1, min(TIMES, round(FULL / large))) if large else 1


def _facts(one: ExampleSet, examples: Examples, place: Mapping[int, int]) -> Fields:
    """What is known of the images of a set, number by number, as JSON has it."""
    start, end = examples.distances.T
    return {
        "label": one.label,
        "title": one.title,
        "maker": one.maker,
        "control": one.control,
        "distance": one.distance,
        "source": [place[int(row)] for row in examples.index],
        "index": examples.index.tolist(),
        "of": examples.label.tolist(),
        "started": examples.start_label.tolist(),
        "given": examples.given.tolist(),
        "predicted": examples.predicted.tolist(),
        "confidence": [[[round(chance, 3) for chance in by] for by in each] for each in examples.confidence.tolist()],
        "start": _numbers(start),
        "end": _numbers(end),
    }


def _numbers(values: NDArray[np.float32]) -> list[float | None]:
    """To three digits; None where there is none."""
    return [None if np.isnan(value) else float(f"{value:.3g}") for value in values]


def _sheet(name: str, says: str, tiles: Pixels) -> str:
    """Images (n, H, W, C) on one sheet, in lines of `COLUMNS`, as a figure of the page."""
    data, width = base64.b64encode(sheet_png(tiles)).decode(), min(COLUMNS, len(tiles)) * (tiles.shape[2] + GAP)
    said = escape(f"{says}: {len(tiles)}.")
    image = f'<img data-sheet="{name}" width="{max(width, WIDTH)}" alt="{said}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{said}</figcaption></figure>\n"


def sheet_png(tiles: Pixels) -> bytes:
    """Images (n, H, W, C) on one sheet, in lines of `COLUMNS`, as a PNG, to the bit."""
    count, height, width, channels = tiles.shape
    columns, lines = min(COLUMNS, count), -(-count // COLUMNS)
    sheet = np.full((lines * columns, height + GAP, width + GAP, channels), 128, np.uint8)
    sheet[:count, :height, :width] = tiles
    sheet = sheet.reshape(lines, columns, height + GAP, width + GAP, channels).swapaxes(1, 2)
    pixels = sheet.reshape(lines * (height + GAP), columns * (width + GAP), channels)
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(buffer, "png", optimize=True)
    return buffer.getvalue()
