"""The command line as a researcher uses it: train, build, evaluate, look; each on a few real digits."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit import evaluation
from featsplit.commands import app
from featsplit.data.derived import read_columns
from featsplit.metadata.sets import read_set_metadata
from featsplit.metadata.training import training_of
from featsplit.models.checkpoints import read_metadata
from featsplit.runtime import Machine, Precision

FEW = "--data digits --limit 120 --limit-test 60 --device cpu"
QUICK = "--arch cnn --width 8 --epochs 4 --batch-size 40 --schedule one-cycle"


def call(line: str) -> str:
    """The output of a command that ends well."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a standard and a robust model of the digits."""
    path = tmp_path_factory.mktemp("work")
    call(f"train {FEW} {QUICK} --out {path}/std.safetensors")
    call(f"train {FEW} {QUICK} --adversary pgd --eps 0.5 --steps 2 --out {path}/adv.safetensors")
    return path


def test_train_writes_its_metadata(folder: Path) -> None:
    metadata = read_metadata(folder / "adv.safetensors")
    assert training_of(metadata.recipe).eps == 0.5
    assert metadata.trained_on == "digits"
    assert len(metadata.history) == 4
    text = call(f"info {folder}/adv.safetensors")
    assert "attack pgd, norm l2, eps 0.5, steps 2" in text
    assert "arch cnn, width 8" in text
    assert f"{metadata.results['test_accuracy']:.4f}" in text


def test_train_again_does_nothing(folder: Path) -> None:
    before = (folder / "std.safetensors").stat().st_mtime_ns
    call(f"train {FEW} {QUICK} --out {folder}/std.safetensors")
    assert (folder / "std.safetensors").stat().st_mtime_ns == before


