"""Runs side by side: a column for each, and where their settings differ."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.cache import rows_digest
from featsplit.engine.pages import comparison
from featsplit.errors import FeatsplitError
from featsplit.report.blocks import Heading, Table
from featsplit.studies import open_results, study_named
from featsplit.studies.ilyas2019.tables import accuracy_table
from tests.pages import Page


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
    pages = [(run, study_named("distill2019").page(run)) for run in runs]
    title, accuracies, differ, settings = comparison(pages)
    assert isinstance(title, Heading)
    assert isinstance(differ, Heading)
    assert isinstance(accuracies, Table)
    assert isinstance(settings, Table)
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
    tables = Page((tmp_path / "both.html").read_text()).tables
    assert ["perturb.eps", "1.5", "0.75"] in tables[1]
    wrong = CliRunner().invoke(app, [*words[:-1], str(tmp_path / "both.md")])
    assert isinstance(wrong.exception, FeatsplitError)
    assert "must end in .html" in str(wrong.exception)
