"""Runs side by side: figures of both, what differs with its interval, a column for each, and the settings apart."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.cache import rows_digest
from featsplit.engine.results import Results
from featsplit.engine.side_by_side import comparison
from featsplit.errors import FeatsplitError
from featsplit.report.blocks import Block, Plot, Table, Text
from featsplit.report.intervals import accuracy, difference
from featsplit.rows import Row
from featsplit.studies import open_results, study_named
from featsplit.studies.ilyas2019.tables import accuracy_table
from tests.pages import Page
from tests.rows import results
from tests.rows import row as made


@pytest.fixture
def other(every_experiment: Path, tmp_path: Path) -> Path:
    """The same run with two settings changed, and one accuracy."""
    out = tmp_path / "other"
    for seed in (0, 1):  # its page tells of its sets
        shutil.copytree(every_experiment / f"seed{seed}" / "sets", out / f"seed{seed}" / "sets")
    told = json.loads((every_experiment / "run.json").read_text())
    told["settings"]["perturb"]["eps"] = 0.75
    told["settings"]["train"]["rand"]["lr"] = 0.5
    rows: list[dict[str, Any]] = json.loads((every_experiment / "rows.json").read_text())
    for row in rows:
        if (row["experiment"], row["train_set"], row["test_set"], row["attack"]) == ("main", "rand", "source", "none"):
            row["accuracy"] = 0.625
    (out / "rows.json").write_text(json.dumps([row for row in rows if row["experiment"] != "noise"]))
    told["rows"] = rows_digest(out / "rows.json")
    del told["digest"]
    (out / "run.json").write_text(json.dumps(told))
    return out


def test_a_comparison_has_a_column_for_each_run_and_the_settings_that_differ(
    every_experiment: Path, other: Path
) -> None:
    runs = [open_results(every_experiment), open_results(other)]
    blocks = comparison([(run, study_named("distill2019").page(run)) for run in runs])
    accuracies, settings = [block for block in blocks if isinstance(block, Table)]
    assert accuracies.cells[0] == ["trained on", "attack", str(every_experiment), str(other)]
    lines = {(line[0], line[1]): line[2:] for line in accuracies.cells[1:]}
    for name, clean, attacked in accuracy_table(runs[0].rows)[1:]:
        assert lines[name, "clean"][0] == clean
        assert lines.get((name, "pgd l2 3"), [""])[0] == attacked
    assert lines["D_rand", "clean"][1].startswith("0.625 (")
    assert lines["D_R from noise", "clean"][1] == "", "which the other has not"
    assert ("D_det, on labels y + 1", "pgd l2 3") not in lines
    assert settings.cells == [
        ["setting", str(every_experiment), str(other)],
        ["train.rand.lr", "0.1", "0.5"],
        ["perturb.eps", "1.5", "0.75"],
    ]


def test_the_command_compares(every_experiment: Path, other: Path, tmp_path: Path) -> None:
    words = ["report", str(every_experiment), "--compare", str(other), "--out", str(tmp_path / "both.html")]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "train.rand.lr" in result.stdout
    page = Page((tmp_path / "both.html").read_text())
    assert ["perturb.eps", "1.5", "0.75"] in page.tables[1]
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 3, "clean, under attack, and what differs"
    wrong = CliRunner().invoke(app, [*words[:-1], str(tmp_path / "both.md")])
    assert isinstance(wrong.exception, FeatsplitError)
    assert "must end in .html" in str(wrong.exception)


FIRST = [made(value, n=360, seed=seed) for seed, value in ((0, 0.5), (1, 0.6))] + [made(0.2, n=360, eps=0.5)]
OTHER = [made(value, n=360, seed=seed) for seed, value in ((1, 0.7), (2, 0.9))] + [made(0.2, n=360, eps=0.5)]


def beside(rows: Sequence[Row], name: str) -> tuple[Results[Any], list[Block]]:
    """A run in a folder of this name, with the main table of its page."""
    return replace(results(rows), path=Path(name)), [Table([["trained on", "clean"], ["D", "0.5"]], main=True)]


def test_figures_show_every_run_with_its_interval_and_what_differs_over_the_seeds_of_both() -> None:
    blocks = comparison([beside(FIRST, "one"), beside(OTHER, "other")])
    clean, attacked, apart = [block for block in blocks if isinstance(block, Plot)]
    for rows, name in ((FIRST, "one"), (OTHER, "other")):
        assert f"{name} {accuracy(rows[:2])}" in clean.alternative
        assert f"{name} {accuracy(rows[2:])}" in attacked.alternative
    assert clean.alternative.endswith("chance 0.1.")
    assert f"clean {difference(OTHER[:1], FIRST[1:2])}" in apart.alternative, "of seed 1 alone"
    assert apart.says.startswith("other less one: ")
    did, words = [block.text for block in blocks if isinstance(block, Text)]
    assert did == "2 runs, of the same settings: one, seed 0; other, seed 0."
    assert words.startswith("Of 2 accuracies that both have, ")
    assert f"most does D, standard training, clean: {difference(OTHER[:1], FIRST[1:2]).signed()}." in words


def test_runs_that_are_alike_or_share_nothing_say_so() -> None:
    def said(first: Sequence[Row], other: Sequence[Row]) -> str:
        blocks = comparison([beside(first, "a/run"), beside(other, "b/run")])
        return [block.text for block in blocks if isinstance(block, Text)][-1]

    assert said(FIRST, FIRST) == "All 2 accuracies that both have are the same in b/run and a/run."
    none = "b/run and a/run have no accuracies of the same networks, attacks and seeds."
    assert said(FIRST[:1], OTHER[1:2]) == none


def test_the_folder_one_is_in_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = comparison([beside(FIRST, "."), beside(OTHER, "other")])
    assert next(block.text for block in blocks if isinstance(block, Text)).endswith(
        f": {tmp_path.name}, seed 0; other, seed 0."
    )


def test_a_page_without_a_main_table_is_compared_by_its_first_and_one_without_tables_by_figures() -> None:
    run, _ = beside(FIRST, "one")
    first: list[Block] = [Table([["unit", "useful"], ["3", "0.7"]]), Table([["layer", "moved"], ["x", "1"]])]
    table = next(block for block in comparison([(run, first), beside(OTHER, "other")]) if isinstance(block, Table))
    assert ["3", "useful", "0.7", ""] in table.cells
    assert not any("moved" in line for line in table.cells)
    bare: list[Block] = [Text("nothing in numbers")]
    table = next(block for block in comparison([(run, bare), beside(OTHER, "other")]) if isinstance(block, Table))
    assert table.cells[1:] == [["D", "clean", "", "0.5"]]
