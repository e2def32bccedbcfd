"""Shards can be written anywhere, in any order; assembled they are the set that one process writes."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from featsplit.data import shards
from featsplit.data.derived import verify, write_derived
from featsplit.data.shards import Columns, Shards
from featsplit.errors import FeatsplitError
from featsplit.metadata.made_by import MadeBy
from featsplit.metadata.sets import SetSpec, read_set_metadata

TOTAL = 70
SPEC = SetSpec("test", {}, "train")


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 16)


def columns_of(rows: Tensor) -> Columns:
    return {"images": (rows / TOTAL)[:, None, None, None], "labels": rows % 7}


def summarise(columns: Columns) -> dict[str, float]:
    return {"largest": float(columns["labels"].max())}


def shards_at(path: Path, spec: SetSpec = SPEC) -> Shards:
    return Shards(path, spec, TOTAL)


def write(path: Path, number: int, batch_size: int) -> None:
    own = shards_at(path)
    own.write(number, map(columns_of, own.batches(number, batch_size)))


def examine(columns: Columns) -> list[str]:
    return [] if "images" in columns else ["is small"]


def joined(path: Path, spec: SetSpec = SPEC) -> None:
    shards_at(path, spec).assemble(summarise, examine, MadeBy())


def test_the_rows_of_all_shards_are_all_rows_once(tmp_path: Path) -> None:
    rows = [shards_at(tmp_path / "a.h5").batches(number, 5) for number in range(5)]
    assert torch.equal(torch.cat([batch for shard in rows for batch in shard]), torch.arange(TOTAL))
    assert [len(batch) for batch in rows[0]] == [5, 5, 5, 1]


def test_shards_written_apart_and_in_any_order_make_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "apart.h5"
    with pytest.warns(UserWarning, match="is small"):
        write_derived(
            tmp_path / "whole.h5", columns_of, summarise, total=TOTAL, batch_size=5, spec=SPEC, examine=examine
        )
    assert shards_at(path).missing() == [0, 1, 2, 3, 4]
    for number in (3, 0, 4):
        write(path, number, batch_size=3)
    assert shards_at(path).missing() == [1, 2]
    for number in (2, 1):
        write(path, number, batch_size=100)
    joined(path)
    assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert read_set_metadata(path).warnings == ("is small",)
    assert verify(path) == ["images", "labels"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["apart.h5", "whole.h5"]


def test_what_is_not_all_written_is_not_assembled(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path, 0, batch_size=8)
    with pytest.raises(FeatsplitError, match=r"a\.h5: shard 1 of 5 is not written yet; all must be there"):
        joined(path)
    assert not path.exists()


def test_shards_of_other_work_are_not_assembled(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for number in shards_at(path).missing():
        write(path, number, batch_size=8)
    with pytest.raises(FeatsplitError, match=r"shard 0 of 5 is not written yet"):
        joined(path, SetSpec("test", {}, "train", seed=1))


def test_of_two_builds_of_other_work_neither_touches_the_shards_of_the_other(tmp_path: Path) -> None:
    path, other = tmp_path / "a.h5", SetSpec("test", {}, "train", seed=1)
    write(path, 2, batch_size=8)
    assert shards_at(path, other).missing() == [0, 1, 2, 3, 4]
    assert Shards(path, SPEC, TOTAL, rows=20).missing() == [0, 1, 2, 3]
    assert shards_at(path).missing() == [0, 1, 3, 4]


def test_builds_of_one_shard_each_and_one_that_joins_them_make_the_same_file(tmp_path: Path) -> None:
    def build(path: Path, only: int | None = None) -> dict[str, float]:
        return write_derived(path, columns_of, summarise, total=TOTAL, batch_size=5, spec=SPEC, shard=20, only=only)

    assert build(tmp_path / "whole.h5") == {"largest": 6.0}
    assert [build(tmp_path / "apart.h5", only) for only in (3, 1, 0, 2)] == [{}, {}, {}, {}]
    assert not (tmp_path / "apart.h5").exists()

    def none(rows: Tensor) -> Columns:
        raise AssertionError(rows)

    write_derived(tmp_path / "apart.h5", none, summarise, total=TOTAL, batch_size=5, spec=SPEC, shard=20)
    assert (tmp_path / "apart.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert build(tmp_path / "apart.h5", 1) == {"largest": 6.0}, "it is whole: nothing is begun again"


def test_a_shard_of_which_a_byte_has_changed_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for number in range(5):
        write(path, number, 5)
    (shard,) = tmp_path.rglob("00002")
    whole = bytearray(shard.read_bytes())
    whole[-1] ^= 1
    shard.write_bytes(whole)
    with pytest.raises(FeatsplitError, match=r"00002: is not what was written, and is removed; start again"):
        joined(path)
    assert shards_at(path).missing() == [2]
    write(path, 2, 5)
    joined(path)
    assert verify(path) == ["images", "labels"]