def test_build_robust_and_look_at_it(folder: Path) -> None:
    path = folder / "robust.h5"
    text = call(f"build-robust --model {folder}/adv.safetensors {FEW} --rule lbfgs --steps 5 --out {path}")
    summary = read_set_metadata(path).summary
    assert f"relative {summary['relative_distance']:.4f}" in text
    assert read_set_metadata(path).spec.name == "robust"
    told = call(f"info {path}")
    assert "D_R: the representation of the adversarially trained network, labels unchanged" in told
    assert "rule (name lbfgs, step_size 0.8" in told
    assert len(told.splitlines()) <= 24
    assert max(map(len, told.splitlines()[2:4])) < 120
    assert "columns verified (distance, " in call(f"verify {path}")
    call(f"show {path} --out {folder}/robust.png --count 3")
    assert (folder / "robust.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "precision", "tolerance", "runs"),
    [
        ("--precision float32", "float32", 0.0, 12),
        ("--precision bfloat16", "bfloat16", 0.0, 12),
        ("--precision bfloat16 --tolerance 0.99", "bfloat16", 0.99, 3),
        ("", "auto", 0.0, 12),
    ],
    ids=["float32", "bfloat16", "tolerance", "as usual"],
)
def test_precision_and_tolerance_reach_the_file(
    folder: Path, tmp_path: Path, options: str, precision: Precision, tolerance: float, runs: int
) -> None:
    """Ten steps, the best of the rough again and the end; within 0.99 of its goal almost every image is at once."""
    expected = "bfloat16" if Machine(precision=precision).half else "float32"
    build = f"--model {folder}/adv.safetensors {FEW} {options} --steps 10"
    call(f"build-robust {build} --out {tmp_path}/r.h5")
    call(f"build-nonrobust {build} --any-model --method match --out {tmp_path}/n.h5")
    for name in ("r", "n"):
        metadata = read_set_metadata(tmp_path / f"{name}.h5")
        assert (metadata.spec.precision, metadata.spec.parameters["tolerance"]) == (expected, tolerance)
        assert metadata.summary["runs"] == runs if tolerance == 0 else metadata.summary["runs"] < runs
    push = build.replace(f" --tolerance {tolerance}", "")
    call(f"build-nonrobust {push} --any-model --out {tmp_path}/p.h5")
    assert read_set_metadata(tmp_path / "p.h5").spec.precision == expected
    assert re.search(rf"precision +{expected}", call(f"info {tmp_path}/r.h5"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision_reaches_training_and_evaluation(
    folder: Path, tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append(options["machine"].precision)
        return plainly(*arguments, **options)

    plainly = evaluation.evaluate
    monkeypatch.setattr(evaluation, "evaluate", watched)
    monkeypatch.setattr(import_module("featsplit.studies.set_transfer.jobs"), "evaluate", watched)
    call(f"train {FEW} --arch cnn --width 8 --epochs 1 --precision {precision} --out {tmp_path}/m.safetensors")
    assert read_metadata(tmp_path / "m.safetensors").precision == precision
    call(f"evaluate --model {tmp_path}/m.safetensors {FEW} --steps 1 --restarts 1 --precision {precision}")
    assert seen == [precision]
    call(f"build-robust --model {tmp_path}/m.safetensors {FEW} --any-model --steps 1 --out {tmp_path}/r.h5")
    call(f"transfer {tmp_path}/r.h5 --arch linear --epochs 1 --steps 1 --precision {precision} --out {tmp_path}/t")
    (network,) = (tmp_path / "t").rglob("*.safetensors")
    assert read_metadata(network).precision == precision
    assert set(seen) == {precision}
    assert len(seen) > 1


def test_build_nonrobust_by_both_methods(folder: Path) -> None:
    models = f"--model {folder}/std.safetensors --control {folder}/adv.safetensors"
    push = "--eps 1.5 --steps 8 --step-size 0.3"
    text = call(f"build-nonrobust {models} {FEW} {push} --targets next --dtype uint8 --out {folder}/det.h5")
    summary = read_set_metadata(folder / "det.h5").summary
    assert f"{summary['success']:.4f} in float, {summary['success_stored']:.4f} as stored (uint8)" in text
    assert f"{summary['control_before']:.4f} before, {summary['control_after']:.4f} after" in text
    columns = read_columns(folder / "det.h5", ["labels", "source_label"])
    assert ((columns["source_label"] + 1) % 10 == columns["labels"]).all()
    call(f"show {folder}/det.h5 --out {folder}/det.png")
    how = "--method match --rule momentum --steps 5 --start noise"
    call(f"build-nonrobust --model {folder}/std.safetensors {FEW} {how} --out {folder}/nonrobust.h5")
    assert read_set_metadata(folder / "nonrobust.h5").spec.parameters["start"] == "noise"
    call(f"show {folder}/nonrobust.h5 --out {folder}/nonrobust.png")


def test_evaluate_gives_a_row_for_each_model_set_and_attack(folder: Path) -> None:
    models = f"--model {folder}/std.safetensors --model {folder}/adv.safetensors"
    attacks = "--attack fgsm,pgd --norm l2,linf --eps 0.1,0.3 --steps 3 --restarts 2"
    text = call(f"evaluate {models} {FEW} {attacks} --out {folder}/rows.json")
    rows = json.loads((folder / "rows.json").read_text())
    assert len(rows) == 2 * (1 + 2 * 2 * 2)
    fields = {"train_set", "architecture", "test_set", "attack", "norm", "eps", "steps", "restarts", "n", "seed"}
    assert all(fields <= set(row) for row in rows)
    assert {row["n"] for row in rows} == {60}
    clean = next(row["accuracy"] for row in rows if row["attack"] == "none")
    assert clean == pytest.approx(read_metadata(folder / "std.safetensors").results["test_accuracy"])
    assert len(text.splitlines()) == len(rows) + 2
    assert max(map(len, text.splitlines())) <= 80


def test_transfer_is_the_matrix_of_sets_and_architectures(folder: Path) -> None:
    build = f"build-robust --model {folder}/adv.safetensors {FEW} --rule lbfgs --steps 5"
    call(f"{build} --out {folder}/train.h5")
    call(f"{build} --split test --out {folder}/held.h5")
    text = call(
        f"transfer {folder}/train.h5 {folder}/held.h5 --arch cnn,linear --epochs 2 --steps 2 --out {folder}/t"
        " --device cpu"
    )
    rows = json.loads((folder / "t" / "rows.json").read_text())
    assert {(row["architecture"], row["test_set"], row["attack"]) for row in rows} == {
        (arch, test, attack)
        for arch in ("cnn", "linear")
        for test in ("source", f"{folder}/held.h5")
        for attack in ("none", "pgd")
    }
    assert "held pgd l2 0.25" in text


def test_a_users_own_network_goes_all_the_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from torch import nn\ndef net(*, shape, classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9),"
    )
    (folder / "mynet.py").write_text(source + " nn.ReLU(), nn.Linear(9, classes))\n")
    monkeypatch.chdir(folder)
    call(f"train {FEW} --arch mynet:net --epochs 2 --out own.safetensors")
    call(f"build-robust --model own.safetensors --factory mynet:net {FEW} --any-model --steps 2 --out own.h5")
    told = call("info own.h5")
    assert "made as D_R, but by a standard network (--any-model): that is D_NR" in told
    assert "own.safetensors: mynet:net, standard training, test accuracy" in told


def test_version_and_help() -> None:
    import featsplit

    assert call("--version").strip() == featsplit.__version__
    assert "build-nonrobust" in call("--help")
