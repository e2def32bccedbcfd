"""Source networks that the user has: the run is that of one which trained them, and wrong ones are refused."""

import json
import shutil
from pathlib import Path

import pytest

from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.metadata.models import ModelMetadata
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import read_metadata, save_model
from featsplit.studies.given import Given, take
from tests.least import LEAST, contents, run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that trained its networks."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "least.toml").write_text(LEAST)
    run(f"{folder / 'least.toml'} --out {folder / 'run'}")
    return folder / "run"


def models(trained: Path) -> Path:
    return trained / "seed0" / "models"


def given(trained: Path) -> str:
    return " ".join(
        f"--set networks.{name}={models(trained)}/{name}.safetensors" for name in ("standard", "adversarial")
    )


@pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")
def test_a_run_of_the_same_networks_is_the_same_run(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    _, said = run(f"{trained.parent / 'least.toml'} {given(trained)} --out {out}")
    assert "take standard" in said
    assert "train standard" not in said
    assert "train robust" in said
    first, again = contents(trained), contents(out)
    assert again["rows.json"] == first["rows.json"]
    made = [name for name in first if name.endswith((".h5", ".safetensors"))]
    assert len([name for name in made if "/grids/" not in name]) == 10
    for name in made:
        assert again[name] == first[name], name


@pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")
def test_another_checkpoint_under_the_same_name_is_taken_again(trained: Path, tmp_path: Path) -> None:
    own, words = tmp_path / "own.safetensors", f"{trained.parent / 'least.toml'} --out {tmp_path / 'run'}"
    shutil.copy(models(trained) / "standard.safetensors", own)
    run(f"{words} --set networks.standard={own}")
    before = (tmp_path / "run" / "seed0" / "sets" / "det.h5").read_bytes()
    source = load_data(DataSpec("digits", limit=60, limit_test=30))
    save_model(
        build(ModelSpec("linear"), shape=source.shape, classes=10, seed=5), own, spec=ModelSpec("linear"),
        extra={"recipe": {"adversary": None}},
    )  # fmt: skip
    run(f"{words} --set networks.standard={own}")
    assert (
        read_metadata(tmp_path / "run/seed0/models/standard.safetensors").state_digest
        == read_metadata(own).state_digest
    )
    assert (tmp_path / "run" / "seed0" / "sets" / "det.h5").read_bytes() != before


def test_a_network_of_another_architecture_is_named_in_the_rows(trained: Path, tmp_path: Path) -> None:
    own, source = tmp_path / "mlp.safetensors", load_data(DataSpec("digits", limit=60, limit_test=30))
    save_model(
        build(ModelSpec("mlp"), shape=source.shape, classes=10, seed=5), own, spec=ModelSpec("mlp"),
        extra={
            "recipe": {"adversary": None}, "data_digest": source.digest,
            "history": [{"loss": 1.0, "train_accuracy": 0.5}],
        },
    )  # fmt: skip
    run(f"{trained.parent / 'least.toml'} --out {tmp_path / 'run'} --set networks.standard={own}")
    rows = json.loads((tmp_path / "run" / "rows.json").read_text())
    of_source = [row for row in rows if row["train_set"] == "source" and row["training"] == "standard"]
    assert {row["architecture"] for row in of_source} == {"mlp"}
    assert {row["architecture"] for row in rows if row["train_set"] != "source"} == {"linear"}
    epochs = [row["test_set"] for row in of_source if row["experiment"] == "epochs"]
    assert epochs == ["source"], "what its history says, and no more"
    settings = (tmp_path / "run" / "settings.toml").read_text()
    assert f'standard = "{own}"' in settings


def test_paths_are_those_of_any_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Given("a.safetensors").settled() == Given(str(tmp_path / "a.safetensors"))
    assert Given(factory="./mine.py:make").settled() == Given(factory=f"{tmp_path}/mine.py:make")
    assert Given(factory="mine:make").settled() == Given(factory="mine:make")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("adversarial", DataSpec("digits", limit=60), "tells of standard training; must be an adversarially trained"),
        (
            "standard",
            DataSpec("digits", limit=60, resize=10),
            r"takes images of 1 x 8 x 8 in 10 classes; digits has images",
        ),
        ("standard", DataSpec("digits", classes=("3", "5")), "in 2 classes; see data.resize"),
    ],
)
def test_a_wrong_network_is_refused(name: str, data: DataSpec, message: str, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(FeatsplitError, match=rf"networks\.{name}: .*{message}"):
        take(models(trained) / "standard.safetensors", name, tmp_path / "m.safetensors", load_data(data))
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "does not tell how it was trained; what is said of the sets holds if it is adversarial"),
        ({"recipe": {"adversary": {"norm": "l2", "eps": 1}}, "data_digest": "0" * 64}, "was trained on other images"),
    ],
)
def test_what_cannot_be_known_is_said(extra: dict[str, object], message: str, tmp_path: Path) -> None:
    source, own = load_data(DataSpec("digits", limit=60)), tmp_path / "own.safetensors"
    save_model(build(ModelSpec("linear"), shape=source.shape, classes=10), own, spec=ModelSpec("linear"), extra=extra)
    with pytest.warns(FeatsplitWarning, match=message):
        found: ModelMetadata = take(own, "adversarial", tmp_path / "m.safetensors", source)
    assert found.arch == "linear"


def test_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    source, own = load_data(DataSpec("digits", limit=60)), tmp_path / "own.safetensors"
    names = [*source.classes[1:], source.classes[0]]
    extra = {"recipe": {"adversary": None}, "class_names": names}
    save_model(build(ModelSpec("linear"), shape=source.shape, classes=10), own, spec=ModelSpec("linear"), extra=extra)
    with pytest.raises(FeatsplitError, match=r"its classes are 1, 2, 3 \.\.\., those of digits 0, 1, 2 \.\.\."):
        take(own, "standard", tmp_path / "m.safetensors", source)
