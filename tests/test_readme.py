"""The README and docs/results.md: the example runs, and numbers and verdicts are those of the measured rows."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.effect import PICTURE, effect
from featsplit.engine.study import claims_of
from featsplit.report.decisions import Claim
from featsplit.report.intervals import accuracy
from featsplit.report.rows import picked
from featsplit.studies import study_named
from featsplit.studies.ilyas2019.rows import NETWORKS
from tests.rows import results

ROOT = Path(__file__).parents[1]
README, RESULTS = (ROOT / "README.md").read_text(), (ROOT / "docs" / "results.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_python_example_runs(every_experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets_out").mkdir()
    (tmp_path / "datasets_out" / "digits").symlink_to(every_experiment)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    names = dict[str, object]()
    exec(blocks[0], names)
    assert isinstance(found := names["found"], torch.Tensor)
    assert found.shape == (8, 1, 8, 8)


def content(preset: str) -> dict[str, Any]:
    """What was measured of a preset, in benchmarks/results."""
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / f"{preset}.json").read_text())
    return found


def decided(preset: str) -> list[Claim]:
    """The statements on the rows in benchmarks/results."""
    measured = content(preset)
    run = results(measured["rows"], preset=preset)
    summary = replace(run.data, chance=measured.get("chance", 0.1)) if run.data else None
    return claims_of(study_named("ilyas2019").CLAIMS, replace(run, data=summary))


def table(text: str, heading: str) -> list[list[str]]:
    """The lines of the table that begins with `heading`, without their first cell."""
    lines = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")][1:] for line in lines]


def rows_of(preset: str, *, eps: float | None) -> list[str]:
    """The accuracy of the six networks with its interval, as a page says it."""
    of = picked(content(preset)["rows"], experiment="main", test_set="source")
    return [f"{accuracy(picked(of, train_set=name, training=how, eps=eps))}" for name, how in NETWORKS[:6]]


def test_the_table_in_the_readme_is_that_of_the_rows() -> None:
    columns = rows_of("digits", eps=None), rows_of("digits", eps=0.6)
    assert table(README, "| trained on | clean") == [list(line) for line in zip(*columns, strict=True)]


@pytest.mark.parametrize(
    ("preset", "n", "eps"),
    [("digits", 360, (0.25, 0.5, 0.6)), ("cifar10-mini", 2000, (0.25, 0.5)), ("mnist-mini", 2000, (0.25, 0.5))],
)
def test_the_accuracies_in_the_results_are_those_of_the_rows(preset: str, n: int, eps: tuple[float, ...]) -> None:
    columns = [rows_of(preset, eps=each) for each in (None, *eps)]
    section = RESULTS[RESULTS.index(f"\n## {preset}\n") :]
    assert table(section, f"| trained on (n {n})")[:6] == [list(line) for line in zip(*columns, strict=True)]


def test_the_picture_has_the_numbers_of_the_rows() -> None:
    def numbers(picture: str) -> list[str]:
        return re.findall(r">(\d\.\d\d)<", picture)

    assert numbers(PICTURE.read_text()) == numbers(effect(content("digits")["rows"]))
    assert len(numbers(PICTURE.read_text())) == 24, "six networks, clean and at three eps"


def test_the_verdicts_in_the_results_are_those_of_the_rows() -> None:
    lines = re.findall(r"^\|.*\| (holds|does not hold|undecided) \| ([^(|]*?) *(?:\(.*\) )?\|$", RESULTS, re.MULTILINE)
    expected = [(c.verdict, c.decisive.measured) for name in ("digits", "cifar10-mini") for c in decided(name)]
    assert sorted(lines) == sorted(expected)


def test_the_counts_in_the_text_are_those_of_the_rows() -> None:
    numbers = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")
    found = [claim.verdict for claim in decided("cifar10-cpu")]
    counts = [numbers[found.count(verdict)] for verdict in ("holds", "undecided", "does not hold")]
    text = " ".join(RESULTS.split())
    assert f"Of the {numbers[len(found)]} statements measured there {counts[0]} hold; {counts[1]} are undecided" in text
    assert counts[2] == "none"
    order = next(claim for claim in decided("mnist-mini") if claim.what.startswith("Table 7"))
    assert order.verdict == "undecided"
    assert "the order of Table 7 is undecided at either eps" in text


def anchors(text: str) -> set[str]:
    """The headings of a page, as GitHub links to them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


def test_the_readme_is_short_and_says_its_test_command_once_where_ci_looks_for_it() -> None:
    lines = README.splitlines()
    assert len(lines) <= 170
    first = next(line for line in lines if "pytest" in line)
    assert first.startswith("    python3 -m venv .venv && ")
    assert "make test PYTHON=.venv/bin/python" in first
