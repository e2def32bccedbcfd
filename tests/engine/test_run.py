"""A whole run, small: all the rows are there, and a kill, a change or a second start cost only what they must."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.models.checkpoints import read_metadata
from featsplit.report.intervals import Interval
from featsplit.studies.ilyas2019.tables import accuracy_table
from tests.started import TINY, kill, run, start, until


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of a run."""
    out = folder / "out"
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def files(folder: Path) -> dict[str, bytes]:
    """Every file that the settings decide; the seconds, the events, the pages that show them and the day are of one
    run."""
    found = {
        path: content
        for path, content in everything(folder).items()
        if Path(path).name not in ("times.jsonl", "report.md", "report.html") and "events" not in Path(path).parts
    }
    found["run.json"] = re.sub(rb'"date": "[-0-9]+"', b"", found["run.json"])
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of two seeds."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(TINY)
    out, err = run(folder, "--seeds", "0,1")
    (folder / "stdout").write_text(out)
    (folder / "stderr").write_text(err)
    return folder


def test_the_rows_have_every_field_and_network(whole: Path) -> None:
    rows = json.loads((whole / "out" / "rows.json").read_text())
    assert all(set(row) >= FIELDS for row in rows)
    assert {row["seed"] for row in rows} == {0, 1}
    main, construction, epochs = (
        [row for row in rows if row["experiment"] == one] for one in ("main", "construction", "epochs")
    )
    assert len(rows) == len(main) + len(construction) + len(epochs)
    expected = {("source", "standard"), ("source", "adversarial"), *((s, "standard") for s in SETS)}
    assert {(row["train_set"], row["training"]) for row in main} == expected
    assert {(row["test_set"], row.get("labels")) for row in main} == {("source", None), ("source", "next")}
    assert len(main) == 2 * (6 * 2 + 1)
    moments = ("found", "stored", "augmented", "before", "after")
    makers = {(row["test_set"], row["moment"], row["training"]) for row in construction}
    assert makers == {
        (name, moment, "adversarial" if moment in ("before", "after") else "standard")
        for name in ("rand", "det")
        for moment in moments
    }
    assert len(construction) == 2 * 2 * len(moments)
    own = {(row["training"], row["test_set"]) for row in epochs if row.get("split") == "train"}
    assert own == {(training, name) for name, training in expected}
    attacked = [(row["attack"], row["eps"], row["n"]) for row in epochs if row["attack"] != "none"]
    assert len(set(attacked)) == 1
    assert len(attacked) == 2 * 6 * 4
    assert len(epochs) == 2 * 6 * 4 * 3


FIELDS = {
    "experiment",
    "train_set",
    "training",
    "architecture",
    "test_set",
    "attack",
    "norm",
    "eps",
    "steps",
    "step_size",
    "restarts",
    "loss",
    "n",
    "seed",
    "accuracy",
}


def test_a_run_says_what_it_was_and_how_long_its_stages_took(whole: Path) -> None:
    told = json.loads((whole / "out" / "run.json").read_text())
    assert told["command"] == "featsplit run tiny.toml --seeds 0,1"
    assert (told["data"]["train"], told["data"]["test"], told["data"]["shape"]) == (200, 100, [1, 8, 8])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["date"])
    for seed in (0, 1):
        lines = (whole / "out" / f"seed{seed}" / "times.jsonl").read_text().splitlines()
        stages = [json.loads(line)["stage"] for line in lines]
        assert len(set(stages)) == len(stages), "no stage ran twice"
        assert {f"train {name}" for name in ("standard", "adversarial", *SETS)} < set(stages)
        assert all(json.loads(line)["seconds"] >= 0 for line in lines)


SETS = ("robust", "nonrobust", "rand", "det")


def test_the_table_is_printed_within_80_columns(whole: Path) -> None:
    text = (whole / "stdout").read_text()
    rows = json.loads((whole / "out" / "rows.json").read_text())
    assert max(map(len, text.splitlines())) <= 80
    for cells in accuracy_table(rows, show=Interval.short)[1:]:
        assert any(all(cell in line for cell in cells) for line in text.splitlines())
    assert "\x1b" not in (whole / "stderr").read_text()  # quiet where it is no terminal
    assert "%|" not in (whole / "stderr").read_text()


def test_the_report_shows_table_control_and_grids(whole: Path) -> None:
    page = (whole / "out" / "report.md").read_text()
    assert "![Accuracy of each network on the true test images, clean and under attack" in page
    assert (whole / "out" / "plots" / "learned.svg").is_file()
    assert (whole / "out" / "report.html").read_text().startswith("<!doctype html>")
    for wanted in ("D_R (robust)", "on D_rand", "featsplit run tiny.toml --seeds 0,1", "relative distance", " to "):
        assert wanted in page
    for name in SETS:
        assert f"seed0/grids/{name}.png" in page
        assert (whole / "out" / "seed0" / "grids" / f"{name}.png").stat().st_size > 5000
        assert f'"label":"{DERIVED_SETS[name].label}"' in (whole / "out" / "report.html").read_text()


def test_networks_start_from_weights_of_their_own(whole: Path) -> None:
    """A network that shared the source's initial weights would share its features for no good reason."""
    models = whole / "out" / "seed0" / "models"
    seeds = {read_metadata(path).seed for path in models.glob("*.safetensors")}
    assert len(seeds) == 6


def test_a_finished_run_says_so_at_once(whole: Path) -> None:
    before = everything(whole)
    out, err = run(whole, "--seeds", "0,1")
    assert "this run is finished" in out
    assert err == ""  # no stage was even looked at
    assert everything(whole) == before


@pytest.mark.long
def test_a_run_that_another_took_apart_is_not_called_finished(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    process = start(tmp_path, "--set", "train.rand.epochs=400")
    until(lambda: not (tmp_path / "out" / "run.json").exists())
    kill(process, signal.SIGKILL)
    out, _ = run(tmp_path, "--seeds", "0,1")
    assert "this run is finished" not in out
    assert files(tmp_path) == files(whole)


def test_a_changed_setting_redoes_only_what_depends_on_it(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    stamp = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.*") if path.is_file()}
    run(tmp_path, "--set", "perturb.eps=1.0")
    seed = tmp_path / "out" / "seed0"
    redone = {str(path.relative_to(seed)) for path in seed.rglob("*.*") if path.stat().st_mtime_ns != stamp.get(path)}
    assert {name for name in redone if not name.startswith("rows/")} == {
        "times.jsonl", *(f"grids/{name}.{end}" for name in SETS for end in ("png", "safetensors")),
        "sets/rand.h5", "sets/det.h5", "models/rand.safetensors", "models/det.safetensors"
    }  # fmt: skip


@pytest.mark.parametrize(
    "reached",
    ["seed0/models/.standard.safetensors.training", pytest.param("seed1/sets/nonrobust.h5", marks=pytest.mark.long)],
)
def test_a_killed_run_goes_on_and_ends_with_the_same_files(whole: Path, tmp_path: Path, reached: str) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    process = start(tmp_path, "--seeds", "0,1")
    until((tmp_path / "out" / reached).exists)
    kill(process, signal.SIGKILL)
    assert not (tmp_path / "out" / "run.json").exists()
    run(tmp_path, "--seeds", "0,1")
    assert files(tmp_path) == files(whole)


def test_workers_side_by_side_make_the_same_files(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    run(tmp_path, "--seeds", "0,1", "--workers", "2")
    assert files(tmp_path) == files(whole)
