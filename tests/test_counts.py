"""The counts of benchmarks.counts, on a small package in which each is known."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONG = "def long() -> None:\n" + '    """Said in\n    two lines."""\n' + "    print()\n" * 50
FILES = {
    "cli.py": "from featsplit.commands import main\nmain(long=1)\n",
    "featsplit/__init__.py": "if True:\n    from .models import net\n",
    "featsplit/errors.py": "class Wrong(Exception):\n    pass\n",
    "featsplit/rows.py": "from typing import Any\nRow = dict[str, Any]\n",
    "featsplit/models/__init__.py": "from featsplit.models.net import net\n",
    "featsplit/models/net.py": "from featsplit import errors\ndef net(x):\n    from featsplit.commands import main\n",
    "featsplit/commands/__init__.py": LONG
    + "def main(long: int) -> None:\n    sep = 1\n    print(long=long, file=1, sep=sep)\n",
    "featsplit/commands/one.py": "from featsplit.commands.two import b  # type: ignore\n",
    "featsplit/commands/two.py": '"# type: ignore"\nfrom featsplit.commands import one\n',
    "featsplit/report/told.py": (
        "from featsplit.rows import Row\nTable = list[Row]\n"
        "def f(rows: Table, other: 'dict[str, object]', named: dict[str, int]) -> Row: ...\n"
        "class Kept:\n    rows: Table\n"
    ),
    "featsplit/studies/__init__.py": "from featsplit.studies import ilyas2019\n",
    "featsplit/studies/ilyas2019/__init__.py": "from featsplit.report import told\n",
    "featsplit/studies/distill2019/__init__.py": "from featsplit.studies import ilyas2019\n",
    "featsplit/studies/squares/__init__.py": "from featsplit.studies.ilyas2019 import jobs\n",
    "tests/test_it.py": "\n" * 301,
    "benchmarks/it.py": "\n" * 251,
}


@pytest.fixture
def counted(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What is printed of the package above."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "benchmarks.counts", str(tmp_path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_count_is_what_was_planted(counted: subprocess.CompletedProcess[str]) -> None:
    table = [line.strip("| ").split(" | ") for line in counted.stdout.splitlines() if line.startswith("| ")][2:]
    assert {line[0]: float(line[1]) for line in table} == {
        "functions": 4,
        "lines of a function, median": 2.5,
        "lines of a function, 90th percentile": 36.6,
        "lines of a function, most": 51,
        "functions of more than 50 lines": 1,
        "files of more than 250 lines, tests apart": 1,
        "files of tests of more than 300 lines": 1,
        "`dict[str, Any]` in signatures (arguments and results)": 3,
        "`dict[str, Any]` in fields of records": 1,
        "`type: ignore`, tests and benchmarks included": 1,
        "keyword relays `x=x`": 2,
        "of these, the function's own arguments handed on": 1,
        "imports that run upward": 2,
        "circles": 1,
    }
    assert counted.returncode == 1


def test_each_is_said_with_its_place(counted: subprocess.CompletedProcess[str]) -> None:
    for said in (
        "featsplit/commands/__init__.py:1 long (51)",
        "benchmarks/it.py (251)",
        "featsplit/commands/one.py:1",
        "featsplit.models.net imports featsplit.commands",
        "featsplit.studies.squares imports featsplit.studies.ilyas2019",
        "featsplit.commands.one <-> featsplit.commands.two",
    ):
        assert f"\n  {said}\n" in counted.stdout + "\n"
