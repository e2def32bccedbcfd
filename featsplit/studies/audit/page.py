"""The page of an audit: units, layers, and how to make it again."""

from featsplit.engine.pages import Page, assembled, seeds_of
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Plot
from featsplit.report.cells import Cells
from featsplit.studies.audit.settings import Settings
from featsplit.studies.distill2019.page import KINDS, audit, audit_table
from featsplit.studies.distill2019.rows import units_of


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run: networks that were trained alike are put together, their mean and spread."""
    units = units_of(results.rows)
    blocks, table = audit(results.rows), audit_table(units)
    return assembled(
        results,
        Page(
            "Useful and robust features of a network",
            _did(results),
            _found(table),
            table,
            over=f"{units[0]['n']} test images ({units[0]['attacked']} of them attacked)",
            figure=[block for block in blocks if isinstance(block, Plot)],
            sections=[block for block in blocks if not isinstance(block, Plot)],
        ),
    )


def _did(results: Results[Settings]) -> str:
    units = units_of(results.rows)
    networks = {(row["training"], row.get("network"), row["seed"]) for row in units}
    several = f"{len(networks)} networks" if len(networks) > 1 else "a network"
    return (
        f"Of {several} each unit was tested for what it tells of the classes, as it is and against an adversary in "
        f"{units[0]['norm']} of {units[0]['eps']:g}, by the definitions of Ilyas et al. 2019 (arXiv:1905.02175): "
        f"{seeds_of(results)}."
    )


def _found(table: Cells) -> str:
    """How many units of the representation are of each kind, in a sentence."""
    said = [
        f"{network}: {', '.join(f'{cell} {kind}' for cell, kind in zip(cells, KINDS.values(), strict=False))}"
        for network, of, *cells in table[1:]
        if of == "representation"
    ]
    return f"Units of the representation, by kind: {'; '.join(said)}."
