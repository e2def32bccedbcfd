"""The numbers of a page that are measurements: what is left without code, names, settings, sizes and references."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.docs.commands import FENCED, INDENTED, INLINE, name_of

NUMBER = r"(?<![\w.:])(?<!\w-)[-+]?(?:\d+:\d\d|\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?(?!\w|:\d|,\d{3})"
"""12, 1,000, .5, 0.50, 1e-6, 47:54; not that of a name, such as l2 or ResNet-18."""
DECIMAL = r"\.?\d[\d.]*"
KINDS = r"test|true|training|drawn|true test|CIFAR-10"
THINGS = (
    r"images?|pixels?|epochs?|steps|seeds?|classes|synsets|samples|squares|cores|CPUs?|GPUs?|nodes|passes|places|bits|bytes"
    r"|restarts|runs|draws|dimensions|shards|digits|rows|levels?|networks?|temperatures|labels|words|lines|colou?rs?|kills"
    r"|pairs|units"
)
NOT_MEASURED = {
    "an article of arXiv": r"(?:arXiv:)?\b\d{4}\.\d{4,5}\b",
    "a year": r"(?<!\.)\b(?:19|20)\d\d\b",
    "a version": r"\b(?:Python|torch|Slurm|Croissant|version) \d+(?:\.\d+)*",
    "a part of a source or of a page": (
        r"\b(?:Tables?|Figs?\.|Figures?|Sections?|sections?|Theorems?|slides?|questions?) \d+(?:(?:,| and| to) \d+)*"
    ),
    "a size": r"\b\d+ ?x ?\d+(?: ?x ?\d+)*(?:\.\d+)?\b",
    "a fraction of 255": r"\b\d+/(?:255|510|256|224)\b|\b\d* ?of 255\b",
    "the size of an attack": (
        rf"\b(?:L2|Linf|l2|linf|eps|rms|stddev)(?: of| is| =)? (?:up to )?{DECIMAL}(?:(?:,| and| or) {DECIMAL})*"
    ),
    "how many images a number is of": r"\(n \d+\)",
    "how many there are": rf"(?<![\w.])\d[\d,]*(?: (?:{KINDS}))? (?:{THINGS})\b",
    "how many of a data set": r"(?<![\w.])\d[\d,]* of (?:MNIST|CIFAR-10)\b",
    "the number of an item": r"^\d+\. ",
    "the level of an interval": r"\b9[59] % intervals?",
    "what a network is": r"(?<=ResNet-8 )\([\d, ]+\)|(?<=FC10)\([\de-]+\)",
    "the range of pixels": r"\[0, 1\]",
    "a whole number of one digit, but for times, shares and factors": (
        r"(?<![\w.,/])(?<!\w-)-?\d(?!\w|[.,:]\d| %| (?:s|seconds|minutes?|hours?|times|of|to \d+ (?:s|minutes))\b)"
    ),
    "what guessing gives": r"\bchance (?:(?:is|of|was) )?\d?\.\d+",
}
"""What looks like a measurement and is none, with why."""


ROW, SENTENCE = re.compile(r".+"), re.compile(r"(?s)\S.*?(?:[.:;?!]\)?(?=\s+[A-Z*\[(])|\Z)")


class Unit(NamedTuple):
    """A line of a table, or a sentence: the smallest piece of a page that says something."""

    page: str
    line: int
    text: str
    """What it says, with spaces in the place of code and of the addresses of links."""
    whole: str
    """The same with these."""
    section: str
    """All of what stands below the same heading."""

    @property
    def is_row(self) -> bool:
        """Whether it is of a table."""
        return self.text.lstrip().startswith("|")


def units_of(page: Path) -> list[Unit]:
    """The pieces of a page, in their order; what is code, or the address of a link, is blank in them."""
    text, found, section = page.read_text(), list[Unit](), ""
    bare = _blank(text, FENCED, INDENTED, INLINE, re.compile(r"(?<=\])\([^)]*\)"))
    for block in re.finditer(r"(?:^.*\S.*\n?)+", bare, re.MULTILINE):
        if block.start() == 0 or block[0].startswith("#"):
            section = re.split(r"\n(?=#+ )", text[block.start() :].lstrip("#"), maxsplit=1)[0]
        pieces = ROW if block[0].lstrip().startswith("|") else SENTENCE
        for piece in pieces.finditer(bare, block.start(), block.end()):
            line = text.count("\n", 0, piece.start()) + 1
            found.append(Unit(name_of(page), line, piece[0], text[piece.start() : piece.end()], section))
    return found


def measured(text: str) -> list[re.Match[str]]:
    """The numbers of a piece that are none of `NOT_MEASURED`."""
    patterns = (re.compile(pattern, re.MULTILINE) for pattern in NOT_MEASURED.values())
    return list(re.finditer(NUMBER, _blank(text, *patterns)))


def _blank(text: str, *patterns: re.Pattern[str]) -> str:
    """`text` with spaces in the place of what fits, and as many lines."""
    for pattern in patterns:
        text = pattern.sub(lambda match: re.sub(r"\S", " ", match[0]), text)
    return text
