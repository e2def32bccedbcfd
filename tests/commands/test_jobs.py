"""featsplit jobs, run --only and [engine]: a run done job by job, in parts, is the run done at once."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.evaluation import evaluate
from featsplit.models.checkpoints import load_model, read_metadata
from featsplit.records.engine import EngineOptions, EngineSpec
from featsplit.records.evaluation import UnderPGD
from featsplit.studies import engine_of, read_settings
from tests.least import LEAST, call, contents, run

DIGITS = DataSpec("digits", limit=60, limit_test=30)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("least.toml").write_text(LEAST)
    return tmp_path


def told(out: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(out)["jobs"]
    return found


def test_a_run_done_job_by_job_is_the_run_done_at_once(here: Path) -> None:
    """Sixty images in shards of 25: each set is three jobs and the one that puts them together."""
    run("least.toml --out whole --shard 25")
    jobs = told(call("jobs least.toml --json --shard 25")[0])
    assert sum("/part-" in str(job["key"]) for job in jobs) == 4 * 3
    for job in jobs:
        call(f"run least.toml --out apart --device cpu --shard 25 --only '{job['key']}'")
        assert not Path("apart/rows.json").exists()
    assert len(list(Path("apart").rglob("*.safetensors"))) == len(list(Path("whole").rglob("*.safetensors")))
    run("least.toml --out apart --shard 25")
    files = {
        name: whole for name, whole in contents(Path("whole")).items() if name.split(".")[-1] in ("h5", "safetensors")
    }
    apart = contents(Path("apart"))
    assert all(apart[name] == whole for name, whole in files.items())
    assert apart["rows.json"] == Path("whole/rows.json").read_bytes()
    assert not [name for name in apart if ".shards" in name or ".partial" in name]


def test_jobs_are_told_with_what_they_need_and_their_wave(here: Path) -> None:
    jobs = {str(job["key"]): job for job in told(call("jobs least.toml --json --seeds 0,1")[0])}
    assert jobs["seed1/robust"]["needs"] == ["seed1/adversarial"]
    assert jobs["seed1/robust"]["wave"] == 1
    assert jobs["seed0/standard"]["wave"] == 0
    assert not Path("datasets_out").exists()
    assert f"{len(jobs)} jobs; --json names them" in call("jobs least.toml --seeds 0,1")[0]


def test_a_simulation_goes_by_the_times_of_a_run(here: Path) -> None:
    run("least.toml --out whole")
    out, _ = call("jobs least.toml --seeds 0,1,2 --simulate 8 --times whole")
    lines = out.splitlines()
    assert lines[0].split() == ["places", "time", "speed-up", "busy"]
    assert [line.split()[0] for line in lines if line[:1].isdigit()][:4] == ["1", "2", "4", "8"]
    assert "the longest way through them takes" in out
    assert "are like none of" not in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "run least.toml --only seed0/robot",
            'is no job of this run; featsplit jobs --json names them; did you mean "seed0/robust"?',
        ),
        ("jobs least.toml --simulate 4", "--simulate and --times: give both"),
        ("jobs least.toml --simulate 4 --times nowhere", "nowhere: no run was begun there"),
        ("run least.toml --address auto", '--address = auto: is of the engine "ray"; leave it out'),
        ("run gaussians --ranks 2", "--ranks 2: no network of this study can be trained so; leave it out"),
        ("run least.toml --engine ray --workers 2", '--workers = 2: is of the engine "local"'),
    ],
)
def test_what_cannot_be_done_is_a_line(here: Path, words: str, line: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert line in str(caught.value)


def test_a_job_of_other_settings_does_not_join_a_run(here: Path) -> None:
    call("run least.toml --out a --device cpu --only seed0/standard")
    words = [
        "run",
        "least.toml",
        "--out",
        "a",
        "--device",
        "cpu",
        "--set",
        "match.steps=3",
        "--only",
        "seed0/standard",
    ]
    with pytest.raises(FeatsplitError, match=r"a: holds a run of other settings \(match.steps: 2 -> 3\); give another"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_the_engine_is_what_the_file_says_unless_a_flag_does(here: Path) -> None:
    Path("least.toml").write_text(LEAST + "\n[engine]\nworkers = 3\nshard = 99\n")
    assert engine_of("least.toml", EngineOptions()) == EngineSpec("local", workers=3, shard=99)
    assert engine_of("least.toml", EngineOptions(workers=2)) == EngineSpec("local", workers=2, shard=99)
    assert read_settings("least.toml").name == "least", "it decides nothing of the settings"
    assert engine_of("least.toml", EngineOptions(shard=1024)).shard == 1024, "also where it is the default"
    Path("least.toml").write_text(LEAST + '\n[engine]\nengine = "ray"\ncpus = 4\nshard = 7\n')
    assert engine_of("least.toml", EngineOptions(retries=1)) == EngineSpec("ray", cpus=4, shard=7, retries=1)
    assert engine_of("least.toml", EngineOptions("local")) == EngineSpec("local", shard=7), "Ray's do not count then"
    Path("least.toml").write_text(LEAST + "\n[engine]\nshards = 9\n")
    with pytest.raises(FeatsplitError, match=r'engine: key = "shards": must be one of .* did you mean "shard"\?'):
        engine_of("least.toml", EngineOptions())


def test_a_run_can_be_planned_without_its_data(here: Path) -> None:
    """257748 images of the nine classes: 252 shards of 1024 for each of the four sets."""
    out, _ = call("jobs restricted-imagenet --images 257748 --json --data-root nowhere")
    assert sum("/part-" in str(job["key"]) for job in told(out)) == 4 * 252
    with pytest.raises(FeatsplitError, match="imagenet"):
        call("jobs restricted-imagenet --data-root nowhere")


def test_jobs_come_in_the_shards_that_the_file_says(here: Path) -> None:
    Path("least.toml").write_text(LEAST + "\n[engine]\nshard = 25\n")
    keys = [str(job["key"]) for job in told(call("jobs least.toml --json")[0])]
    assert sum("/part-" in key for key in keys) == 4 * 3
    assert not any("/part-" in str(job["key"]) for job in told(call("jobs least.toml --json --shard 60")[0]))


def test_jobs_that_are_done_apart_share_a_precision(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What began the run decides it; a machine that would take another on its own does not."""
    call("run least.toml --out apart --device cpu --only seed0/standard")
    plan = Path("apart/events/plan.json")
    content = json.loads(plan.read_text())
    assert content["precision"] in ("float32", "bfloat16"), "it is decided"
    content["precision"] = {"float32": "bfloat16", "bfloat16": "float32"}[content["precision"]]
    plan.write_text(json.dumps(content))
    call("run least.toml --out apart --device cpu --only seed0/adversarial")
    recipes = [read_metadata(Path(f"apart/seed0/models/{name}.safetensors")) for name in ("standard", "adversarial")]
    assert recipes[0].precision != recipes[1].precision
    assert recipes[1].precision == content["precision"]


