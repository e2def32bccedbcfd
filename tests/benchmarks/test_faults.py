"""What the trial of kills compares, and what the trial of changed bytes calls wrong."""

from pathlib import Path

import pytest

from benchmarks import faults, fuzz_cases


def made(folder: Path, rows: str) -> Path:
    for name in ("seed0/sets/a.h5", "seed0/models/b.safetensors", "seed0/rows/c.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"the same")
    (folder / "rows.json").write_text(rows)
    return folder


def test_runs_are_the_same_where_sets_models_and_rows_are(tmp_path: Path) -> None:
    one, same, other = made(tmp_path / "a", "[1]"), made(tmp_path / "b", "[1]"), made(tmp_path / "c", "[2]")
    (same / "seed0" / "rows" / "c.json").write_text("kept by other times")
    assert faults.digests(one) == faults.digests(same) != faults.digests(other)
    assert set(faults.digests(one)) == {"seed0/sets/a.h5", "seed0/models/b.safetensors", "rows.json"}
    (same / "seed0" / "sets" / "a.h5").write_bytes(b"another")
    assert faults.digests(one) != faults.digests(same)


def test_what_a_kill_left_is_named(tmp_path: Path) -> None:
    run = made(tmp_path / "a", "[]")
    assert faults.leftovers(run) == ()
    (run / "seed0" / "sets" / ".a.h5.shards").mkdir()
    assert faults.leftovers(run) == ("seed0/sets/.a.h5.shards",)


def test_a_line_is_well_and_a_traceback_or_a_crash_is_wrong() -> None:
    assert not fuzz_cases.wrong_in(2, "featsplit: no such file")
    assert fuzz_cases.wrong_in(2, "Traceback (most recent call last)")
    assert fuzz_cases.wrong_in(
        2, "featsplit: KeyError: 'a' (at rows.py:3); not foreseen: please report what --debug prints"
    )
    assert fuzz_cases.wrong_in(-11, "")


def test_a_command_is_called_with_what_it_prints_and_how_it_ends() -> None:
    status, out, _ = fuzz_cases.command(["--version"])
    assert (status, out.strip()[:2]) == (0, "0.")
    status, _, err = fuzz_cases.command(["info", "nowhere.h5"])
    assert status == 2
    assert err.startswith("featsplit: nowhere.h5: no such file")


def test_the_lines_that_are_changed_end_well_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fuzz_cases.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    ended = {line: fuzz_cases.called(line) for line in fuzz_cases.VALID.strip().replace("\n    ", " ").splitlines()}
    assert len(ended) == 19
    assert {line: err for line, (status, _, err) in ended.items() if status} == {}
