"""Sources that nobody would make on purpose: each is a line that says what to do, and none is a traceback."""

import os
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from featsplit import commands
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.files import expanded
from tests.data.pictures import pixels


def refused(source: str) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_data(DataSpec(source))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", ["folder:", "npz:", "hf:", "imagenet:", "restricted-imagenet:", ""])
def test_a_home_of_nobody(kind: str) -> None:
    assert "~nosuchuser/x: there is no such user; write the path out" in refused(f"{kind}~nosuchuser/x")


def test_the_users_own_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"


def test_a_folder_whose_name_is_no_text(root: Path) -> None:
    for part in ("train", "test"):
        os.rename(os.fsencode(root / part / "dog"), os.fsencode(root / part) + b"/d\xffg")
    assert "class 'd\\udcffg': its name is no text in UTF-8; rename it" in refused(f"folder:{root}")


def npz(path: Path, **more: Any) -> str:
    images = pixels(6, 5, 4)
    labels = np.arange(6) % 2
    arrays: dict[str, Any] = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(path, **arrays, **more)
    return f"npz:{path}"


def test_class_names_that_are_bytes(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", classes=np.array([b"a", b"\xff"]))
    assert "classes holds bytes that are no ASCII; save it as text" in refused(source)


def test_class_names_that_are_half_a_character(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", classes=np.array(["a", "\ud800"]))
    assert "its name is no text in UTF-8; rename it" in refused(source)


def test_an_array_that_says_it_is_larger_than_any_memory(tmp_path: Path) -> None:
    header = BytesIO()
    form = {"descr": "|u1", "fortran_order": False, "shape": (2**40, 28, 28)}
    np.lib.format.write_array_header_1_0(header, form)
    npz(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as old, zipfile.ZipFile(tmp_path / "b.npz", "w") as new:
        for name in old.namelist():
            new.writestr(name, header.getvalue() + b"0" * 100 if name == "x_train.npy" else old.read(name))
    assert "is not a readable .npz file; write it with numpy.savez" in refused(f"npz:{tmp_path / 'b.npz'}")


@pytest.fixture
def deep(root: Path) -> Iterator[Path]:
    """A folder with 1200 in each other; nothing that removes folders by calling itself could remove it."""
    place = os.getcwd()
    os.chdir(root / "train" / "dog")
    for _ in range(1200):  # one after the other: the whole path would be too long for the system
        os.mkdir("d")
        os.chdir("d")
    os.chdir(place)
    yield root
    os.chdir(root / "train" / "dog")
    for _ in range(1200):
        os.chdir("d")
    for _ in range(1200):
        os.chdir("..")
        os.rmdir("d")
    os.chdir(place)


def test_folders_in_folders_without_end(deep: Path) -> None:
    """Python's walk gives up there up to 3.11; later ones stop where the path is too long, as a folder unreadable."""
    said = refused(f"folder:{deep}")
    assert "folders in folders, too many to be walked through" in said or "cannot be read" in said


@pytest.mark.parametrize("shape", [(), (0, 1, 8, 8)])
def test_a_set_whose_images_are_none(shape: tuple[int, ...], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.zeros(shape, np.float32)
    assert "a.h5" in refused(str(tmp_path / "a.h5"))


@pytest.mark.parametrize("source", [f"npz:{'a' * 300}.npz", f"folder:{'a' * 300}", f"{'a' * 300}.h5"])
def test_a_name_that_is_too_long(source: str) -> None:
    """The system says so itself, and the command line in its words."""
    with pytest.raises(OSError, match="File name too long") as error:
        load_data(DataSpec(source))
    line = commands._line_of(error.value)
    assert line.endswith(": File name too long")
    assert "\n" not in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read(root: Path) -> None:
    (root / "train").chmod(0)
    try:
        assert "train" in refused(f"folder:{root}")
    finally:
        (root / "train").chmod(0o755)
