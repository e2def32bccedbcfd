"""A derived set where its source is not: from another place, without the test images, and on its own images."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.derived import load_split
from featsplit.data.places import absolute
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.build import build
from featsplit.models.checkpoints import load_model, read_metadata
from featsplit.runtime import accuracy
from featsplit.synthesis import Build, Perturb, build_perturb

TRAIN = "--arch linear --epochs 2 --lr 0.01 --device cpu"


def call(line: str) -> tuple[str, str]:
    """What a command that ends well prints, on standard output and on standard error."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def write(path: Path, seed: int) -> None:
    """Data of four classes, of which one can be told from the others at best."""
    rng, labels = np.random.default_rng(seed), np.arange(60) % 4
    images = rng.integers(0, 200, (2, 60, 8, 8), dtype=np.uint8)
    np.savez(path, x_train=images[0], y_train=labels, x_test=images[1], y_test=labels)


def make(path: Path, source: str, split: Any = "train", **kept: Any) -> None:
    data = load_data(DataSpec(source, **kept))
    model = build("linear", shape=data.shape, classes=len(data.classes))
    build_perturb(path, model, data, Perturb(steps=1, step_size=0.1), build=Build(split=split, name="rand"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of who made sets of mine/own.npz, at its relative path: of the train and of the test split."""
    (tmp_path / "here" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    write(Path("mine/own.npz"), 0)
    make(Path("set.h5"), "npz:mine/own.npz", limit=40, resize=6)
    make(Path("held.h5"), "npz:mine/own.npz", split="test", limit=40, resize=6)
    return tmp_path / "here"


def test_a_set_made_at_a_relative_path_opens_from_any_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = read_set_metadata(Path("set.h5")).spec
    assert spec.source["source"] == f"npz:{here}/mine/own.npz"
    assert spec.source_name == "npz:mine/own.npz", "as the user wrote it"
    monkeypatch.chdir("/")
    assert f"npz:{here}/mine/own.npz, train split  resize 6, limit 40" in call(f"info {here}/set.h5")[0]
    assert len(load_data(DataSpec(str(here / "set.h5"))).test) == 60


def test_an_old_set_that_names_a_relative_path_is_the_same_set(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built again it is left as it is; the digest tells that the data are the same."""
    from featsplit.data import sources

    Path("set.h5").unlink()
    monkeypatch.setattr(sources, "absolute", lambda source: source)
    make(Path("set.h5"), "npz:mine/own.npz", limit=40, resize=6)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    before = Path("set.h5").read_bytes()
    assert read_set_metadata(Path("set.h5")).spec.source["source"] == "npz:mine/own.npz"
    make(Path("set.h5"), f"npz:{here}/mine/own.npz", limit=40, resize=6)
    assert Path("set.h5").read_bytes() == before
    write(Path("mine/own.npz"), 1)
    with pytest.raises(FeatsplitError, match=r"set\.h5: exists"):
        make(Path("set.h5"), "npz:mine/own.npz", limit=40, resize=6)


def test_the_same_data_by_another_name_are_not_trained_on_again(here: Path) -> None:
    call(f"train --data npz:mine/own.npz {TRAIN} --out m.safetensors")
    before = Path("m.safetensors").stat().st_mtime_ns
    call(f"train --data npz:{here}/mine/own.npz {TRAIN} --out m.safetensors")
    assert Path("m.safetensors").stat().st_mtime_ns == before


COMMANDS = {
    "train": f"train --data set.h5 {TRAIN} --out on.safetensors",
    "evaluate": "evaluate --model m.safetensors --data set.h5 --steps 1 --device cpu",
    "audit": "audit m.safetensors --data set.h5 --images 8 --steps 1 --device cpu --out audit",
    "transfer": "transfer set.h5 --arch linear --epochs 1 --steps 1 --device cpu --out t",
    "show": "show set.h5 --out set.png",
    "leakage": "leakage set.h5 --epochs 1 --seeds 0 --device cpu",
    "build-robust": "build-robust --model m.safetensors --data set.h5 --steps 1 --device cpu --out second.h5",
    "build-nonrobust": "build-nonrobust --model m.safetensors --data set.h5 --steps 1 --device cpu --out second.h5",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_takes_the_source_from_another_place(
    here: Path, command: str, refused: Callable[[str], str]
) -> None:
    """Its size and limit are as the set's file tells; that the images are the same, its digest."""
    options = " --any-model" if "--any-model" in call(f"{command.split()[0]} --help")[0] else ""
    call(f"train --data set.h5 {TRAIN} --out m.safetensors")
    shutil.move("mine", "moved")
    assert refused(command + options) == (
        f'set.h5: its source "npz:{here}/mine/own.npz" is not there; say by --source SRC where it lies now '
        "(train --no-test needs none)"
    )
    write(Path("other.npz"), 1)
    assert "--source npz:other.npz: has digest " in refused(f"{command}{options} --source npz:other.npz")
    call(f"{command}{options} --source npz:moved/own.npz")


def test_another_place_that_holds_other_images_is_refused_with_both_digests(here: Path) -> None:
    write(Path("other.npz"), 1)
    other = load_data(DataSpec("npz:other.npz", limit=40, resize=6)).digest[:8]
    own = read_set_metadata(Path("set.h5")).spec.source_digest[:8]
    with pytest.raises(FeatsplitError) as caught:
        load_data(DataSpec("set.h5"), elsewhere="npz:other.npz")
    assert str(caught.value) == (
        f"--source npz:other.npz: has digest {other} ..., and set.h5 was made of {own} ...: its images, their order or "
        "its class names are others (size and limits are as the file says)"
    )


def test_of_a_set_made_of_a_set_either_source_can_be_elsewhere(here: Path) -> None:
    make(Path("second.h5"), "set.h5")
    before = load_data(DataSpec("second.h5"))
    shutil.move("mine", "moved")
    assert load_data(DataSpec("second.h5"), elsewhere="npz:moved/own.npz").digest == before.digest
    shutil.move("moved", "mine")
    shutil.move("set.h5", "first.h5")
    assert load_data(DataSpec("second.h5"), elsewhere="first.h5").digest == before.digest


def test_without_the_test_images_the_source_is_not_needed(here: Path) -> None:
    call(f"train --data set.h5 {TRAIN} --out with.safetensors")
    shutil.rmtree("mine")
    out, _ = call(f"train --data set.h5 --no-test {TRAIN} --out without.safetensors")
    assert out.splitlines()[-1].endswith("; not tested")
    with_test, without = (load_model(f"{name}.safetensors").state_dict() for name in ("with", "without"))
    assert all(torch.equal(with_test[name], without[name]) for name in with_test), "the same training"
    metadata = read_metadata(Path("without.safetensors"))
    assert metadata.results == {}
    assert [set(epoch) for epoch in metadata.history] == [{"loss", "train_accuracy"}] * 2
    assert metadata.class_names == ("0", "1", "2", "3")
    assert "not told" not in call("info without.safetensors")[0]
    kept = Path("without.safetensors").stat().st_mtime_ns
    call(f"train --data set.h5 --no-test {TRAIN} --out without.safetensors")
    assert Path("without.safetensors").stat().st_mtime_ns == kept
    out, _ = call(f"train --data set.h5 --no-test --holdout 0.25 {TRAIN} --out held.safetensors")
    assert ", test 0." in out, "what is held out is the set's own"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data digits --no-test", '--no-test: is for a derived set (FILE.h5); "digits" has its own test images'),
        (
            "--data held.h5 --no-test",
            "held.h5: is of the test split: without its source there is nothing to train on",
        ),
        (
            "--data digits --source npz:mine/own.npz",
            '--source npz:mine/own.npz: is where a derived set (FILE.h5) came from, not "digits"',
        ),
        (
            "--data set.h5 --no-test --source npz:mine/own.npz",
            "--source npz:mine/own.npz: is not read with --no-test; give one of the two",
        ),
        (
            "--data set.h5 --no-test --limit-test 8",
            "--limit-test = 8: there are no test images with --no-test",
        ),
    ],
)
def test_options_that_do_not_go_together(here: Path, options: str, message: str, refused: Callable[[str], str]) -> None:
    assert refused(f"train {options} {TRAIN} --out no.safetensors") == message
    assert not Path("no.safetensors").exists()


def rows_on(options: str) -> tuple[list[dict[str, Any]], str, list[str]]:
    """The clean rows of an evaluation, its standard error, and the line of its table for each."""
    command = f"evaluate --model m.safetensors {options} --eps 0.1 --steps 1 --restarts 1 --device cpu --out rows.json"
    out, err = call(f"{command} --overwrite")
    rows = json.loads(Path("rows.json").read_text())
    return [row for row in rows if row["attack"] == "none"], err, [line for line in out.splitlines() if "none" in line]


def test_evaluation_says_whose_images_it_reads(here: Path) -> None:
    call(f"train --data set.h5 {TRAIN} --out m.safetensors")
    model = load_model("m.safetensors")
    own, held = (load_split(Path(name)) for name in ("set.h5", "held.h5"))
    source = load_data(DataSpec("npz:mine/own.npz", limit=40, resize=6))

    (row,), err, (line,) = rows_on("--data set.h5")
    assert err == (
        "set.h5: these are the test images of its source npz:mine/own.npz; --on train reads the set's own images\n"
    )
    assert "set.h5: the source's test images" in line
    assert (row["split"], row["images_of"], row["n"]) == ("test", "npz:mine/own.npz", 60)
    assert row["accuracy"] == pytest.approx(accuracy(model, source.test))

    (row,), err, (line,) = rows_on("--data held.h5")
    assert err == "held.h5: these are the set's own images, made of the test images of its source npz:mine/own.npz\n"
    assert "held.h5: its own images" in line
    assert (row["split"], row["images_of"]) == ("test", "held.h5")
    assert row["accuracy"] == pytest.approx(accuracy(model, held))

    (row,), err, (line,) = rows_on("--data held.h5 --on train")
    assert "these are the training images of its source npz:mine/own.npz; --on test reads the set's own images" in err
    assert "held.h5: the source's training images" in line
    assert row["accuracy"] == pytest.approx(accuracy(model, source.train))

    plain = "--data npz:mine/own.npz --resize 6 --limit 40"
    (row,), err, (line,) = rows_on(f"{plain} --on train")
    assert err == ""
    assert "npz:mine/own.npz: training images" in line
    assert (row["split"], row["images_of"], row["n"]) == ("train", "npz:mine/own.npz", 40)
    (row,), err, (line,) = rows_on(plain)
    assert "images" not in line
    assert row["split"] == "test"

    shutil.rmtree("mine")
    (row,), err, (line,) = rows_on("--data set.h5 --on train")
    assert err == "set.h5: these are the set's own images, made of the training images of its source npz:mine/own.npz\n"
    assert "set.h5: its own images" in line
    assert (row["split"], row["images_of"], row["n"]) == ("train", "set.h5", 40)
    assert row["accuracy"] == pytest.approx(accuracy(model, own))


def test_several_data_sets_share_another_place_where_they_are_derived(here: Path) -> None:
    call(f"train --data set.h5 {TRAIN} --out m.safetensors")
    shutil.move("mine", "moved")
    rows, *_ = rows_on("--data set.h5 --data npz:moved/own.npz --resize 6 --source npz:moved/own.npz --limit 40")
    assert [row["images_of"] for row in rows] == ["npz:mine/own.npz", "npz:moved/own.npz"]
    assert rows[0]["accuracy"] == rows[1]["accuracy"]


def test_a_split_that_there_is_not_is_refused(here: Path, refused: Callable[[str], str]) -> None:
    line = "evaluate --model m.safetensors --data set.h5 --on tset"
    assert refused(line) == '--on = "tset": must be one of train, test; did you mean "test"?'


def test_names_that_hold_no_path_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("digits", "cifar10", "planted", "planted:size=8,classes=4"):
        assert absolute(name) == name
    assert absolute("folder:~/mine") == "folder:/home/me/mine"
    assert absolute("folder:odd.h5") == f"folder:{tmp_path}/odd.h5"
