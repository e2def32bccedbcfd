"""The page of a run: every number is the rows', nothing is fetched, and runs stand side by side."""

import json
import re
import shutil
import statistics
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.intervals import accuracy
from featsplit.report.markup import Heading, Table
from featsplit.report.page import Run, comparison, construction_tables, summary, write_report
from featsplit.report.tables import accuracy_table


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
        self.open += [] if tag in ("meta", "img") else [tag]
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


@pytest.fixture(scope="module")
def html(every_part: Path) -> str:
    return (every_part / "report.html").read_text()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_needs_no_other_file(page: Page, html: str) -> None:
    """No script, and every address is of the page itself; so is every address in a style."""
    assert "script" not in {tag for tag, _ in page.tags}
    for tag, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            assert str(attrs.get(name) or "#").startswith(("#", "data:image/png;base64,")), (tag, attrs)
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", html))
    assert "@import" not in html
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 10
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 5


def test_the_page_has_a_section_for_each_part(page: Page) -> None:
    for wanted in (
        "Made with the robust network instead (Tables 9 and 10)",
        "D_R's network on D_R itself (Table 8)",
        "Architectures and transfer (Figures 3 and 13)",
        "Under AutoAttack",
        "By the number of PGD steps (Figure 8)",
        "By epoch (Figure 10)",
        "Beside the published numbers",
        "To make it again",
    ):
        assert wanted in page.headings


def test_every_number_of_the_accuracy_table_is_in_the_rows(page: Page, every_part: Path) -> None:
    rows = json.loads((every_part / "rows.json").read_text())
    (table,) = [t for t in page.tables if t[0] == ["trained on (n 40)", "clean", "pgd l2 3"] and len(t) > 5]
    networks = {
        "D, standard training": ("source", "standard", "main"),
        "D, adversarial training": ("source", "adversarial", "main"),
        "D_R (robust)": ("robust", "standard", "main"),
        "D_NR (nonrobust)": ("nonrobust", "standard", "main"),
        "D_rand": ("rand", "standard", "main"),
        "D_det": ("det", "standard", "main"),
        "D_R from noise": ("robust-noise", "standard", "noise"),
        "D_NR from noise": ("nonrobust-noise", "standard", "noise"),
        "D_det, on labels y + 1": ("det", "standard", "main"),
    }
    assert [line[0] for line in table[1:]] == list(networks)
    for name, *cells in table[1:]:
        test_set = "source:next" if "y + 1" in name else "source"
        for attack, cell in zip(("none", "pgd"), cells, strict=True):
            own = [
                row
                for row in rows
                if (row["train_set"], row["training"], row["part"]) == networks[name]
                and (row["test_set"], row["attack"]) == (test_set, attack)
            ]
            assert cell == (str(accuracy(own)) if own else "")
            assert len(own) in (0, 2)


def test_the_sets_tell_how_they_came_out(every_part: Path) -> None:
    matched, perturbed = construction_tables(Run(every_part))
    assert [line[0] for line in matched[1:]] == [
        "D_R (robust)",
        "D_NR (nonrobust)",
        "D_R from noise",
        "D_NR from noise",
    ]
    assert [line[0] for line in perturbed[1:]] == [
        "D_rand",
        "D_det",
        "D_rand, robust source",
        "D_det, robust source",
        "D_det of bugs",
    ]
    for table, line, name in ((matched, 3, "robust-noise"), (perturbed, 1, "rand"), (perturbed, 4, "det-control")):
        summaries = [read_set_metadata(every_part / f"seed{seed}" / "sets" / f"{name}.h5").summary for seed in (0, 1)]
        for figure, cell in zip(table[0][1:], table[line][1:], strict=True):
            own = [summary.get(figure.replace(" ", "_")) for summary in summaries]
            known = [value for value in own if value is not None]
            assert cell == (f"{statistics.mean(known):.3f} ± {statistics.stdev(known):.3f}" if known else "")
    assert "" in perturbed[4], "what was made with the robust network it does not judge"


def test_the_page_tells_how_to_make_it_again(page: Page, html: str, every_part: Path) -> None:
    told = json.loads((every_part / "run.json").read_text())
    assert f"<pre>{told['command']}</pre>" in html
    assert told["data"]["digest"] in html
    assert told["date"] in html
    (times,) = [table for table in page.tables if table[0] == ["stage, seconds", "seed 0", "seed 1"]]
    assert {"train det-control", "build robust-noise-test", "evaluate transferred"} <= {line[0] for line in times}
    slow = [line for line in times[1:] if line[0] == "train adversarial"]
    seconds = [json.loads(line) for line in (every_part / "seed1" / "times.jsonl").read_text().splitlines()]
    longest = max(one["seconds"] for one in seconds if one["stage"] == "train adversarial")
    assert slow[0][2] == f"{longest:.1f}"


def test_nothing_is_comparable_here_and_the_page_says_why(page: Page, html: str) -> None:
    (table,) = [t for t in page.tables if t[0][0] == "in %"]
    assert {line[-1] for line in table[1:]} == {"not comparable", "not measured"}
    assert "Here nothing is comparable: other data (digits); fewer images (120); other architecture (resnet8)." in html


