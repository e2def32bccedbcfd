"""A whole run, small: all the rows are there, and a kill, a change or a second start cost only what they must."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from featsplit.report.intervals import Interval
from featsplit.report.tables import accuracy_table, control_table

TINY = """
[data]
source = "digits"
limit = 200
limit_test = 100
[model]
arch = "resnet8"
width = 8
stages = 2
[train]
epochs = 4
batch_size = 40
schedule = "one-cycle"
[train.adversarial]
adversary = { eps = 0.5, steps = 2 }
[match]
steps = 5
rule = { name = "lbfgs", step_size = 1.0 }
[perturb]
eps = 1.5
steps = 5
step_size = 0.5
[evaluate]
eps = [0.5]
steps = 3
restarts = 2
"""


MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell has it ignored
from featsplit.commands import main
main()
"""


def start(folder: Path, *extra: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", MAIN, "run", "tiny.toml", "--out", "out", "--device", "cpu", *extra]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, text=True, stdout=pipe, stderr=pipe, env=ENVIRONMENT)


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "OMP_NUM_THREADS": "1"}


def run(folder: Path, *extra: str) -> tuple[str, str]:
    """Standard output and error of a run that ends well."""
    process = start(folder, *extra)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def until(happened: Callable[[], bool]) -> None:
    """Wait, for at most two minutes, until something has happened."""
    for _ in range(2400):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError


def kill(process: "subprocess.Popen[str]", how: signal.Signals) -> str:
    """End the process, and return its standard error."""
    process.send_signal(how)
    return process.communicate(timeout=60)[1]


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of a run."""
    out = folder / "out"
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def files(folder: Path) -> dict[str, bytes]:
    """Every file that the settings decide; the seconds, the pages that show them and the day are of one run alone."""
    found = {
        path: content
        for path, content in everything(folder).items()
        if Path(path).name not in ("times.jsonl", "report.md", "report.html")
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
        [row for row in rows if row["part"] == part] for part in ("main", "construction", "epochs")
    )
    assert len(rows) == len(main) + len(construction) + len(epochs)
    expected = {("source", "standard"), ("source", "adversarial"), *((s, "standard") for s in SETS)}
    assert {(row["train_set"], row["training"]) for row in main} == expected
    assert {row["test_set"] for row in main} == {"source", "source:next"}
    assert len(main) == 2 * (6 * 2 + 1)
    whens = ("found", "stored", "augmented", "before", "after")
    readers = {(row["test_set"], row["training"]) for row in construction}
    assert readers == {
        (f"{name}:{when}", "adversarial" if when in ("before", "after") else "standard")
        for name in ("rand", "det")
        for when in whens
    }
    assert len(construction) == 2 * 2 * len(whens)
    own = {row["test_set"] for row in epochs} - {"source"}
    assert own == {f"{name}:train" for name in ("standard", "adversarial", *SETS)}
    assert len(epochs) == 2 * 6 * 4 * 2


FIELDS = {
    "part",
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
    for cells in accuracy_table(rows, show=Interval.short)[1:] + control_table(rows, show=Interval.short)[1:]:
        assert any(all(cell in line for cell in cells) for line in text.splitlines())
    assert "\x1b" not in (whole / "stderr").read_text()  # quiet where it is no terminal
    assert "%|" not in (whole / "stderr").read_text()


def test_the_report_shows_table_control_and_grids(whole: Path) -> None:
    page = (whole / "out" / "report.md").read_text()
    assert "![What a normally trained network learns from each set." in page
    assert (whole / "out" / "plots" / "learned.svg").is_file()
    assert (whole / "out" / "report.html").read_text().startswith("<!doctype html>")
    for wanted in ("D_R (robust)", "on D_rand", "featsplit run tiny.toml --seeds 0,1", "relative distance", " to "):
        assert wanted in page
    for name in SETS:
        assert f"grids/{name}.png" in page
        assert (whole / "out" / "grids" / f"{name}.png").stat().st_size > 5000


def test_networks_start_from_weights_of_their_own(whole: Path) -> None:
    """A network that shared the source's initial weights would share its features for no good reason."""
    from featsplit.models.checkpoints import read_metadata

    models = whole / "out" / "seed0" / "models"
    seeds = {read_metadata(path).seed for path in models.glob("*.safetensors")}
    assert len(seeds) == 6


def test_a_finished_run_says_so_at_once(whole: Path) -> None:
    before = everything(whole)
    out, err = run(whole, "--seeds", "0,1")
    assert "this run is finished" in out
    assert err == ""  # no stage was even looked at
    assert everything(whole) == before


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
        "times.jsonl", "sets/rand.h5", "sets/det.h5", "models/rand.safetensors", "models/det.safetensors"
    }  # fmt: skip


