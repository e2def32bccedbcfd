"""A run of every experiment on a part of the digits, which several tests look at."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from featsplit.commands import app

SMALL = (
    "kurakin2017-digits --device cpu --workers 1 --set data.limit=300 --set data.limit_test=60 --set train.epochs=4 "
    "--set train.batch_size=20 --set model.width=8 --set other.arch=cnn --set other.width=4 --set eps=[32,64] "
    "--set transformed=[64] --set photographed=[32] --set stored=[64] --set nearest=12 --set pairs=15 --set gate=0.4"
)


def carried_out(out: Path, *more: str) -> str:
    """What a terminal shows of the small run in `out`."""
    result = CliRunner().invoke(app, ["run", *SMALL.split(), *more, "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one seed."""
    out = tmp_path_factory.mktemp("kurakin") / "run"
    text = carried_out(out)
    table = text[text.index("accuracy (clean") :].split("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80
    return out
