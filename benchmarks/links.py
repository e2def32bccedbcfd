"""python -m benchmarks.links FOLDER: whether every link within a built site leads somewhere, to its very place."""

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Links(NamedTuple):
    """What a page links to, and the places in it that can be linked to."""

    targets: frozenset[str]
    places: frozenset[str]


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets, self.places = set[str](), set[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.add(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


@cache
def links_of(page: Path) -> Links:
    """The links and the places of a page of HTML."""
    read = _Reader(page.read_text())
    return Links(frozenset(read.targets), frozenset(read.places))


def dead(folder: Path) -> list[str]:
    """Each link of the pages below `folder` that leads nowhere, as "page: target"; other sites are not tried."""
    pages = sorted(folder.rglob("*.html"))
    found = [(page, target) for page in pages for target in sorted(links_of(page).targets)]
    return [f"{page.relative_to(folder)}: {target}" for page, target in found if not _leads(page, target)]


def _leads(page: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return True
    linked = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not linked.is_file():
        return False
    return not parts.fragment or linked.suffix != ".html" or unquote(parts.fragment) in links_of(linked).places


if __name__ == "__main__":
    nowhere = dead(Path(sys.argv[1]))
    print("\n".join(nowhere) or "every link leads somewhere")
    sys.exit(bool(nowhere))
