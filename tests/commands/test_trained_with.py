"""What the user says with --trained-with of a model that does not tell how it was trained."""

import pytest

from featsplit.commands.right_model import parse_training
from featsplit.errors import FeatsplitError
from featsplit.metadata.training import STANDARD, Training


@pytest.mark.parametrize(
    ("text", "training"),
    [
        ("standard", STANDARD),
        ("none", STANDARD),
        ("pgd l2 0.5", Training("adversarial", "pgd", "l2", 0.5)),
        ("fgsm, linf, 8/255", Training("adversarial", "fgsm", "linf", 8 / 255)),
        ("pgd l2 0", STANDARD),
    ],
)
def test_trained_with_is_read(text: str, training: Training) -> None:
    assert parse_training(text) == training


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r'--trained-with "": must be standard, or an attack, a norm and an eps, such as "pgd l2 0\.5"'),
        ("pgd l2", r'--trained-with "pgd l2": must be standard, or an attack'),
        ("pgd l2 much", r'--trained-with "pgd l2 much": must be'),
        ("pgd l2 1/0", r'--trained-with "pgd l2 1/0": must be'),
        ("pgd l2 nan", r'--trained-with "pgd l2 nan": must be'),
        ("pdg l2 0.5", r'--trained-with: attack = "pdg": must be one of pgd, fgsm; did you mean "pgd"'),
        ("pgd l3 0.5", r'--trained-with\.norm = "l3": must be one of l2, linf; did you mean "l2"'),
        ("pgd linf 8", r"--trained-with\.eps = 8: must be at most 1 .*; 8/255 is 0\.0314"),
        ("pgd l2 -1", r"--trained-with\.eps = -1: must be a number of at least 0"),
    ],
)
def test_trained_with_that_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(FeatsplitError, match=message):
        parse_training(text)
