"""The schema and the page of settings are those of the records, and every preset fulfils the schema."""

import json
import tomllib
from typing import Any

import pytest

from benchmarks.settings import PAGE, SCHEMA, page, schema
from featsplit.engine.schema import settings_of
from featsplit.engine.study import presets
from featsplit.records.data import DataSpec
from featsplit.records.synthesis import Match, Perturb
from featsplit.records.training import Recipe
from featsplit.studies import STUDIES
from featsplit.studies.ilyas2019 import Settings

jsonschema: Any = pytest.importorskip("jsonschema")


def test_the_files_are_those_of_the_records() -> None:
    again = "python -m benchmarks.settings writes them"
    assert PAGE.read_text() == page(), again
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(schema())), again


@pytest.mark.parametrize("name", presets())
def test_a_preset_fulfils_the_schema(name: str) -> None:
    jsonschema.validate(tomllib.loads(presets()[name].read_text()), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"perturb": {"epsilon": 1.0}},
        {"perturb": {"eps": "large"}},
        {"match": {"start": "nowhere"}},
        {"study": "nobody2019"},
        {"engine": {"workers": "two"}},
        {"train": {"standard": {"epoch": 3}}},
        {"train": {"adversarial": {"adversary": {"attack": "hope"}}}},
        {"evaluate": {"eps": 0.5}},
    ],
)
def test_what_a_run_would_refuse_does_not_fulfil_it(wrong: dict[str, Any]) -> None:
    content = tomllib.loads(presets()["digits"].read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**content, **wrong}, json.loads(SCHEMA.read_text()))


def test_each_record_is_told_with_its_defaults() -> None:
    found = {one.name: one for one in settings_of(Settings)}
    assert [record.__name__ for record in found["perturb"].records] == ["Perturb"]
    perturb = {one.name: one for one in settings_of(Perturb)}
    assert (perturb["eps"].default, perturb["eps"].kind) == ("`0.5`", "number")
    assert perturb["targets"].kind == "`random` or `next`"
    assert {one.name: one.default for one in settings_of(Recipe)}["epochs"] == "`150`"
    assert {one.name: one.default for one in settings_of(DataSpec)}["source"] == "it must be given"
    assert [record.__name__ for one in settings_of(Match) for record in one.records] == [
        "Normalised", "Momentum", "LBFGS",
    ]  # fmt: skip
    for name in STUDIES:
        assert f"## {name}\n" in page()
