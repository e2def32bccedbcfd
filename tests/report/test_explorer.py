"""The explorer: sheets to the bit, 2 MB at most unless a number is asked for, and names as text alone."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from featsplit.report.blocks import Block, ExampleSet, Explorer, Heading
from featsplit.report.examples import write_examples
from featsplit.report.explorer import BYTES, COLUMNS, GAP, explorer_html, sheet_png
from featsplit.report.html import with_images
from featsplit.report.markdown import as_page
from featsplit.report.packaged import packaged
from tests.report.pages import CLASSES, SETS, blocks, drawn


def explorer(folder: Path) -> Explorer:
    (found,) = [block for block in blocks(folder) if isinstance(block, Explorer)]
    return found


def data(html: str) -> Any:
    (known,) = re.findall(r'<script type="application/json">(.*?)</script>', html)
    return json.loads(known)


def sheets(html: str) -> dict[str, NDArray[np.uint8]]:
    found = re.findall(r'data-sheet="([^"]*)".*?src="data:image/png;base64,([^"]*)"', html)
    return {name: np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for name, text in found}


def cut(sheet: NDArray[np.uint8], number: int, size: int) -> NDArray[np.uint8]:
    """Image `number` of a sheet, as the script cuts it out."""
    top, left = (size + GAP) * (number // COLUMNS), (size + GAP) * (number % COLUMNS)
    return sheet[top : top + size, left : left + size]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 7, 10, 23])
def test_a_sheet_holds_its_images_to_the_bit(channels: int, count: int) -> None:
    tiles = np.random.default_rng(count).integers(0, 256, (count, 5, 5, channels), dtype=np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(sheet_png(tiles)))).reshape(-1, 6 * min(count, COLUMNS), channels)
    for number in range(count):
        assert (cut(sheet, number, 5) == tiles[number]).all()
    assert (sheet[5::6] == 128).all()
    assert (sheet[:, 5::6] == 128).all()


def test_a_source_is_there_once_however_many_sets_are_made_of_it(tmp_path: Path) -> None:
    html = explorer_html(explorer(tmp_path), tmp_path)
    found, known = sheets(html), data(html)
    assert sorted(found) == [*(f"derived-{number}" for number in range(5)), "source", "start-0"]
    for number, name in enumerate(SETS):
        examples, one = drawn(name), known["sets"][number]
        assert one["index"] == examples.index.tolist()
        for place, row in enumerate(one["source"]):
            assert (cut(found["source"], row, 6) == examples.source[place]).all()
            assert (cut(found[f"derived-{number}"], place, 6) == examples.derived[place]).all()
    assert known["classes"] == list(CLASSES)


def test_no_class_ends_the_script(tmp_path: Path) -> None:
    html = explorer_html(explorer(tmp_path), tmp_path)
    assert html.count("</script>") == 1
    assert CLASSES[1] not in html


def test_it_takes_2_mb_at_most_unless_a_number_is_asked_for(tmp_path: Path) -> None:
    found = list[ExampleSet]()
    for number in range(8):
        write_examples(tmp_path / f"{number}.safetensors", drawn("robust", count=100, size=32))
        names = f"{number}.safetensors", f"{number}.png"
        found.append(ExampleSet(str(number), str(number), *names, maker=0, control=1, distance="l2"))
    block = Explorer(found, ("a", "b"), CLASSES, "Noise.")
    html = explorer_html(block, tmp_path)
    count = len(data(html)["sets"][0]["index"])
    assert len(html) <= BYTES
    assert len(html) * (count + 4) / count > BYTES, "and not many more would fit"
    assert len(data(explorer_html(replace(block, images=60), tmp_path))["sets"][0]["index"]) == 60


def test_of_few_small_images_all_are_there(tmp_path: Path) -> None:
    (again,) = with_images([explorer(tmp_path)], None)
    assert isinstance(again, Explorer)
    assert [len(one["index"]) for one in data(explorer_html(again, tmp_path))["sets"]] == [24, 24, 24, 12, 24]
    (fewer,) = with_images([again], 5)
    assert isinstance(fewer, Explorer)
    assert [len(one["index"]) for one in data(explorer_html(fewer, tmp_path))["sets"]] == [5] * 5


def test_in_markdown_it_is_a_picture_of_each_set(tmp_path: Path) -> None:
    page: list[Block] = [Heading("A page", 1), explorer(tmp_path)]
    says = "rand: examples spread over the set, with their sources"
    assert as_page(page, tmp_path).startswith("# A page\n\nWhat they are.\n\n### The set robust\n\n![")
    assert f"### The set rand\n\n![{says}](rand.png)\n\n### The set det" in as_page(page, tmp_path)


def test_the_script_is_small_asks_for_nothing_and_writes_no_html() -> None:
    script = packaged("page.js")
    assert len(script.encode()) <= 10 * 1024
    assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(|innerHTML|insertAdjacent|eval\(", script)
