"""The derived data set: what was written comes back, whatever happens on the way; what was changed is found."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from featsplit.data import shards
from featsplit.data.dataset import open_dataset
from featsplit.data.derived import as_stored, read_columns, verify, write_derived
from featsplit.data.shards import Columns
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import SetSpec, read_set_metadata

TOTAL = 70
SPEC = SetSpec("test", {}, "train")
OTHER = SetSpec("other", {}, "train")


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 16)


def columns_of(rows: Tensor) -> Columns:
    """Columns whose every value tells its row."""
    images = (rows[:, None, None, None] / TOTAL).expand(-1, 1, 3, 4).float()
    return {"images": images, "labels": rows % 7, "source_index": rows}


def summarise(columns: Columns) -> dict[str, float]:
    return {"mean": float(columns["labels"].float().mean())}


def write(path: Path, compute: Callable[[Tensor], Columns] = columns_of, **options: Any) -> dict[str, float]:
    settings: dict[str, Any] = {
        "total": TOTAL,
        "batch_size": 5,
        "spec": SPEC,
    }
    return write_derived(path, compute, summarise, **(settings | options))


def test_every_row_comes_back_where_it_belongs(tmp_path: Path) -> None:
    summary = write(tmp_path / "a.h5")
    rows = torch.arange(TOTAL)
    found = read_columns(tmp_path / "a.h5", ["images", "labels", "source_index"])
    assert all(torch.equal(found[name], expected) for name, expected in columns_of(rows).items())
    assert summary == {"mean": float((rows % 7).float().mean())} == read_set_metadata(tmp_path / "a.h5").summary
    assert sorted(os.listdir(tmp_path)) == ["a.h5"]


def test_digests_are_those_of_numpy(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    labels = (np.arange(TOTAL) % 7).astype("<i8")
    expected = hashlib.sha256(b"<i8(70,)" + labels.tobytes()).hexdigest()
    assert read_set_metadata(tmp_path / "a.h5").digests["labels"] == expected
    assert verify(tmp_path / "a.h5") == ["images", "labels", "source_index"]


def test_a_build_cut_off_goes_on_at_its_last_shard_and_ends_the_same(tmp_path: Path) -> None:
    write(tmp_path / "whole.h5")
    asked: list[int] = []

    def dies(rows: Tensor) -> Columns:
        if int(rows[0]) >= 40:
            raise KeyboardInterrupt
        return columns_of(rows)

    def counts(rows: Tensor) -> Columns:
        asked.extend(rows.tolist())
        return columns_of(rows)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "cut.h5", dies)
    write(tmp_path / "cut.h5", counts)
    assert asked == list(range(32, TOTAL))  # two shards of 16 were kept
    assert (tmp_path / "cut.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_shards_of_another_spec_are_dropped(tmp_path: Path) -> None:
    def dies(rows: Tensor) -> Columns:
        if int(rows[0]) >= 40:
            raise KeyboardInterrupt
        return {**columns_of(rows), "labels": rows * 0}

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.h5", dies, spec=OTHER)
    write(tmp_path / "a.h5")
    assert torch.equal(read_columns(tmp_path / "a.h5", ["labels"])["labels"], torch.arange(TOTAL) % 7)


def test_the_same_spec_is_not_built_again_and_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    before = path.read_bytes()

    def never(rows: Tensor) -> Columns:
        raise AssertionError

    assert write(path, never) == read_set_metadata(path).summary
    with pytest.raises(FeatsplitError, match=r"a\.h5: exists; give another --out, or --overwrite"):
        write(path, spec=OTHER)
    assert path.read_bytes() == before
    write(path, spec=OTHER, overwrite=True)
    assert read_set_metadata(path).spec.method == "other"


def test_uint8_is_rounded_not_truncated() -> None:
    inputs = torch.tensor([0.0, 0.9999, 0.5, 254.6 / 255, 1.0])
    assert as_stored(inputs, "uint8").tolist() == [0, 255, 128, 255, 255]
    assert as_stored(inputs, "float16").dtype == torch.float16


def damaged(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _relabel(file: h5py.File) -> None:
    file["labels"][3] = 6


def _drop(file: h5py.File) -> None:
    del file["source_index"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(_relabel, 'column "labels" is not what was written; build it again', id="a label changed"),
        pytest.param(_drop, 'column "source_index" was added or removed since it was built', id="a column gone"),
    ],
)
def test_verify_names_what_changed(tmp_path: Path, change: Callable[[h5py.File], None], message: str) -> None:
    write(tmp_path / "a.h5")
    with pytest.raises(FeatsplitError, match=message):
        verify(damaged(tmp_path / "a.h5", change))


def test_a_flipped_byte_is_found_when_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    with h5py.File(path) as file:
        place = file["images"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 40] ^= 1
    path.write_bytes(content)
    with pytest.raises(FeatsplitError, match=r"a\.h5: is damaged or no HDF5 file .*; build it again"):
        verify(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is damaged or no HDF5 file", id="empty"),
        pytest.param(b"not hdf5 at all" * 99, "is damaged or no HDF5 file", id="text"),
        pytest.param(None, "no such file; make it with featsplit build-robust", id="absent"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FeatsplitError, match=message):
        open_dataset(path)


@pytest.mark.parametrize("value", ["3", "{}", "not json"])
@pytest.mark.parametrize("name", ["spec", "digests", "summary"])
def test_metadata_that_cannot_be_read_is_named(tmp_path: Path, name: str, value: str) -> None:
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs[name] = value
    if (name, value) in (("digests", "{}"), ("summary", "{}")):  # empty, but readable: verify finds it
        return
    with pytest.raises(FeatsplitError, match=r"a\.h5: (is damaged or no HDF5 file|its metadata is not what)"):
        read_set_metadata(tmp_path / "a.h5")


def test_flipped_bytes_anywhere_never_end_in_a_traceback(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    content, rng = (tmp_path / "a.h5").read_bytes(), np.random.default_rng(0)
    for attempt in range(40):
        flipped = bytearray(content)
        for place in rng.integers(0, len(content), 40):
            flipped[place] ^= int(rng.integers(1, 256))
        (path := tmp_path / f"{attempt}.h5").write_bytes(flipped)
        with pytest.raises(FeatsplitError, match=rf"{attempt}\.h5: "):
            verify(path)


def test_shards_cut_off_by_a_power_loss_are_done_again(tmp_path: Path) -> None:
    def dies(rows: Tensor) -> Columns:
        if int(rows[0]) >= 40:
            raise KeyboardInterrupt
        return columns_of(rows)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.h5", dies)
    (cut,) = (tmp_path / ".a.h5.shards").glob("*/00001")
    cut.write_bytes(b"")
    write(tmp_path / "a.h5")
    assert torch.equal(read_columns(tmp_path / "a.h5", ["labels"])["labels"], torch.arange(TOTAL) % 7)


def test_a_foreign_hdf5_file_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(FeatsplitError, match="is no featsplit data set"):
        read_set_metadata(tmp_path / "a.h5")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(FeatsplitError, match="is damaged or no HDF5 file"):
        read_set_metadata(tmp_path / "a.h5")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_reader_is_safe_with_workers(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    dataset = open_dataset(tmp_path / "a.h5")
    image, label = dataset[3]  # opens the file in this process first, which a forked worker must not share
    assert (image.dtype, label) == (torch.float32, 3)
    found = list(DataLoader(dataset, batch_size=16, num_workers=2))
    rows = torch.arange(TOTAL)
    assert torch.equal(torch.cat([images for images, _ in found]), columns_of(rows)["images"])
    assert torch.equal(torch.cat([labels for _, labels in found]), rows % 7)
    assert torch.equal(dataset[-1][0], dataset[TOTAL - 1][0])
    with pytest.raises(IndexError, match="row 70: the set has 70"):
        dataset[TOTAL]


def test_the_reader_shares_no_open_file_between_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.h5")
    dataset = open_dataset(tmp_path / "a.h5")
    image = dataset[3][0]
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[3][0], image)  # as a spawned worker gets it
    assert dataset._file is not None
    opened = dataset._file[1]
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a forked worker
    assert torch.equal(dataset[3][0], image)
    assert dataset._file[1] is not opened
