"""An audit of given networks from the command line: side by side, taken up, and made again from its settings."""

import json
import re
from pathlib import Path

import pytest

from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields
from featsplit.studies.audit import Settings
from tests.least import call
from tests.opening import check_opening

FEW = "--data digits --limit 120 --limit-test 60"
QUICK = "--eps 0.5 --images 20 --steps 2 --device cpu"


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two networks of the digits."""
    folder = tmp_path_factory.mktemp("networks")
    for seed in (0, 1):
        call(f"train {FEW} --arch linear --epochs 1 --batch-size 40 --seed {seed} --out {folder}/{seed}.safetensors")
    return f"{folder}/0.safetensors {folder}/1.safetensors"


def rows_of(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((folder / "rows.json").read_text())
    return found


def test_two_processes_find_what_one_does_and_the_settings_make_it_again(networks: str, tmp_path: Path) -> None:
    text, _ = call(f"audit {networks} {FEW} {QUICK} --workers 2 --out {tmp_path}/two")
    assert text.splitlines()[3].startswith("standard training  representation ")
    call(f"audit {networks} {FEW} {QUICK} --workers 1 --out {tmp_path}/one")
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")
    call(f"run {tmp_path}/two/settings.toml --device cpu --workers 1 --out {tmp_path}/again")
    assert rows_of(tmp_path / "again") == rows_of(tmp_path / "two")
    assert "featsplit audit " in (tmp_path / "two" / "report.html").read_text()
    check_opening(tmp_path / "two")
    assert "over 60 test images (20 of them attacked) and one seed" in " ".join(text.split())


def test_what_was_measured_is_taken_up(networks: str, tmp_path: Path) -> None:
    first, _ = networks.split()
    text, _ = call(f"audit {first} {FEW} {QUICK} --out {tmp_path}/a")
    assert re.search(r"standard training: \d+ useful and robust, \d+ useful", " ".join(text.split())), "whole units"
    (kept,) = (tmp_path / "a" / "seed0" / "rows").iterdir()
    before = kept.stat().st_mtime_ns
    call(f"audit {networks} {FEW} {QUICK} --workers 1 --out {tmp_path}/a")
    assert kept.stat().st_mtime_ns == before
    assert len(list(kept.parent.iterdir())) == 2
    call(f"audit {first} {FEW} {QUICK} --norm linf --out {tmp_path}/a")
    assert kept.stat().st_mtime_ns != before


def test_another_layer_in_the_same_file_is_measured_again(tmp_path: Path) -> None:
    """The weights of an encoder are those of the whole network, wherever it is cut."""
    call(f"train {FEW} --arch cnn --width 8 --epochs 1 --batch-size 40 --out {tmp_path}/cnn.safetensors")
    probe = (
        f"probe {tmp_path}/cnn.safetensors {FEW} --device cpu --penalty 1 --out {tmp_path}/p.safetensors --overwrite"
    )
    found = []
    for layer in ("0", "1"):
        call(f"{probe} --layer {layer}")
        for out in ("a", f"fresh{layer}"):
            call(f"audit {tmp_path}/p.safetensors {FEW} {QUICK} --out {tmp_path}/{out}")
        found.append(rows_of(tmp_path / "a"))
        assert found[-1] == rows_of(tmp_path / f"fresh{layer}")
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": []}, "networks = []: give one or more, each once"),
        ({"networks": ["a", "a"]}, "give one or more, each once"),
        ({"adversary": {"steps": 0}}, "adversary.steps = 0: must be at least 1"),
    ],
)
def test_what_cannot_be_audited(changes: Fields, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        Settings.read({"networks": ["m.safetensors"], "data": {"source": "digits"}, **changes})
    assert message in str(error.value)
