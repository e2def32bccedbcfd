"""For other programs: JSON of what commands found, tables as CSV and LaTeX, sweeps, presets as files, completion."""

import csv
import json
import os
import subprocess
import sys
import tomllib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.engine.study import presets
from featsplit.errors import FeatsplitError
from featsplit.report.blocks import Text
from featsplit.report.cells import as_csv, as_latex
from featsplit.studies import sweeping
from tests.least import LEAST, call
from tests.rows import results, row

TABLE = [["a & b", "x_1"], ["50 %, more", "0.1 ±.02"], ["{c} \\ ~^$#", "<1"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("scripts")
    (path / "least.toml").write_text(LEAST)
    call(f"run {path}/least.toml --out {path}/run --device cpu --workers 1")
    return path


def told(line: str) -> Any:
    return json.loads(call(line)[0])


def test_what_commands_found_is_one_json_object(folder: Path) -> None:
    model, derived = f"{folder}/run/seed0/models/standard.safetensors", f"{folder}/run/seed0/sets/rand.h5"
    few = "--data digits --limit-test 30 --device cpu"
    rows = told(f"evaluate --model {model} {few} --steps 2 --eps 0.5 --json")["rows"]
    assert [row["attack"] for row in rows] == ["none", "pgd"]
    assert told(f"verify {derived} --json")["columns"][0] == "confidence"
    assert told(f"info {derived} --json")["set"]["method"] == "perturb"
    assert told(f"info {model} --json")["model"]["arch"] == "linear"
    found = told("info digits --limit 50 --json")
    assert (sum(found["train"]), found["shape"], len(found["classes"])) == (50, [1, 8, 8], 10)
    assert [layer["name"] for layer in told(f"info {model} --layers --json")["layers"]][-1] == "output"
    rows = told(f"leakage {derived} --epochs 1 --seeds 0 --device cpu --json")["rows"]
    assert {row["train_set"] for row in rows} == {"source", derived}
    quick = "--device cpu --workers 1 --json"
    rows = told(f"transfer {derived} --arch linear --epochs 1 --steps 1 {quick} --out {folder}/t")["rows"]
    assert {row["train_set"] for row in rows} == {derived}
    rows = told(f"audit {model} --data digits --images 20 --steps 1 {quick} --out {folder}/a")["rows"]
    assert {row["experiment"] for row in rows} == {"audit", "layers"}


def test_a_report_is_json_csv_and_latex(folder: Path) -> None:
    found = told(f"report {folder}/run --json")
    assert found["rows"] == json.loads((folder / "run" / "rows.json").read_text())
    assert {one["verdict"] for one in found["statements"]} <= {"holds", "does not hold", "undecided"}
    table = list(csv.reader(StringIO(call(f"report {folder}/run --format csv")[0])))
    assert table[0][0].startswith("trained on")
    assert len({len(line) for line in table}) == 1
    call(f"report {folder}/run --format latex --out {folder}/table.tex")
    latex = (folder / "table.tex").read_text()
    assert latex.count("\\\\") == len(table)
    assert latex.startswith(f"\\begin{{tabular}}{{l{'r' * (len(table[0]) - 1)}}}")


def test_tables_are_read_back_and_written_as_latex_has_them() -> None:
    assert list(csv.reader(StringIO(as_csv(TABLE)))) == TABLE
    assert as_latex(TABLE) == (
        "\\begin{tabular}{lr}\n\\toprule\na \\& b & x\\_1 \\\\\n\\midrule\n50 \\%, more & 0.1 $\\pm$.02 \\\\\n"
        "\\{c\\} \\textbackslash{} \\textasciitilde{}\\textasciicircum{}\\$\\# & $<$1 \\\\\n\\bottomrule\n"
        "\\end{tabular}"
    )


@pytest.mark.slow
def test_a_sweep_is_a_run_for_each_value_and_one_page(folder: Path) -> None:
    words = f"run {folder}/least.toml --sweep perturb.eps=0.5,1.5 --device cpu --workers 1 --out {folder}/sweep"
    text, _ = call(words)
    for value in ("0.5", "1.5"):
        assert (folder / "sweep" / f"perturb.eps={value}" / "report.html").is_file()
    standard = [folder / "sweep" / f"perturb.eps={value}/seed0/models/standard.safetensors" for value in ("0.5", "1.5")]
    assert os.path.samefile(*standard), "what the setting does not decide is done once"
    assert "learned of" in text
    assert (folder / "sweep" / "report.html").is_file()
    assert "perturb.eps" in (folder / "sweep" / "plots" / "sweep-0.svg").read_text()
    rows = json.loads((folder / "sweep" / "perturb.eps=1.5" / "rows.json").read_text())
    assert rows == json.loads((folder / "run" / "rows.json").read_text()), "the value of the file itself"
    before = standard[1].stat().st_mtime_ns
    again, _ = call(words)
    assert again == text
    assert standard[1].stat().st_mtime_ns == before


def test_the_page_of_a_sweep_says_which_accuracy_moves_most_and_by_how_much() -> None:
    runs = {
        value: results([row(det, train_set="det", eps=0.5), row(0.6, train_set="rand")])
        for value, det in (("1", 0.3), ("2", 0.9), ("4", 0.5))
    }
    said = [block.text for block in sweeping.page("perturb.eps", runs, "") if isinstance(block, Text)]
    assert said[1] == (
        "The accuracy that it moves most is that of D_det, pgd l2 0.5: 0.300 (0.299 to 0.301) at 1, "
        "0.900 (0.899 to 0.901) at 2; the difference is +0.600 (+0.599 to +0.601)."
    )


def test_networks_that_differ_in_more_than_their_set_are_apart_on_the_page_of_a_sweep() -> None:
    rows = [
        row(0.5, train_set="a.h5", architecture=arch, experiment=experiment, norm=None)
        for arch, experiment in (("cnn", "x"), ("mlp", "x"), ("cnn", "y"))
    ]
    lines = sweeping._lines({"1": results(rows), "2": results(rows)})
    assert [name for name, _ in lines] == ["a, x, cnn", "a, x, mlp", "a, y, cnn"]
    with pytest.raises(FeatsplitError, match="more than once"):
        sweeping._lines({"1": results([*rows, rows[0]])})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run digits --print --set perturb.eps=1", "--set: means nothing beside --print"),
        ("run digits --sweep perturb.eps=1,2 --only a", "--only: means nothing beside --sweep"),
        ("run digits --sweep evaluate.eps=[1],[2]", "a setting that is a list cannot be swept"),
        ("report somewhere --json --format csv", "--json: stands alone"),
        ("build-robust --model m.safetensors --pool max --data digits --out d.h5", "--pool max: is of the output"),
        ("build-robust --model m.safetensors --bound-norm linf --data digits --out d.h5", "there is no bound"),
    ],
)
def test_an_option_that_would_mean_nothing_is_refused(line: str, message: str) -> None:
    found = CliRunner().invoke(app, line.split())
    assert isinstance(found.exception, FeatsplitError)
    assert message in str(found.exception)


@pytest.mark.parametrize("text", ["perturb.eps", "perturb.eps=1", "perturb.eps=1,1", "=1,2"])
def test_a_sweep_wants_a_setting_and_values(text: str) -> None:
    found = CliRunner().invoke(app, ["run", "digits", "--sweep", text])
    assert isinstance(found.exception, FeatsplitError)
    assert "write a setting and two values or more" in str(found.exception)


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_printed_as_a_file(name: str) -> None:
    text, _ = call(f"run {name} --print")
    assert text == presets()[name].read_text()
    assert tomllib.loads(text)


def test_a_shell_completes_commands_and_flags() -> None:
    def completed(words: str, count: int) -> list[str]:
        asked = {"_FEATSPLIT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        command = [str(Path(sys.executable).with_name("featsplit"))]
        found = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, check=False)
        return found.stdout.split()

    assert set(completed("featsplit build-", 1)) == {"build-robust", "build-nonrobust"}
    assert "--sweep" in completed("featsplit run --sw", 2)
