"""quotes.txt: which words of the results a page's words are of, where no line there has all their numbers; or why none.

Below the name of a page, a line for each: `words of the page <= file of the results: words & words there`, or
`words of the page == what they are`, a setting, arithmetic, or a number that others published. A line break is a space.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

QUOTES = Path(__file__).with_suffix(".txt")


class Quote(NamedTuple):
    """The numbers in `words` of `page` are, rounded, among those in `of`, words of the file `results`."""

    page: str
    words: str
    results: str
    of: tuple[str, ...]


class Unmeasured(NamedTuple):
    """The numbers in `words` of `page` are no measurement of ours, and `why`."""

    page: str
    words: str
    why: str


def read_quotes() -> list[Quote | Unmeasured]:
    """What quotes.txt says, in its order."""
    found, page = list[Quote | Unmeasured](), ""
    for line in filter(None, QUOTES.read_text().splitlines()):
        if " <= " in line:
            words, _, there = line.partition(" <= ")
            results, _, of = there.partition(": ")
            found.append(Quote(page, words, results, tuple(of.split(" & "))))
        elif " == " in line:
            words, _, why = line.partition(" == ")
            found.append(Unmeasured(page, words, why))
        else:
            page = line
    return found


def spans_of(words: str, text: str) -> Iterator[tuple[int, int]]:
    """Where `words` stand in `text`, whatever breaks its lines."""
    pattern = r"\s+".join(re.escape(word) for word in words.split())
    return (match.span() for match in re.finditer(pattern, text))
