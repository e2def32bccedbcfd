"""Rows are measured once, and again when anything that decides them changes: a value, a version, the format."""

import json
from pathlib import Path

import pytest

from featsplit.engine import cache
from featsplit.engine.cache import kept_rows, rows_digest
from featsplit.rows import Row


class Measure:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> list[Row]:
        self.count += 1
        return [{"accuracy": 0.5, "n": self.count}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows" / "det.json"


def test_rows_are_measured_once(path: Path) -> None:
    measure = Measure()
    assert [list(kept_rows(path, {"eps": 0.5}, measure)) for _ in range(3)] == [[{"accuracy": 0.5, "n": 1}]] * 3
    assert measure.count == 1


def test_rows_are_measured_again_where_a_value_changes(path: Path) -> None:
    measure = Measure()
    found = [next(iter(kept_rows(path, {"eps": eps}, measure)))["n"] for eps in (0.5, 0.25, 0.25, 0.5)]
    assert found == [1, 2, 2, 3]


def test_rows_of_another_format_or_version_are_measured_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Measure()
    kept_rows(path, {}, measure)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    kept_rows(path, {}, measure)
    monkeypatch.setattr(cache, "decisive", lambda: {"featsplit": "0", "torch": "1.0"})
    kept_rows(path, {}, measure)
    assert measure.count == 3
    kept_rows(path, {}, measure)
    assert measure.count == 3


@pytest.mark.parametrize("content", ["", "[1]", '{"rows": []}', '{"key": 1, "rows": []}'])
def test_a_file_that_is_no_such_rows_is_written_anew(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    measure = Measure()
    kept_rows(path, {}, measure)
    assert json.loads(path.read_text())["rows"] == [{"accuracy": 0.5, "n": 1}]


def test_the_digest_of_rows_is_that_of_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("abc")
    assert rows_digest(tmp_path / "rows.json").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")
    assert rows_digest(tmp_path / "nothing.json") == "none"


def test_rows_of_which_a_byte_changed_are_measured_again(path: Path) -> None:
    measure = Measure()
    kept_rows(path, {"eps": 0.5}, measure)
    path.write_text(path.read_text().replace('"accuracy": 0.5', '"accuracy": 0.7'))
    assert list(kept_rows(path, {"eps": 0.5}, measure)) == [{"accuracy": 0.5, "n": 2}]
    content = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in content.items() if name != "digest"}))
    assert next(iter(kept_rows(path, {"eps": 0.5}, measure)))["n"] == 2, "those of before have no digest"
