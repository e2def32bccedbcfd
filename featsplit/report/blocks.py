"""What a page consists of: blocks, which Markdown, HTML and a terminal each show in their own way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from featsplit.report.cells import Cells

Drawing = Callable[[], str]
"""Gives SVG as text."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's own."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table, its first line the head; `main` is the one by which runs are compared, `caption` says what it is of.

    One whose lines belong together is not `sortable`.
    """

    cells: Cells
    main: bool = False
    caption: str = ""
    sortable: bool = True


@dataclass(frozen=True)
class Plot:
    """A drawing in SVG, made when a page is written, and kept beside the Markdown page as `stem`.svg.

    It `says` below what it shows; who cannot see it is told the `numbers` too.
    """

    stem: str
    drawing: Drawing
    says: str
    numbers: Callable[[], str] | None = None

    @property
    def alternative(self) -> str:
        """What is read out in its place."""
        return self.says if self.numbers is None else f"{self.says} {self.numbers()}"


@dataclass(frozen=True)
class Picture:
    """A PNG at `path`, relative to the page, with what it shows."""

    path: str
    says: str


@dataclass(frozen=True)
class Code:
    """A command or a file, as it is."""

    text: str


class Link(NamedTuple):
    """A file, by what it is called, and its `path` relative to the page."""

    name: str
    path: str


@dataclass(frozen=True)
class Links:
    """Links to the files of a run, by where they lie."""

    places: Mapping[str, Sequence[Link]]


@dataclass(frozen=True)
class Brief:
    """What a terminal of 80 columns shows of the page; the page itself has it at greater length."""

    text: str


@dataclass(frozen=True)
class Folded:
    """What few readers want: `blocks` that show when the `title` is pressed, and follow it where nothing can be."""

    title: str
    blocks: "Sequence[Block]"


@dataclass(frozen=True)
class ExampleSet:
    """A derived set of an `Explorer`.

    `label` and `title` are its names, `examples` the file that `report.examples` keeps and `picture` a PNG of some of
    them, both relative to the page. `maker` is which of the networks it was made with, None where with none of them.
    One of perturbed images has a `control`: another network, which is fooled where it predicts the set's label. Of any
    other set it is None. `distance` says what its distances are.
    """

    label: str
    title: str
    examples: str
    picture: str
    maker: int | None
    control: int | None
    distance: str


@dataclass(frozen=True)
class Explorer:
    """Images of derived `sets` to step through; where there is no script, a sheet of them, and in Markdown pictures.

    `networks` are the names of those whose predictions the examples have; `classes` those of the labels, and `says`
    what the images are. `images` is how many of each set there are; None: as many as are small enough.
    """

    sets: Sequence[ExampleSet]
    networks: Sequence[str]
    classes: Sequence[str]
    says: str
    images: int | None = None


Shown = Heading | Text | Table | Plot | Picture | Code | Folded | Links | Explorer
Block = Shown | Brief


def main_table(blocks: Sequence[Block]) -> Cells | None:
    """The table by which runs are compared: the main one of the `blocks`, else the first, if there is any."""
    tables = [block for block in blocks if isinstance(block, Table)]
    return next((table.cells for table in tables if table.main), tables[0].cells if tables else None)
