"""A file whose bytes have changed is refused by what uses it, in a line that names it; with --trust it is used."""

import random
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
import torch
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.derived import check_column, load_split, read_columns, write_derived
from featsplit.data.shards import Columns
from featsplit.errors import FeatsplitError
from featsplit.files import TRUST
from featsplit.metadata.sets import SetSpec, read_set_metadata
from featsplit.models import ModelSpec, build, load_model, save_model
from featsplit.models.checkpoints import read_metadata, state_digest


def flipped(path: Path, place: int) -> None:
    """Turn one bit of the byte at `place`."""
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path, spec = tmp_path / "m.safetensors", ModelSpec("linear")
    save_model(build(spec, shape=(1, 4, 4), classes=3), path, spec=spec, extra={"trained_on": "digits", "seed": 3})
    return path


@pytest.fixture
def derived(tmp_path: Path) -> Path:
    def compute(rows: torch.Tensor) -> Columns:
        images = torch.rand(len(rows), 1, 4, 4, generator=torch.Generator().manual_seed(int(rows[0])))
        return {"images": images, "labels": rows % 3}

    spec = SetSpec("match", {"source": "digits"}, "train", classes=("0", "1", "2"))
    write_derived(tmp_path / "d.h5", compute, lambda _: {"mean": 1.5}, total=40, batch_size=8, spec=spec)
    return tmp_path / "d.h5"


def test_a_changed_weight_is_refused(model: Path) -> None:
    flipped(model, model.stat().st_size - 5)
    with pytest.raises(
        FeatsplitError, match=r"m\.safetensors: its weights is not what was written; train it again, or"
    ):
        load_model(model)


def test_no_byte_of_a_checkpoint_can_change_in_silence(model: Path) -> None:
    """What is read is the same, or it is refused; one byte in seven, one bit of it."""
    whole, known = model.read_bytes(), (read_metadata(model), state_digest(load_model(model)))
    for place in range(0, len(whole), 7):
        model.write_bytes(whole)
        flipped(model, place)
        try:
            found = read_metadata(model), state_digest(load_model(model))
        except FeatsplitError as error:
            assert str(model) in str(error)  # noqa: PT017
        else:
            assert found == known, place


def test_no_byte_of_a_set_can_change_in_silence(derived: Path) -> None:
    whole, split = derived.read_bytes(), load_split(derived)
    known, draw = read_set_metadata(derived), random.Random(0)
    for place in draw.sample(range(len(whole)), 200):
        derived.write_bytes(whole)
        flipped(derived, place)
        try:
            found, metadata = load_split(derived), read_set_metadata(derived)
        except FeatsplitError as error:
            assert str(derived) in str(error)  # noqa: PT017
        else:
            assert metadata == known, place
            assert torch.equal(found.images, split.images), place
            assert torch.equal(found.labels, split.labels), place


def test_a_changed_column_is_refused_by_its_name_and_used_where_it_is_trusted(
    derived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(derived, "r+") as file:
        file["labels"][3] = 2 - file["labels"][3]
    refusal = 'd.h5: column "labels" is not what was written; build it again, or use it as it is: featsplit --trust'
    for use in (lambda: load_split(derived), lambda: check_column(derived, "labels")):
        with pytest.raises(FeatsplitError, match=refusal):
            use()
    assert len(read_columns(derived, ["images"])["images"]) == 40
    monkeypatch.setenv(TRUST, "1")
    assert len(load_split(derived).labels) == 40


@pytest.fixture
def untrusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment without what --trust leaves in it."""
    monkeypatch.setenv(TRUST, "")
    yield
    monkeypatch.setenv(TRUST, "")


@pytest.mark.usefixtures("untrusted")
def test_the_flag_trusts_for_one_command(derived: Path, tmp_path: Path) -> None:
    with h5py.File(derived, "r+") as file:
        file["labels"][3] = 2 - file["labels"][3]
    refused = CliRunner().invoke(app, ["export", str(derived), "--out", str(tmp_path / "out")])
    assert isinstance(refused.exception, FeatsplitError)
    used = CliRunner().invoke(app, ["--trust", "export", str(derived), "--out", str(tmp_path / "out")])
    assert used.exit_code == 0, used.output
