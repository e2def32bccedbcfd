"""featsplit report: a comparison goes to its file whole or not at all, and what cannot be written is said first."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.commands import report as command
from featsplit.engine import side_by_side
from featsplit.report.blocks import Block, Heading, Text
from tests.report.pages import blocks


class Finished(NamedTuple):
    """What a page is written by."""

    path: Path


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
    """The runs that were compared, each time; what comes out is a heading and a text."""
    seen = list[list[Path]]()

    def comparison(runs: list[Path]) -> list[Block]:
        seen.append(runs)
        return [Heading("Side by side"), Text("as like as two peas")]

    monkeypatch.setattr(command, "_opened", lambda path: path)
    monkeypatch.setattr(side_by_side, "comparison", comparison)
    return seen


def test_a_comparison_is_written_into_a_folder_that_is_not_there_yet(
    compared: list[list[Path]], tmp_path: Path
) -> None:
    out = tmp_path / "missing" / "side.html"
    words = ["report", "a", "--compare", "b", "--compare", "c", "--out", str(out)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert compared == [[Path("a"), Path("b"), Path("c")]]
    assert "as like as two peas" in result.stdout
    assert "as like as two peas" in out.read_text()
    assert [path.name for path in out.parent.iterdir()] == ["side.html"]


def test_a_comparison_that_fails_half_way_leaves_what_was_there(
    compared: list[list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "side.html"
    out.write_text("the one before")

    def fails(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fails)
    result = CliRunner().invoke(app, ["report", "a", "--compare", "b", "--out", str(out)])
    assert f"{out}: cannot be written: No space left on device" in str(result.exception)
    assert out.read_bytes() == b"the one before"


@pytest.mark.parametrize(
    "words", ["report a --images 0", "report a --images 5 --format csv", "report a --images 5 --json"]
)
def test_images_are_of_the_page_of_a_run(refused: Callable[[str], str], words: str) -> None:
    assert refused(words) == f"--images {words.split()[3]}: give 1 or more, for the page of one run"


def test_a_run_without_images_takes_no_number_of_them(
    refused: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_opened", lambda path: (Finished(path), [Heading("Head", 1)]))
    said = f"--images 5: {tmp_path} has kept no images to step through; leave it out"
    assert refused(f"report {tmp_path} --images 5") == said
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("images", [2, 20])
def test_the_page_has_as_many_images_as_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    page = blocks(tmp_path)
    monkeypatch.setattr(command, "_opened", lambda path: (Finished(path), page))
    CliRunner().invoke(app, ["report", str(tmp_path), "--images", str(images)], catch_exceptions=False)
    first = re.search(r'"index":\[([0-9,]*)\]', (tmp_path / "report.html").read_text())
    assert first is not None
    assert len(first[1].split(",")) == images


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (
            "{folder}/file/side.html",
            "{folder}/file/side.html: cannot be written: {folder}/file is a file, not a folder",
        ),
        ("{folder}/side.txt", "--out {folder}/side.txt: must end in .html"),
        ("{folder}/there.html", "{folder}/there.html: is a folder; give a file"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_compared(
    compared: list[list[Path]], refused: Callable[[str], str], tmp_path: Path, out: str, message: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "there.html").mkdir()
    printed = refused(f"report a --compare b --out {out.format(folder=tmp_path)}")
    assert printed == message.format(folder=tmp_path)
    assert compared == []


@pytest.mark.parametrize("form", ["", " --format page"])
def test_a_page_goes_to_no_other_file(refused: Callable[[str], str], tmp_path: Path, form: str) -> None:
    said = refused(f"report a --out {tmp_path}/a.html{form}")
    assert said.startswith(f"--out {tmp_path}/a.html: is for a comparison or a table; give --compare or --format")


@pytest.mark.parametrize("words", ["a --compare ./a", "a --compare b --compare {folder}/b"])
def test_a_run_is_not_compared_with_itself(
    compared: list[list[Path]],
    refused: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = words.format(folder=tmp_path)
    assert (
        refused(f"report {words}")
        == f"--compare {Path(words.split()[-1])}: is compared with already; name each run once"
    )
    assert compared == []


def test_a_page_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[Path]()

    def opened(path: Path) -> tuple[Finished, list[Block]]:
        seen.append(path)
        return Finished(path), [Heading("Head", 1)]

    monkeypatch.setattr(command, "_opened", opened)
    CliRunner().invoke(app, ["report", str(tmp_path)], catch_exceptions=False)
    assert seen == [tmp_path]
