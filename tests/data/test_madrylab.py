"""The layout of the published sets: theirs comes in, and ours runs in their code."""

import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data import madrylab
from featsplit.data.dataset import open_dataset
from featsplit.data.derived import read_columns, verify
from featsplit.data.images import ImageData, digest_of
from featsplit.data.madrylab import export_madrylab, import_madrylab
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from tests.data.release import N, images, labels, write

SIZES = [1, 500, 1000, 0, 599]


def cut(whole: Tensor, sizes: list[int]) -> list[Tensor]:
    return [part.clone() for part in torch.tensor_split(whole, np.cumsum(sizes)[:-1].tolist())]


def theirs(data_path: Path) -> tuple[Tensor, Tensor]:
    """The two lines of the release's README, and torch's default, weights_only."""
    train_data = torch.cat(torch.load(os.path.join(data_path, "CIFAR_ims")))
    train_labels = torch.cat(torch.load(os.path.join(data_path, "CIFAR_lab")))
    return train_data, train_labels


def call(line: str) -> str:
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of CIFAR-10's, with 20 noise images in each split."""
    rng, arrays = np.random.default_rng(0), dict[str, Any]()
    for part in ("train", "test"):
        arrays[f"x_{part}"], arrays[f"y_{part}"] = rng.integers(0, 256, (20, 3, 32, 32), np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "noise.npz", classes=np.array(madrylab.CIFAR10), **arrays)
    noise = load_data(DataSpec(f"npz:{tmp_path}/noise.npz"))
    monkeypatch.setattr("featsplit.data.sources.load_stored", lambda *_, **__: noise)
    return tmp_path


@pytest.mark.parametrize("zipped", [False, True], ids=["as torch 1.1", "zip"])
def test_every_row_comes_in_where_it_belongs(tmp_path: Path, zipped: bool) -> None:
    folder = write(tmp_path / "x", cut(images(), SIZES), cut(labels(), [2000, 100]), zipped=zipped)
    assert import_madrylab(folder, tmp_path / "x.h5") == N
    found = read_columns(tmp_path / "x.h5", ["images", "labels"])
    assert torch.equal(found["images"], images())
    assert torch.equal(found["labels"], labels())
    assert verify(tmp_path / "x.h5") == ["images", "labels"]


def test_files_go_there_and_back_unchanged(tmp_path: Path) -> None:
    """Theirs, ours, theirs: what their code reads is the same to the bit."""
    folder = write(tmp_path / "x", cut(images(), SIZES), [labels()])
    import_madrylab(folder, tmp_path / "x.h5")
    assert export_madrylab(tmp_path / "x.h5", tmp_path / "y") == N
    for before, after in zip(theirs(folder), theirs(tmp_path / "y"), strict=True):
        assert before.dtype == after.dtype
        assert torch.equal(before, after)


def test_our_set_runs_in_their_code_and_comes_back(grey: Path, digits: ImageData, tmp_path: Path) -> None:
    export_madrylab(grey, tmp_path / "theirs")
    train_data, train_labels = theirs(tmp_path / "theirs")
    ours = open_dataset(grey)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
        train_set = import_module("robustness.tools.folder").TensorDataset(train_data, train_labels)
    assert len(train_set) == len(ours) == 600
    for row in (0, 599):
        image, label = train_set[row]
        assert image.dtype == torch.float32
        assert torch.equal(image, ours[row][0])
        assert int(label) == ours[row][1]
    import_madrylab(tmp_path / "theirs", tmp_path / "back.h5", name="rand", source=digits)
    again = load_data(DataSpec(str(tmp_path / "back.h5")))
    assert torch.equal(again.train.images, load_data(DataSpec(str(grey))).train.inputs())
    assert torch.equal(again.train.labels, ours.columns["labels"])
    assert digest_of(again.test.images) == digest_of(digits.test.images)
    assert read_set_metadata(tmp_path / "back.h5").spec.source_digest == digits.digest