@pytest.mark.long
def test_a_run_of_which_each_network_is_trained_by_two_processes(here: Path) -> None:
    call("run least.toml --out two --device cpu --workers 1 --ranks 2 --log tensorboard")
    for name in ("standard", "robust"):
        assert read_metadata(Path(f"two/seed0/models/{name}.safetensors")).extra["world_size"] == 2
    events = [json.loads(line) for line in Path("two/events/seed0--standard.jsonl").read_text().splitlines()]
    assert [event["done"] for event in events if "loss" in event] == [1, 2], "the first of the two tells"
    assert len(list(Path("two/tensorboard/seed0--standard").rglob("events.out.*"))) == 1
    rows = json.loads(Path("two/rows.json").read_text())
    attacks = UnderPGD(eps=(0.5,), steps=2).attacks()
    alone = evaluate(load_model("two/seed0/models/robust.safetensors"), load_data(DIGITS).test, attacks)
    shared = [row for row in rows if row["train_set"] == "robust" and row["experiment"] == "main"]
    assert [row["outcomes"] for row in shared] == [row["outcomes"] for row in alone]
    call("transfer two/seed0/sets/robust.h5 --arch linear --epochs 1 --steps 1 --device cpu --ranks 2 --out t")
    (path,) = Path("t/seed0/models").iterdir()
    assert read_metadata(path).extra["world_size"] == 2
    rows = json.loads(Path("t/rows.json").read_text())
    alone = evaluate(load_model(path), load_data(DIGITS).test, UnderPGD(steps=1).attacks())
    assert [row["outcomes"] for row in rows] == [row["outcomes"] for row in alone]
