"""Sources that others keep: the digits, and torchvision's data sets on small made-up files in its layout."""

import gzip
import hashlib
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torchvision import datasets
from torchvision.transforms.v2 import functional as oracle

from featsplit.data import stored
from featsplit.data.sources import DataSpec, load_data
from featsplit.data.stored import data_root
from featsplit.errors import FeatsplitError

MNIST_LIKE = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST, "kmnist": datasets.KMNIST}


def pixels(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def refused(spec: DataSpec, **options: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_data(spec, **options)
    return str(error.value)


def write_mnist(folder: Path) -> None:
    """20 train and 10 test images, 28 x 28, as idx files: a magic number, the sizes, the bytes."""
    folder.mkdir(parents=True)
    for seed, (part, size) in enumerate({"train": 20, "t10k": 10}.items()):
        head = b"".join(number.to_bytes(4, "big") for number in (0x803, size, 28, 28))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + pixels(size, 28, 28, seed=seed).tobytes())
        head = b"".join(number.to_bytes(4, "big") for number in (0x801, size))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes(range(10)) * (size // 10))


def write_pickle(path: Path, content: dict[str, Any]) -> str:
    """Writes the file and returns its MD5, which torchvision compares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two train batches and one test batch of ten images in CIFAR-10's layout, with their MD5 sums known."""
    folder = tmp_path / "cifar-10-batches-py"
    sums = {
        name: write_pickle(folder / name, {"data": pixels(10, 3072, seed=seed), "labels": list(range(10))})
        for seed, name in enumerate(["data_batch_1", "data_batch_2", "test_batch"])
    }
    meta = {"label_names": [f"class {label}" for label in range(10)]}
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[n, sums[n]] for n in ("data_batch_1", "data_batch_2")])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    md5 = write_pickle(folder / "batches.meta", meta)
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": md5})
    return tmp_path


def test_digits_are_those_of_scikit_learn_in_a_fixed_split() -> None:
    data, bundle = load_data(DataSpec("digits")), load_digits()
    images = torch.cat([data.train.images, data.test.images])[:, 0].numpy()
    labels = torch.cat([data.train.labels, data.test.labels]).numpy()
    assert (len(data.train), len(data.test), images.dtype.name) == (1437, 360, "uint8")
    assert (images.min(), images.max(), sorted(set(images.flatten()))[1]) == (0, 255, 16)
    rows = sorted((*(image.flatten() / 255 * 16).round(), label) for image, label in zip(images, labels, strict=True))
    assert rows == sorted((*image, label) for image, label in zip(bundle.data, bundle.target, strict=True))
    assert (abs(data.test.labels.bincount() - 36) <= 1).all()
    assert data.classes == tuple("0123456789")
    assert data.digest == load_data(DataSpec("digits", seed=5)).digest
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16] == "fa94de7d3306693b"


def test_the_split_of_the_digits_is_that_of_scikit_learn() -> None:
    data, bundle = load_data(DataSpec("digits")), load_digits()
    rows = train_test_split(np.arange(1797), test_size=360, stratify=bundle.target, random_state=0)
    for split, expected in zip((data.train, data.test), rows, strict=True):
        assert np.array_equal(split.images[:, 0].numpy(), np.round(bundle.images[expected] * 255 / 16))
        assert np.array_equal(split.labels.numpy(), bundle.target[expected])


def test_digits_that_lie_elsewhere_are_loaded_by_scikit_learn_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = load_data(DataSpec("digits"))
    monkeypatch.setattr(stored, "find_spec", lambda name: None)
    assert load_data(DataSpec("digits")).digest == usual.digest


@pytest.mark.parametrize("source", MNIST_LIKE)
def test_the_mnist_family_from_idx_files(tmp_path: Path, source: str) -> None:
    kind = MNIST_LIKE[source]
    write_mnist(tmp_path / kind.__name__ / "raw")
    data = load_data(DataSpec(source), root=tmp_path)
    assert np.array_equal(data.train.images.numpy(), pixels(20, 1, 28, 28))
    assert np.array_equal(data.test.images.numpy(), pixels(10, 1, 28, 28, seed=1))
    assert data.train.labels.tolist() == [*range(10), *range(10)]
    assert data.test.labels.tolist() == [*range(10)]
    assert (data.name, data.classes) == (source, tuple(kind.classes))


def test_cifar10_is_what_torchvision_shows(cifar10: Path) -> None:
    data = load_data(DataSpec("cifar10"), root=cifar10)
    for split, train in ((data.train, True), (data.test, False)):
        expected = list(datasets.CIFAR10(str(cifar10), train=train))
        assert torch.equal(split.images, torch.stack([oracle.pil_to_tensor(image) for image, _ in expected]))
        assert split.labels.tolist() == [label for _, label in expected]
    assert np.array_equal(data.train.images[:10].flatten(1).numpy(), pixels(10, 3072))
    assert data.classes == tuple(f"class {label}" for label in range(10))