def test_an_exported_file_is_of_the_format_that_torch_1_1_reads(grey: Path, tmp_path: Path) -> None:
    export_madrylab(grey, tmp_path / "theirs")
    for name in ("CIFAR_ims", "CIFAR_lab"):
        assert (tmp_path / "theirs" / name).read_bytes().startswith(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")


def test_an_imported_set_trains_and_is_tested_on_cifar10(small: Path, cifar10: Path) -> None:
    path = cifar10 / "r.h5"
    text = call(f"import-madrylab {small} --out {path}")
    assert "r.h5: robust from cifar10 (train), 40 images" in text
    data = load_data(DataSpec(str(path)))
    assert torch.equal(data.train.images, images(40))
    assert (len(data.test), data.test.images.dtype, data.classes) == (20, torch.uint8, madrylab.CIFAR10)
    call(f"train --data {path} --arch cnn --width 4 --epochs 1 --device cpu --out {cifar10}/m.safetensors")
    call(f"transfer {path} --arch linear --epochs 1 --steps 1 --out {cifar10}/t")
    assert "2 columns verified (images, labels)" in call(f"verify {path}")
    told = call(f"info {path}")
    assert "D_R: the representation of the adversarially trained network, labels unchanged" in told
    assert "40 of 3 x 32 x 32, float32, 10 classes" in told
    assert "source digest  not told" in told
    assert "import  layout madrylab, CIFAR_ims " in told
    dataset = open_dataset(path)
    assert torch.equal(dataset[39][0], images(40)[39])
    assert dataset[39][1] == 273 % 10
    with pytest.raises(FeatsplitError, match=r"r\.h5: was imported, and does not say which image each row came from"):
        call(f"show {path} --out {cifar10}/r.png")


def test_the_commands_go_there_and_back(grey: Path, tmp_path: Path) -> None:
    text = call(f"export {grey} --format madrylab --out {tmp_path}/drand_CIFAR")
    assert text == (
        f"{tmp_path}/drand_CIFAR: 600 images of {grey}, as madrylab has them\n"
        "the images are kept as float32, the 256 levels over 255\n"
    )
    source = "--data digits --limit 600 --limit-test 200 --split test"
    assert "rand from digits (test), 600" in call(f"import-madrylab {tmp_path}/drand_CIFAR {source} --out {grey}.h5")
    spec = read_set_metadata(Path(f"{grey}.h5")).spec
    assert (spec.name, spec.split, spec.source["limit"]) == ("rand", "test", 600)
    assert len(load_data(DataSpec(f"{grey}.h5")).test) == 600
    with pytest.raises(FeatsplitError, match=r'--format = "madry": must be one of madrylab, .*did you mean "madrylab"'):
        call(f"export {grey} --format madry --out {tmp_path}/x")
    with pytest.raises(FeatsplitError, match=r"--limit: says how to read --data SRC; give that too"):
        call(f"import-madrylab {tmp_path}/drand_CIFAR --limit 600 --out {tmp_path}/y.h5")
    with pytest.raises(FeatsplitError, match=r"nowhere: is not there; give the folder of a set"):
        call(f"import-madrylab {tmp_path}/nowhere --out {tmp_path}/y.h5")
    with pytest.raises(FeatsplitError, match=r"--out .*y: must end in \.h5"):
        call(f"import-madrylab {tmp_path}/drand_CIFAR --out {tmp_path}/y")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("d_robust_CIFAR", "robust"),
        ("d_non_robust_CIFAR", "nonrobust"),
        ("drand_CIFAR", "rand"),
        ("ddet_CIFAR", "det"),
        ("robust_CIFAR", "robust"),
        ("non_robust_CIFAR", "nonrobust"),
        ("mine", None),
    ],
)
def test_the_folder_says_which_set_it_is(tmp_path: Path, folder: str, name: str | None) -> None:
    write(tmp_path / folder, [images(20)], [labels(20)])
    import_madrylab(tmp_path / folder, tmp_path / "a.h5")
    assert read_set_metadata(tmp_path / "a.h5").spec.name == name
    import_madrylab(tmp_path / folder, tmp_path / "b.h5", name="det")
    assert read_set_metadata(tmp_path / "b.h5").spec.name == "det"


def test_the_same_import_is_left_and_another_needs_overwrite(small: Path, tmp_path: Path) -> None:
    import_madrylab(small, tmp_path / "a.h5")
    before = (tmp_path / "a.h5").stat().st_mtime_ns
    assert import_madrylab(small, tmp_path / "a.h5") == 40
    assert (tmp_path / "a.h5").stat().st_mtime_ns == before
    write(small, [1 - images(40)], [labels(40)])
    with pytest.raises(FeatsplitError, match=r"a\.h5: exists; give another --out, or --overwrite"):
        import_madrylab(small, tmp_path / "a.h5")
    import_madrylab(small, tmp_path / "a.h5", overwrite=True)
    assert torch.equal(read_columns(tmp_path / "a.h5", ["images"])["images"], 1 - images(40))


def test_an_export_replaces_nothing_unasked(grey: Path, small: Path) -> None:
    before = theirs(small)
    with pytest.raises(FeatsplitError, match=r"CIFAR_ims: exists; give another --out, or --overwrite"):
        export_madrylab(grey, small)
    assert torch.equal(theirs(small)[0], before[0])
    export_madrylab(grey, small, overwrite=True)
    assert len(theirs(small)[0]) == 600
