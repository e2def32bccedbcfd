"""Each set is built by a network that was trained as the set needs; the file tells which that was."""

import json
import re
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app, main
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.made_by import MadeBy, card_of
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import load_model, model_spec, read_metadata, save_model

FEW = "--data digits --limit 120 --limit-test 60 --device cpu"
QUICK = "--arch cnn --width 8 --epochs 3 --batch-size 40 --schedule one-cycle"
PUSH = "--eps 1.5 --steps 8 --step-size 0.3"


def call(line: list[str] | str) -> str:
    """The output of a command that ends well."""
    words = line.split() if isinstance(line, str) else line
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(line: list[str] | str) -> str:
    with pytest.raises(FeatsplitError) as error:
        call(line)
    assert "\n" not in str(error.value)
    return str(error.value)


def told(path: Path) -> dict[str, str]:
    """The lines of `featsplit info` by their names."""
    lines = [line.strip().partition("  ") for line in call(f"info {path}").splitlines()[1:]]
    return {name: value.strip() for name, _, value in lines}


def resaved(path: Path, out: Path, **extra: Any) -> Path:
    """The checkpoint at `path` as someone saves it whose metadata are these."""
    save_model(load_model(path), out, spec=model_spec(read_metadata(path)), extra=extra)
    return out


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a standard and a robust model of the digits, and the robust one without its metadata."""
    path = tmp_path_factory.mktemp("models")
    call(f"train {FEW} {QUICK} --out {path}/std.safetensors")
    call(f"train {FEW} {QUICK} --adversary pgd --eps 0.5 --steps 2 --out {path}/adv.safetensors")
    resaved(path / "adv.safetensors", path / "untold.safetensors")
    return path


@pytest.mark.parametrize(
    ("command", "model", "needs", "makes", "cure"),
    [
        ("build-robust", "std", "an adversarially trained network for D_R", "D_NR", "build-nonrobust --method match"),
        ("build-nonrobust --method match", "adv", "a standard network for D_NR", "D_R", "featsplit build-robust"),
        ("build-nonrobust", "adv", "a standard network for D_rand", "the control of the paper's Tables", "--any-model"),
        (
            "build-nonrobust --targets next",
            "adv",
            "a standard network for D_det",
            "the control of the paper's Tables 9 and 10, D_det made with the adversarially trained",
            "--any-model",
        ),
        (
            "build-nonrobust --method bugs",
            "adv",
            "a standard network for D_det of bugs",
            "bugs of an adv",
            "--any-model",
        ),
        (
            "build-nonrobust --method mislabelled",
            "adv",
            "a standard network for mislabelled",
            "what an adv",
            "--any-model",
        ),
        (
            "build-nonrobust --control {models}/std.safetensors",
            "std",
            "must be an adversarially trained network",
            "take the non-robust features for leaked ones",
            "--any-model",
        ),
    ],
)
def test_the_wrong_model_is_refused_with_what_it_would_make(
    models: Path, tmp_path: Path, command: str, model: str, needs: str, makes: str, cure: str
) -> None:
    words = f"{command.format(models=models)} --model {models}/{model}.safetensors {FEW} --out {tmp_path}/x.h5"
    message = refused(words)
    assert f"{model}.safetensors: {'standard' if model == 'std' else 'adversarial'} training" in message
    assert f"must be {needs}" in message or needs in message
    assert makes in message.partition("this would ")[2]
    assert cure in message
    assert "--any-model" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "model", "title"),
    [
        ("build-robust --steps 2", "std", "made as D_R, but by a standard network (--any-model): that is D_NR"),
        (
            f"build-nonrobust {PUSH}",
            "adv",
            "made as D_rand, but by an adversarially trained network (--any-model): that is the control of the paper's "
            "Tables 9 and 10, D_rand made with the adversarially trained network",
        ),
    ],
)
def test_any_model_insists_and_the_file_says_so(
    models: Path, tmp_path: Path, command: str, model: str, title: str
) -> None:
    path = tmp_path / "x.h5"
    call(f"{command} --any-model --model {models}/{model}.safetensors {FEW} --out {path}")
    assert told(path)["set"] == title
    assert read_set_metadata(path).made_by.any_model


def test_info_of_a_set_shows_its_model_and_its_control(models: Path, tmp_path: Path) -> None:
    """File as it was given, architecture, adversary, eps, test accuracy; and the digest beside it."""
    robust, rand = tmp_path / "robust.h5", tmp_path / "rand.h5"
    accuracy = {name: read_metadata(models / f"{name}.safetensors").results["test_accuracy"] for name in ("std", "adv")}
    adversarial = (
        f"{models}/adv.safetensors: cnn width 8, adversarial training pgd l2 eps 0.5 steps 2, "
        f"test accuracy {accuracy['adv']:.3f}"
    )
    standard = f"{models}/std.safetensors: cnn width 8, standard training, test accuracy {accuracy['std']:.3f}"
    call(f"build-robust --steps 15 --any-model --model {models}/adv.safetensors {FEW} --out {robust}")
    found = told(robust)
    assert (found["set"], found["model"]) == (
        DERIVED_SETS["robust"].title,
        adversarial,
    )
    assert found["model digest"] == read_set_metadata(robust).spec.model_digest
    assert "control" not in found
    assert not read_set_metadata(robust).made_by.any_model, "nobody had to insist"
    models_of = f"--model {models}/std.safetensors --control {models}/adv.safetensors"
    call(f"build-nonrobust {PUSH} {models_of} {FEW} --out {rand}")
    found = told(rand)
    assert found["set"] == DERIVED_SETS["rand"].title
    assert (found["model"], found["control"]) == (standard, adversarial)


def test_a_standard_control_is_shown_for_what_it_is(models: Path, tmp_path: Path) -> None:
    path, same = tmp_path / "rand.h5", f"{models}/std.safetensors"
    call(f"build-nonrobust {PUSH} --any-model --model {same} --control {same} {FEW} --out {path}")
    assert told(path)["control"].endswith("(--any-model: no control, which must be adversarially trained)")
    assert told(path)["set"] == DERIVED_SETS["rand"].title


@pytest.mark.parametrize("command", ["build-robust --steps 15", f"build-nonrobust {PUSH}"])
def test_a_model_that_does_not_tell_is_neither_refused_nor_believed(models: Path, tmp_path: Path, command: str) -> None:
    path, model = tmp_path / "x.h5", models / "untold.safetensors"
    with pytest.warns(FeatsplitWarning) as caught:
        call(f"{command} --model {model} {FEW} --out {path}")
    (message,) = {str(each.message) for each in caught if "does not tell" in str(each.message)}
    assert message == (
        f"{model}: does not tell how it was trained, and {path} will say so; tell it with "
        '--trained-with "pgd l2 0.5" or --trained-with standard'
    )
    assert told(path)["set"].endswith(", by a network of which the training is not told")
    assert told(path)["model"] == f"{model}: cnn width 8, training not told"


def test_trained_with_tells_it_and_the_set_that_is_there_learns_it(models: Path, tmp_path: Path) -> None:
    """The network is the same, so nothing is built again; told otherwise, it is refused as any other."""
    path = tmp_path / "r.h5"
    words = f"build-robust --steps 15 --model {models}/untold.safetensors {FEW} --out {path}".split()
    with pytest.warns(FeatsplitWarning, match="does not tell"):
        call(words)
    digests = read_set_metadata(path).digests
    call([*words, "--trained-with", "pgd l2 0.5"])
    assert told(path)["set"] == DERIVED_SETS["robust"].title
    assert "adversarial training pgd l2 eps 0.5 (as told by --trained-with)" in told(path)["model"]
    assert read_set_metadata(path).digests == digests
    with pytest.warns(FeatsplitWarning, match="does not tell"):
        call(words)
    assert told(path)["set"] == DERIVED_SETS["robust"].title, "what was told once is not forgotten"
    message = refused([*words, "--trained-with", "standard"])
    assert "untold.safetensors: standard training; must be an adversarially trained network for D_R" in message


def test_the_checkpoint_knows_better_than_its_user(models: Path, tmp_path: Path) -> None:
    words = ["build-robust", "--steps", "9", "--model", f"{models}/adv.safetensors", *FEW.split()]
    words += ["--out", f"{tmp_path}/r.h5", "--trained-with"]
    for other in ("standard", "fgsm l2 0.5", "pgd linf 0.5", "pgd l2 0.25"):
        message = refused([*words, other])
        assert "adv.safetensors tells of adversarial training pgd l2 eps 0.5 steps 2; leave the option out" in message
    call([*words, "pgd l2 1/2"])
    assert "--trained-with" not in told(tmp_path / "r.h5")["model"]


def test_a_renamed_model_is_the_same_model(models: Path, tmp_path: Path) -> None:
    path, moved = tmp_path / "r.h5", tmp_path / "moved.safetensors"
    shutil.copy(models / "adv.safetensors", moved)
    call(f"build-robust --steps 9 --model {models}/adv.safetensors {FEW} --out {path}")
    before = path.read_bytes()
    call(f"build-robust --steps 9 --model {moved} {FEW} --out {path}")
    assert path.read_bytes() == before


def test_a_control_that_does_not_tell_is_warned_of(models: Path, tmp_path: Path) -> None:
    path, control = tmp_path / "rand.h5", models / "untold.safetensors"
    words = f"build-nonrobust {PUSH} --model {models}/std.safetensors --control {control} {FEW} --out {path}"
    with pytest.warns(FeatsplitWarning, match=rf"--control {control}: does not tell how it was trained"):
        call(words)
    assert told(path)["control"] == f"{control}: cnn width 8, training not told"


def test_a_card_comes_back_from_its_file_as_it_was(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "n.h5"
    call(f"build-nonrobust --method match --steps 9 --model {models}/std.safetensors {FEW} --out {path}")
    assert read_set_metadata(path).made_by == MadeBy(
        card_of(f"{models}/std.safetensors", read_metadata(models / "std.safetensors"))
    )


def test_info_of_a_checkpoint_does_not_call_an_untold_training_standard(models: Path, tmp_path: Path) -> None:
    nothing = {"attack": "pgd", "norm": "l2", "eps": 0.0, "steps": 7}
    harmless = resaved(models / "std.safetensors", tmp_path / "h.safetensors", recipe={"adversary": nothing})
    foreign = resaved(models / "std.safetensors", tmp_path / "f.safetensors", recipe="as usual", results=[0.9])
    other = resaved(models / "std.safetensors", tmp_path / "o.safetensors", recipe={"adversary": "pgd"})
    lines = {path: told(path)["adversary"] for path in (*models.glob("*.safetensors"), harmless, foreign, other)}
    assert lines == {
        models / "std.safetensors": "none: standard training",
        models / "adv.safetensors": "attack pgd, norm l2, eps 0.5, steps 2, random_start False",
        models / "untold.safetensors": "not told",
        harmless: "none: standard training",
        foreign: "not told",
        other: "not told",
    }


def test_an_audit_calls_an_untold_training_so(models: Path, tmp_path: Path) -> None:
    words = f"audit {models}/std.safetensors {models}/untold.safetensors {FEW} --images 20 --steps 1 --out {tmp_path}"
    text = call(words)
    assert [line.split("  ")[0] for line in text.splitlines()[3:7]] == ["standard training"] * 2 + [
        "training not told"
    ] * 2
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {row["training"] for row in rows} == {"standard", "not told"}


def test_info_of_mislabelled_images_is_a_screenful(models: Path, tmp_path: Path) -> None:
    """Nothing in them is random, and their method has no settings."""
    call(f"train {FEW} --arch cnn --width 8 --epochs 1 --batch-size 40 --out {tmp_path}/early.safetensors")
    path = tmp_path / "wrong.h5"
    call(f"build-nonrobust --method mislabelled --model {tmp_path}/early.safetensors {FEW} --out {path}")
    assert told(path)["set"] == DERIVED_SETS["mislabelled"].title
    assert told(path)["seed"] == "none: nothing is random"


def test_on_the_command_line_a_warning_is_one_line_and_no_error(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built, taken up and trained on: each time the same line, and info shows it."""
    path = tmp_path / "rand.h5"
    build = f"build-nonrobust --eps 0.01 --steps 1 --model {models}/std.safetensors {FEW} --out {path}"
    train = f"train --data {path} --arch linear --epochs 1 --out {tmp_path}/l.safetensors"
    said = []
    for line in (build, build, train):
        monkeypatch.setattr(sys, "argv", ["featsplit", *line.split()])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        said.append(capsys.readouterr().err)
    assert re.match(rf"featsplit: note: {path}: \d % of the images reached their new label", said[0])
    assert said == [said[0]] * 3
    assert said[0].count("\n") == 1
    assert f"featsplit: note: {path}: {told(path)['warning']}\n" == said[0]
