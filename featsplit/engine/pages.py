"""What the pages of all studies share: their order, what they open with, the verdicts, and how to make the run again.

A page opens with three sentences: what was done, what came out, how sure it is. Then come a figure of what came out,
pictures, statements with their verdicts, plots and tables, where the files are; and folded at its end what few want.
"""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from featsplit.engine.results import SETTINGS, Results
from featsplit.report.blocks import Block, Brief, Code, Folded, Heading, Link, Links, Table, Text
from featsplit.report.cells import Cells, as_text
from featsplit.report.decisions import Claim
from featsplit.report.page import write_page
from featsplit.report.published import Compared, published_table
from featsplit.report.verdicts import VERDICTS, claims_table, counted, reasons

STATEMENTS = "What is stated, and what holds here"
NOT_BESIDE = ("not comparable", "not measured", "none found")
FEW = 4
"""Up to how many reasons of what is undecided are shown at once."""


@dataclass(frozen=True)
class Page:
    """What a study has to say of a run: `assembled` puts it in the order that all pages have.

    `did` and `found` are sentences: what was done, and what came out, with numbers and intervals; `over` what these
    are over, where that is not the test images. `brief` is the table that a terminal shows. `figure` is what came out,
    `pictures` are images; `claims` the statements; `sections` are plots and tables, `folded` what few readers want.
    """

    title: str
    did: str
    found: str
    brief: Cells
    figure: Sequence[Block] = ()
    pictures: Sequence[Block] = ()
    claims: Sequence[Claim] = ()
    sections: Sequence[Block] = ()
    folded: Sequence[Block] = ()
    over: str = ""


def assembled(results: Results[Any], page: Page) -> list[Block]:
    """The blocks of a `page` of a run, in the order of all pages."""
    sentences = [page.did, page.found, how_sure(results, page.claims, page.over)]
    stated = [Heading(STATEMENTS), *verdicts(page.claims)] if page.claims else []
    return [
        Heading(page.title, 1),
        *map(Text, sentences),
        *(Text(note) for note in results.settings.notes()),
        *([Brief(as_text(page.brief))] if len(page.brief) > 1 else []),
        Brief("\n".join(textwrap.fill(sentence, 80) for sentence in sentences)),
        *page.figure,
        *([Heading("The images"), *page.pictures] if page.pictures else []),
        *stated,
        *page.sections,
        *again(results),
        *page.folded,
        *details(results),
    ]


def measured_of(claims: Sequence[Claim], most: int = 3) -> str:
    """What came out, by the first statements: a sentence for a study whose experiments have no number in common."""
    said = [f"{claim.what}: {claim.decisive.measured} ({claim.verdict})" for claim in claims[:most]]
    return f"{'; '.join(said)}." if said else "Nothing was measured that something is stated of."


def seeds_of(results: Results[Any]) -> str:
    """Which seeds it is of, as "seeds 0, 1, 2"."""
    return f"seed{'s' if len(results.seeds) > 1 else ''} {', '.join(map(str, results.seeds))}"


def how_sure(results: Results[Any], claims: Sequence[Claim], images: str = "") -> str:
    """How many statements hold, over how many seeds and `images` (all test images unless said), beside which chance."""
    data, seeds = results.data, len(results.seeds)
    images = images or (f"{data.test} test images" if data else "")
    over = [images] if images else []
    over += [f"{seeds} seeds" if seeds > 1 else "one seed, so they say nothing of other seeds"]
    chance = f"; chance is {results.chance:.3f}" if data else ""
    stated = f"{counted(claims)} " if claims else ""
    return f"{stated}Intervals, in brackets, are of 95 %, over {' and '.join(over)}{chance}."


