"""What decides the rows of the study: the networks themselves, and not where they come from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from featsplit.engine.jobs import Worker
from featsplit.rows import Row
from featsplit.runtime import Machine
from featsplit.studies import read_settings
from featsplit.studies.given import Given
from featsplit.studies.goodfellow2015 import place
from featsplit.studies.goodfellow2015.settings import Settings


def test_rows_from_before_networks_could_be_given_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[Mapping[str, object]]()

    def kept(path: Path, depends_on: Mapping[str, object], measure: Callable[[], Sequence[Row]]) -> Sequence[Row]:
        seen.append(depends_on)
        return []

    monkeypatch.setattr(place, "kept_rows", kept)
    settings = read_settings("goodfellow2015-digits", [])
    assert isinstance(settings, Settings)
    worker = Worker(tmp_path, Machine(torch.device("cpu"), "float32"), None, print)
    for one in (settings, replace(settings, networks=Given(standard="own.safetensors"))):
        place.Stage(worker, place.Place(one, 0)).ensure_rows("stem", [], {}, list)
    assert seen[0] == seen[1]
    assert "networks" not in seen[0], "with a key more they would be of other work"
