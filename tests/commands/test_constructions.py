"""The discussion's sets from the command line, each as small as can be."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.derived import load_split
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import load_model
from featsplit.runtime import accuracy

FEW = "--data digits --limit 120 --limit-test 60 --device cpu"
QUICK = "--arch cnn --width 8 --epochs 4 --batch-size 40 --schedule one-cycle"


def call(line: str, *, status: int = 0) -> str:
    """The output of a command that ends with this exit `status`."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows that a command left."""
    found: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text())
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a standard and a robust model of the digits, and one that was stopped at once."""
    path = tmp_path_factory.mktemp("models")
    call(f"train {FEW} {QUICK} --out {path}/std.safetensors")
    call(f"train {FEW} {QUICK} --adversary pgd --eps 0.5 --steps 2 --out {path}/adv.safetensors")
    call(f"train {FEW} --arch cnn --width 8 --epochs 1 --batch-size 40 --out {path}/early.safetensors")
    return path


def test_an_audit_puts_networks_that_were_trained_alike_together(models: Path, tmp_path: Path) -> None:
    words = f"audit {models}/std.safetensors {models}/early.safetensors {models}/adv.safetensors {FEW}"
    text = call(f"{words} --eps 0.5 --images 20 --steps 2 --out {tmp_path}")
    lines = [line.split("  ")[0] for line in text.splitlines()[3:7]]
    assert lines == ["standard training"] * 2 + ["adversarial training"] * 2
    rows = rows_of(tmp_path)
    assert len({row["network"] for row in rows if row["training"] == "standard"}) == 2
    assert {row["experiment"] for row in rows} == {"audit", "layers"}
    assert "Layer by layer" in (tmp_path / "report.html").read_text()


def test_bugs_train_their_own_ensemble_once(models: Path, tmp_path: Path) -> None:
    words = f"build-nonrobust --model {models}/std.safetensors {FEW} --method bugs --ensemble 2 --eps 1 --steps 2"
    text = call(f"{words} --out {tmp_path}/bugs.h5")
    assert "det-bugs from digits (train)" in text
    others = sorted((tmp_path / "bugs.ensemble").iterdir())
    assert [path.name for path in others] == ["1.safetensors", "2.safetensors"]
    before = [path.stat().st_mtime_ns for path in others]
    call(f"{words} --out {tmp_path}/bugs.h5")
    assert [path.stat().st_mtime_ns for path in others] == before
    spec = read_set_metadata(tmp_path / "bugs.h5").spec
    assert (spec.name, spec.parameters["targets"], len(spec.ensemble_digests)) == ("det-bugs", "next", 2)


def test_mislabelled_keeps_what_the_model_predicts_wrongly(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.h5"
    text = call(f"build-nonrobust --model {models}/early.safetensors {FEW} --method mislabelled --out {path}")
    split = load_split(path)
    assert f"the model predicts {len(split) / 120:.4f} of the images wrongly" in text
    assert accuracy(load_model(models / "early.safetensors"), split) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--method mislabelled --eps 1", "--eps 1.0: belongs to --method perturb or bugs"),
        ("--method mislabelled --eps 0", "--eps 0.0: belongs to --method perturb or bugs"),
        ("--method match --exclude-own-label", "--exclude-own-label: belongs to --method perturb or bugs"),
        ("--method mislabelled --steps 3", "--steps 3: belongs to --method perturb or bugs or match"),
        ("--method mislabelled --batch-size 8", "--batch-size 8: belongs to --method perturb or bugs or match"),
        ("--method perturb --ensemble 2", "--ensemble 2: belongs to --method bugs"),
        ("--method bug", 'did you mean "bugs"'),
    ],
)
def test_options_belong_to_their_method(models: Path, tmp_path: Path, words: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        call(f"build-nonrobust --model {models}/std.safetensors {FEW} {words} --out {tmp_path}/x.h5")
    assert message in str(error.value)


def test_leakage_stands_beside_the_source(models: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "det.h5", tmp_path / "rows.json"
    call(f"build-nonrobust --model {models}/std.safetensors {FEW} --targets next --eps 0.5 --steps 2 --out {path}")
    text = call(f"leakage {path} --epochs 3 --seeds 0,1 --device cpu --out {out}")
    assert [line.split("  ")[0] for line in text.splitlines()[2:]] == ["D itself", str(path)]
    rows = json.loads(out.read_text())
    assert [(row["train_set"], row["seed"]) for row in rows] == [
        ("source", 0),
        (str(path), 0),
        ("source", 1),
        (str(path), 1),
    ]
    assert rows[0]["accuracy"] > 0.5 > rows[1]["accuracy"]
