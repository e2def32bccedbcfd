"""The pages as they are, without Sphinx: what each must have, what others say of it, and that its links lead on."""

import json
import re
from pathlib import Path

import pytest

import featsplit
from benchmarks import walks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text() for path in sorted(DOCS.rglob("*.md"))}
FOR_A_CLASS = (
    *("gaussians", "squares", "szegedy2014", "goodfellow2015", "kurakin2017", "carlini2017", "planted", "audit"),
    *("bugs", "leakage", "wrong-labels", "encoders"),
)
FOLDED = re.compile(r"<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_every_public_name_is_once_in_the_page_of_the_api() -> None:
    said = re.findall(r"^\.\. auto\w+:: featsplit\.(\w+)$", PAGES["api"], re.MULTILINE)
    assert sorted(said) == sorted(featsplit.__all__)


def test_every_page_is_in_the_contents_once() -> None:
    blocks = re.findall(r"```{toctree}\n(.*?)```", PAGES["index"], re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    listed = [re.sub(r"^.* <(.*)>$", r"\1", line) for line in lines]
    assert sorted(name for name in listed if not name.startswith("/")) == sorted(set(PAGES) - {"index"})
    assert [name for name in listed if name.startswith("/")] == ["/README", "/CONTRIBUTING", "/CHANGELOG"]


@pytest.mark.parametrize("name", FOR_A_CLASS)
def test_a_page_for_a_class_has_minutes_prerequisites_words_and_answers(name: str) -> None:
    head, _, body = PAGES[name].partition("\n## Questions\n")
    items = re.split(r"^- \*\*(\w+)\*\*: ", head.split("\n\n")[1], flags=re.MULTILINE)
    said = dict(zip(items[1::2], items[2::2], strict=True))
    assert list(said) == ["Minutes", "Prerequisites", "Words"]
    assert re.search(r"minute|\d", said["Minutes"])
    assert "](../benchmarks/results/" in said["Minutes"]
    answered = FOLDED.findall(body)
    assert len(answered) >= 3
    assert body.count("<summary>") == len(answered)
    for question, answer in answered:
        assert "?" in question, question
        assert len(answer.split()) >= 15, question
        assert not re.search(r"[`*]", question), "what is folded is HTML: say <code> and <em>"


def test_the_glossary_and_the_pages_link_to_each_other() -> None:
    entries = re.findall(r"^## (.+)\n\n((?:.+\n)+)", PAGES["glossary"], re.MULTILINE)
    titles = [title for title, _ in entries]
    assert titles == sorted(titles, key=str.lower)
    there = {(_anchor(title), page) for title, text in entries for page in re.findall(r"\]\(([\w-]+)\.md\)", text)}
    here = {
        (anchor, name)
        for name, text in PAGES.items()
        for anchor in re.findall(r"\]\(glossary\.md#([\w-]+)\)", _words(text))
    }
    assert {pair for pair in there if pair[1] in FOR_A_CLASS} == here
    assert {_anchor(title) for title in titles} == {anchor for anchor, _ in there}


@pytest.mark.parametrize("name", sorted({*PAGES, "../benchmarks/results/README"}))
def test_every_link_leads_somewhere(name: str) -> None:
    page = DOCS / f"{name}.md"
    for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = page.parent / path if path else page
        assert linked.is_file(), target
        assert not anchor or anchor in map(_anchor, re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)), target


def test_every_table_of_results_is_in_the_list_of_them() -> None:
    folder = ROOT / "benchmarks" / "results"
    listed = set(re.findall(r"^\| \[(.+?)\]\((.+?)\.md\) ", (folder / "README.md").read_text(), re.MULTILINE))
    assert listed == {(path.stem, path.stem) for path in folder.glob("*.md") if path.stem != "README"}


@pytest.mark.parametrize("name", walks.PAGES)
def test_a_page_that_is_followed_shows_what_its_steps_print(name: str) -> None:
    """Without doing them: what is below a step is what is kept in the results, and so are the times."""
    text = walks.PAGES[name].read_text()
    assert text.count("```text") >= 4
    measured = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text()
    sections = [part.splitlines()[0].lstrip("# ") for part in walks.SECTION.split(text) if walks.BLOCK.search(part)]
    assert re.findall(r"^\| (.+?) \| \d", measured, re.MULTILINE) == [*sections, "the whole"]
    kept = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    assert walks.OUTPUT.findall(text) == kept["printed"]
    shown = re.findall(r"^## (.+)\n\n\*\*Minutes\*\*: ([\d.]+)$", text, re.MULTILINE)
    assert shown == (re.findall(r"^\| (\d.+?) \| \d+ \| ([\d.]+) ", measured, re.MULTILINE))


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _words(text: str) -> str:
    found = re.search(r"^- \*\*Words\*\*: ((?:.+\n)+)", text, re.MULTILINE)
    return found[1] if found else ""
