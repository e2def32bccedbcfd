"""Imports point one way (design): a layer imports only what lies below it, and stages never import each other."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from featsplit.metadata.models import FIRST_FORMAT

PACKAGE = Path(__file__).parent.parent / "featsplit"
LAYERS = [
    {"errors", "randomness", "__init__"},
    {"curves"},
    {"progress"},
    {"files", "rows", "outcomes"},
    {"metadata", "pickles"},
    {"geometry", "locks"},
    {"records"},
    {"descent"},
    {"attacks", "data"},
    {"models", "exports"},
    {"runtime"},
    {"training", "synthesis", "evaluation"},
    {"report"},
    {"engine"},
    {"studies"},
    {"commands"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """The module or subpackage of featsplit that `path` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The parts of featsplit that the file imports, at its top or in a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "featsplit":
            names |= {alias.name if alias.name in LEVEL else "__init__" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("featsplit."):
            names.add(str(node.module).split(".")[1])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_lies_below(path: Path) -> None:
    own = part(path)
    for name in imported(path) - {own}:
        assert LEVEL[name] < LEVEL[own], f"{own} imports {name}"


@pytest.mark.parametrize(("lower", "strangers"), [("attacks", ("models", "data")), ("runtime", ("descent", "attacks"))])
def test_networks_and_attacks_do_not_know_each_other(lower: str, strangers: tuple[str, ...]) -> None:
    known = {name for path in FILES if part(path) == lower for name in imported(path)}
    assert known, "it imports something"
    assert not known & set(strangers)


def test_every_part_has_its_layer() -> None:
    assert {part(path) for path in FILES} == set(LEVEL)


def test_robustness_is_met_in_one_module() -> None:
    users = {str(path.relative_to(PACKAGE)) for path in FILES if "robustness.cifar_models" in path.read_text()}
    assert users == {"models/paper.py"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["run"], ["info", "nothing.h5"], ["info", "model.safetensors"]]
)
def test_help_errors_and_info_need_no_torch(arguments: list[str], tmp_path: Path) -> None:
    metadata = {"model": {"arch": "cnn"}, "shape": [1, 8, 8], "classes": 10}
    save_file({"a": np.zeros(1)}, tmp_path / "model.safetensors", metadata={FIRST_FORMAT: json.dumps(metadata)})
    code = f"""
import sys
from featsplit.commands import main
sys.argv = ["featsplit", *{arguments!r}]
try:
    main()
finally:
    print("torch" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert found.stdout.splitlines()[-1] == "False"
    assert "Traceback" not in found.stderr
    assert ("cnn" in found.stdout) == ("model.safetensors" in arguments)
