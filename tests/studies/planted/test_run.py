"""A sweep of planted data from the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.report.blocks import Explorer
from featsplit.studies import open_results, page_of, read_settings
from tests.opening import check_opening

SMALL = "planted:size=8,classes=4,train=80,test=40"


def call(line: str, *, status: int = 0) -> str:
    """The output of a command that ends with this exit `status`."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows that a command left."""
    found: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text())
    return found


def test_planted_sweeps_the_amplitude_and_stores_the_truth(tmp_path: Path) -> None:
    short = ["train.epochs=1", "match.steps=2", "perturb.steps=2", "evaluate.steps=1", "evaluate.restarts=1"]
    words = " ".join(f"--set {setting}" for setting in (f"data.source={SMALL}", *short))
    words += f" --set amplitudes=[0.02,0.04] --device cpu --workers 1 --out {tmp_path}"
    text = call(f"run planted {words}", status=1)
    assert "Verdict: D_R at amplitude 0.02 is off: it keeps " in " ".join(text.split())
    check_opening(tmp_path)
    (explorer,) = [block for block in page_of(open_results(tmp_path)) if isinstance(block, Explorer)]
    assert [one.examples for one in explorer.sets] == [
        f"0.02/seed0/grids/{name}.safetensors" for name in ("robust", "nonrobust", "rand", "det")
    ]
    assert [(one.maker, one.control) for one in explorer.sets] == [(1, None), (0, None), (0, 1), (0, 1)]
    assert explorer.classes == ("0", "1", "2", "3")
    assert "the amplitude 0.02, the least" in explorer.says
    assert "--set train.epochs=" in (tmp_path / "report.html").read_text()
    assert "amplitude 0.02" in text
    kept = [row for row in rows_of(tmp_path) if row["experiment"] == "planted"]
    assert {(row["amplitude"], row["train_set"], row["component"]) for row in kept} == {
        (amplitude, name, component)
        for amplitude in (0.02, 0.04)
        for name in ("robust", "nonrobust", "rand", "det")
        for component in ("robust", "nonrobust")
    }
    with np.load(tmp_path / "0.04" / "seed0" / "truth.npz") as truth:
        assert truth["patterns_robust"].shape == (4, 3, 8, 8)
        assert truth["train_nonrobust"].tolist() == [number % 4 for number in range(80)]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.source=digits", "must be planted; only there the truth is known"),
        ("amplitudes=[]", "amplitudes = []: give one or more, each once"),
        ("amplitudes=[0.1,0.1]", "give one or more, each once"),
        ("amplitudes=[-1.0]", "amplitudes"),
        ('experiments=["noise"]', "is of the study ilyas2019"),
    ],
)
def test_what_cannot_be_swept(setting: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        read_settings("planted", [setting])
    assert message in str(error.value)
