"""The example exports a set in every format, and what each library reads is the set."""

import runpy
from importlib import import_module
from pathlib import Path

import pytest

from featsplit.records.exports import FORMATS

SCRIPT = Path(__file__).parents[2] / "examples" / "exports.py"
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of the libraries
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning"),  # of mlcroissant
]


def test_each_format_is_read_back_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = runpy.run_path(str(SCRIPT))["main"](tmp_path / "out")
    assert capsys.readouterr().out.splitlines() == lines
    assert {line.partition(":")[0] for line in lines} == set(FORMATS)
    assert len(lines) == len(FORMATS) + 1
    for line in lines:
        assert ("largest change 0.00/255" in line) == (not line.startswith("folder"))
        assert ("of eps 1.5" in line) == line.startswith("folder")
    assert import_module("numpy").load(tmp_path / "out" / "D_rand-npz.npz")["x_train"].shape == (60, 1, 8, 8)
