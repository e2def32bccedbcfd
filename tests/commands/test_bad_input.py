"""Bad input: one line on standard error with place, value, rule and cure; status 2; what was there is untouched."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from featsplit.data.sources import DataSpec, load_data
from featsplit.metadata.models import FIRST_FORMAT
from featsplit.models.build import ModelSpec
from featsplit.models.checkpoints import load_model
from featsplit.synthesis import Match, build_match
from featsplit.training import Adversary, Recipe, ensure_trained

ROOT = Path(__file__).parent.parent.parent
DATA = "--data digits --limit 50 --limit-test 20"
BUILD = "--model {w}/digits.safetensors " + DATA
ROBUST = "--model {w}/robust.safetensors " + DATA
ODD = '{"model": {"arch": 5}, "shape": "abc"}'
TO = "--out {w}/o.safetensors"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of the digits, one of other classes, and files that are none of ours."""
    path = tmp_path_factory.mktemp("bad")
    digits = load_data(DataSpec("digits", limit=50, limit_test=20))
    recipe, spec = Recipe(epochs=1), ModelSpec("linear")
    ensure_trained(path / "digits.safetensors", digits, spec, recipe, seed=0)
    attacked = Recipe(epochs=1, adversary=Adversary(steps=1))
    ensure_trained(path / "robust.safetensors", digits, spec, attacked, seed=0)
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 8, 8), dtype=np.float32), np.arange(40) % 10
    arrays: dict[str, Any] = {"x_train": images, "y_train": labels, "x_test": 1 - images, "y_test": labels}
    names = np.array([f"thing {k}" for k in range(10)])
    np.savez(path / "things.npz", classes=names, **arrays)
    np.savez(path / "one.npz", **{**arrays, "y_train": labels * 0, "y_test": labels * 0})
    np.savez(path / "nan.npz", **{**arrays, "x_train": np.where(images > 0.99, np.nan, images)})
    np.savez(path / "range.npz", **{**arrays, "classes": names[:5]})
    np.savez(path / "bigger.npz", **{**arrays, "x_train": np.ones((40, 9, 9)), "x_test": np.zeros((40, 9, 9))})
    things = load_data(DataSpec(f"npz:{path / 'things.npz'}"))
    ensure_trained(path / "things.safetensors", things, spec, recipe, seed=0)
    (path / "text.safetensors").write_text("no safetensors")
    (path / "text.h5").write_text("no hdf5")
    with h5py.File(path / "foreign.h5", "w") as file:
        file["x"] = [1]
    (path / "file").write_text("a file, not a folder")
    save_file(
        {"x": torch.ones(1)},
        path / "odd.safetensors",
        metadata={FIRST_FORMAT: '{"model": {"arch": 5}, "shape": "abc"}'},
    )
    (path / "empty.toml").write_text("")
    (path / "bad.toml").write_text("name = [")
    (path / "typo.toml").write_text('[data]\nsource = "digits"\n[train]\nepoch = 3\n')
    (path / "kind.toml").write_text('[data]\nsource = "digits"\n[train]\nepochs = "many"\n')
    return path


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "train --data digit --out {w}/o.safetensors",
            '--data = "digit": must be one of .*; did you mean "digits"?',
        ),
        (
            f"train {DATA} --arch resnet9 {TO}",
            '--arch = "resnet9": .* did you mean "resnet8"?',
        ),
        (f"train {DATA} --arch linear --width 3 {TO}", '--width = 3: "linear" has none'),
        (
            f"train {DATA} --arch resnet18 {TO}",
            "takes 3 x 32 x 32 images, these are 1 x 8 x 8; use --resize 32",
        ),
        (f"train {DATA} --adversary pgd --norm linf --eps 8 {TO}", "8/255 is 0.0314"),
        (f"train {DATA} --adversary pdg {TO}", 'did you mean "pgd"?'),
        (
            f"train {DATA} --eps 1 {TO}",
            "--eps 1.0: belongs to --adversary pgd or fgsm",
        ),
        (f"train {DATA} --schedule stop {TO}", 'did you mean "step"?'),
        (f"train {DATA} --resize 4 --resize-mode corp {TO}", '--resize-mode = "corp": .*did you mean "crop"?'),
        (f"train {DATA} --resize-mode crop {TO}", "--resize is not given; give --resize N"),
        (f"train {DATA} --augment flop {TO}", 'did you mean "flip"?'),
        (f"train {DATA} --device gpu {TO}", 'device = "gpu": must be one of auto, cpu, cuda'),
        (
            f"train {DATA} --epochs 1 --out {{w}}/file/o.safetensors",
            "file/o.safetensors: cannot be written: .*file is a file, not a folder",
        ),
        (f"train {DATA} --epochs 1 --out {{w}}/text.safetensors", "exists; give another --out, or --overwrite"),
        ("train --data npz:{w}/one.npz --out {w}/o.safetensors", "has 1 class; a classifier needs at least 2"),
        ("train --data npz:{w}/nan.npz --out {w}/o.safetensors", "has NaN or infinite pixels"),
        ("train --data npz:{w}/range.npz --out {w}/o.safetensors", "label 5 at index 5; labels must be in 0 ... 4"),
        ("train --data mnist --data-root {w}/none --out {w}/o.safetensors", "--download"),
        ("train --data {w}/text.h5 --out {w}/o.safetensors", "is damaged or no HDF5 file"),
        ("train --data {w}/foreign.h5 --out {w}/o.safetensors", "is no featsplit data set"),
        ("train --data digits", "Missing option '--out'"),
        ("trian", "No such command 'trian'"),
        (f"train {DATA} {TO} --epochs many", "Invalid value for '--epochs'"),
        (
            f"build-robust --model {{w}}/none.safetensors {DATA} --out {{w}}/o.h5",
            "no such file; make it with featsplit train",
        ),
        (f"build-robust --model {{w}}/text.safetensors {DATA} --out {{w}}/o.h5", "is no readable safetensors file"),
        (
            f"build-robust --model {{w}}/things.safetensors {DATA} --any-model --out {{w}}/o.h5",
            r"was trained on .*things.npz",
        ),
        (
            "build-robust --model {w}/robust.safetensors --data npz:{w}/bigger.npz --out {w}/o.h5",
            "images are 1 x 9 x 9, the",
        ),
        (f"build-robust {ROBUST} --rule normalized --out {{w}}/o.h5", 'did you mean "normalised"?'),
        (
            f"build-robust {ROBUST} --rule paper --out {{w}}/o.h5",
            '--rule = "paper": is called "normalised" now',
        ),
        (f"build-robust {ROBUST} --split tset --out {{w}}/o.h5", 'did you mean "test"?'),
        (
            f"build-robust {ROBUST} --dtype int8 --out {{w}}/o.h5",
            'did you mean "uint8"?',
        ),
        (f"build-robust {ROBUST} --steps 1 --out {{w}}/text.h5", "text.h5: exists"),
        (f"build-robust {ROBUST} --steps 0 --out {{w}}/o.h5", "--steps = 0: must be at least 1"),
        (
            f"build-robust {ROBUST} --tolerance 1 --out {{w}}/o.h5",
            r"--tolerance = 1: must be in \[0, 1\), 0 to take every step",
        ),
        (f"build-robust {ROBUST} --tolerance -0.1 --out {{w}}/o.h5", "--tolerance = -0.1: must be in"),
        (f"build-robust {ROBUST} --tolerance nan --out {{w}}/o.h5", "--tolerance = nan: must be in"),
        (f"build-robust {ROBUST} --tolerance small --out {{w}}/o.h5", "Invalid value for '--tolerance'"),
        (f"build-nonrobust {BUILD} --tolerance 0.1 --out {{w}}/o.h5", "--tolerance 0.1: belongs to --method match"),
        (f"build-nonrobust {BUILD} --method match --tolerance 2 --out {{w}}/o.h5", "--tolerance = 2: must be in"),
        (
            f"build-robust {ROBUST} --precision float16 --out {{w}}/o.h5",
            'precision = "float16": must be one of auto, float32, bfloat16; did you mean "bfloat16"?',
        ),
        (f"build-nonrobust {BUILD} --precision half --out {{w}}/o.h5", 'precision = "half": must be one of auto'),
        (f"train {DATA} --precision bf16 {TO}", '--precision = "bf16": must be one of auto, float32, bfloat16'),
        (f"evaluate {BUILD} --precision float64", '--precision = "float64": must be one of auto'),
        ("transfer {w}/foreign.h5 --precision float --out {w}/t", '--precision = "float": .* did you mean "float32"?'),
        ("run digits --set precision=bfloat", 'precision = "bfloat": .* did you mean "bfloat16"?'),
        ("run digits --set match.tolerance=1.5", "match.tolerance = 1.5: must be in"),
        (f"build-nonrobust {BUILD} --norm linf --eps 8 --out {{w}}/o.h5", "is 0.0314"),
        (
            f"build-nonrobust {BUILD} --rule lbfgs --out {{w}}/o.h5",
            "belongs to --method match",
        ),
        (
            f"build-nonrobust {BUILD} --method mach --out {{w}}/o.h5",
            'did you mean "match"?',
        ),
        (f"evaluate {BUILD} --attack pdg", 'did you mean "pgd"?'),
        (f"evaluate {BUILD} --eps half", '--eps "half": must be numbers with commas'),
        (f"evaluate {BUILD} --restarts 0", "restarts = 0: must be at least 1"),
        (f"train {DATA} --epochs 1 --out {{w}}/o.pt", r"--out .*o.pt: must end in .safetensors"),
        (
            f"train {DATA} --nesterov --momentum 0 {TO}",
            "nesterov = true: needs a momentum greater",
        ),
        (f"train {DATA} --adversary fgsm --steps 3 {TO}", "--steps 3: belongs to --adversary pgd"),
        (f"build-robust {ROBUST} --out {{w}}/o", "must end in .h5"),
        (f"build-robust {ROBUST} --batch-size 0 --out {{w}}/o.h5", "--batch-size"),
        (f"build-robust {ROBUST} --step-size inf --out {{w}}/o.h5", "0, and finite"),
        ("show {w}/text.h5 --count 0 --out {w}/o.png", "--count"),
        ("run {w}/empty.toml", "data.source: is missing; it has no default"),
        ("run digits --set train.rand.adversary={{}}", "train.rand.adversary: only train.adversarial has one"),
        ("run digits --set perturb.targets=next", "perturb.targets: a run makes both sets"),
        ("run digits --set evaluate.eps=[0.5,0.5]", "give each eps once"),
        ("run digits --set train.weight_decay=nan", "train.standard.weight_decay = nan: must be at least 0"),
        ("evaluate --model {w}/odd.safetensors --data digits", "its metadata cannot be read"),
        ("run digits --set match.rule.name=lbfgs --set match.rule.memory=0", "match.memory = 0: must be at least 1"),
        ("run digits --set match.rule.memory=4", "match.rule.name: is missing; it must be one of normalised, momentum"),
        ("run digits --set match.rule.name=paper", 'match.rule.name = "paper": is called "normalised" now'),
        (
            "run digits --set match.rule.name=lbfsg",
            'match.rule.name = "lbfsg": must be one of normalised, momentum, lbfgs',
        ),
        ("run digits --set match.rule=lbfgs", "match.rule = 'lbfgs': must be a table"),
        (
            "run digits --set match.rule.name=lbfgs --set match.rule.momentum=0.5",
            'match.rule: key = "momentum": must be one of step_size, memory, first_step, box',
        ),
        (
            "run digits --set match.rule.name=lbfgs --set match.rule.box=[1]",
            r"match.rule.box = \[1\]: must be a list of 2",
        ),
        ("transfer {w}/foreign.h5 --out {w}/t", "is no featsplit data set"),
        ("run digts", 'run = "digts": must be one of .* did you mean "digits"?'),
        ("run {w}/none.toml", "none.toml: cannot be read"),
        ("run {w}/bad.toml", "bad.toml: is no TOML"),
        ("run {w}/typo.toml", 'key = "epoch": must be one of .* did you mean "epochs"?'),
        ("run {w}/kind.toml", r"train.standard.epochs = 'many': must be a whole number"),
        ("run digits --set perturb.epz=1", 'did you mean "eps"?'),
        ("run digits --set perturb", '--set "perturb": write it as section.key=value'),
        ("run digits --set perturb.norm=linf --set perturb.eps=8", r"perturb.eps = 8: .*8/255 is 0.0314"),
        ("run digits --seeds one", '--seeds "one": must be whole numbers'),
        ("run digits --out {w}/file", "file is a file, not a folder"),
        ("info {w}/foreign.h5", "is no featsplit data set"),
        ("info {w}/text.safetensors", "is no readable safetensors file"),
        ("verify {w}/none.h5", "no such file"),
        ("show {w}/text.h5 --out {w}/o.png", "is damaged or no HDF5 file"),
    ],
)
def test_bad_input_is_one_line(refused: Callable[[str], str], work: Path, line: str, message: str) -> None:
    before = {path: path.read_bytes() for path in work.iterdir()}
    printed = refused(line.format(w=work))
    assert re.search(message.replace("?", r"\?"), printed), printed
    assert {path: path.read_bytes() for path in work.iterdir()} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(refused: Callable[[str], str], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written: Permission denied" in refused(f"train {DATA} --out {tmp_path}/o")


def test_a_full_disk_is_named(
    refused: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, work: Path, tmp_path: Path
) -> None:
    from featsplit.data import shards

    def full(*arguments: object, **options: object) -> None:
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(shards, "save_file", full)
    line = f"build-robust --model {work}/robust.safetensors {DATA} --steps 1 --out {tmp_path}/r.h5"
    assert "No space left on device" in refused(line)


def test_a_folder_is_not_taken_for_a_file(refused: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").mkdir()
    line = f"train {DATA} --overwrite --out {tmp_path}/m.safetensors"
    assert "m.safetensors: is a folder; give a file" in refused(line)


def test_a_set_is_not_built_onto_its_own_source(refused: Callable[[str], str], work: Path, tmp_path: Path) -> None:
    model, path = load_model(work / "digits.safetensors"), tmp_path / "a.h5"
    build_match(path, model, load_data(DataSpec("digits", limit=50, limit_test=20)), Match(steps=20))
    before = path.read_bytes()
    line = f"build-robust --data {path} --model {work}/robust.safetensors --steps 2 --out {path} --overwrite"
    assert "would replace the data that it is made of" in refused(line)
    assert path.read_bytes() == before


def test_transfer_refuses_before_it_trains(refused: Callable[[str], str], work: Path, tmp_path: Path) -> None:
    model = load_model(work / "digits.safetensors")
    build_match(tmp_path / "a.h5", model, load_data(DataSpec("digits", limit=50, limit_test=20)), Match(steps=20))
    line = f"transfer {tmp_path}/a.h5 --arch linear,resnet18 --out {tmp_path}/t"
    assert "takes 3 x 32 x 32 images" in refused(line)
    assert not (tmp_path / "t").exists()


def test_from_a_checkout_by_cli_py() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "run", "digts"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr.startswith('featsplit: run = "digts"')
    assert "Traceback" not in result.stderr