def test_cifar100_has_the_fine_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, fine = tmp_path / "cifar-100-python", {"train": list(range(100)), "test": [99, 0]}
    for part, labels in fine.items():
        batch = {"data": pixels(len(labels), 3072), "fine_labels": labels, "coarse_labels": [0] * len(labels)}
        monkeypatch.setattr(datasets.CIFAR100, f"{part}_list", [[part, write_pickle(folder / part, batch)]])
    md5 = write_pickle(folder / "meta", {"fine_label_names": [f"fine {label}" for label in range(100)]})
    monkeypatch.setattr(datasets.CIFAR100, "meta", {"filename": "meta", "key": "fine_label_names", "md5": md5})
    data = load_data(DataSpec("cifar100"), root=tmp_path)
    assert np.array_equal(data.train.images.flatten(1).numpy(), pixels(100, 3072))
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == (fine["train"], fine["test"])
    assert data.classes == tuple(f"fine {label}" for label in range(100))


def test_svhn_has_zero_for_its_label_ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, list[str]] = {}
    for seed, part in enumerate(["train", "test"]):
        path = tmp_path / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": pixels(32, 32, 3, 10, seed=seed), "y": np.arange(1, 11)[:, None]})
        known[part] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", known)
    data = load_data(DataSpec("svhn"), root=tmp_path)
    assert np.array_equal(data.train.images.numpy(), pixels(32, 32, 3, 10).transpose(3, 2, 0, 1))
    assert np.array_equal(data.test.images.numpy(), pixels(32, 32, 3, 10, seed=1).transpose(3, 2, 0, 1))
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert data.classes == tuple("0123456789")


ELSEWHERE = "--data-root FOLDER for a folder that holds it in torchvision's layout"


def test_an_absent_data_set_names_both_cures(tmp_path: Path) -> None:
    assert refused(DataSpec("cifar10"), root=tmp_path) == (
        f'data.source = "cifar10": no cifar-10-batches-py in {tmp_path}; give --download to fetch it, or {ELSEWHERE}'
    )


def test_a_changed_file_is_damage(cifar10: Path) -> None:
    with (cifar10 / "cifar-10-batches-py/test_batch").open("ab") as file:
        file.write(b"?")
    assert refused(DataSpec("cifar10"), root=cifar10) == (
        f'data.source = "cifar10": {cifar10}/cifar-10-batches-py is incomplete or damaged; '
        f"delete it and give --download, or give {ELSEWHERE}"
    )


@pytest.mark.parametrize("size", [0, 3, 100])
def test_a_cut_file_is_damage(tmp_path: Path, size: int) -> None:
    write_mnist(tmp_path / "MNIST/raw")
    file = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:size])
    assert f"{tmp_path}/MNIST/raw is incomplete or damaged" in refused(DataSpec("mnist"), root=tmp_path)


def test_download_fetches_what_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder in the place of the mirror, through torchvision's own check of the MD5 sums and unpacking."""
    write_mnist(tmp_path / "mirror")
    known = []
    for file in sorted((tmp_path / "mirror").iterdir()):
        (tmp_path / "mirror" / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        known.append((f"{file.name}.gz", hashlib.md5(gzip.compress(file.read_bytes(), mtime=0)).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", known)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{tmp_path}/mirror/"])
    monkeypatch.setattr(datasets.utils, "_get_redirect_url", lambda url, max_hops: url)
    monkeypatch.setattr(datasets.utils, "_urlretrieve", shutil.copy)
    data = load_data(DataSpec("mnist"), root=tmp_path / "new", download=True)
    assert np.array_equal(data.train.images.numpy(), pixels(20, 1, 28, 28))
    assert data.digest == load_data(DataSpec("mnist"), root=tmp_path / "new").digest


def test_a_failed_download_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise RuntimeError("Error downloading x:\nTried y, got:\n<urlopen error>\n")

    monkeypatch.setattr(datasets.MNIST, "download", fail)
    assert refused(DataSpec("mnist"), root=tmp_path, download=True) == (
        f'data.source = "mnist": could not be downloaded to {tmp_path} and read (Error downloading x: Tried y, got: '
        f"<urlopen error>); check the network, delete {tmp_path}/MNIST/raw if it is damaged, or give {ELSEWHERE}"
    )


def test_nothing_is_downloaded_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.MNIST, "download", lambda self: pytest.fail("downloaded"))
    write_mnist(tmp_path / "MNIST/raw")
    (tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    assert "is incomplete or damaged" in refused(DataSpec("mnist"), root=tmp_path)


def test_data_root_is_the_argument_then_the_variable_then_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.setenv("FEATSPLIT_DATA", "/data")
    assert data_root(Path("~/mine")) == Path("/home/me/mine")
    assert data_root() == Path("/data")
    monkeypatch.delenv("FEATSPLIT_DATA")
    assert data_root() == Path("/cache/featsplit")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_root() == Path("/home/me/.cache/featsplit")


def test_load_data_looks_in_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATSPLIT_DATA", str(tmp_path))
    write_mnist(tmp_path / "MNIST/raw")
    assert len(load_data(DataSpec("mnist")).train) == 20
