"""Where exports go: whole or not at all, never over anything but an earlier export, links replaced and not followed."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from featsplit.errors import FeatsplitError
from featsplit.exports import Export, export, folder, pixels
from featsplit.files import replacing_folder
from featsplit.metadata.sets import read_set_metadata, write_set_metadata
from featsplit.records.exports import FORMATS, Format
from tests.exports.sets import TOTAL, made
from tests.least import contents

TAR: Any = "tar"


def place(root: Path, format_: Format) -> Path:
    return root / ("out.npz" if format_ == "npz" else "out")


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path, format_: Format) -> None:
    path, out = made(tmp_path / "set.h5", dtype="uint8"), place(tmp_path, format_)
    export(path, out, Export(format_))
    before = contents(tmp_path)
    with pytest.raises(FeatsplitError, match=r"out(\.npz)?: exists; give another --out, or --overwrite"):
        export(path, out, Export(format_))
    assert contents(tmp_path) == before
    path.unlink()
    made(path, dtype="float16", total=5)
    export(path, out, Export(format_), overwrite=True)
    after = contents(tmp_path)
    assert after != before
    assert len(after) == len(before) - (TOTAL - 5 if format_ == "folder" else 0), "nothing of the earlier one is left"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_folder_that_no_export_wrote_is_never_removed(tmp_path: Path) -> None:
    path, out = made(tmp_path / "set.h5"), tmp_path / "photos"
    (out / "train" / "cat").mkdir(parents=True)
    (out / "train" / "cat" / "1.png").write_bytes(b"mine")
    with pytest.raises(FeatsplitError, match="photos: is no export of featsplit; remove the folder, or give another"):
        export(path, out, Export("folder"), overwrite=True)
    (out / "croissant.json").write_text('{"keywords": ["cats"]}')
    with pytest.raises(FeatsplitError, match="photos: is no export of featsplit"):
        export(path, out, Export("folder"), overwrite=True)
    assert (out / "train" / "cat" / "1.png").read_bytes() == b"mine"


def test_an_export_with_anything_else_in_it_is_not_removed(tmp_path: Path) -> None:
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out, Export("folder"))
    (out / ".git").mkdir()
    with pytest.raises(FeatsplitError, match=r"out: holds \.git, which no export wrote"):
        export(path, out, Export("folder"), overwrite=True)
    assert (out / ".git").is_dir()


def test_the_folder_of_the_set_itself_is_not_removed(tmp_path: Path) -> None:
    path = made(tmp_path / "sets" / "set.h5")
    with pytest.raises(FeatsplitError, match=r"sets: holds set\.h5, which no export wrote"):
        export(path, tmp_path / "sets", Export("folder"), overwrite=True)
    with pytest.raises(FeatsplitError, match=r"set\.h5: is a file; give a folder"):
        export(path, path, Export("folder"), overwrite=True)
    with pytest.raises(FeatsplitError, match=r"--out .*set\.h5: must end in \.npz"):
        export(path, path, Export("npz"), overwrite=True)


@pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")
def test_a_set_called_npz_is_not_replaced_by_its_export(tmp_path: Path) -> None:
    path = made(tmp_path / "set.npz")
    before = path.read_bytes()
    with pytest.raises(FeatsplitError, match=r"set\.npz: is the set itself; give another --out"):
        export(path, path, Export("npz"), overwrite=True)
    assert path.read_bytes() == before


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("mine")
    (tmp_path / "out").symlink_to(tmp_path / "mine")
    with pytest.raises(FeatsplitError, match="out: exists"):
        export(path, tmp_path / "out", Export("folder"))
    export(path, tmp_path / "out", Export("folder"), overwrite=True)
    assert not (tmp_path / "out").is_symlink()
    assert (tmp_path / "mine" / "x").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["mine", "out", "set.h5"]
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FeatsplitError, match="gone: exists"):
        export(path, tmp_path / "gone", Export("folder"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_export_that_is_stopped_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException | type[BaseException]
) -> None:
    path, calls, draw = made(tmp_path / "set.h5"), [0], pixels.png

    def stops(image: Any) -> bytes:
        calls[0] += 1
        if calls[0] == TOTAL - 1:
            raise error
        return draw(image)

    monkeypatch.setattr(folder, "png", stops)
    with pytest.raises((KeyboardInterrupt, FeatsplitError)) as said:
        export(path, tmp_path / "out", Export("folder"))
    if said.type is FeatsplitError:
        assert str(said.value).endswith("out: cannot be written: No space left on device")
    assert os.listdir(tmp_path) == ["set.h5"]


def test_one_that_is_stopped_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out, Export("folder"))
    before = contents(out)
    monkeypatch.setattr(folder, "png", lambda image: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(path, out, Export("folder"), overwrite=True)
    assert contents(out) == before


def test_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".out.{socket.gethostname()}.{2**22 + 1}.partial"  # no such process
    (left / "deep").mkdir(parents=True)
    with replacing_folder(tmp_path / "out") as partial:
        assert not left.exists()
        (partial / "x").write_text("x")
    assert contents(tmp_path) == {"out/x": b"x"}


def test_a_damaged_set_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = made(tmp_path / "set.h5")
    with h5py.File(path, "r+") as file:
        file["distance"][3] = 7.0
    with pytest.raises(FeatsplitError, match=r'column "distance" is not what was written'):
        export(path, tmp_path / "out", Export("folder"))
    assert os.listdir(tmp_path) == ["set.h5"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ("a", "b", "a")}, r"two classes are called 'a'; give each its own name, and build it again"),
        ({"classes": ("a", "\ud800", "c")}, r"class '\\ud800': its name is no text in UTF-8"),
        ({"classes": ("a", "b")}, r"labels span 0 to 2; must be in 0 \.\.\. 1"),
    ],
)
def test_a_set_that_someone_else_wrote_is_checked(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    path = made(tmp_path / "set.h5")
    with h5py.File(path, "r+") as file:
        metadata = read_set_metadata(path)
        write_set_metadata(file, replace(metadata, spec=replace(metadata.spec, **changed)))
    with pytest.raises(FeatsplitError, match=message):
        export(path, tmp_path / "out", Export("folder"))


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        (
            "images",
            np.zeros((TOTAL, 4), np.float32),
            r'"images" is \(67, 4\) float32; must be \(N, C, H, W\), and some, of',
        ),
        ("images", np.zeros((TOTAL, 1, 2, 2)), r'"images" is \(67, 1, 2, 2\) float64; must be'),
        ("distance", np.zeros(5, np.float32), r'"distance" is \(5,\); must be \(67,\): build it again'),
    ],
)
def test_columns_that_are_not_ours_are_refused(tmp_path: Path, name: str, column: Any, message: str) -> None:
    path = made(tmp_path / "set.h5")
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = column
    with pytest.raises(FeatsplitError, match=message):
        export(path, tmp_path / "out", Export("folder"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Export(TAR), 'export.format = "tar": must be one of madrylab, folder, npz, hf, webdataset'),
        (Export("folder", push="a/b"), "export.push = a/b: belongs to --format hf"),
        (Export("npz", shard=3), "export.shard = 3: belongs to --format webdataset"),
        (Export("hf", other_split=True), "export.other_split: belongs to --format npz"),
        (Export("webdataset", shard=0), "export.shard = 0: must be at least 1"),
        (Export("folder", license=""), "export.license: is empty; leave it out, or say it"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, settings: Export, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        export(tmp_path / "set.h5", tmp_path / "out", settings)
    assert str(error.value) == message
