"""The README's example runs as it stands, and its verdicts are those of the rows that were measured."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from featsplit.report.claims import claims
from featsplit.report.decisions import Claim

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_python_example_runs(every_part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets_out").mkdir()
    (tmp_path / "datasets_out" / "digits").symlink_to(every_part)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    names = dict[str, object]()
    exec(blocks[0], names)
    assert isinstance(found := names["found"], torch.Tensor)
    assert found.shape == (8, 1, 8, 8)


def judged(preset: str) -> list[Claim]:
    """The statements on the rows in benchmarks/results."""
    content: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / f"{preset}.json").read_text())
    return claims(content["rows"], chance=content.get("chance", 0.1))


def test_the_verdicts_in_its_tables_are_those_of_the_rows() -> None:
    lines = re.findall(r"^\|.*\| (holds|does not hold|undecided) \| ([^(|]*?) *(?:\(.*\) )?\|$", README, re.MULTILINE)
    expected = [(c.verdict, c.decisive.measured) for name in ("digits", "cifar10-mini") for c in judged(name)]
    assert sorted(lines) == sorted(expected)


def test_the_counts_in_its_text_are_those_of_the_rows() -> None:
    numbers = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")
    found = [claim.verdict for claim in judged("cifar10-cpu")]
    counts = [numbers[found.count(verdict)] for verdict in ("holds", "undecided", "does not hold")]
    told = " ".join(README.split())
    assert f"Of the {numbers[len(found)]} statements measured there {counts[0]} hold; {counts[1]} are undecided" in told
    assert counts[2] == "none"
    order = next(claim for claim in judged("mnist-mini") if claim.what.startswith("Table 7"))
    assert order.verdict == "undecided"
    assert "the order of Table 7 is undecided at either eps" in told