@pytest.mark.parametrize("reached", ["seed0/models/.standard.safetensors.training", "seed1/sets/nonrobust.h5"])
def test_a_killed_run_goes_on_and_ends_with_the_same_files(whole: Path, tmp_path: Path, reached: str) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    process = start(tmp_path, "--seeds", "0,1")
    until((tmp_path / "out" / reached).exists)
    kill(process, signal.SIGKILL)
    assert not (tmp_path / "out" / "run.json").exists()
    run(tmp_path, "--seeds", "0,1")
    assert files(tmp_path) == files(whole)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_in_one_line(tmp_path: Path, workers: str) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 4", "epochs = 4000"))
    process = start(tmp_path, "--workers", workers)
    until((tmp_path / "out" / "seed0" / "models" / ".adversarial.safetensors.training").exists)
    children = offspring(process.pid)
    assert len(children) >= (2 if workers == "2" else 0)
    err = kill(process, signal.SIGINT)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "featsplit: interrupted; run, train and build go on where they stopped"
    assert "Traceback" not in err
    until(lambda: not any(map(alive, children)))


def offspring(pid: int) -> list[int]:
    """The processes that `pid` has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    if not found.exists():
        pytest.skip("only Linux tells the children of a process")
    return [int(child) for child in found.read_text().split()]


def alive(pid: int) -> bool:
    """Whether the process runs (one that has ended, and waits to be noticed, does not)."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_workers_side_by_side_make_the_same_files(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    run(tmp_path, "--seeds", "0,1", "--workers", "2")
    assert files(tmp_path) == files(whole)


@pytest.mark.parametrize("victim", ["parent", "worker"])
def test_who_is_killed_takes_the_others_along(tmp_path: Path, victim: str) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("epochs = 4", "epochs = 4000"))
    process = start(tmp_path, "--workers", "2")
    until((tmp_path / "out" / "seed0" / "models" / ".adversarial.safetensors.training").exists)
    children = offspring(process.pid)
    os.kill(process.pid if victim == "parent" else children[-1], signal.SIGKILL)
    err = process.communicate(timeout=60)[1]
    until(lambda: not any(map(alive, children)))
    if victim == "worker":
        assert process.returncode == 2
        assert err.splitlines()[-1] == "featsplit: a worker process was killed (out of memory?); try --workers 1"


def test_an_error_in_a_worker_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY.replace("[train]", "[train]\nlr = 1e30"))
    process = start(tmp_path, "--workers", "2")
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert re.search(r"^featsplit: train.lr = 1e\+30: the loss is (nan|inf) in epoch 1; lower the rate$", err, re.M)
    assert "Traceback" not in err


def test_settings_of_the_users_own_file_are_whole_recipes(tmp_path: Path) -> None:
    from featsplit.experiment.settings import read_experiment

    (tmp_path / "own.toml").write_text(TINY + "[train.rand]\nlr = 0.01\n")
    experiment = read_experiment(str(tmp_path / "own.toml"), ["train.det.epochs=9", "match.rule.name=paper"])
    assert experiment.name == "own"
    assert (experiment.train.rand.lr, experiment.train.det.lr) == (0.01, 0.1)
    assert (experiment.train.rand.epochs, experiment.train.det.epochs) == (4, 9)
    assert experiment.match.rule.name == "paper"
    assert experiment.match.rule.step_size == 1.0


def test_the_gpu_preset_takes_the_same_path_small_on_a_cpu(tmp_path: Path) -> None:
    """ResNet-18 at 32 x 32 through every stage of the preset `cifar10`, on a few images of noise."""
    from featsplit.data.sources import load_data
    from featsplit.experiment.run import run as run_all
    from featsplit.experiment.settings import read_experiment

    noise = np.random.default_rng(0).integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(16) % 4
    np.savez(tmp_path / "noise.npz", x_train=noise[0], y_train=labels, x_test=noise[1], y_test=labels)
    short = ["train.epochs=1", "train.batch_size=8", "match.steps=3", "perturb.steps=3", "evaluate.steps=2"]
    experiment = read_experiment("cifar10", [f"data.source=npz:{tmp_path}/noise.npz", "parts=[]", *short])
    told: list[str] = []
    data = load_data(experiment.data, root=None, download=False)
    rows = run_all(experiment, data, seeds=[0], out=tmp_path / "out", device=torch.device("cpu"), say=told.append)
    assert len([row for row in rows if row["part"] == "main"]) == 6 * 3 + 1
    assert sum("build" in line for line in told) == 4


def test_every_preset_is_read_and_names_its_command() -> None:
    from featsplit.experiment.settings import presets, read_experiment

    assert set(presets()) >= {"digits", "mnist-mini", "cifar10-mini", "cifar10"}
    for name, path in presets().items():
        experiment = read_experiment(name)
        head = [line for line in path.read_text().splitlines() if line.startswith("#")]
        assert experiment.name == name
        assert any(f"featsplit run {name}" in line for line in head)
        assert any("Expected" in line for line in head)
        assert any("Time" in line for line in head)
