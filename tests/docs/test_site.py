"""The site: Sphinx builds it without a warning, no link in it is dead, and every public name is explained."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import featsplit
from benchmarks.links import dead

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_no_link_in_it_is_dead(tmp_path: Path) -> None:
    for needed in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(needed, reason="the extra docs is not installed")
    options = ["-W", "--keep-going", "-q", "-c", "docs", "-b", "html", ".", str(tmp_path)]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    assert dead(tmp_path) == []
    page = (tmp_path / "docs" / "api.html").read_text()
    assert set(re.findall(r'id="featsplit\.(\w+)"', page)) == set(featsplit.__all__)
    assert 'url=docs/index.html"' in (tmp_path / "index.html").read_text()
    assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', page), "nothing from elsewhere"


def test_a_dead_link_is_named_with_its_page(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#here">1</a><a href="b.html#gone">2</a><img src="x.png">')
    (tmp_path / "b.html").write_text('<p id="here"><a href="https://example.com">3</a><a href="a.html">4</a></p>')
    assert dead(tmp_path) == ["a.html: b.html#gone", "a.html: x.png"]


def test_make_docs_is_the_one_command() -> None:
    if not shutil.which("make"):
        pytest.skip("no make")
    said = subprocess.run(["make", "-n", "docs"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m sphinx -W --keep-going" in said
    assert "-m benchmarks.links docs/_build/html" in said
