"""A tiny run of everything gives the numbers that it gave before: the digest of every set, model and row.

`same_numbers.json` was recorded with one version of the code. Floats depend on torch, numpy and the processor: where
all of these are as recorded every number must be the same; elsewhere the columns that seeds alone decide, all names,
and accuracies within wide room. To record anew, where numbers are meant to change: python -m tests.test_same_numbers
"""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.machine import processor
from benchmarks.same import Numbers, by_subject, canonical, compare, read

ROOT, RECORD = Path(__file__).resolve().parents[1], Path(__file__).with_name("same_numbers.json")

TINY = """--seeds 0 --device cpu --workers 1 --set precision=float32 --set data.limit=120 --set data.limit_test=100
    --set model.width=8 --set train.epochs=6 --set train.batch_size=20 --set train.adversarial.epochs=4
    --set match.steps=4 --set perturb.steps=4 --set perturb.step_size=0.5
    --set evaluate.steps=2 --set evaluate.restarts=2"""
COMMANDS = {
    "digits": f"""run distill-digits {TINY} --set evaluate.eps=[0.25,1.0]
        --experiments noise,splits,control,architectures,steps,audit,leakage,bugs,mislabelled
        --set architectures=["cnn","linear"] --set scrutiny.images=20 --set scrutiny.steps=10
        --set scrutiny.relative_step_sizes=[1.0,0.1] --set discussion.ensemble=1 --set discussion.early_epochs=2
        --set discussion.images=20 --set discussion.steps=3""",
    # a large eps: AutoAttack is done at once where no image holds
    "autoattack": f"""run digits {TINY} --set evaluate.eps=[1.5] --set data.limit_test=20 --set dtype=uint8
        --experiments autoattack --set scrutiny.images=8 --set match.rule.name=momentum
        --set train.augment=["reflect-crop"]""",
    "planted": """run planted --set amplitudes=[0.03] --seeds 0 --device cpu --workers 1 --set precision=float32
        --set data.source=planted:size=8,classes=4,train=200,test=100 --set model.width=16 --set train.epochs=8
        --set train.batch_size=20 --set match.steps=5 --set match.rule.name=normalised --set perturb.steps=5
        --set evaluate.steps=5""",
    "gaussians": "run gaussians --set eps=[0,1] --set samples=1000 --seeds 0 --workers 1",
    "squares": """run squares --set train=40 --set epochs=1 --seeds 0 --device cpu --workers 1
        --set arms=[\\'adversarial\\ training\\']""",
}
IN_TURN = """
import json, runpy, sys
cli, *lines = sys.argv[1:]
for line in lines:
    sys.argv = [cli, *json.loads(line)]
    try:
        runpy.run_path(cli, run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0, 1):
            sys.exit(f"featsplit {line}: exit status {ended.code}")
"""
"""Command lines in one process: most of the time of one so small is in importing torch."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
BY_SEED = ("labels", "source_index", "source_label", "start_index", "target")
"""Columns that hold the same on every machine, but in sets that hold what a network got wrong."""
BY_NETWORK = ("mislabelled",)
WIDE = 0.25


def machine() -> dict[str, str]:
    """What the last bits of a float depend on, beside the code."""
    capability = torch.backends.cpu.get_cpu_capability()
    found = {"torch": torch.__version__, "numpy": np.__version__, "capability": capability, "processor": processor()}
    return {**found, "threads": ONE_THREAD["OMP_NUM_THREADS"]}


def all_numbers(folder: Path) -> dict[str, Numbers]:
    """What each command leaves in `folder`. Exit status 1 says that a toy learned too little, as it does here."""
    lines = {name: shlex.split(line.replace('"', r"\"")) for name, line in COMMANDS.items()}
    words = [json.dumps([*line, "--out", str(folder / name)]) for name, line in lines.items()]
    command = [sys.executable, "-c", IN_TURN, str(ROOT / "cli.py"), *words]
    ended = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return {name: read(folder / name) for name in COMMANDS}


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return dict(json.loads(RECORD.read_text()))


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Numbers]:
    return all_numbers(tmp_path_factory.mktemp("same"))


@pytest.fixture(params=COMMANDS)
def before_and_now(
    request: pytest.FixtureRequest, record: dict[str, Any], now: dict[str, Numbers]
) -> tuple[Numbers, Numbers]:
    """What was recorded of a command, and what it gives now."""
    before = Numbers(**record["numbers"][request.param])
    return replace(before, rows=list(map(canonical, before.rows))), now[request.param]


def test_every_set_model_and_row_is_what_it_was(
    before_and_now: tuple[Numbers, Numbers], record: dict[str, Any]
) -> None:
    if machine() != record["machine"]:
        pytest.skip(f"recorded with {record['machine']}, here {machine()}: the last bits of floats may differ")
    found = compare(*before_and_now)
    assert not found.differs, f"{len(found.differs)} numbers differ, first {found.differs[0]}"


def test_what_seeds_alone_decide_is_the_same_on_every_machine(before_and_now: tuple[Numbers, Numbers]) -> None:
    before, now = before_and_now
    for place, columns in before.sets.items():
        assert columns.keys() <= now.sets.get(place, {}).keys(), place
        if Path(place).stem in BY_NETWORK:
            continue
        for name in BY_SEED:
            assert columns.get(name) == now.sets[place].get(name), f"{place}: column {name}"
    assert set(before.models) <= set(now.models)


def test_every_row_is_there_and_its_accuracy_is_near(before_and_now: tuple[Numbers, Numbers]) -> None:
    before, now = before_and_now
    known = {name for row in before.rows for name in row}
    earlier, later = by_subject(before.rows, known), by_subject(now.rows, known)
    for about, rows in earlier.items():
        assert len(rows) == len(later.get(about, [])), about
        for row, other in zip(rows, later[about], strict=True):
            room = max(WIDE, 2 / row.get("n", 100))  # two images where there are a few
            assert abs(row.get("accuracy", 0) - other.get("accuracy", 0)) <= room, about


def main() -> None:
    """Run every command, and record what it gives: a line a row."""
    with TemporaryDirectory() as folder:
        found = {name: asdict(each) for name, each in all_numbers(Path(folder)).items()}
    for each in found.values():
        del each["names"]
    RECORD.write_text(json.dumps({"machine": machine(), "numbers": found}).replace("}, ", "},\n") + "\n")


if __name__ == "__main__":
    main()
