"""What is published: wheel and sdist hold what they should, and a venv that has nothing else of ours runs them."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import featsplit
from tests.least import LEAST

ROOT = Path(__file__).parents[1]
NOT_OURS = ignore_patterns(
    ".git", ".venv", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "build", "dist", "_build", "seed*"
)
pytest.importorskip("build", reason="python -m build is not here: pip install build")
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist, of which the wheel was made; of a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("package")
    copytree(ROOT, folder / "checkout", ignore=NOT_OURS)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(folder / "checkout")]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_holds_every_file_of_the_package_and_no_other(built: tuple[Path, Path]) -> None:
    wheel, _ = built
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = (path for path in (ROOT / "featsplit").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert names == {path.relative_to(ROOT).as_posix() for path in ours}
    assert "featsplit/presets/digits.toml" in names
    assert "featsplit/data/digits.csv" in names


def test_the_sdist_holds_the_tests_and_what_they_read(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("tests", "benchmarks", "docs", "examples"):
        ours = (
            path
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not {"__pycache__", "_build"} & {*path.parts}
        )
        assert {path.relative_to(ROOT).as_posix() for path in ours} <= names
    assert {"CHANGELOG.md", "CITATION.cff", "LICENSE", "Makefile", "README.md", "cli.py"} <= names


def test_what_is_installed_runs(built: tuple[Path, Path], tmp_path: Path) -> None:
    """In a venv of its own, which finds the dependencies, and none of ours, where these tests find them."""
    place = tmp_path / "venv"
    venv.create(place)
    names = {"base": str(place), "platbase": str(place)}
    packages, scripts = (Path(sysconfig.get_path(name, "venv", names)) for name in ("purelib", "scripts"))
    pip = [sys.executable, "-m", "pip", "--python", str(place), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(built[0])], check=True)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "least.toml").write_text(LEAST)

    def told(*words: str) -> str:
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [str(scripts / "featsplit"), *words]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=tmp_path, env=surroundings
        ).stdout

    assert told("--version").strip() == featsplit.__version__
    assert "1437" in told("info", "digits")
    told("run", "least.toml", "--out", "run", "--device", "cpu", "--workers", "1")
    assert (tmp_path / "run" / "report.html").is_file()
    where = subprocess.run(
        [str(scripts / "python"), "-I", "-c", "import featsplit; print(featsplit.__file__)"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(packages)
