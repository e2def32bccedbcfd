"""A run of the squares from the command line."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.runtime import Machine
from featsplit.studies.squares.learning import learn
from featsplit.studies.squares.rows import SquaresRow
from featsplit.studies.squares.settings import Settings
from tests.opening import check_opening


def call(line: str, *, status: int = 0) -> str:
    """The output of a command that ends with this exit `status`."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows that a command left."""
    found: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text())
    return found


def test_squares_tell_every_arm_that_was_asked_for(tmp_path: Path) -> None:
    words = f"run squares --set train=60 --set epochs=1 --device cpu --workers 1 --out {tmp_path}"
    text = call(f'{words} --set arms=["mlp"]', status=1)
    table = text[text.index("---") :].splitlines()[1:4]
    assert [line.split("  ")[0] for line in table] == ["linear", "deep", "mlp"]
    assert {row["arm"] for row in rows_of(tmp_path)} == {"linear", "deep", "mlp"}
    words_of = " ".join(text.split())
    assert "The deep network is off: it predicts 0." in words_of
    assert "and 0.999 is asked before it is judged: --set epochs=2." in words_of
    check_opening(tmp_path)
    with pytest.raises(FeatsplitError, match='did you mean "mlp"'):
        call(f'{words} --set arms=["mpl"]')


def test_an_arm_more_learns_that_arm_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = list[str]()

    def counted(settings: Settings, arm: str, *, seed: int, machine: Machine) -> list[SquaresRow]:
        learned.append(arm)
        return learn(settings, arm, seed=seed, machine=machine)

    monkeypatch.setattr(import_module("featsplit.studies.squares.jobs"), "learn", counted)
    words = f"run squares --set train=40 --set epochs=1 --set test=20 --device cpu --workers 1 --out {tmp_path}"
    call(f"{words} --set arms=[]", status=1)
    call(f'{words} --set arms=["mlp"]', status=1)
    assert learned == ["linear", "deep", "mlp"]
