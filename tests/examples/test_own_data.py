"""The example makes data as others have them, and goes with them from public names all the way to a table."""

import ast
import runpy
from pathlib import Path

import datasets
import numpy as np
import pytest

import featsplit

SCRIPT = Path(__file__).parents[2] / "examples" / "own_data.py"


def test_it_needs_nothing_of_ours_but_public_names() -> None:
    tree = ast.parse(SCRIPT.read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "fs"]
    assert {node.attr for node in nodes} <= set(featsplit.__all__)
    imported = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.startswith("featsplit")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*digits.npz. its 100 validation images:featsplit.errors.FeatsplitWarning")
def test_both_kinds_of_data_go_all_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """D_R teaches what the data do; D_rand, whose labels look wrong, teaches the true ones, and nothing robust."""
    found = runpy.run_path(str(SCRIPT))["main"](tmp_path)
    with np.load(tmp_path / "digits.npz") as file:
        shapes = {name: file[name].shape for name in file.files}
    assert shapes["train_images"] == (700, 8, 8)
    assert {shapes[f"{split}_labels"] for split in ("train", "val", "test")} == {(700, 1), (100, 1), (300, 1)}
    saved = datasets.load_from_disk(str(tmp_path / "digits_hf"))
    assert {name: len(split) for name, split in saved.items()} == {"train": 700, "test": 300}
    for rows in found.values():
        accuracy = {(row["train_set"], row["attack"]): row["accuracy"] for row in rows}
        assert accuracy["adversarial", "pgd"] > accuracy["standard", "pgd"] + 0.2
        assert accuracy["on_robust", "none"] > 0.8
        assert accuracy["on_rand", "none"] > 0.4
        assert accuracy["on_rand", "pgd"] < 0.1
    assert "on_rand" in capsys.readouterr().out
