"""Sets that do not fit in memory: mapped as they lie, or from a copy, and checked once for each state of the file."""

import pickle
from pathlib import Path

import h5py
import pytest
import torch
from torch import Tensor

from featsplit.data import derived, mapped
from featsplit.data.derived import load_split
from featsplit.data.mapped import Mapped
from featsplit.errors import FeatsplitError
from tests.data.test_derived import OTHER, TOTAL, columns_of, write


def test_a_large_set_is_mapped_as_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a[1].h5"
    write(path)
    whole = load_split(path)
    assert type(whole.images) is Tensor
    monkeypatch.setattr(mapped, "WHOLE", whole.images.nbytes - 1)
    write(path, lambda rows: columns_of(TOTAL - 1 - rows), overwrite=True, spec=OTHER)
    large = load_split(path)
    assert isinstance(large.images, Mapped)
    assert torch.equal(large.images, whole.images.flip(0))
    assert torch.equal(pickle.loads(pickle.dumps(large.images)), large.images)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, f".{path.name}.checked"}


def test_a_large_set_of_a_version_before_is_mapped_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a[1].h5")
    whole = load_split(tmp_path / "a[1].h5")
    monkeypatch.setattr(mapped, "WHOLE", 0)
    large = load_split(tmp_path / "a[1].h5")
    assert isinstance(large.images, Mapped)
    assert torch.equal(large.images, whole.images)
    assert torch.equal(large.labels, whole.labels)
    first = {file.name for file in tmp_path.iterdir()}
    monkeypatch.setattr(mapped, "WHOLE", 2**30)
    write(tmp_path / "a[1].h5", lambda rows: columns_of(TOTAL - 1 - rows), overwrite=True, spec=OTHER)
    monkeypatch.setattr(mapped, "WHOLE", 0)
    assert torch.equal(load_split(tmp_path / "a[1].h5").images, whole.images.flip(0))
    second = {file.name for file in tmp_path.iterdir()}
    assert len(first) == len(second) == 2, "the copy of what was there before is removed"
    assert first != second


def test_a_changed_byte_of_a_large_set_is_found_and_the_check_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "WHOLE", 0)
    path, digests = tmp_path / "a.h5", derived._digest
    write(path)
    load_split(path)
    checked: list[str] = []

    def counted(path: Path, name: str) -> str:
        checked.append(name)
        return digests(path, name)

    monkeypatch.setattr(derived, "_digest", counted)
    load_split(path)
    assert "images" not in checked
    with h5py.File(path) as file:
        place = file["images"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[place + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(FeatsplitError, match=r'a\.h5: column "images" is not what was written'):
        load_split(path)


def test_a_damaged_chunk_is_found_when_the_copy_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.h5")
    monkeypatch.setattr(mapped, "WHOLE", 0)
    with h5py.File(tmp_path / "a.h5") as file:
        place = file["images"].id.get_chunk_info(0).byte_offset
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[place + 100] ^= 1
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(FeatsplitError, match=r"a\.h5: is damaged or no HDF5 file"):
        load_split(tmp_path / "a.h5")
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]
