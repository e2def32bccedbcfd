"""docs/share.md: each of its blocks of Python loads what the command before it wrote."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.exports.sets import TOTAL, made
from tests.least import call

PAGE = (Path(__file__).parents[2] / "docs" / "share.md").read_text()
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of their libraries
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning"),  # of mlcroissant
]


def test_each_section_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "D_rand.h5")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(import_module("datasets").config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    ran = 0
    for section in PAGE.split("\n## ")[1:]:
        for line in re.findall(r"^    featsplit (export (?!.*--other-split).*)$", section, re.MULTILINE):
            call(line)
        for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
            names: dict[str, Any] = {}
            exec(block, names)
            (loaded,) = (names[name] for name in ("rows", "images") if name in names)
            assert len(list(loaded)) == TOTAL
            ran += 1
    assert ran == PAGE.count("```python") == 7


def test_the_first_command_takes_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "D_rand.h5")
    monkeypatch.chdir(tmp_path)
    (line,) = re.findall(r"^    featsplit (export .*)$", PAGE.split("\n## ")[0], re.MULTILINE)
    call(line)
    text = (tmp_path / "shared" / "README.md").read_text()
    assert "license: cc-by-4.0" in text
    assert "| made by | Ann Example |" in text
