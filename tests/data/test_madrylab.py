"""The layout of the published sets: theirs comes in, ours runs in their code, and nothing in a file is run."""

import io
import os
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
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
from featsplit.models.classifier import Classifier
from featsplit.pickles import MAGIC
from featsplit.synthesis import Build, Perturb, build_perturb

N = 2100  # more than two shards
SIZES = [1, 500, 1000, 0, 599]


def images(n: int = N) -> Tensor:
    """Images of CIFAR-10's shape whose first pixel tells their row."""
    made = torch.rand((n, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    made[:, 0, 0, 0] = torch.arange(n) / n
    return made


def labels(n: int = N) -> Tensor:
    return torch.arange(n) * 7 % 10


def cut(whole: Tensor, sizes: list[int]) -> list[Tensor]:
    return [part.clone() for part in torch.tensor_split(whole, np.cumsum(sizes)[:-1].tolist())]


def write(folder: Path, ims: Any, labs: Any, *, zipped: bool = False) -> Path:
    """A set as the release has it; torch 1.1, which wrote that, knew no zip files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (("CIFAR_ims", ims), ("CIFAR_lab", labs)):
        torch.save(value, folder / name, _use_new_zipfile_serialization=zipped)
    return folder


def theirs(data_path: Path) -> tuple[Tensor, Tensor]:
    """The two lines of the release's README, and torch's default, weights_only."""
    train_data = torch.cat(torch.load(os.path.join(data_path, "CIFAR_ims")))
    train_labels = torch.cat(torch.load(os.path.join(data_path, "CIFAR_lab")))
    return train_data, train_labels


def refused(folder: Path, **options: Any) -> str:
    with pytest.raises(FeatsplitError) as error:
        import_madrylab(folder, folder.with_name("no.h5"), **options)
    assert "\n" not in str(error.value)
    assert not folder.with_name("no.h5").exists()
    return str(error.value)


def call(line: str) -> str:
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A set of 40 rows in the release's layout."""
    return write(tmp_path / "d_robust_CIFAR", [images(40)], [labels(40)])


@pytest.fixture
def grey(digits: ImageData, standard: Classifier, tmp_path: Path) -> Path:
    """One of our own sets, made of digits."""
    build_perturb(tmp_path / "rand.h5", standard, digits, Perturb(eps=0.5, steps=2), build=Build(dtype="uint8"))
    return tmp_path / "rand.h5"


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
    assert text == f"{tmp_path}/drand_CIFAR: 600 images of {grey}, as madrylab has them\n"
    source = "--data digits --limit 600 --limit-test 200 --split test"
    assert "rand from digits (test), 600" in call(f"import-madrylab {tmp_path}/drand_CIFAR {source} --out {grey}.h5")
    spec = read_set_metadata(Path(f"{grey}.h5")).spec
    assert (spec.name, spec.split, spec.source["limit"]) == ("rand", "test", 600)
    assert len(load_data(DataSpec(f"{grey}.h5")).test) == 600
    with pytest.raises(FeatsplitError, match='--format = "madry": must be one of madrylab; did you mean "madrylab"'):
        call(f"export {grey} --format madry --out {tmp_path}/x")
    with pytest.raises(FeatsplitError, match=r"--limit: says how to read --data SRC; give that too"):
        call(f"import-madrylab {tmp_path}/drand_CIFAR --limit 600 --out {tmp_path}/y.h5")
    with pytest.raises(FeatsplitError, match=r"nowhere: is not there; give the folder of a set, or the file of a netw"):
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
