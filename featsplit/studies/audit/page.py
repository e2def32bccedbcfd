"""The page of an audit: units, layers, and how to make it again."""

from featsplit.engine.pages import again
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Brief, Heading
from featsplit.report.cells import as_text
from featsplit.studies.audit.settings import Settings
from featsplit.studies.distill2019.page import audit, audit_table
from featsplit.studies.distill2019.rows import units_of


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run: networks that were trained alike are put together, their mean and spread."""
    heading, brief = Heading("Useful and robust features of a network", 1), as_text(audit_table(units_of(results.rows)))
    return [heading, Brief(brief), *audit(results.rows)[1:], *again(results)]
