"""The page of a run."""

from featsplit.engine.results import Results
from featsplit.report.markup import Block, Heading
from featsplit.studies.carlini2017.settings import Settings


def page(results: Results[Settings]) -> list[Block]:
    return [Heading("x", 1)]
