"""What the tests of exports share."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from featsplit.exports import rows


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    """Close what other libraries have left open, before the tests of another file are blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no more than 64 rows at a time."""
    monkeypatch.setattr(rows, "BYTES", 1)
