"""The constructions and the discussion's sets from the command line, each as small as can be."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from featsplit.commands import app, main
from featsplit.data.derived import load_split
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import load_model
from featsplit.report.answers import agreement
from featsplit.runtime import accuracy

FEW = "--data digits --limit 120 --limit-test 60 --device cpu"
QUICK = "--arch cnn --width 8 --epochs 4 --batch-size 40 --schedule one-cycle"
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


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a standard and a robust model of the digits, and one that was stopped at once."""
    path = tmp_path_factory.mktemp("models")
    call(f"train {FEW} {QUICK} --out {path}/std.safetensors")
    call(f"train {FEW} {QUICK} --adversary pgd --eps 0.5 --steps 2 --out {path}/adv.safetensors")
    call(f"train {FEW} --arch cnn --width 8 --epochs 1 --batch-size 40 --out {path}/early.safetensors")
    return path


def test_gaussians_tell_formula_and_simulation(tmp_path: Path) -> None:
    text = call(f"toy gaussians --eps 0,1 --samples 2000 --seeds 0,1 --out {tmp_path}")
    assert "Theorem 3" in text
    rows = rows_of(tmp_path)
    assert {row["seed"] for row in rows} == {0, 1}
    assert text.splitlines()[2].split() == ["Theorem", "1", *agreement(rows)[1][1].split(), "2", "%", "undecided"]
    assert "Verdict: Theorem 1 is undecided: 2000 samples" in text
    page = (tmp_path / "report.html").read_text()
    assert "Verdict: Theorem 1 is undecided: 2000 samples" in page
    assert "Theorem 2: the robust solution" in page
    assert "featsplit toy gaussians --mean 10,-1" in page
    assert (tmp_path / "plots" / "gaussians.svg").exists()


@pytest.mark.parametrize("variances", ["1,1", "1000,0.001"])
def test_gaussians_agree_with_every_theorem(variances: str, tmp_path: Path) -> None:
    text = call(f"toy gaussians --variances {variances} --seeds 0,1 --out {tmp_path}")
    assert [line.split()[-1] for line in text.splitlines()[2:6]] == ["agrees"] * 4
    assert "Verdict: all 4 are as known." in text


def test_a_simulation_that_is_off_ends_with_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featsplit.toys.theorem2.DESCENTS", 2)
    text = call(f"toy gaussians --samples 2000 --seeds 0 --out {tmp_path}", status=1)
    assert "Theorem 2 is off: " in text
    assert "and at most 2 % is asked. The descent has not converged: try a smaller --eps" in text
    assert "Theorem 2 is off: " in (tmp_path / "report.html").read_text()
    with pytest.raises(SystemExit) as ended:
        main_of(["toy", "gaussians", "--samples", "2000", "--seeds", "0", "--out", str(tmp_path)], monkeypatch)
    assert ended.value.code == 1


def main_of(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the installed command runs."""
    monkeypatch.setattr("sys.argv", ["featsplit", *words])
    main()


def test_squares_tell_every_arm_that_was_asked_for(tmp_path: Path) -> None:
    words = f"toy squares --train 60 --epochs 1 --device cpu --out {tmp_path}"
    text = call(f"{words} --arms mlp", status=1)
    assert [line.split("  ")[0] for line in text.splitlines()[2:5]] == ["linear", "deep", "mlp"]
    assert {row["arm"] for row in rows_of(tmp_path)} == {"linear", "deep", "mlp"}
    assert "The deep network is off: it predicts 0." in text
    assert "and 0.999 is asked before it is judged: --epochs 2." in text
    with pytest.raises(FeatsplitError, match='did you mean "mlp"'):
        call(f"{words} --arms mpl")


def test_planted_sweeps_the_amplitude_and_stores_the_truth(tmp_path: Path) -> None:
    short = ["train.epochs=1", "match.steps=2", "perturb.steps=2", "evaluate.steps=1", "evaluate.restarts=1"]
    words = " ".join(f"--set {setting}" for setting in (f"data.source={SMALL}", *short))
    text = call(f"toy planted --amplitudes 0.02,0.04 {words} --device cpu --workers 1 --out {tmp_path}", status=1)
    assert "Verdict: D_R at amplitude 0.02 is off: it keeps " in text
    assert "--set train.epochs=" in (tmp_path / "report.html").read_text()
    assert "amplitude 0.02" in text.splitlines()[0]
    kept = [row for row in rows_of(tmp_path) if row["part"] == "planted"]
    assert {(row["amplitude"], row["train_set"], row["component"]) for row in kept} == {
        (amplitude, name, component)
        for amplitude in (0.02, 0.04)
        for name in ("robust", "nonrobust", "rand", "det")
        for component in ("robust", "nonrobust")
    }
    truth = np.load(tmp_path / "0.04" / "truth.npz")
    assert truth["patterns_robust"].shape == (4, 3, 8, 8)
    assert truth["train_nonrobust"].tolist() == [number % 4 for number in range(80)]
    report = (tmp_path / "0.04" / "rows.json").read_text()
    assert '"component": "robust"' in report
    with pytest.raises(FeatsplitError, match="must be planted"):
        call(f"toy planted --set data.source=digits --out {tmp_path}/other")


def test_an_audit_puts_networks_that_were_trained_alike_together(models: Path, tmp_path: Path) -> None:
    words = f"audit {models}/std.safetensors {models}/early.safetensors {models}/adv.safetensors {FEW}"
    text = call(f"{words} --eps 0.5 --images 20 --steps 2 --out {tmp_path}")
    lines = [line.split("  ")[0] for line in text.splitlines()[2:6]]
    assert lines == ["standard training"] * 2 + ["adversarial training"] * 2
    rows = rows_of(tmp_path)
    assert len({row["network"] for row in rows if row["training"] == "standard"}) == 2
    assert {row["part"] for row in rows} == {"audit", "layers"}
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


def test_mislabelled_keeps_what_the_model_misreads(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.h5"
    text = call(f"build-nonrobust --model {models}/early.safetensors {FEW} --method mislabelled --out {path}")
    split = load_split(path)
    assert f"misreads {len(split) / 120:.4f} of the images" in text
    assert accuracy(load_model(models / "early.safetensors"), split) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--method mislabelled --eps 1", "--eps 1.0: belongs to --method perturb or bugs"),
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
        ("D itself", 0),
        (str(path), 0),
        ("D itself", 1),
        (str(path), 1),
    ]
    assert rows[0]["accuracy"] > 0.5 > rows[1]["accuracy"]
