"""How a network was trained, as its metadata say; and what a set may be called that it made."""

from dataclasses import replace
from typing import Any

import pytest

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.made_by import MadeBy, ModelCard, card_of, set_title
from featsplit.metadata.models import model_metadata
from featsplit.metadata.plain import Json
from featsplit.metadata.training import STANDARD, Training, training_of

ADVERSARIAL = Training("adversarial", "pgd", "l2", 0.5, 2)


@pytest.mark.parametrize(
    ("metadata", "training"),
    [
        ({}, Training()),
        ({"recipe": {}}, Training()),
        ({"recipe": {"adversary": {"for training": "not told"}}}, Training()),
        ({"recipe": {"adversary": "pgd"}}, Training()),
        ({"recipe": "as usual"}, Training()),
        ({"recipe": {"adversary": {"attack": "pgd", "norm": "l2"}}}, Training()),
        ({"recipe": {"adversary": {"attack": "pgd", "norm": "l2", "eps": "half"}}}, Training()),
        (
            {"recipe": {"adversary": {"attack": 7, "norm": "l2", "eps": 0.5, "steps": "2"}}},
            replace(ADVERSARIAL, attack=None, steps=None),
        ),
        ({"recipe": {"adversary": None}}, STANDARD),
        ({"recipe": {"adversary": {"attack": "pgd", "norm": "l2", "eps": 0.0}}}, STANDARD),
        ({"recipe": {"adversary": {"attack": "fgsm", "norm": "l2", "eps": 0.5, "alpha": 1.0}}}, STANDARD),
        ({"recipe": {"adversary": {"attack": "pgd", "norm": "l2", "eps": 0.5, "steps": 2}}}, ADVERSARIAL),
        ({"recipe": {"adversary": {"norm": "linf", "eps": 0.03}}}, Training("adversarial", None, "linf", 0.03)),
        (
            {"recipe": {"adversary": {"attack": "fgsm", "norm": "linf", "eps": 0.1, "steps": 7}}},
            Training("adversarial", "fgsm", "linf", 0.1),
        ),
    ],
)
def test_the_training_that_a_recipe_says(metadata: dict[str, Any], training: Training) -> None:
    """An adversary within nothing, or one whose loss weighs nothing, is none; fgsm takes no seven steps."""
    assert training_of(metadata.get("recipe")) == training


@pytest.mark.parametrize("results", [None, [0.9], {"test_accuracy": "high"}, {}])
def test_a_card_shows_no_accuracy_that_is_not_told(results: Any) -> None:
    network: dict[str, Json] = {"model": {"arch": "cnn", "width": None}, "shape": [1, 8, 8], "classes": 10}
    card = card_of("m.safetensors", model_metadata({**network, "results": results}))
    assert str(card) == "m.safetensors: cnn, training not told"


def test_a_set_is_what_it_is_called_only_by_the_network_that_it_needs() -> None:
    cards: dict[str, MadeBy] = {t.kind: MadeBy(ModelCard("m", "cnn", t)) for t in (STANDARD, ADVERSARIAL, Training())}
    cards["nothing at all"] = MadeBy()
    for name, derived in DERIVED_SETS.items():
        for training, made_by in cards.items():
            title = set_title(name, made_by, otherwise="?")
            assert (title == derived.title) == (training == derived.made_by.needs)
            assert title.startswith("made as ") == (training != derived.made_by.needs)
    assert set_title("own", cards["standard"], otherwise="made by match") == "made by match"
