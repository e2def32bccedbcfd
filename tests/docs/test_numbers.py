"""Every number of a page that is a measurement is found in benchmarks/results, to the digits that the page shows."""

from functools import cache
from pathlib import Path

import pytest

from tests.docs.commands import ROOT, name_of, pages
from tests.docs.evidence import RESULTS, groups_of, is_found, scope, shown, values_of
from tests.docs.numbers import Unit, measured, units_of
from tests.docs.quotes import Quote, read_quotes, spans_of

NOT_MEASURED = {
    "docs/settings.md": "is made of the records, which a test holds it to",
    "docs/glossary.md": "says what words mean",
    "docs/architecture.md": "is of the code: tests/test_counts.py",
}
"""Pages without a measurement."""
MEASURED = [page for page in pages() if name_of(page) not in NOT_MEASURED]
QUOTES = read_quotes()
OF_RESULTS = [quote for quote in QUOTES if isinstance(quote, Quote)]


@pytest.mark.parametrize("page", MEASURED, ids=name_of)
def test_every_measured_number_is_in_the_results(page: Path) -> None:
    lost = {f"{unit.page}:{unit.line}": numbers for unit in units_of(page) if (numbers := unexplained(page, unit))}
    assert not lost, f"no line of the results that the page names has these; say in tests/docs/quotes.txt: {lost}"


def unexplained(page: Path, unit: Unit) -> list[str]:
    """The measured numbers of a piece that no quote has, and that no line of the results has together."""
    quoted = [span for one in QUOTES if one.page == unit.page for span in spans_of(one.words, unit.whole)]
    left = [n for n in measured(unit.text) if not any(first <= n.start() < last for first, last in quoted)]
    if not unit.is_row:
        left = [number for number in left if digits_of(number[0]) not in in_tables(page)]
    files = scope(unit.whole) or scope(unit.section) or scope(text_of(page))
    return [] if not left or is_found(groups_of(unit.text, left), files) else [number[0] for number in left]


@cache
def in_tables(page: Path) -> set[str]:
    """The digits of the numbers in the tables of a page, which a sentence of it may say again; of three at least."""
    numbers = (number[0] for unit in units_of(page) if unit.is_row for number in measured(unit.text))
    return {digits for number in numbers if len(digits := digits_of(number)) > 3}


def digits_of(number: str) -> str:
    """The text of a number without its sign, and without a 0 before the point."""
    return number.lstrip("+-").removeprefix("0")


@cache
def text_of(path: Path) -> str:
    return path.read_text()


@pytest.mark.parametrize("quote", OF_RESULTS, ids=lambda quote: f"{quote.page}-{quote.words[:30]}")
def test_a_quote_has_the_numbers_of_the_page(quote: Quote) -> None:
    assert not [words for words in quote.of if words not in text_of(RESULTS / quote.results)]
    values = [value for words in quote.of for value in values_of(words)]
    numbers = [shown(one[0], quote.words[one.end() :]) for one in measured(quote.words)]
    assert numbers
    assert not [number for number in numbers if not any(number.fits(value) for value in values)]


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: f"{quote.page}-{quote.words[:30]}")
def test_a_quote_is_on_its_page(quote: Quote) -> None:
    assert next(spans_of(quote.words, text_of(ROOT / quote.page)), None)


@pytest.mark.parametrize(
    ("page", "said", "changed"),
    [
        ("README.md", "| 0.975 (0.956 to 0.984) |", "| 0.965 (0.956 to 0.984) |"),
        ("README.md", "(0.956 to 0.984)", "(0.956 to 0.974)"),
        ("README.md", "| 115 s |", "| 105 s |"),
        ("README.md", "bundled | 32 s |", "bundled | 50 s |"),
        ("docs/bugs.md", "0.616 ± 0.027", "0.616 ± 0.037"),
        ("docs/carlini2017.md", "| 0.13 | 0.68 |", "| 0.13 | 0.69 |"),
        ("docs/encoders.md", "| 0.400 ±.089 |", "| 0.410 ±.089 |"),
    ],
)
def test_a_changed_measurement_is_seen(page: str, said: str, changed: str) -> None:
    """But for those in quotes.txt, whose words would not be on the page then."""
    (unit,) = (one for one in units_of(ROOT / page) if said in one.whole)
    other = unit._replace(whole=unit.whole.replace(said, changed), text=unit.text.replace(said, changed))
    assert unit.text != other.text
    assert unexplained(ROOT / page, other)
    assert not unexplained(ROOT / page, unit)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("In 2019 (arXiv:1905.02175, Table 7) ResNet-18 at 32x32 had .497 of 2,000 test images", [".497"]),
        ("1,437 of 5 minutes, 12:05, 1e-6 and 8/255 at L2 0.25, 0.5", ["1,437", "5", "12:05", "1e-6"]),
        ("| 0.5 ±.02 | -0.24 (0.1 to +0.2) | 84 % |", ["0.5", ".02", "-0.24", "0.1", "+0.2", "84"]),
    ],
)
def test_what_is_a_measurement(text: str, numbers: list[str]) -> None:
    assert [number[0] for number in measured(text)] == numbers
