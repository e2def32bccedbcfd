"""The front door: public names are found, are imported late, and keep their types for the type checker."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

import featsplit
from tests.least import LEAST, call

HOME = Path(featsplit.__file__)
RIGHT = """
import featsplit
import torch

data: featsplit.ImageData = featsplit.load_data(featsplit.DataSpec("digits", limit=100))
network = featsplit.build(featsplit.ModelSpec("cnn"), shape=data.shape, classes=len(data.classes), seed=0)
adversary = featsplit.Adversary("pgd", "l2", eps=0.5)
featsplit.train(network, data, featsplit.Recipe(epochs=1, adversary=adversary), seed=0)
inputs, labels = data.test.inputs(slice(0, 8)), data.test.labels[:8]
moved: torch.Tensor = featsplit.pgd(
    featsplit.frozen(network), inputs, torch.as_tensor(labels), norm="l2", eps=0.5, steps=3, step_size=0.2
)
"""
WRONG = """
import featsplit
data = featsplit.load_data("digits")  # arg-type
featsplit.DataSpec("digits", limits=100)  # call-arg
path: str = featsplit.load_model("model.safetensors")  # assignment
featsplit.Recipe(epochs="many")  # arg-type
featsplit.fgsm(network, inputs, torch.as_tensor(labels), norm="l2")  # call-arg
featsplit.pdg(network)  # attr-defined
"""


def named_for_the_checker() -> dict[str, str]:
    """The home of each name that is imported under TYPE_CHECKING."""
    conditions = [node for node in ast.parse(HOME.read_text()).body if isinstance(node, ast.If)]
    (block,) = (node for node in conditions if ast.unparse(node.test) == "TYPE_CHECKING")
    homes = dict[str, str]()
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        for alias in node.names:
            assert alias.asname == alias.name, "only `import x as x` makes a name public for mypy --strict"
            homes[alias.name] = str(node.module)
    return homes


def test_what_the_type_checker_sees_is_what_is_imported() -> None:
    assert named_for_the_checker() == featsplit._HOMES


@pytest.mark.parametrize("name", featsplit.__all__)
def test_a_public_name_is_what_its_home_holds(name: str) -> None:
    assert getattr(featsplit, name) is getattr(import_module(f"featsplit.{featsplit._HOMES[name]}"), name)
    assert name in dir(featsplit)


def test_an_unknown_name_is_said_as_python_says_it_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"^module 'featsplit' has no attribute 'pdg'; did you mean 'pgd'\?$"):
        _ = getattr(featsplit, "pdg".lower())
    with pytest.raises(AttributeError, match=r"^module 'featsplit' has no attribute 'qqq'$"):
        _ = getattr(featsplit, "qqq".lower())


def test_importing_it_costs_no_torch() -> None:
    code = "import sys, featsplit; print('torch' in sys.modules, 'numpy' in sys.modules, len(dir(featsplit)) > 20)"
    said = subprocess.run([sys.executable, "-c", code], cwd=HOME.parents[1], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False", "True"]


def mypy(script: Path) -> subprocess.CompletedProcess[str]:
    """What `mypy --strict` says of a user's script."""
    options = [
        "--strict",
        "--config-file=",
        "--no-error-summary",
        "--hide-error-context",
        f"--cache-dir={script.parent}",
    ]
    command = [
        sys.executable,
        "-m",
        "mypy",
        *options,
        "--follow-imports=silent",
        "--ignore-missing-imports",
        str(script),
    ]
    return subprocess.run(command, cwd=HOME.parents[1], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_mypy_passes_a_right_script_and_stops_at_each_wrong_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(RIGHT + WRONG)
    lines = enumerate(script.read_text().splitlines(), 1)
    expected = [(str(number), text.split("# ")[1]) for number, text in lines if "# " in text]
    said = mypy(script).stdout
    assert re.findall(r"^\S+:(\d+): error: .*\[(.*)\]$", said, re.MULTILINE) == expected, said


def test_what_is_drawn_is_what_a_build_draws(tmp_path: Path) -> None:
    data = featsplit.load_data(featsplit.DataSpec("digits", limit=40))
    model = featsplit.build("linear", shape=data.shape, classes=10)
    build, rows = featsplit.Build(seed=3), torch.arange(40)
    featsplit.build_match(tmp_path / "r.h5", model, data, featsplit.Match(steps=1), build=build)
    columns = featsplit.open_dataset(tmp_path / "r.h5").columns
    starts, index = featsplit.draw_starts(data, rows, seed=3)
    assert torch.equal(columns["start_index"], index)
    assert torch.equal(starts, data.train.inputs(index))
    perturb = featsplit.Perturb(steps=1)
    featsplit.build_perturb(tmp_path / "p.h5", model, data, perturb, build=build)
    targets = featsplit.choose_targets(data.train.labels, rows, perturb, classes=10, seed=3)
    assert torch.equal(featsplit.open_dataset(tmp_path / "p.h5").columns["target"], targets)


def test_data_show_themselves_in_two_lines_and_go_into_a_loader() -> None:
    data = featsplit.load_data(featsplit.DataSpec("digits", limit=40, limit_test=20))
    assert repr(data).splitlines() == [
        "ImageData digits: 40 training and 20 test images, 1 x 8 x 8, uint8",
        "10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ]
    assert repr(data.test) == "Split of 20 images, 1 x 8 x 8, uint8"
    inputs, labels = next(iter(DataLoader(data.train, batch_size=8)))
    assert torch.equal(inputs, data.train.inputs(slice(0, 8)))
    assert torch.equal(labels, data.train.labels[:8])
    assert len(list(data.test)) == 20


@pytest.mark.slow
def test_a_run_from_python_is_the_run_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "least.toml").write_text(LEAST)
    lines: list[str] = []
    first = featsplit.run(str(tmp_path / "least.toml"), out=tmp_path / "a", device="cpu", say=lines.append)
    assert lines
    call(f"run {tmp_path}/least.toml --out {tmp_path}/b --device cpu --workers 1")
    assert list(first.rows) == list(featsplit.open_results(tmp_path / "b").rows)
    before = (tmp_path / "a" / "rows.json").stat().st_mtime_ns
    again = featsplit.run(str(tmp_path / "least.toml"), out=tmp_path / "a", device="cpu")
    assert list(again.rows) == list(first.rows)
    assert (tmp_path / "a" / "rows.json").stat().st_mtime_ns == before
    assert "featsplit.run(" in first.command


def test_a_set_goes_into_a_loop_of_dicts_and_into_hugging_face(tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets")
    data = featsplit.load_data(featsplit.DataSpec("digits", limit=20))
    model = featsplit.build("linear", shape=data.shape, classes=10)
    featsplit.build_perturb(tmp_path / "p.h5", model, data, featsplit.Perturb(steps=1))
    plain = featsplit.open_dataset(tmp_path / "p.h5")
    named = featsplit.open_dataset(tmp_path / "p.h5", ("pixel_values", "labels"))
    batch = next(iter(DataLoader(named, batch_size=8)))
    assert torch.equal(batch["pixel_values"][3], plain[3][0])
    assert batch["labels"].tolist() == [plain[row][1] for row in range(8)]
    rows = datasets.Dataset.from_generator(named.__iter__, cache_dir=str(tmp_path / "cache"))
    assert rows["labels"][:] == [label for _, label in (plain[row] for row in range(20))]
    assert torch.equal(torch.tensor(rows[5]["pixel_values"]), plain[5][0])
