"""One word a thing: words that are gone are nowhere in the code, its settings or its documents."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for folder, pattern in (("featsplit", "**/*.py"), ("featsplit", "**/*.toml"), ("docs", "*.md"), (".", "*.md"))
    for path in sorted((ROOT / folder).glob(pattern))
    if path.name not in ("CHANGELOG.md", "architecture.md")  # the latter has the table of these words
]
GONE = {
    "metadata, extra": r"\b(story|stories|read_story|SetStory)\b",
    "predicts": r"\b(network|networks|model|control|classifier) (mis)?reads?\b",
    "experiments": r"^parts = |\bPARTS\b",
    'rule "normalised"': r'name = "paper"|StepRule\("paper"',
    "ensemble": r"\bfellows?\b",
    "control": r"\bjudges?\b",
    "depends_on": r"\bhang_on\b",
    "relative_step_sizes": r"^strides = ",
    "converged / retire": r"\barrived\b|\bsettle\b",
    "rough": r"\bdraft(ing|ed|s)?\b",
    "ensure_trained": r"\btrain_to_file\b",
    "models/madrylab, pickles": r"models[./]foreign|models[./]inert",
    "studies": r"featsplit toy\b|featsplit[./](toys|experiment)\b",
}
"""What is said now, and what was said in its place."""


@pytest.mark.parametrize("now", GONE)
def test_a_word_that_is_gone_is_nowhere(now: str) -> None:
    gone = re.compile(GONE[now], re.MULTILINE)
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path in FILES for match in gone.finditer(path.read_text())]
    assert not found, f'say "{now}": {found[:8]}'
