"""Docstrings become reStructuredText: lists are arguments, `code` is literal, and nothing else is markup."""

from dataclasses import dataclass, field

import pytest

docstrings = pytest.importorskip("docs.docstrings", reason="the extra docs is not installed")


def test_a_list_says_the_arguments() -> None:
    lines = ["Does `x_` and *y*.", "", "- steps, norm: how many, in `norm`", "  at most.", "- eps: |g|_2 of 1."]
    assert docstrings.marked_up(lines) == [
        r"Does ``x_`` and \*y\*.",
        "",
        ":param steps: see the next.",
        ":param norm: how many, in ``norm``",
        "  at most.",
        r":param eps: \|g\|_2 of 1.",
    ]


def test_what_only_looks_like_a_list_stays_text() -> None:
    lines = ["- one or two: three", "a - b: c", "x - 1"]
    assert docstrings.marked_up(lines) == lines


def test_the_options_of_a_record_say_themselves() -> None:
    @dataclass(frozen=True)
    class Record:
        eps: float = field(default=0.5, metadata={"help": "Radius of the `ball`."})
        other: int = 1

    assert docstrings.fields_of(Record) == ["", ":param eps: Radius of the ``ball``."]
    assert docstrings.fields_of(Record()) == docstrings.fields_of(len) == []


def test_a_type_is_linked_by_its_public_name() -> None:
    names = docstrings.public_names()
    assert names["featsplit.attacks.nearest.Nearest"] == "Nearest"
    assert names["featsplit.attacks.budget.pgd"] == "pgd"
