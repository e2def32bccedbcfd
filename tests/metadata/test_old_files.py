"""Files that version 0.1.0 wrote before metadata were records: they are read, and are taken up as the same work.

`files/` holds a linear network of twelve images of 4 x 4, and three sets made of these with it.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.derived import verify
from featsplit.data.images import ImageData, Split
from featsplit.descent import LBFGS
from featsplit.metadata.made_by import MadeBy, card_of
from featsplit.metadata.sets import SetSpec, read_set_metadata
from featsplit.models import Classifier, ModelSpec, load_model, read_metadata
from featsplit.runtime import Machine
from featsplit.synthesis import Build, Match, Perturb, build_match, build_mislabelled, build_perturb, specification
from featsplit.training import Recipe, ensure_trained

FILES = Path(__file__).parent / "files"
BUILT: dict[str, Callable[[Path, Classifier, ImageData, Build], dict[str, float]]] = {
    "match": lambda path, model, data, build: build_match(
        path, model, data, Match(LBFGS(1.0), steps=2, start="noise"), build=build
    ),
    "perturb": lambda path, model, data, build: build_perturb(
        path, model, data, Perturb("next", eps=0.5, steps=2), control=model, ensemble=[model], build=build
    ),
    "mislabelled": lambda path, model, data, build: build_mislabelled(path, model, data, build=build),
}
NAMES = {"match": "nonrobust-noise", "perturb": "det-bugs", "mislabelled": "mislabelled"}


@pytest.fixture
def data() -> ImageData:
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 4), dtype=np.uint8)
    split = Split(torch.from_numpy(images), torch.arange(12) % 2)
    return ImageData("of another name", ("even", "odd"), split, split.take(torch.arange(4)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files, to be written to."""
    return Path(shutil.copytree(FILES, tmp_path / "files"))


@pytest.mark.parametrize("method", BUILT)
def test_a_set_is_read_as_what_it_is(folder: Path, method: str) -> None:
    path = folder / f"{method}.h5"
    metadata = read_set_metadata(path)
    spec = metadata.spec
    assert (spec.method, spec.name, spec.split, spec.classes) == (method, NAMES[method], "train", ("even", "odd"))
    assert (spec.seed, spec.columns_format) == (
        None if method == "mislabelled" else 1,
        2 if method == "perturb" else None,
    )
    assert (spec.control_digest is not None, len(spec.ensemble_digests)) == (method == "perturb", method == "perturb")
    assert spec.extra == {}
    assert metadata.made_by.model is not None
    assert metadata.made_by.model.training.kind == "standard"
    assert len(verify(path)) == len(metadata.columns)


@pytest.mark.parametrize("method", BUILT)
def test_a_set_is_taken_up_by_the_same_build(
    folder: Path, data: ImageData, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / f"{method}.h5"
    before, spec = path.read_bytes(), read_set_metadata(path).spec
    monkeypatch.setattr(specification, "versions", lambda: dict(spec.versions))
    made_by = MadeBy(card_of("elsewhere.safetensors", read_metadata(folder / "model.safetensors")))
    machine = Machine(precision="bfloat16" if spec.precision == "bfloat16" else "float32")
    build = Build(seed=1, machine=machine, name=NAMES[method], made_by=made_by)
    summary = BUILT[method](path, load_model(folder / "model.safetensors"), data, build)
    assert path.read_bytes() == before
    assert summary == read_set_metadata(path).summary


@pytest.mark.parametrize("method", BUILT)
def test_the_metadata_lie_in_a_new_file_as_in_an_old_one(folder: Path, method: str) -> None:
    """Readers in other languages go by these names."""
    plain = read_set_metadata(folder / f"{method}.h5").spec.plain()
    shared = ["source", "source_name", "source_digest", "classes", "model_digest", "precision", "versions"]
    more = {
        "match": ["method", "match", "split", "seed", "dtype", "set"],
        "mislabelled": ["method", "split", "dtype", "set"],
        "perturb": [
            *("method", "perturb", "split", "seed", "dtype"),
            *("control_digest", "columns", "ensemble_digests", "set"),
        ],
    }
    assert list(plain) == more[method] + shared
    assert SetSpec("perturb", {}, "train").plain()["control_digest"] is None


def test_a_model_is_taken_up_by_the_same_training(
    folder: Path, data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "model.safetensors"
    before, metadata = path.read_bytes(), read_metadata(path)
    assert (metadata.trained_on, metadata.class_names, metadata.seed) == ("tiny", ("even", "odd"), 3)
    assert (len(metadata.history), set(metadata.results), metadata.extra) == (1, {"test_accuracy"}, {})
    monkeypatch.setattr(sys.modules[ensure_trained.__module__], "versions", lambda: dict(metadata.versions))
    recipe = Recipe(epochs=1, batch_size=6)
    machine = Machine(precision="bfloat16" if metadata.precision == "bfloat16" else "float32")
    assert ensure_trained(path, data, ModelSpec("linear"), recipe, seed=3, machine=machine) == metadata
    assert path.read_bytes() == before


def test_info_tells_them(folder: Path) -> None:
    for name, says in {
        "perturb.h5": "D_det of bugs",
        "match.h5": "D_NR from noise",
        "model.safetensors": "tiny",
    }.items():
        result = CliRunner().invoke(app, ["info", str(folder / name)], catch_exceptions=False)
        assert says in result.stdout
