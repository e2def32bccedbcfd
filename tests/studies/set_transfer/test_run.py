"""A transfer of sets from the command line: what is trained again, and what is taken up."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.engine import jobs as engine_jobs
from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import Fields
from featsplit.models.build import build
from featsplit.studies.set_transfer import Settings
from featsplit.synthesis import Match, build_match
from tests.opening import check_opening

QUICK = "--epochs 1 --steps 1 --device cpu --workers 1"


def call(line: str) -> str:
    """The output of a command."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of few digits."""
    path, data = tmp_path_factory.mktemp("sets") / "a.h5", load_data(DataSpec("digits", limit=50, limit_test=20))
    build_match(path, build("linear", shape=data.shape, classes=10), data, Match(steps=2))
    return path


def test_a_second_transfer_takes_up_networks_and_rows(derived: Path, tmp_path: Path) -> None:
    words = f"transfer {derived} {QUICK} --out {tmp_path}/t"
    call(f"{words} --arch linear --seeds 0")
    first = json.loads((tmp_path / "t" / "rows.json").read_text())
    files = [*(tmp_path / "t" / "seed0").rglob("*.safetensors"), *(tmp_path / "t" / "seed0" / "rows").iterdir()]
    before = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 2
    text = call(f"{words} --arch linear,mlp --seeds 0,1")
    assert [path.stat().st_mtime_ns for path in files] == before
    rows = json.loads((tmp_path / "t" / "rows.json").read_text())
    assert rows[: len(first)] == first
    assert {(row["architecture"], row["seed"]) for row in rows} == {(a, s) for a in ("linear", "mlp") for s in (0, 1)}
    assert "source pgd l2 0.25" in text
    check_opening(tmp_path / "t")
    assert "over 20 test images and 2 seeds" in " ".join(text.split())
    assert all(path.name.startswith("a.h5-linear-") for path in files), "without the folder of the set"
    assert "source pgd l2 0.25" in (tmp_path / "t" / "plots" / "matrix.svg").read_text()
    page = (tmp_path / "t" / "report.html").read_text()
    assert "featsplit transfer " in page
    assert "a, linear, epoch 1: on the set itself " in page


def test_a_set_is_loaded_once(derived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = list[str]()

    def load(spec: DataSpec, **options: Any) -> ImageData:
        loaded.append(spec.source)
        return load_data(spec, **options)

    monkeypatch.setattr(engine_jobs, "load_data", load)
    engine_jobs._loaded.cache_clear()  # another test of this process may have loaded the digits
    copy = Path(shutil.copy(derived, tmp_path / "b.h5"))
    call(f"transfer {copy} digits --arch linear,mlp --seeds 0,1 {QUICK} --source digits --out {tmp_path}/t")
    assert sorted(loaded) == sorted([str(copy), "digits"])


def test_the_settings_make_it_again(derived: Path, tmp_path: Path) -> None:
    call(f"transfer {derived} --arch linear {QUICK} --out {tmp_path}/t")
    call(f"run {tmp_path}/t/settings.toml --device cpu --workers 1 --out {tmp_path}/again")
    rows, again = (json.loads((tmp_path / name / "rows.json").read_text()) for name in ("t", "again"))
    assert rows == again


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sets": []}, "sets = []: give one or more, each once"),
        ({"sets": ["a.h5", "a.h5"]}, "give one or more, each once"),
        ({"architectures": ["linea"]}, 'did you mean "linear"'),
        ({"evaluate": {"steps": 0}}, "evaluate.steps = 0: must be at least 1"),
        ({"train": {"epochs": 0}}, "train.epochs = 0"),
    ],
)
def test_what_cannot_be_transferred(changes: Fields, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        Settings.read({"sets": ["digits"], **changes})
    assert message in str(error.value)
