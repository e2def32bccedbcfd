"""Commands that torchrun starts several times: they do together what one does alone, and say it once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from featsplit.models.checkpoints import read_metadata
from tests.least import call

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def torchrun(folder: Path, line: str, *, processes: int = 2) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [*command, "--standalone", "-m", "featsplit", *line.split()]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=180)


TRAIN = "train --data digits --limit 200 --limit-test 101 --arch mlp --width 16 --epochs 3 --lr 0.05 --device cpu"


def test_two_processes_train_and_evaluate_what_one_does(tmp_path: Path) -> None:
    trained = torchrun(tmp_path, f"{TRAIN} --out two.safetensors")
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.count("two.safetensors: mlp on digits, 3 epochs") == 1, "the first says it"
    call(f"{TRAIN} --out {tmp_path / 'one.safetensors'}")
    one, two = (read_metadata(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    assert two.extra["world_size"] == 2
    assert two.history[-1]["loss"] == pytest.approx(one.history[-1]["loss"], abs=1e-3)
    line = "evaluate --model two.safetensors --data digits --limit-test 101 --attack pgd --norm l2 --eps 0.5 --steps 3"
    evaluated = torchrun(tmp_path, line)
    assert evaluated.returncode == 0, evaluated.stderr
    alone, _ = call(line.replace("two.safetensors", str(tmp_path / "two.safetensors")))
    numbers = [word for word in alone.split() if word.replace(".", "").isdigit()]
    assert [word for word in evaluated.stdout.split() if word.replace(".", "").isdigit()] == numbers


def test_an_error_of_the_users_is_said_once(tmp_path: Path) -> None:
    ended = torchrun(tmp_path, f"{TRAIN} --limit -1 --out two.safetensors")
    assert ended.returncode != 0
    assert ended.stderr.count("featsplit: ") == 1
    assert "Traceback" not in ended.stderr.split("featsplit: ")[1].splitlines()[0]


def test_a_command_for_one_process_alone_is_refused(tmp_path: Path) -> None:
    ended = torchrun(tmp_path, "run digits")
    assert "run: is not for several processes (torchrun); train and evaluate are" in ended.stderr


def test_batchnorm_over_processes_needs_gpus(tmp_path: Path) -> None:
    ended = torchrun(tmp_path, f"{TRAIN.replace('mlp', 'cnn')} --sync-batchnorm --out m.safetensors")
    assert ended.returncode != 0
    assert "featsplit: train.sync_batchnorm: is for GPUs; leave it out" in ended.stderr
