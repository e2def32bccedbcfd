"""What is there is taken up: a run that is started again computes nothing, one experiment more costs that alone."""

import shutil
from pathlib import Path

from typer.testing import CliRunner

from featsplit.commands import app


def stamps(folder: Path) -> dict[str, int]:
    """When each file of the seeds was written, but for their times and the pictures, which are drawn again."""
    files = (path for path in folder.glob("seed*/*/*") if path.is_file() and path.parent.name != "grids")
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


def again(folder: Path, file: Path, *extra: str) -> None:
    words = ["run", str(file), "--out", str(folder), "--workers", "1", "--device", "cpu", *extra]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_run_with_every_experiment_that_is_started_again_computes_nothing(
    every_experiment: Path, tmp_path: Path
) -> None:
    shutil.copytree(every_experiment, tmp_path / "out")
    (tmp_path / "out" / "run.json").unlink()
    before = stamps(tmp_path / "out")
    again(tmp_path / "out", every_experiment.parent / "tiny.toml", "--seeds", "0,1")
    assert stamps(tmp_path / "out") == before
    assert (tmp_path / "out" / "rows.json").read_bytes() == (every_experiment / "rows.json").read_bytes()


def test_one_more_experiment_costs_that_alone(every_experiment: Path, tmp_path: Path) -> None:
    """From a finished run without any to one with the control; what it adds is what the whole run has."""
    out, file = tmp_path / "out", every_experiment.parent / "tiny.toml"
    again(out, file, "--experiments", "none")
    before, content = stamps(out), {name: (out / name).read_bytes() for name in stamps(out)}
    assert not any("noise" in name or "control" in name or "@" in name for name in before)
    again(out, file, "--experiments", "control")
    after = stamps(out)
    assert {name: after[name] for name in before} == before
    assert all((out / name).read_bytes() == kept for name, kept in content.items())
    added = {name.removeprefix("seed0/") for name in set(after) - set(before)}
    sets = ("rand-control", "det-control")
    assert added == {
        *(f"sets/{name}.h5" for name in sets),
        *(f"models/{name}.safetensors" for name in sets),
        *(f"rows/control-{name}-source.json" for name in sets),
        "rows/control-det-control-source-next.json",
    }
    for name in added:
        assert (out / "seed0" / name).read_bytes() == (every_experiment / "seed0" / name).read_bytes()
