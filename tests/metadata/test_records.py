"""Metadata as records: what is written is read back, and what someone else wrote never ends in a traceback."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from safetensors.numpy import save_file
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.descent import LBFGS, Momentum, Normalised, StepRule
from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR
from featsplit.metadata.models import FIRST_FORMAT as FIRST_MODEL_FORMAT
from featsplit.metadata.models import ModelMetadata, model_metadata, read_model_metadata
from featsplit.metadata.plain import as_json, mapping, names, number, sequence, text, whole
from featsplit.metadata.sets import FIRST_FORMAT, SetSpec, set_spec

TEXTS = some.text(max_size=5)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | TEXTS,
    lambda inner: some.lists(inner) | some.dictionaries(TEXTS, inner),
)
SPECS = some.builds(
    SetSpec,
    method=some.sampled_from(["match", "perturb", "import"]),
    source=some.dictionaries(TEXTS, VALUES, max_size=2),
    split=TEXTS,
    parameters=some.dictionaries(TEXTS, VALUES, max_size=2),
    name=some.none() | TEXTS,
    classes=some.lists(TEXTS, max_size=3).map(tuple),
    control_digest=some.none() | TEXTS,
    ensemble_digests=some.lists(TEXTS, max_size=3).map(tuple),
    columns_format=some.none() | some.integers(),
    seed=some.none() | some.integers() | TEXTS,
    versions=some.dictionaries(TEXTS, TEXTS, max_size=2),
    extra=some.dictionaries(TEXTS.map("extra {}".format), VALUES, max_size=2),
)
NETWORK: dict[str, Any] = {"model": {"arch": "cnn", "width": 4, "stages": None}, "shape": [1, 8, 8], "classes": 10}


@settings(deadline=None)
@given(spec=SPECS)
def test_a_spec_comes_back_from_its_json(spec: SetSpec) -> None:
    assert set_spec(as_json(spec.plain())) == spec


@settings(deadline=None)
@given(fields=some.dictionaries(some.sampled_from(["recipe", "history", "results", "seed", "key", "own"]), VALUES))
def test_model_metadata_keep_whatever_they_were_given(fields: dict[str, Any]) -> None:
    """What is not what a field should be is nothing to the reader, and is not lost."""
    metadata = model_metadata({**fields, **NETWORK})
    said = {name: value for name, value in fields.items() if value not in (None, [], {})}
    kept = {name: value for name, value in metadata.plain().items() if value not in (None, [], {})}
    assert kept == {**as_json(said), **NETWORK}
    assert model_metadata(metadata.plain()) == metadata


@pytest.mark.parametrize(
    ("name", "rule"),
    [("paper", Normalised(0.5, "linf")), ("momentum", Momentum(0.5, 0.7, "linf")), ("lbfgs", LBFGS(0.5, 6))],
)
def test_a_set_whose_step_rule_is_told_as_before_is_the_same_work(name: str, rule: StepRule) -> None:
    before = {"name": name, "step_size": 0.5, "norm": "linf", "momentum": 0.7, "memory": 6}
    old, new = (SetSpec("match", {}, "train", as_json({"rule": r, "steps": 3})) for r in (before, asdict(rule)))
    assert old.same_work(new)
    assert not old.same_work(replace(new, parameters=as_json({"rule": asdict(replace(rule, step_size=0.4))})))
    assert not old.same_work(replace(new, parameters=as_json({"rule": asdict(rule), "steps": 4})))


def test_two_specs_are_the_same_work_wherever_the_data_lie() -> None:
    here = SetSpec("match", {"source": "npz:a"}, "train", source_name="npz:a", source_digest="1")
    assert here.same_work(replace(here, source={"source": "npz:b"}, source_name="npz:b"))
    others: list[dict[str, Any]] = [
        {"source_digest": "2"},
        {"seed": 1},
        {"source": {}},
        {"parameters": {"steps": 1}},
        {"name": "det"},
    ]
    for other in others:
        assert not here.same_work(replace(here, **other))
    unknown = replace(here, source_digest="not told")
    assert not unknown.same_work(replace(unknown, source={"source": "npz:b"}))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (mapping, [1], r"\[1\] is no mapping"),
        (sequence, "abc", '"abc" is no list'),
        (text, 3, "3 is no text"),
        (whole, True, "true is no whole number"),
        (number, None, "null is no number"),
        (names, {"a": 1}, "1 is no text"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_what_it_is(
    kind: Callable[[Any], object], value: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        kind(value)


def info(path: Path) -> str:
    return CliRunner().invoke(app, ["info", str(path)], catch_exceptions=False).stdout


def test_info_of_a_set_that_says_little_is_a_screenful(tmp_path: Path) -> None:
    """Of another program: it says how, from what and which split, and nothing else."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = np.zeros((3, 1, 2, 2), np.float32), np.zeros(3, np.int64)
        spec = {"method": "own", "source": {}, "split": "train", "note": "by hand"}
        for name, value in {"spec": spec, "digests": {}, "summary": {}}.items():
            file.attrs[name] = json.dumps(value)
        file.attrs["format"] = FIRST_FORMAT
    assert "made by own" in info(path)
    assert "3 of 1 x 2 x 2" in info(path)


@pytest.mark.parametrize("history", [[1.5], "long", [{"loss": "high"}], [{"train_accuracy": 0.5}]])
def test_info_of_a_model_with_a_history_of_another_kind_is_a_screenful(tmp_path: Path, history: Any) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"a": np.zeros(1)}, path, metadata={FIRST_MODEL_FORMAT: json.dumps({**NETWORK, "history": history})})
    assert "arch cnn, width 4" in info(path)


def test_a_model_that_says_nothing_more_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"a": np.zeros(1)}, path, metadata={FIRST_MODEL_FORMAT: json.dumps(NETWORK)})
    assert read_model_metadata(path) == ModelMetadata("cnn", (1, 8, 8), 10, width=4)
    assert read_model_metadata(path).network == "cnn width 4"


def test_no_two_derived_sets_are_named_or_made_alike() -> None:
    for field in ("symbol", "title", "label", "made_by"):
        assert len({getattr(one, field) for one in DERIVED_SETS.values()}) == len(DERIVED_SETS)
    assert all(
        name == one.name and one.title.startswith(one.symbol[:5]) for name, one in list(DERIVED_SETS.items())[:10]
    )
    assert [DERIVED_SETS[name].label for name in FOUR] == ["D_R (robust)", "D_NR (nonrobust)", "D_rand", "D_det"]
