"""The names in the records are those that are carried out, in the same order."""

import pytest

from featsplit.data import augment, stored
from featsplit.models import paper, small
from featsplit.records.data import STORED
from featsplit.records.models import PAPER_ARCHITECTURES, SMALL_ARCHITECTURES
from featsplit.records.training import AUGMENTATIONS


@pytest.mark.parametrize(
    ("names", "carried_out"),
    [(AUGMENTATIONS, augment._STEPS), (STORED, stored.LAYOUTS), (PAPER_ARCHITECTURES, paper._NAMES)],
    ids=["augmentations", "sources", "the paper's architectures"],
)
def test_a_name_is_carried_out_and_nothing_else(names: tuple[str, ...], carried_out: dict[str, object]) -> None:
    assert names == tuple(carried_out)


@pytest.mark.parametrize("name", SMALL_ARCHITECTURES)
def test_a_small_architecture_is_there(name: str) -> None:
    assert callable(getattr(small, name))
