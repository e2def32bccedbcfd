"""What a user should know of a result: one line on standard error, once, and the exit status is as ever."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from featsplit import commands
from featsplit.errors import FeatsplitError, FeatsplitWarning, warn


def line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: typer.Typer) -> tuple[int, str]:
    """The exit status of `command` in the place of ours, and what it prints on standard error."""
    monkeypatch.setattr(commands, "app", command)
    monkeypatch.setattr(sys, "argv", ["featsplit"])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def one_command(*, fails: bool = False) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def says() -> None:
        for _ in range(3):
            warn("3 of 7 are odd; mend them")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # forgets which warnings were shown
        warn("4 of 7 are even; mend them")
        if fails:
            raise FeatsplitError("x = 1: must be 2")

    return app


def test_a_warning_is_one_line_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    notes = "featsplit: note: 3 of 7 are odd; mend them\nfeatsplit: note: 4 of 7 are even; mend them\n"
    assert line(capsys, monkeypatch, one_command()) == (0, notes)
    assert line(capsys, monkeypatch, one_command(fails=True)) == (2, notes + "featsplit: x = 1: must be 2\n")


def test_outside_of_the_command_line_it_is_a_warning_of_python() -> None:
    with pytest.warns(FeatsplitWarning, match="3 of 7 are odd") as caught:
        warn("3 of 7 are odd; mend them")
    assert caught[0].filename == __file__, "it points at who says it"
    code = "from featsplit.errors import warn\nfor _ in range(3): warn('odd')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert told.count("FeatsplitWarning: odd") == 1


def test_a_folder_with_surprises_says_each_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another shape too: `--resize-mode crop` is an option of the commands that read data."""
    for part, seed in (("train", 0), ("test", 1)):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            rng = np.random.default_rng([seed, ord(name[0])])
            Image.fromarray(rng.integers(0, 256, (8, 12), np.uint8)).save(tmp_path / part / name / "1.png")
    Image.new("RGBA", (8, 12)).save(tmp_path / "test" / "dog" / "2.png")
    Image.new("RGB", (8, 12), "white").save(tmp_path / "train" / "cat" / "2.png")
    (tmp_path / "train" / "dog" / "2.heic").write_text("?")
    line = f"train --data folder:{tmp_path} --resize 8 --resize-mode crop --arch linear --epochs 1 --device cpu"
    monkeypatch.setattr(sys, "argv", ["featsplit", *line.split(), "--out", f"{tmp_path}/m.safetensors"])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == 0
    start = f"featsplit: note: folder:{tmp_path}: "
    said = [each.removeprefix(start) for each in capsys.readouterr().err.splitlines() if each.startswith(start)]
    assert [each.split(";")[0].split(" (")[0] for each in said] == [
        "1 file in class folders has no extension of an image",
        "1 of 6 images has transparency",
        "1 of 3 test images is also among the train images",
    ]
    assert "squeezes" in call(["train", "--help"])


def call(arguments: list[str]) -> str:
    return CliRunner().invoke(commands.app, arguments, catch_exceptions=False).stdout
