"""The small world in which the commands of the pages run: few images, short presets, and runs that pages share."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from featsplit.data import sources
from featsplit.data.images import ImageData
from featsplit.data.stored import load_digits
from featsplit.engine import study
from featsplit.files import TRUST
from tests.docs.presets import write_presets
from tests.docs.things import coloured

IMAGES, TESTED = 150, 60


@pytest.fixture(scope="session")
def short_presets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A short run of the same study in the place of each preset."""
    return write_presets(tmp_path_factory.mktemp("presets"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder datasets_out of all pages: what one has run is finished for the next."""
    return tmp_path_factory.mktemp("datasets_out")


@pytest.fixture(autouse=True)
def untrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is as before when a command with --trust has run in this process."""
    monkeypatch.setenv(TRUST, "x")  # so that it is put back
    monkeypatch.delenv(TRUST)


@pytest.fixture
def small_world(
    short_presets: dict[str, Path], runs: Path, imagenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder to run the commands of a page in; inside, data sets and presets are small."""

    def digits() -> ImageData:
        data = load_digits()
        return replace(data, train=data.train.take(torch.arange(IMAGES)), test=data.test.take(torch.arange(TESTED)))

    def stored(source: str, root: Path, *, download: bool) -> ImageData:
        return coloured(digits(), source)

    (tmp_path / "datasets_out").symlink_to(runs)
    (tmp_path / "imagenet").symlink_to(imagenet)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEATSPLIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(study, "presets", lambda: short_presets)
    monkeypatch.setattr(sources, "load_digits", digits)
    monkeypatch.setattr(sources, "load_stored", stored)
    return tmp_path
