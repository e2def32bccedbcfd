"""A page in its three forms: escaped, self-contained, whole."""

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest

from featsplit.report.blocks import Block, Brief, Code, Folded, Heading, Picture, Plot, Table, Text
from featsplit.report.html import as_html
from featsplit.report.markdown import as_page
from featsplit.report.terminal import as_terminal, in_brief

PIXEL = b"\x89PNG\r\n\x1a\n<not really>"
SVG = '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="9"><path stroke="currentColor"/></svg>'
WILD = "<b>\"D_R\" & 'more'</b><script>"
BLOCKS: list[Block] = [
    Heading(WILD, 1),
    Text(WILD),
    Table([[WILD, "verdict"], [WILD, "holds"], ["a", "does not hold"], ["b", "pass"], ["c", "off"], ["d", "else"]]),
    Plot("one", lambda: SVG, WILD),
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
    tags = [tag for tag, _ in page.tags]
    assert "b" not in tags
    assert tags.count("script") == 1, "the page's own"
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
        assert f'<td class="{kind} words">{cell}</td>' in html
    assert '<td class="words">else</td>' in html


def test_a_column_of_words_is_read_from_the_left_and_one_of_numbers_from_the_right(folder: Path) -> None:
    cells = [["of", "network", "clean", "eps"], ["a", "mlp", "0.5", "-"], ["b", "", "± .1", "-.5"], ["c", "-", "", ""]]
    html = as_html([Heading("a", 1), Table(cells)], folder)
    assert '<th scope="col" class="words">network</th><th scope="col">clean</th><th scope="col">eps</th>' in html
    assert '<td class="words">mlp</td><td>0.5</td><td>-</td>' in html


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


def test_a_terminal_sees_in_brief_what_the_page_has_at_greater_length(folder: Path) -> None:
    blocks = [*BLOCKS, Brief("in short"), Brief("and shorter")]
    assert in_brief(blocks) == "in short\n\nand shorter"
    assert as_page(blocks, folder) == as_page(BLOCKS, folder)
    assert as_html(blocks, folder) == as_html(BLOCKS, folder)


def test_what_is_folded_is_in_the_page_and_under_a_heading_in_markdown(folder: Path) -> None:
    blocks: list[Block] = [
        Heading("Head", 1),
        Folded(WILD, [Text("in it"), Brief("short"), Folded("deeper", [Code("there")])]),
    ]
    page = parsed(as_html(blocks, folder))
    assert [tag for tag, _ in page.tags if tag in ("details", "summary")] == ["details", "summary"] * 2
    assert page.words.count(WILD) == 1
    assert as_page(blocks, folder) == f"# Head\n\n### {WILD}\n\nin it\n\n### deeper\n\n```\nthere\n```\n"


def test_a_caption_stands_in_the_table_and_above_it_in_markdown(folder: Path) -> None:
    blocks: list[Block] = [Heading("Head", 1), Table([["a", "b"], ["1", "2"]], caption=WILD)]
    html = as_html(blocks, folder)
    assert html.count("<caption>") == 1
    assert WILD in parsed(html).words
    assert f"# Head\n\n{WILD}\n\n| a | b |\n" in as_page(blocks, folder)