def test_the_report_is_made_again_from_the_files_alone(every_part: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(every_part, out)
    kept = {name: (out / name).read_bytes() for name in ("report.html", "report.md", "plots/steps.svg")}
    for name in kept:
        (out / name).unlink()
    result = CliRunner().invoke(app, ["report", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert {name: (out / name).read_bytes() for name in kept} == kept


def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path) -> None:
    message = f"{tmp_path}: is no finished run; make one with featsplit run ... --out {tmp_path}"
    for content in (None, "[]", "{}", '{"settings": {}, "seeds": [0], "data": {}}', "not json"):
        if content is not None:
            (tmp_path / "run.json").write_text(content)
            (tmp_path / "rows.json").write_text("[]")
        for work in (Run, write_report, summary):
            with pytest.raises(FeatsplitError) as caught:
                work(tmp_path)
            assert str(caught.value) == message or content == '{"settings": {}, "seeds": [0], "data": {}}'


@pytest.fixture
def other(every_part: Path, tmp_path: Path) -> Path:
    """The same run with two settings changed, and one accuracy."""
    out = tmp_path / "other"
    out.mkdir()
    told = json.loads((every_part / "run.json").read_text())
    told["settings"]["perturb"]["eps"] = 0.75
    told["settings"]["train"]["rand"]["lr"] = 0.5
    rows: list[dict[str, Any]] = json.loads((every_part / "rows.json").read_text())
    for row in rows:
        if (row["part"], row["train_set"], row["test_set"], row["attack"]) == ("main", "rand", "source", "none"):
            row["accuracy"] = 0.625
    (out / "run.json").write_text(json.dumps(told))
    (out / "rows.json").write_text(json.dumps([row for row in rows if row["part"] != "noise"]))
    return out


def test_a_comparison_has_a_column_for_each_run_and_the_settings_that_differ(every_part: Path, other: Path) -> None:
    runs = [Run(every_part), Run(other)]
    title, accuracies, differ, settings = comparison(runs)
    assert isinstance(title, Heading)
    assert isinstance(differ, Heading)
    assert isinstance(accuracies, Table)
    assert isinstance(settings, Table)
    assert accuracies.cells[0] == ["trained on", "attack", str(every_part), str(other)]
    lines = {(line[0], line[1]): line[2:] for line in accuracies.cells[1:]}
    for name, clean, attacked in accuracy_table(runs[0].rows)[1:]:
        assert lines[name, "clean"][0] == clean
        assert lines.get((name, "pgd l2 3"), [""])[0] == attacked
    assert lines["D_rand", "clean"][1].startswith("0.625 (")
    assert lines["D_R from noise", "clean"][1] == "", "which the other has not"
    assert ("D_det, on labels y + 1", "pgd l2 3") not in lines
    assert settings.cells == [
        ["setting", str(every_part), str(other)],
        ["train.rand.lr", "0.1", "0.5"],
        ["perturb.eps", "1.5", "0.75"],
    ]


def test_the_command_compares(every_part: Path, other: Path, tmp_path: Path) -> None:
    words = ["report", str(every_part), "--compare", str(other), "--out", str(tmp_path / "both.html")]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "train.rand.lr" in result.stdout
    tables = Page((tmp_path / "both.html").read_text()).tables
    assert ["perturb.eps", "1.5", "0.75"] in tables[1]
    wrong = CliRunner().invoke(app, [*words[:-1], str(tmp_path / "both.md")])
    assert isinstance(wrong.exception, FeatsplitError)
    assert "must end in .html" in str(wrong.exception)


def test_the_terminal_has_each_verdict_with_its_numbers_and_intervals_in_80_columns(every_part: Path) -> None:
    text, found = summary(every_part), Run(every_part).claims()
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    assert len(found) > 5
    for claim in found:
        check = claim.decisive
        assert f"{claim.verdict} {claim.what}" in words
        assert f"{check.measured} ({check.at})" in words
        assert " ".join(check.intervals.split()) in words
    counts = [sum(claim.verdict == verdict for claim in found) for verdict in ("holds", "does not hold", "undecided")]
    held, failed, undecided = counts
    assert (
        f"{held} of {len(found)} statements of the paper hold here, {failed} do not, {undecided} are undecided" in words
    )
    assert ("wants more test images, or more --seeds" in words) == bool(undecided), "the cure"


def test_the_page_has_a_line_for_each_statement_and_each_further_eps(every_part: Path, page: Page) -> None:
    (table,) = [table for table in page.tables if table[0][:2] == ["statement", "verdict"]]
    found = Run(every_part).claims()
    assert [line[:3] for line in table[1:] if not line[0].startswith("the same (")] == [
        [f"{claim.what} ({claim.decisive.at})", claim.verdict, claim.decisive.measured] for claim in found
    ]
    assert len(table) - 1 == sum(len(claim.checks) for claim in found)
    assert all(", n " in line[0] for line in table[1:] if not line[0].startswith("Fig. 3")), "norm, eps and n beside it"


def test_a_run_of_a_version_that_kept_no_outcomes_is_read_with_wider_intervals(
    every_part: Path, tmp_path: Path
) -> None:
    shutil.copytree(every_part, tmp_path / "old")
    rows: list[dict[str, Any]] = json.loads((every_part / "rows.json").read_text())
    older = [{key: value for key, value in row.items() if key not in ("outcomes", "images")} for row in rows]
    (tmp_path / "old" / "rows.json").write_text(json.dumps(older))
    told = json.loads((every_part / "run.json").read_text())
    del told["data"]["chance"]
    (tmp_path / "old" / "run.json").write_text(json.dumps(told))
    now, then = Run(every_part), Run(tmp_path / "old")
    assert then.chance == 0.1
    assert [claim.what[:40] for claim in then.claims()] == [claim.what[:40] for claim in now.claims()]
    assert "undecided" in summary(tmp_path / "old")


def test_the_chance_of_a_run_is_its_most_frequent_class(every_part: Path) -> None:
    """40 stratified images of ten classes: four of each."""
    assert Run(every_part).chance == 0.1
