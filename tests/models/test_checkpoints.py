"""Checkpoints come back as they were, foreign and damaged files are refused, and nothing is unpickled or imported."""

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.metadata.models import FIRST_FORMAT, ModelMetadata
from featsplit.metadata.plain import Json
from featsplit.models import Classifier, ModelSpec, build, load_model, read_metadata, save_model
from featsplit.models.checkpoints import state_digest, versions

DIGIT = (1, 8, 8)
SPEC = ModelSpec("resnet8", width=4, stages=2)


def images() -> Tensor:
    return torch.rand((3, *DIGIT), generator=torch.Generator().manual_seed(0))


def trained() -> Classifier:
    """A network with weights, statistics and normalisation of its own."""
    model = build(SPEC, shape=DIGIT, classes=5, seed=8)
    model.normalise_by(images())
    model.train()(images())
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(trained(), tmp_path / "m.safetensors", spec=SPEC, extra={"data": "digits", "history": [1.5]})
    return tmp_path / "m.safetensors"


def test_a_model_and_its_metadata_come_back(saved: Path) -> None:
    model = load_model(saved)
    assert torch.equal(model(images()), trained().eval()(images()))
    assert (model.shape, model.classes, model.training) == (DIGIT, 5, False)
    extra: dict[str, Json] = {"data": "digits", "history": [1.5]}
    assert read_metadata(saved) == ModelMetadata(
        "resnet8", (1, 8, 8), 5, width=4, stages=2, state_digest=state_digest(model), extra=extra
    )


def test_the_same_model_is_the_same_file(saved: Path) -> None:
    again = saved.with_name("again.safetensors")
    save_model(trained(), again, spec=SPEC, extra={"data": "digits", "history": [1.5]})
    assert again.read_bytes() == saved.read_bytes()


def test_the_digest_is_that_of_the_weights(saved: Path) -> None:
    assert state_digest(load_model(saved)) == state_digest(trained())
    changed = trained()
    changed.mean[0] += 1e-6
    assert state_digest(changed) != state_digest(trained())
    assert versions()["torch"] == torch.__version__


def test_nothing_is_unpickled(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    assert torch.equal(load_model(saved)(images()), trained().eval()(images()))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "no such file; make it with featsplit train --out {path}"),
        ("truncated", "is no readable safetensors file: "),
        ("text", "is no readable safetensors file: "),
        ("pickle", "is no readable safetensors file: "),
        ("foreign", "is no featsplit model (a safetensors file of another program?)"),
        ("garbled", "its metadata cannot be read (Expecting value: line 1 column 1 (char 0)); train it again"),
        ("nameless", "its metadata cannot be read ('model'); train it again"),
        ("misfit", "its weights do not fit resnet8; train it again"),
    ],
)
def test_a_file_that_is_no_model_is_refused(saved: Path, name: str, message: str) -> None:
    path = saved.with_name(name)
    if name == "truncated":
        path.write_bytes(saved.read_bytes()[:-100])
    elif name == "text":
        path.write_text("epochs: 10, accuracy: 0.95")
    elif name == "pickle":
        torch.save({"weight": torch.ones(3)}, path)
    elif name == "foreign":
        save_file({"weight": torch.ones(3)}, path, metadata={"format": "pt"})
    elif name in ("garbled", "nameless"):
        save_file({"weight": torch.ones(3)}, path, metadata={FIRST_FORMAT: "" if name == "garbled" else "{}"})
    elif name == "misfit":
        save_model(trained(), path, spec=ModelSpec("resnet8", width=3, stages=2), extra={})
    with pytest.raises(FeatsplitError) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"{path}: {message.format(path=path)}")


FACTORY = """
from torch import nn
def network(shape, classes): return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
"""


def test_a_file_does_not_decide_what_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "saved_factory.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    arch, path = "saved_factory:network", tmp_path / "m.safetensors"
    model = build(arch, shape=DIGIT, classes=5)
    save_model(model, path, spec=ModelSpec(arch), extra={})
    monkeypatch.delitem(sys.modules, "saved_factory")
    for given in (None, "saved_factory:other"):
        with pytest.raises(FeatsplitError) as caught:
            load_model(path, factory=given)
        assert str(caught.value) == f'{path}: was built by "{arch}"; to run that code, give --factory {arch}'
    assert "saved_factory" not in sys.modules, "nothing named in the file was imported"
    assert torch.equal(load_model(path, factory=arch)(images()), model(images()))


def test_a_write_that_fails_leaves_what_was_there(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("featsplit.models.checkpoints.save_file", fail)
    with pytest.raises((OSError, FeatsplitError)):
        save_model(trained(), saved, spec=SPEC, extra={})
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]
