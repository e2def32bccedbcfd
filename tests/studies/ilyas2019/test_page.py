"""The page of a run: every number is the rows', and nothing is fetched."""

import json
import re
import shutil
import statistics
from html import escape
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.pages import as_time, how_sure
from featsplit.engine.study import claims_of
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.blocks import Explorer
from featsplit.report.cells import as_text
from featsplit.report.intervals import Interval, accuracy
from featsplit.studies import open_results, page_of, shown_in_brief, study_named
from featsplit.studies.distill2019.jobs import made_sets
from featsplit.studies.ilyas2019.page import construction_tables, did, found
from featsplit.studies.ilyas2019.tables import accuracy_table
from tests.opening import check_opening
from tests.pages import Page


@pytest.fixture(scope="module")
def html(every_experiment: Path) -> str:
    return (every_experiment / "report.html").read_text()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_needs_no_other_file(page: Page, html: str) -> None:
    """Every address that is fetched is of the page itself; so is every address in a style."""
    for tag, attrs in page.tags:
        for name in ("src", "xlink:href", "srcset", "data", "action", *(("href",) if tag != "a" else ())):
            assert str(attrs.get(name) or "#").startswith(("#", "data:image/png;base64,")), (tag, attrs)
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", html))
    assert "@import" not in html
    assert [tag for tag, _ in page.tags if tag == "img"], "the sheets of the explorer"
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 8


def test_the_page_has_a_section_for_each_experiment(page: Page) -> None:
    for wanted in (
        "Made with the robust network instead (Tables 9 and 10)",
        "D_R's network on D_R itself (Table 8)",
        "Architectures and transfer (Figures 3 and 13)",
        "Under AutoAttack",
        "By the number of PGD steps (Figure 8)",
        "Training curves (Figure 10 for D_rand and D_det)",
        "Accuracy by eps",
        "Accuracy by class",
        "The files, and how to make them again",
    ):
        assert wanted in page.headings


def test_every_number_of_the_accuracy_table_is_in_the_rows(page: Page, every_experiment: Path) -> None:
    rows = json.loads((every_experiment / "rows.json").read_text())
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
        labels = "next" if "y + 1" in name else None
        for attack, cell in zip(("none", "pgd"), cells, strict=True):
            own = [
                row
                for row in rows
                if (row["train_set"], row["training"], row["experiment"]) == networks[name]
                and (row["test_set"], row.get("labels"), row["attack"]) == ("source", labels, attack)
            ]
            assert cell == (str(accuracy(own)) if own else "")
            assert len(own) in (0, 2)


def test_the_sets_tell_how_they_came_out(every_experiment: Path) -> None:
    results = open_results(every_experiment)
    matched, perturbed = construction_tables(results, made_sets(results.settings))
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
        summaries = [
            read_set_metadata(every_experiment / f"seed{seed}" / "sets" / f"{name}.h5").summary for seed in (0, 1)
        ]
        for figure, cell in zip(table[0][1:], table[line][1:], strict=True):
            own = [summary.get(figure.replace(" ", "_")) for summary in summaries]
            known = [value for value in own if value is not None]
            assert cell == (f"{statistics.mean(known):.3f} ± {statistics.stdev(known):.3f}" if known else "")
    assert "" in perturbed[4], "what was made with the robust network it does not control"


def test_the_page_tells_how_to_make_it_again(page: Page, html: str, every_experiment: Path) -> None:
    told = json.loads((every_experiment / "run.json").read_text())
    assert f">{told['command']}\n{told['again']}</pre>" in html
    assert told["data"]["digest"] in html
    assert told["date"] in html
    (times,) = [table for table in page.tables if table[0] == ["stage, seconds", "seed 0", "seed 1"]]
    assert {"train det-control", "build robust-noise-test", "evaluate transferred"} <= {line[0] for line in times}
    slow = [line for line in times[1:] if line[0] == "train adversarial"]
    seconds = [json.loads(line) for line in (every_experiment / "seed1" / "times.jsonl").read_text().splitlines()]
    longest = max(one["seconds"] for one in seconds if one["stage"] == "train adversarial")
    assert slow[0][2] == f"{longest:.1f}"


def test_nothing_is_comparable_here_and_the_page_says_why(page: Page, html: str) -> None:
    (table,) = [t for t in page.tables if t[0][0] == "in %"]
    assert {line[-1] for line in table[1:]} == {"not comparable", "not measured"}
    assert "Here nothing is comparable: other data (digits); fewer images (120); other architecture (resnet8)." in html


