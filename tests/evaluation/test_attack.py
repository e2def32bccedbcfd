"""The record of an attack: its step, what a row says of it, what it refuses."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack, evaluate
from featsplit.outcomes import packed
from tests.evaluation.networks import by_distance, level

ROWS = [
    (
        Attack(),
        {"attack": "none", "norm": None, "eps": None, "steps": None, "step_size": None, "restarts": None, "loss": None},
    ),
    (
        Attack("fgsm", "linf", 0.25, steps=9),
        {
            "attack": "fgsm",
            "norm": "linf",
            "eps": 0.25,
            "steps": 1,
            "step_size": 0.25,
            "restarts": 1,
            "loss": "cross-entropy",
        },
    ),
    (
        Attack("bim", "linf", 0.25, steps=5, step_size=0.125),
        {
            "attack": "bim",
            "norm": "linf",
            "eps": 0.25,
            "steps": 5,
            "step_size": 0.125,
            "restarts": 1,
            "loss": "cross-entropy",
        },
    ),
    (
        Attack("pgd", "l2", 0.5, steps=10, restarts=2),
        {
            "attack": "pgd",
            "norm": "l2",
            "eps": 0.5,
            "steps": 10,
            "step_size": 0.125,
            "restarts": 2,
            "loss": "cross-entropy",
        },
    ),
]


@pytest.mark.parametrize(("attack", "fields"), ROWS, ids=["none", "fgsm", "bim", "pgd"])
def test_a_row_says_all_that_a_number_needs(attack: Attack, fields: dict[str, Any]) -> None:
    (row,) = evaluate(by_distance(dead=0.0, edge=0.1), level(0.15, 0), [attack], seed=3)
    assert row.pop("confidence") == pytest.approx(0.5, abs=0.5)
    assert row == {**fields, "n": 8, "seed": 3, "accuracy": 0.0, "outcomes": packed(torch.zeros(8, dtype=torch.bool))}


def test_a_step_is_never_more_than_eps() -> None:
    assert Attack("pgd", eps=0.5, steps=2).plan()[1] == 0.5
    assert Attack("pgd", eps=0.5, steps=100).plan()[1] == 0.0125
    assert Attack("pgd", eps=0.5, step_size=0.7).plan()[1] == 0.7


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"name": "pdg"},
            'attack.name = "pdg": must be one of none, fgsm, bim, least-likely, pgd, autoattack; did you mean "pgd"?',
        ),
        (
            {"norm": "linf", "eps": 2},
            'attack.eps = 2: must be at most 1 for norm "linf" (pixels are in [0, 1]); 2/255 is 0.0078',
        ),
        ({"steps": 0}, "attack.steps = 0: must be at least 1"),
        ({"restarts": 0}, "attack.restarts = 0: must be at least 1"),
        ({"step_size": 0}, "attack.step_size = 0: must be greater than 0, and finite"),
        ({"name": "bim", "restarts": 2}, 'attack.restarts = 2: only "pgd" has restarts'),
    ],
)
def test_an_attack_out_of_range_is_refused_before_any_work(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        evaluate(by_distance(dead=0.0, edge=0.1), level(0.5, 0), [Attack(), replace(Attack("pgd"), **wrong)])
    assert str(caught.value) == message
