"""The example is the main experiment from public names alone, and its numbers are those that the paper is about."""

import ast
import runpy
from pathlib import Path

import pytest

import featsplit

SCRIPT = Path(__file__).parents[2] / "examples" / "split_your_data.py"


def test_it_needs_nothing_but_public_names() -> None:
    tree = ast.parse(SCRIPT.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"sys", "torch", "featsplit"}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "fs"]
    assert {node.attr for node in nodes} <= set(featsplit.__all__)


@pytest.mark.slow
def test_it_splits_the_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """D_R is more robust than the data themselves; D_rand and D_det, whose labels look wrong, teach the true ones."""
    rows = runpy.run_path(str(SCRIPT))["main"]("digits", tmp_path, 600)
    found = {(row["train_set"], row["training"], row["attack"]): row["accuracy"] for row in rows}
    assert (
        found["robust", "standard", "pgd"] > found["source", "standard", "pgd"] > found["nonrobust", "standard", "pgd"]
    )
    assert found["source", "adversarial", "pgd"] > found["robust", "standard", "pgd"]
    assert min(found[name, "standard", "none"] for name in ("rand", "det")) > 0.15
    assert "D_R (robust)" in capsys.readouterr().out
    assert "D_R (robust)" in (tmp_path / "report.html").read_text()
