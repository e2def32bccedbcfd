"""A page of HTML read back: its tags, its tables, its headings."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The tags of a page with their attributes, and its tables as cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.headings: list[str] = []
        self.place = ""
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in ("meta", "img", "input", "br") else [tag]
        self.place = tag
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.place = ""

    def handle_data(self, data: str) -> None:
        if self.place in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.place in ("h1", "h2", "h3"):
            self.headings.append(data)
