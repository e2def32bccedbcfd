"""The commands that a page of Markdown tells its reader to give: in blocks, fenced or indented, and as inline code."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:\A|(?<=\n)\n)((?:    .*\n)(?:(?:    .*)?\n)*)")
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
SHELLS = ("", "sh", "bash", "shell", "console")
BEGINS = re.compile(
    r"^(?:(?:\S*/)?featsplit(?: |$)|python3? -m (?:featsplit|benchmarks)(?:\.\w+)?(?: |$)"
    r"|python3? examples/|torchrun .*-m )"
)
WITHIN = re.compile(r"(?<= -- )featsplit .*|(?<=&& )featsplit .*|(?<=-m )featsplit .*")
"""What is given to another program: srun, a line of several commands, torchrun."""


class Command(NamedTuple):
    """A command as the page has it, on one line, and where."""

    page: str
    line: int
    text: str

    @property
    def program(self) -> str:
        """What is called: featsplit, python, torchrun."""
        return self.words[0].rpartition("/")[2].rstrip("3")

    @property
    def words(self) -> list[str]:
        """Its words, without what a comment says."""
        return shlex.split(self.text, comments=True)


def pages() -> list[Path]:
    """README.md and every page of docs/, however deep."""
    below = (path for path in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in path.parts)
    return [ROOT / "README.md", *below]


def name_of(page: Path) -> str:
    """A page by its path from the top."""
    return page.relative_to(ROOT).as_posix()


def commands_of(page: Path) -> list[Command]:
    """All commands of a page, each once, in their order."""
    text = page.read_text()
    found = dict[str, Command]()
    for at, line in sorted([*_of_blocks(text), *_inline(text)]):
        found.setdefault(line, Command(name_of(page), text.count("\n", 0, at) + 1, line))
    return list(found.values())


def changes_of(page: Path) -> list[list[str]]:
    """What inline code of a page sets by `--set KEY=VALUE` without a command: what is to be tried next."""
    spans = (shlex.split(" ".join(match[1].split())) for match in INLINE.finditer(_prose(page.read_text())))
    tried = (words for words in spans if words and words[0] == "--set" and "=" in words[-1])
    settings = ([word for word in words if word != "--set"] for words in tried)
    return [changes for changes in settings if changes != ["KEY=VALUE"]]


def _of_blocks(text: str) -> list[tuple[int, str]]:
    """Each line of a block that is a command, continuations joined, with where it begins."""
    blocks = [(match.start(2), match[2]) for match in FENCED.finditer(text) if match[1] in SHELLS]
    prose = FENCED.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
    blocks += [(match.start(1), match[1]) for match in INDENTED.finditer(prose)]
    found = list[tuple[int, str]]()
    for start, block in blocks:
        for match in re.finditer(r"(?:.*\\\n)*.*\n", block):
            line = re.sub(r"\s*\\\n\s*", " ", match[0]).strip().removeprefix("$ ")
            found += [(start + match.start(), command) for command in _commands_in(line)]
    return found


def _inline(text: str) -> list[tuple[int, str]]:
    """Inline code that is a command with its words; the bare name of one is a name."""
    spans = ((match.start(1), " ".join(match[1].split())) for match in INLINE.finditer(_prose(text)))
    return [(at, span) for at, span in spans if BEGINS.match(span) and len(span.split()) > 2]


def _prose(text: str) -> str:
    """`text` with spaces in the place of its blocks."""
    for pattern in (FENCED, INDENTED):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def _commands_in(line: str) -> list[str]:
    if BEGINS.match(line):
        return [line]
    return [match[0] for match in WITHIN.finditer(line)]
