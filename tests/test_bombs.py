"""Files that declare, or would unpack to, far more than they hold are refused before memory is taken for it."""

import io
import resource
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from featsplit.data.derived import write_derived
from featsplit.data.shards import Columns
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import SetSpec, read_set_metadata
from featsplit.pickles import opened

SIZE = 2**28 + 2**24


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def zeros(archive: zipfile.ZipFile, name: str, header: bytes, size: int) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        file.write(header)
        for _ in range(size // 2**24):
            file.write(bytes(2**24))


def test_an_npz_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path, header = tmp_path / "bomb.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (SIZE // 784, 28, 28)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        zeros(archive, "x_train.npy", header.getvalue(), SIZE)
        for name in ("y_train", "x_test", "y_test"):
            zeros(archive, f"{name}.npy", b"", 0)
    before = peak()
    with pytest.raises(FeatsplitError, match=r"bomb.npz\": 0.3 MiB unpack to 0.3 GiB, which images do not"):
        load_data(DataSpec(f"npz:{path}"))
    assert peak() - before < SIZE / 4


def test_what_is_no_array_of_ours_in_an_npz_is_not_read(tmp_path: Path) -> None:
    images, labels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8), np.array([0, 1, 0, 1])
    arrays = {"x_train": images, "y_train": labels, "x_test": 255 - images, "y_test": labels}
    arrays["notes"] = np.array(["a", None], dtype=object)
    np.savez(tmp_path / "more.npz", **arrays)  # type: ignore[arg-type]
    assert len(load_data(DataSpec(f"npz:{tmp_path / 'more.npz'}")).train) == 4


def test_a_file_of_torch_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "plain.pt")
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in plain.infolist():
            content = plain.read(record)
            zeros(archive, record.filename, content, 2**26 if record.filename.endswith("/data/0") else 0)
    before = peak()
    with pytest.raises(FeatsplitError, match="its records are larger than the file"), opened(path):
        pass
    assert peak() - before < SIZE / 4


def test_a_set_that_declares_a_million_million_rows_is_refused(tmp_path: Path) -> None:
    def compute(rows: torch.Tensor) -> Columns:
        return {"images": torch.zeros(len(rows), 1, 2, 2), "labels": rows % 2}

    path, spec = tmp_path / "d.h5", SetSpec("match", {"source": "digits"}, "train", classes=("0", "1"))
    write_derived(path, compute, lambda _: {}, total=4, batch_size=4, spec=spec)
    with h5py.File(path, "r+") as file:
        kind, _ = file["images"].dtype, file.__delitem__("images")
        file.create_dataset("images", (10**12, 1, 2, 2), dtype=kind, chunks=(64, 1, 2, 2))
    with pytest.raises(FeatsplitError, match=r"d.h5: is damaged .*columns are larger than the file"):
        read_set_metadata(path)


@pytest.mark.parametrize(("place", "value"), [(8, 99), (6, 1)], ids=["a method of packing that there is not", "locked"])
def test_an_npz_whose_directory_was_changed_is_a_line(tmp_path: Path, place: int, value: int) -> None:
    """Each entry of the directory begins with PK 1 2; zipfile raises NotImplementedError for one, RuntimeError else."""
    images, labels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=255 - images, y_test=labels)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    for mark, shift in ((b"PK\x01\x02", 2), (b"PK\x03\x04", 0)):
        found = content.find(mark)
        while found >= 0:
            content[found + place + shift] = value
            found = content.find(mark, found + 1)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FeatsplitError, match=r'a\.npz": is not a readable \.npz file'):
        load_data(DataSpec(f"npz:{tmp_path / 'a.npz'}"))
