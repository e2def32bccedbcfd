"""A page in its three forms: escaped, self-contained, whole; and the plots it holds."""

import base64
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from featsplit.report import plots
from featsplit.report.markup import Block, Code, Heading, Picture, Plot, Table, Text, as_html, as_page, as_terminal

PIXEL = b"\x89PNG\r\n\x1a\n<not really>"
SVG = '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="9"><path stroke="currentColor"/></svg>'
WILD = "<b>\"D_R\" & 'more'</b><script>"
BLOCKS: list[Block] = [
    Heading(WILD, 1),
    Text(WILD),
    Table([[WILD, "verdict"], [WILD, "holds"], ["a", "does not hold"], ["b", "pass"], ["c", "off"], ["d", "else"]]),
    Plot("one", SVG, WILD),
    Picture("grids/one.png", WILD),
    Code(WILD),
]
VOID = {"meta", "img", "br", "link", "hr"}


class Balanced(HTMLParser):
    """Notes every start tag with its attributes, and raises where an end tag closes what is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(html: str) -> Balanced:
    page = Balanced()
    page.feed(html)
    page.close()
    assert page.open == [], "every tag is closed"
    return page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the picture lies."""
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "one.png").write_bytes(PIXEL)
    return tmp_path


def test_html_escapes_what_it_is_given(folder: Path) -> None:
    page = parsed(as_html(BLOCKS, folder))
    assert not {"b", "script"} & {tag for tag, _ in page.tags}
    assert page.words.count(WILD) == 8, "as title, heading, text, two cells, two captions and code"
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    assert labels == [WILD]
    assert [attrs["alt"] for tag, attrs in page.tags if tag == "img"] == [WILD]


def test_html_holds_its_pictures_and_plots(folder: Path) -> None:
    html = as_html(BLOCKS, folder)
    (image,) = [attrs for tag, attrs in parsed(html).tags if tag == "img"]
    kind, data = str(image["src"]).split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == PIXEL
    assert html.count("<!doctype") == 1
    assert "<?xml" not in html
    assert "<!DOCTYPE" not in html
    assert 'stroke="currentColor"' in html


def test_verdicts_have_a_colour(folder: Path) -> None:
    html = as_html(BLOCKS, folder)
    for cell, kind in (("holds", "good"), ("pass", "good"), ("does not hold", "bad"), ("off", "bad")):
        assert f'<td class="{kind}">{cell}</td>' in html
    assert "<td>else</td>" in html


def test_markdown_writes_its_plots(folder: Path) -> None:
    page = as_page(BLOCKS, folder)
    assert f"![{WILD}](plots/one.svg)" in page
    assert f"![{WILD}](grids/one.png)" in page
    written = (folder / "plots" / "one.svg").read_text()
    assert written == SVG.replace("currentColor", "#222222"), "a file of its own has no text to take its colour from"
    assert page.startswith(f"# {WILD}\n\n{WILD}\n\n| {WILD} | verdict |\n| --- | ---: |\n")
    assert page.endswith(f"```\n{WILD}\n```\n")


def test_a_terminal_sees_no_plots() -> None:
    text = as_terminal([Heading("Head"), Text("words"), *BLOCKS[3:], Table([["a", "b"], ["1", "2"]])])
    assert text == "Head\n\nwords\n\na  b\n----\n1  2"


def row(accuracy: float, **fields: Any) -> dict[str, Any]:
    usual = {"part": "main", "train_set": "source", "training": "standard", "architecture": "resnet8", "seed": 0}
    usual |= {"test_set": "source", "attack": "pgd" if "eps" in fields else "none", "eps": None, "loss": None}
    return usual | {"n": 360, "norm": "l2"} | fields | {"accuracy": accuracy}


SETS = ("robust", "nonrobust", "rand", "det")
BARS = [row(0.11 * (1 + i), train_set=name, seed=seed) for i, name in enumerate(SETS) for seed in (0, 1)]
BARS += [row(0.07 * (1 + i), train_set=name, eps=eps) for i, name in enumerate(SETS) for eps in (0.25, 0.5)]
EPOCHS = [
    row(0.1 * epoch, part="epochs", train_set=name, test_set=test, epoch=epoch)
    for name in ("rand", "det", "det-control", "robust")
    for test in (f"{name}:train", "source")
    for epoch in (1, 2)
]
CURVE = [
    row(1 / count, part="steps", loss=loss, steps=count, eps=0.25)
    for loss in ("cross-entropy", "margin")
    for count in (1, 10)
]
NETS = ("cnn", "vgg7", "resnet8")
FOOLED = [
    one
    for place, arch in enumerate(NETS)
    for one in (
        row(0.1 * place, part="architectures", train_set="det", architecture=arch),
        row(0.5, part="architectures", architecture=arch, test_set="transferred", eps=0.5),
        row(0.3, part="architectures", architecture=arch, test_set="transferred:next", eps=0.5),
    )
]
DRAWN = {
    "learned": (
        plots.learned(BARS, eps=0.25, chance=0.1),
        ["0.11", "0.44", "0.07", "0.28", "clean", "pgd l2 0.25", "chance"],
    ),
    "by_epoch": (plots.by_epoch([*BARS, *EPOCHS]), ["D_rand", "D_det", "D_det, robust source", "epoch", "accuracy"]),
    "by_steps": (
        plots.by_steps([*BARS, *CURVE]),
        ["cross-entropy", "margin", "PGD steps", "accuracy at l2 0.25, n 360"],
    ),
    "by_architecture": (plots.by_architecture(FOOLED), [*NETS, "untargeted", "targeted", "transfer rate"]),
    "heat_map": (
        plots.heat_map(["a <set>, cnn", "b, mlp"], ["source clean", "held"], [[0.25, 0.75], [1.0, 0.0]]),
        ["a <set>, cnn", "b, mlp", "source clean", "held", "0.25", "0.75", "1.00", "0.00"],
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_xml_that_says_what_it_shows_in_the_colour_of_the_text(name: str) -> None:
    svg, words = DRAWN[name]
    root = ElementTree.fromstring(svg)
    said = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(words) <= set(said)
    assert "currentColor" in svg
    assert plots.INK not in svg
    assert "robust" not in said, "by_epoch shows the perturbed sets alone"


def test_a_plot_is_the_same_each_time() -> None:
    assert plots.learned(BARS, eps=0.25, chance=0.1) == DRAWN["learned"][0]


def test_the_heat_map_writes_light_on_dark() -> None:
    svg = plots.heat_map(["a"], ["b", "c"], [[0.9, 0.2]])
    root = ElementTree.fromstring(svg)
    texts = {text.text: str(text.get("style")) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert "#ffffff" in texts["0.90"]
    assert "#111111" in texts["0.20"]
