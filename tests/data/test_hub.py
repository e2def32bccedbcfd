"""Data sets of the hub of Hugging Face: from the cache of `datasets`, and what is said where they are not there."""

import socket
from pathlib import Path
from typing import Any

import datasets
import pytest

from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from tests.data.tables import grey, holds, load, refused


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The cache of `datasets` as it is after "someone/pets" was loaded from the hub: built by its own builder.

    What a configuration of the hub is called there ("small") has here the digest of its files behind it: moved.
    """
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    train, test = grey(), grey(seed=1, count=4)
    files = {name: [str(tmp_path / f"{name}.parquet")] for name in ("train", "test")}
    for number, config in enumerate(("small", "large")):
        for split, paths in zip((train, test), files.values(), strict=True):
            split.select(range(number, len(split))).to_parquet(paths[0])
        kind = type(datasets.load_dataset_builder("parquet", data_files=files))
        own: Any = {
            "cache_dir": str(tmp_path / "cache"),
            "dataset_name": "pets",
            "config_name": config,
            "hash": "0" * 40,
        }
        kind(**own, data_files=files).download_and_prepare()
        (built,) = (tmp_path / "cache/pets").glob(f"{config}-*")
        (tmp_path / "cache/someone___pets").mkdir(exist_ok=True)
        built.rename(tmp_path / "cache/someone___pets" / config)
    return train, test


def test_a_data_set_of_the_hub_comes_from_the_cache(cached: tuple[Any, Any]) -> None:
    holds(load("hf:someone/pets:small"), *cached)
    assert len(load("hf:someone/pets:large#label").train) == 5
    assert not datasets.config.HF_HUB_OFFLINE
    assert "multiple 'someone/pets' configurations in the cache: " in (said := refused("hf:someone/pets"))
    assert "small" in said


def test_without_a_cache_nothing_is_looked_for_on_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    attempts = list[object]()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **more: attempts.append(arguments))
    said = refused("hf:someone/pets")
    assert said.startswith("someone/pets is not in the cache (")
    assert said.endswith("); give --download to fetch it, or a folder: hf:FOLDER")
    assert not attempts


def test_what_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object, **more: object) -> None:
        raise ConnectionError(f"Couldn't reach {arguments}\non the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(FeatsplitError) as error:
        load_data(DataSpec("hf:someone/pets:small"), download=True)
    said = str(error.value).removeprefix('data.source = "hf:someone/pets:small": ')
    reason = "Couldn't reach ('someone/pets', 'small') on the Hub"
    cure = "check the name and the network, or give a folder: hf:FOLDER"
    assert said == f"someone/pets, small, is not to be had ({reason}); {cure}"