def test_the_report_is_made_again_from_the_files_alone(every_experiment: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(every_experiment, out)
    kept = {name: (out / name).read_bytes() for name in ("report.html", "report.md", "plots/steps.svg")}
    for name in kept:
        (out / name).unlink()
    result = CliRunner().invoke(app, ["report", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert {name: (out / name).read_bytes() for name in kept} == kept


def test_the_terminal_has_one_table_and_the_three_sentences_in_80_columns(every_experiment: Path) -> None:
    results = open_results(every_experiment)
    text, claims = shown_in_brief(results, page_of(results)).text, claims_of(study_named("distill2019").CLAIMS, results)
    table, sentences = text.strip().split("\n\n")
    assert max(map(len, text.splitlines())) <= 80
    assert table == as_text(accuracy_table(results.rows, show=Interval.short))
    assert " ".join(sentences.split()) == " ".join([did(results), found(results.rows), how_sure(results, claims)])


def test_the_page_opens_with_the_three_sentences_the_figure_and_the_images(page: Page, html: str) -> None:
    """And what is not comparable comes last of all, folded."""
    places = [html.index(text) for text in (
        "A network (resnet8) was trained as usual and one adversarially", "Trained on D_rand and on D_det",
        "Intervals, in brackets, are of 95 %, over 40 test images and 2 seeds; chance is 0.100.",
        '<svg role="img" aria-label="Accuracy of each network', "<h2>The images</h2>", "What is stated, and what holds",
        "<h2>Training curves", "<h2>Accuracy by eps</h2>", "<h2>Accuracy by class</h2>",
        "<h2>Accuracy on the original test set", "<h2>The files, and how", "nothing comparable beside",
        "Settings and digests", "<summary>Times</summary>",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "not comparable" not in html[: html.index("nothing comparable beside")]


def test_each_statement_that_does_not_hold_or_is_undecided_says_why(every_experiment: Path, html: str) -> None:
    claims = claims_of(study_named("distill2019").CLAIMS, open_results(every_experiment))
    rest = [claim for claim in claims if claim.verdict != "holds"]
    assert rest
    for claim in rest:
        assert escape(f"{claim.verdict.capitalize()}: {claim.what}") in html
        assert claim.decisive.why
        assert escape(claim.decisive.why[1:]) in html


def test_every_picture_and_plot_has_a_text_with_numbers(page: Page) -> None:
    texts = [attrs.get("aria-label") or "" for tag, attrs in page.tags if tag == "svg" and "role" in attrs]
    texts += [attrs.get("alt") or "" for tag, attrs in page.tags if tag == "img"]
    assert len(texts) > 10
    assert all(re.search(r"\d", text) for text in texts)


def test_the_links_lead_to_the_files_of_the_run(page: Page, every_experiment: Path) -> None:
    links = [unquote(str(attrs["href"])) for tag, attrs in page.tags if tag == "a"]
    assert {"rows.json", "settings.toml", "seed0/sets/rand.h5", "seed1/models/standard.safetensors"} <= set(links)
    assert all((every_experiment / link).is_file() for link in links)


def test_the_time_of_the_run_is_that_of_its_stages(every_experiment: Path, html: str) -> None:
    results = open_results(every_experiment)
    seconds = sum(float(cell) for _, *cells in results.times()[1:] for cell in cells)
    assert f"Its stages took {as_time(seconds)} in all" in html
    assert (as_time(48.4), as_time(200), as_time(7500)) == ("48 s", "3 min 20 s", "2 h 5 min")


def test_the_page_has_a_line_for_each_statement_and_each_further_eps(every_experiment: Path, page: Page) -> None:
    (table,) = [table for table in page.tables if table[0][:2] == ["statement", "verdict"]]
    found = claims_of(study_named("distill2019").CLAIMS, open_results(every_experiment))
    assert [line[:3] for line in table[1:] if not line[0].startswith("the same (")] == [
        [f"{claim.what} ({claim.decisive.at})", claim.verdict, claim.decisive.measured] for claim in found
    ]
    assert len(table) - 1 == sum(len(claim.checks) for claim in found)
    assert all(", n " in line[0] for line in table[1:] if not line[0].startswith("Fig. 3")), "norm, eps and n beside it"


def test_the_images_stand_in_the_order_of_the_sets(every_experiment: Path) -> None:
    (explorer,) = [block for block in page_of(open_results(every_experiment)) if isinstance(block, Explorer)]
    shown = [one.title for one in explorer.sets]
    assert shown == [derived.title for derived in DERIVED_SETS.values() if derived.title in shown]
    assert len(shown) == 10


def test_the_page_opens_as_all_do(every_experiment: Path) -> None:
    check_opening(every_experiment)
