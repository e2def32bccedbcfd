"""A run of the two Gaussians from the command line."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.studies.gaussians.claims import agreement
from featsplit.studies.gaussians.rows import GaussiansRow
from featsplit.studies.gaussians.settings import Settings
from featsplit.studies.gaussians.simulation import compare
from tests.opening import check_opening


def call(line: str, *, status: int = 0) -> str:
    """The output of a command that ends with this exit `status`."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def rows_of(folder: Path) -> list[Any]:
    """The rows that a command left."""
    found: list[Any] = json.loads((folder / "rows.json").read_text())
    return found


def test_gaussians_tell_formula_and_simulation(tmp_path: Path) -> None:
    words = f"run gaussians --set eps=[0,1] --set samples=2000 --seeds 0,1 --workers 1 --out {tmp_path}"
    text = call(words)
    rows = rows_of(tmp_path)
    assert {row["seed"] for row in rows} == {0, 1}
    (line,) = [line.split() for line in text.splitlines() if line.startswith("Theorem 1")]
    assert line == ["Theorem", "1", *agreement(rows)[1][1].split(), "2", "%", "undecided"]
    page = (tmp_path / "report.html").read_text()
    for shown in (text, page):
        assert "Verdict: Theorem 1 is undecided: 2000 samples" in " ".join(shown.split())
    check_opening(tmp_path)
    assert "Theorem 2: the robust solution" in page
    assert "featsplit run gaussians" in page
    assert (tmp_path / "plots" / "gaussians.svg").exists()


def test_a_second_run_takes_up_the_seeds_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = f"run gaussians --set eps=[0,1] --set samples=1000 --workers 1 --out {tmp_path}"
    call(f"{words} --seeds 0", status=0)
    first, simulated = rows_of(tmp_path), list[int]()

    def counted(settings: Settings, *, seed: int) -> list[GaussiansRow]:
        simulated.append(seed)
        return compare(settings, seed=seed)

    monkeypatch.setattr(import_module("featsplit.studies.gaussians.jobs"), "compare", counted)
    call(f"{words} --seeds 0,1")
    assert simulated == [1]
    assert rows_of(tmp_path)[: len(first)] == first
    call(f"{words} --seeds 0 --set samples=1100")
    assert simulated == [1, 0]


@pytest.mark.parametrize("variances", ["1,1", "1000,0.001"])
def test_gaussians_agree_with_every_theorem(variances: str, tmp_path: Path) -> None:
    text = call(f"run gaussians --set variances=[{variances}] --seeds 0,1 --workers 1 --out {tmp_path}")
    lines = [line for line in text.splitlines() if line.startswith(("Theorem ", "The rule"))]
    assert [line.split()[-1] for line in lines] == ["agrees"] * 4
    assert "Verdict: all 4 are as known." in text


def test_a_simulation_that_is_off_ends_with_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featsplit.studies.gaussians.theorem2.DESCENTS", 2)
    words = f"run gaussians --set samples=2000 --seeds 0 --workers 1 --out {tmp_path}"
    text = call(words, status=1)
    assert "Theorem 2 is off: " in text
    says = "and at most 2 % is asked. The descent has not converged: try a smaller eps"
    assert says in " ".join(text.split())
    assert "Theorem 2 is off: " in (tmp_path / "report.html").read_text()
    assert "Theorem 2 is off: " in call(words, status=1), "finished, and said again"
