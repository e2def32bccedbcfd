"""A small run of the study: its table, its statements, an encoder of the user's, and what is taken up."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.dataset import open_dataset
from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields
from featsplit.report.blocks import Explorer
from featsplit.report.examples import read_examples
from featsplit.studies import open_results, page_of, study_named
from featsplit.studies.li2023 import Settings
from featsplit.studies.li2023.claims import STATEMENTS
from tests.least import LEAST, call
from tests.opening import check_opening

TINY = LEAST.replace('arch = "linear"', 'arch = "mlp"\nwidth = 16').replace(
    "[match]",
    '[simclr]\nepochs = 2\nbatch_size = 30\naugment = ["shift"]\n[probe]\nname = "ridge"\npenalty = 0.01\n[match]',
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with an encoder of the user's."""
    path = tmp_path_factory.mktemp("li2023")
    few = "--data digits --limit 60 --limit-test 30 --device cpu"
    call(f"train {few} --arch cnn --width 8 --epochs 1 --out {path}/cnn.safetensors")
    call(f"probe {path}/cnn.safetensors --layer output {few} --out {path}/mine.safetensors")
    (path / "tiny.toml").write_text(f'study = "li2023"\nencoders = ["{path}/mine.safetensors"]\n{TINY}')
    call(f"run {path}/tiny.toml --out {path}/run --device cpu --workers 1")
    return path


def rows_of(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "run" / "rows.json").read_text())
    return found


def test_every_set_teaches_two_learners(folder: Path) -> None:
    learned = {
        (row["train_set"], row["experiment"])
        for row in rows_of(folder)
        if row["experiment"] in ("supervised", "self-supervised")
    }
    sets = [f"{kind}-{maker}" for kind in ("match", "rand") for maker in ("standard", "adversarial", "simclr", "mine")]
    expected = {(name, learner) for name in ("source", *sets) for learner in ("supervised", "self-supervised")}
    assert learned == expected
    assert {row["n"] for row in rows_of(folder) if row["test_set"] == "source"} == {30}


def test_the_page_has_a_line_for_each_and_each_statement_its_verdict(folder: Path) -> None:
    results = open_results(folder / "run")
    text = (folder / "run" / "report.md").read_text()
    assert "Training curves" in text
    for title in ("D_R of SimCLR", "D_rand of mine", "the source"):
        assert title in text
    claims = study_named("li2023").CLAIMS[0](results)
    assert [claim.what for claim in claims] == list(STATEMENTS)
    assert all(statement in text for statement in STATEMENTS)


def test_a_second_run_trains_nothing_again(folder: Path) -> None:
    files = sorted((folder / "run" / "seed0" / "models").iterdir())
    before = [path.stat().st_mtime_ns for path in files]
    (folder / "run" / "run.json").unlink()
    call(f"run {folder}/tiny.toml --out {folder}/run --device cpu --workers 1")
    assert [path.stat().st_mtime_ns for path in files] == before


def test_given_source_networks_are_those_of_a_run_that_trained_them(folder: Path, tmp_path: Path) -> None:
    models = folder / "run" / "seed0" / "models"
    given = " ".join(f"--set networks.{name}={models}/{name}.safetensors" for name in ("standard", "adversarial"))
    call(f"run {folder}/tiny.toml {given} --out {tmp_path}/run --device cpu --workers 1")
    assert json.loads((tmp_path / "run" / "rows.json").read_text()) == rows_of(folder)
    swapped = f"--set networks.adversarial={models}/standard.safetensors"
    words = f"run {folder}/tiny.toml {swapped} --out {tmp_path}/swapped --device cpu --workers 1"
    found = CliRunner().invoke(app, words.split())
    assert isinstance(found.exception, FeatsplitError)
    assert "networks.adversarial" in str(found.exception)


@pytest.fixture
def settings() -> Fields:
    return {
        "study": "li2023",
        "name": "t",
        "data": {"source": "digits"},
        "train": {"adversarial": {"adversary": {"eps": 0.5}}},
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoders": ["a/x.safetensors", "b/x.safetensors"]}, "must differ from each other"),
        ({"encoders": ["simclr.safetensors"]}, "must differ from each other and from standard"),
        ({"experiments": ["noise"]}, "li2023 has none"),
        ({"simclr": {"temperature": 0}}, "simclr.temperature = 0: must be greater than 0"),
        ({"probe": {"name": "ridge", "penalty": 0}}, "probe.penalty = 0: must be greater than 0"),
    ],
)
def test_what_cannot_be_run(settings: Fields, changes: Fields, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        Settings.read({**settings, **changes})
    assert message in str(error.value)


def test_images_are_shown_with_what_all_encoders_predict_of_them(folder: Path) -> None:
    (explorer,) = [block for block in page_of(open_results(folder / "run")) if isinstance(block, Explorer)]
    assert explorer.networks == ["standard network", "adversarially trained network", "SimCLR", "mine"]
    assert [one.label for one in explorer.sets[-2:]] == ["D_R of mine", "D_rand of mine"]
    assert [one.control for one in explorer.sets] == [None, 1, None, 0, None, 1, None, 1]
    for one in explorer.sets:
        stored = open_dataset(folder / "run" / "seed0" / "sets" / f"{Path(one.examples).stem}.h5").columns
        examples = read_examples(folder / "run" / one.examples)
        if one.control is not None:
            assert examples.predicted[:, one.maker, 2].tolist() == stored["prediction_stored"].tolist(), one.label


def test_the_page_opens_as_all_do(folder: Path) -> None:
    check_opening(folder / "run")
