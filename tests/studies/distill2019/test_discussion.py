"""What the discussion of the paper adds to a run: which rows there are, and what they are of."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from featsplit.data.derived import load_split
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import load_model, read_metadata
from featsplit.report.blocks import Heading
from featsplit.runtime import accuracy
from featsplit.studies.distill2019.page import bugs_table, discussion, leakage_table, mislabelled_table


@pytest.fixture(scope="module")
def rows(every_experiment: Path) -> list[Any]:
    """The rows of seed 0."""
    found: list[Any] = json.loads((every_experiment / "rows.json").read_text())
    return [row for row in found if row["seed"] == 0]


def of(rows: list[Any], experiment: str) -> list[Any]:
    """The rows of an experiment."""
    return [row for row in rows if row["experiment"] == experiment]


def test_the_audit_has_every_unit_and_logit_of_both_networks(rows: list[Any]) -> None:
    kinds = Counter((row["training"], row["layer"]) for row in of(rows, "audit"))
    assert kinds == {
        (training, layer): count
        for training in ("standard", "adversarial")
        for layer, count in (("representation", 16), ("logits", 10))
    }
    assert all(row["gamma"] <= row["rho"] + 1e-6 for row in of(rows, "audit"))
    assert {row["eps"] for row in of(rows, "audit")} == {3.0}


def test_every_layer_has_its_ratio(rows: list[Any]) -> None:
    layers = [row["layer"] for row in of(rows, "layers") if row["training"] == "standard"]
    assert layers == ["2 ReLU", "3 Residual", "4 Residual", "representation", "logits"]
    assert all(row["ratio"] > 0 for row in of(rows, "layers"))


def test_leakage_is_of_each_relabelled_set(rows: list[Any]) -> None:
    names = [row["train_set"] for row in of(rows, "leakage")]
    assert names == ["source", "rand", "det", "rand-control", "det-control", "det-bugs"]
    assert [line[0] for line in leakage_table(rows)[1:]] == [
        "D itself",
        "D_rand",
        "D_det",
        "D_rand, robust source",
        "D_det, robust source",
        "D_det of bugs",
    ]


def test_bugs_are_made_against_one_network_and_asked_of_another(every_experiment: Path, rows: list[Any]) -> None:
    seed = every_experiment / "seed0"
    spec = read_set_metadata(seed / "sets" / "det-bugs.h5").spec
    assert len(spec.ensemble_digests) == 1
    asked = load_model(seed / "models" / "standard@2.safetensors")
    for name in ("det", "det-bugs"):
        (row,) = (row for row in of(rows, "bugs") if (row["test_set"], row.get("split")) == (name, "train"))
        assert row["accuracy"] == accuracy(asked, load_split(seed / "sets" / f"{name}.h5"))
    assert [line[0] for line in bugs_table(rows)[1:]] == ["PGD", "bugs"]
    assert all(cell for line in bugs_table(rows) for cell in line)


def test_wrong_labels_are_those_of_the_network_that_was_stopped_early(every_experiment: Path, rows: list[Any]) -> None:
    seed = every_experiment / "seed0"
    early = seed / "models" / "early.safetensors"
    assert len(read_metadata(early).history) == 1
    split = load_split(seed / "sets" / "mislabelled.h5")
    assert accuracy(load_model(early), split) == 1
    assert len(split) < 120
    assert [row["training"] for row in of(rows, "mislabelled")] == ["early", "standard"]
    assert len(mislabelled_table(rows)) == 3


def test_the_page_has_a_section_for_each(rows: list[Any]) -> None:
    headings = [block.text for block in discussion(rows) if isinstance(block, Heading)]
    assert headings == [
        "Useful and robust features",
        "Layer by layer",
        "What leaks through robust features",
        "Bugs that are no features",
        "Learning from wrong labels",
    ]
    assert discussion([row for row in rows if row["experiment"] == "main"]) == []