def verdicts(claims: Sequence[Claim]) -> list[Block]:
    """How many statements hold, each with its verdict, and why one does not hold or is undecided."""
    failed, undecided = (reasons(claims, verdict) for verdict in ("does not hold", "undecided"))
    more = ["More test images, or more --seeds, would decide it."] if undecided else []
    why: list[Block] = [*map(Text, [*undecided, *more])]
    if len(undecided) > FEW:
        why = [Folded(f"Why {len(undecided)} are undecided", why)]
    of_paper = any(not claim.known for claim in claims)
    how = [Folded("How a statement is decided", [Text(VERDICTS)])] if of_paper else []
    return [Text(counted(claims)), Table(claims_table(claims), sortable=False), *map(Text, failed), *why, *how]


def beside(
    found: Sequence[Compared], bands: str, why: Sequence[str], *, paper: str = "the paper", more: Sequence[Block] = ()
) -> list[Block]:
    """The published numbers beside ours: those that can be compared in the open, the others folded.

    `bands` says how far a number may be away, `why` what makes a run another than the published one; `more` goes where
    most numbers go.
    """
    apart = [one for one in found if one.verdict in NOT_BESIDE]
    comparable = [one for one in found if one.verdict not in NOT_BESIDE]
    blocks: list[Block] = []
    if comparable:
        blocks += [Heading("Beside the published numbers"), Text(bands), Table(published_table(comparable, paper))]
    blocks += [] if why else more
    if apart:
        reason = f"Here nothing is comparable: {'; '.join(why)}." if why else "They were not measured in this run."
        folded = [Text(f"{reason} {bands}"), Table(published_table(apart, paper)), *(more if why else ())]
        blocks.append(Folded(f"{len(apart)} published numbers that this run has nothing comparable beside", folded))
    return blocks


def again(results: Results[Any]) -> list[Block]:
    """Where the files are, how long the run took, and the command that makes it again."""
    seconds = total_seconds(results)
    took = f" Its stages took {as_time(seconds)} in all, some of them side by side." if seconds else ""
    lines = files_of(results)
    links: list[Block] = [Links(lines)] if lines else []
    return [
        Heading("The files, and how to make them again"),
        Text(f"Made on {results.date} by the first command; the second makes it again from settings.toml alone.{took}"),
        Code(f"{results.command}\n{results.again}"),
        *links,
    ]


def files_of(results: Results[Any]) -> dict[str, list[Link]]:
    """Links to the files of a run, by the folder in which they lie, relative to its page."""
    path = results.path
    found = {"the run": [path / name for name in ("rows.json", SETTINGS) if (path / name).is_file()]}
    for seed in results.seeds:
        for folder in ("models", "sets"):
            inside = sorted((results.seed_folder(seed) / folder).glob("*.*"))
            found[f"{folder}, seed {seed}"] = [one for one in inside if one.suffix in (".safetensors", ".h5")]
    return {
        where: [Link(one.name, one.relative_to(path).as_posix()) for one in files]
        for where, files in found.items()
        if files
    }


def total_seconds(results: Results[Any]) -> float:
    """The seconds of all stages of all seeds together."""
    return sum(float(cell) for _, *seconds in results.times()[1:] for cell in seconds)


def as_time(seconds: float) -> str:
    """As a person says it: "48 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def details(results: Results[Any]) -> list[Block]:
    """Folded: the settings, the digest of the data and versions, and the time of each stage."""
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    digest = f" Digest of the data: {results.data.digest}." if results.data else ""
    every = Text(
        f"Made with {versions}.{digest} Every number above is in rows.json, or in the summaries that the files in "
        "sets/ carry (featsplit info FILE)."
    )
    settings = Code(json.dumps(results.settings.plain(), indent=1))
    blocks: list[Block] = [Folded("Settings and digests", [every, settings])]
    times = results.times()
    return [*blocks, Folded("Times", [Table(times)])] if len(times) > 1 else blocks


def write_report(results: Results[Any], blocks: Sequence[Block]) -> None:
    """Write report.html and report.md beside the rows of the run."""
    write_page(blocks, results.path)
