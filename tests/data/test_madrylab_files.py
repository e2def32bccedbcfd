"""The files of the published sets: nothing in one is run, and one that is damaged, forged or another is refused."""

import io
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featsplit.data import madrylab
from featsplit.data.derived import read_columns
from featsplit.data.images import ImageData
from featsplit.data.madrylab import export_madrylab, import_madrylab
from featsplit.errors import FeatsplitError
from featsplit.pickles import MAGIC
from tests.data.release import images, labels, refused, write


class Runs:
    """Unpickled as usual, it makes the file whose path it was given."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("zipped", [False, True], ids=["as torch 1.1", "zip"])
def test_nothing_in_a_file_is_run(small: Path, tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "run"
    write(small, [images(40), Runs(marker)], [labels(40)], zipped=zipped)
    assert refused(small) == f"{small}/CIFAR_ims: names posix.system; only tensors are read, and nothing is run"
    assert not marker.exists()
    torch.load(small / "CIFAR_ims", weights_only=False)
    assert marker.exists(), "the file is as bad as it should be"


def test_torch_reads_no_file(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with weights_only, whose reader has been unsafe more than once (CVE-2025-32434, CVE-2026-24747)."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled by another than ours")

    for module, name in ((pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    assert import_madrylab(small, tmp_path / "x.h5") == 40


class Stored:
    """In the place of a storage: it is said to have `count` numbers."""

    def __init__(self, count: Any) -> None:
        self.count = count


class Rebuilt:
    """Pickled as a tensor of `size` numbers, `step` apart, from `offset` of a storage that is said to have `count`."""

    def __init__(self, *, count: Any = 4, offset: Any = 0, size: Any = (4,), step: Any = (1,)) -> None:
        self.arguments: tuple[Any, ...] = (Stored(count), offset, size, step, False, OrderedDict())

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    """As torch.save has it: a storage is named, and lies outside of the pickle; before torch 1.6, as a view or none."""

    view: tuple[None, ...] = ()

    def persistent_id(self, value: Any) -> Any:
        told = "storage", torch.FloatStorage, "0", "cpu"
        return (*told, value.count, *self.view) if isinstance(value, Stored) else None


def forged(path: Path, value: Any, numbers: int, *, zipped: bool, deflated: bool = False) -> None:
    """A file of torch.save that says `value`, with a storage that really has so many numbers."""
    content, data = io.BytesIO(), np.full(numbers, 0.5, np.float32).tobytes()
    pickler = Pickler(content, protocol=2)
    pickler.view = () if zipped else (None,)
    pickler.dump(value)
    if zipped:
        kind = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", kind) as archive:
            archive.writestr("archive/data.pkl", content.getvalue())
            archive.writestr("archive/data/0", data)
            archive.writestr("archive/version", "3\n")
        return
    head = [pickle.dumps(part, protocol=2) for part in (MAGIC, 1001, {"little_endian": True})]
    keys = pickle.dumps(["0"], protocol=2)
    path.write_bytes(b"".join([*head, content.getvalue(), keys, numbers.to_bytes(8, "little"), data]))


BOTH = pytest.mark.parametrize("zipped", [False, True], ids=["as torch 1.1", "zip"])
DAMAGED = r"is damaged or no file of torch\.save \(.+\); copy it again"
LARGER = r"its tensors are larger than the file; save a copy of each: \.clone\(\)"


@BOTH
@pytest.mark.parametrize(
    ("lies", "message"),
    [
        ([Rebuilt(count=3)], DAMAGED),
        ([Rebuilt(count=3, size=(3,))], DAMAGED),
        ([Rebuilt(count=5)], DAMAGED),
        ([Rebuilt(count=-4)], DAMAGED),
        ([Rebuilt(count=2**62)], DAMAGED),
        ([Rebuilt(offset=1)], DAMAGED),
        ([Rebuilt(offset=2**62)], DAMAGED),
        ([Rebuilt(step=(2,))], DAMAGED),
        ([Rebuilt(step=(2**62,))], DAMAGED),
        ([Rebuilt(size=(5,))], DAMAGED),
        ([Rebuilt(size=(2, 2))], DAMAGED),
        ([Rebuilt(size=4)], DAMAGED),
        ([Rebuilt(size=(2**62,), step=(0,))], LARGER),
        ([Rebuilt(size=(2**62, 2**62), step=(0, 0))], f"({LARGER}|{DAMAGED})"),
        ([Rebuilt(size=(2**70,), step=(0,))], DAMAGED),
        ([Rebuilt()] * 1000, LARGER),
        ([Rebuilt(offset=-1)], "holds a list; must be a list of tensors"),
        ([Rebuilt(step=(-1,))], "holds a list; must be a list of tensors"),
        ([Rebuilt(offset="0")], "holds a list; must be a list of tensors"),
    ],
)
def test_a_tensor_that_lies_about_its_storage_is_refused(
    small: Path, lies: list[Rebuilt], message: str, zipped: bool
) -> None:
    forged(small / "CIFAR_lab", lies, 4, zipped=zipped)
    assert re.match(f"{small}/CIFAR_lab: {message}", refused(small))


@BOTH
def test_a_forged_file_that_tells_the_truth_is_read(small: Path, zipped: bool) -> None:
    """The oracle of the test above: what it refuses, it refuses for the lie."""
    forged(small / "CIFAR_lab", [Rebuilt()], 4, zipped=zipped)
    (found,) = madrylab._load(small / "CIFAR_lab")
    assert torch.equal(found, torch.full((4,), 0.5))
    assert torch.equal(torch.load(small / "CIFAR_lab")[0], found)


def test_a_record_larger_than_the_file_takes_no_memory(small: Path) -> None:
    numbers = 2**24
    forged(small / "CIFAR_lab", [Rebuilt(count=numbers, size=(numbers,))], numbers, zipped=True, deflated=True)
    assert (small / "CIFAR_lab").stat().st_size < 2**17
    assert re.match(f"{small}/CIFAR_lab: {DAMAGED}", refused(small))


@pytest.mark.parametrize(
    "program",
    [
        b"](K\x00cos\nsystem\ns.",  # a list, and then a key set in it
        b"ctorch._utils\n_rebuild_tensor_v2\n(tRK\x00K\x01s.",  # a key set in what should become a tensor
        b"ctorch\nFloatStorage\n)R}K\x00K\x01sb.",  # a state put into a storage
        b"ccollections\nOrderedDict\n)R(K\x00K\x01K\x02u.",  # an odd number of keys and values
    ],
)
def test_instructions_that_no_torch_writes_do_no_harm(small: Path, program: bytes) -> None:
    """Setting items in what is no dict was the way in of CVE-2026-24747."""
    with zipfile.ZipFile(small / "CIFAR_lab", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + program)
    assert re.match(f"{small}/CIFAR_lab: ({DAMAGED}|holds a )", refused(small))


@BOTH
def test_tensors_that_share_a_storage_are_read_once(small: Path, tmp_path: Path, zipped: bool) -> None:
    """As torch.tensor_split makes them: each is a part of one storage, and it lies in the file once."""
    write(small, list(torch.tensor_split(images(40), 6)), list(torch.tensor_split(labels(40), 5)), zipped=zipped)
    assert import_madrylab(small, tmp_path / "x.h5") == 40
    assert torch.equal(read_columns(tmp_path / "x.h5", ["images"])["images"], images(40))
    pieces = madrylab._load(small / "CIFAR_ims")
    assert len({piece.untyped_storage().data_ptr() for piece in pieces}) == 1


@pytest.mark.parametrize(
    ("ims", "labs", "message"),
    [
        (images(40), [labels(40)], "CIFAR_ims: holds a Tensor; must be a list of tensors, as in the release"),
        ([], [labels(40)], "CIFAR_ims: holds a list; must be a list of tensors"),
        ([images(40), 3], [labels(40)], "CIFAR_ims: holds a list; must be a list of tensors"),
        ([images(40)], [labels(30)], "x: 40 images and 30 labels; must be one for each, and some"),
        ([images(0)], [labels(0)], "x: 0 images and 0 labels; must be one for each, and some"),
        (
            [images(4), images(4)[:, :1]],
            [labels(8)],
            "tensor 1 is float32 (4, 1, 32, 32); must be floating point (n, 3,",
        ),
        ([images(4).mul(255).byte()], [labels(4)], "CIFAR_ims: tensor 0 is uint8 (4, 3, 32, 32); must be floating"),
        ([images(4) * 255], [labels(4)], "CIFAR_ims: tensor 0: pixels span 0 to 25"),
        ([images(4) / 0], [labels(4)], "CIFAR_ims: tensor 0: pixels span nan to nan; must be in [0, 1]"),
        ([images(4)], [labels(4).float()], "CIFAR_lab: tensor 0 is float32 (4,); must be whole numbers (n,)"),
        ([images(4)], [labels(4)[:, None]], "CIFAR_lab: tensor 0 is int64 (4, 1); must be whole numbers (n,)"),
        ([images(4)], [labels(4), labels(0) - 1, labels(3) - 1], "CIFAR_lab: label -1 at index 4; labels must be in 0"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, ims: Any, labs: Any, message: str) -> None:
    assert message in refused(write(tmp_path / "x", ims, labs))


@pytest.mark.parametrize("zipped", [False, True], ids=["as torch 1.1", "zip"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.99])
def test_a_cut_file_is_named(small: Path, part: float, zipped: bool) -> None:
    write(small, [images(40)], [labels(40)], zipped=zipped)
    file = small / "CIFAR_ims"
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    assert re.fullmatch(rf"{file}: is damaged or no file of torch\.save \(.+\); copy it again", refused(small))


def test_absent_files_and_sets_are_named(small: Path, digits: ImageData, grey: Path) -> None:
    assert refused(small, name="robst").startswith(
        'set = "robst": must be one of robust, nonrobust, rand, det; did you'
    )
    assert "must be floating point (n, 1, 8, 8)" in refused(small, source=digits)
    (small / "CIFAR_lab").unlink()
    assert (
        refused(small)
        == f"{small}/CIFAR_lab: no such file; a set of the release is a folder with CIFAR_ims and CIFAR_lab"
    )
    with pytest.raises(FeatsplitError, match="is damaged or no HDF5 file"):
        export_madrylab(small / "CIFAR_ims", small / "out")
