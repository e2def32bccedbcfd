"""The part of the page that tells of adversarial training beside weight decay."""

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells
from featsplit.studies.goodfellow2015.networks import adversarial, decayed, plain, softmax
from featsplit.studies.goodfellow2015.rows import UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import of
from featsplit.studies.goodfellow2015.tables import cell, training_error

WHAT = (
    "L1 decay adds a multiple of |W|_1 to the cost, of the maxout network's first layer. In logistic regression "
    "adversarial training subtracts eps |w|_1 from the margin inside the cost, where it stops to act once an example "
    "is predicted surely; decay never stops. With several classes decay also treats each output as if it could be "
    "attacked by itself, and is worse still: so says the paper. Networks, images and order are the same in all lines "
    "of a kind."
)


def section(results: Results[Settings]) -> list[Block]:
    """What came out of decay."""
    return [
        Heading("Adversarial training beside weight decay"),
        Text(WHAT),
        Table(decay_table(results)),
    ]


def decay_table(results: Results[Settings]) -> Cells:
    """Errors of each network: training, clean, and under the fast method at each eps that something was trained at."""
    settings, rows = results.settings, results.rows
    radii = sorted({eps for eps in settings.decay.softmax_adversarial if eps in settings.at()} | {settings.eps})
    others = decayed(settings)
    shallow = [one.name for one in (softmax(settings), *(one for one in others if one.architecture == "softmax"))]
    first = (plain(settings), adversarial(settings))
    deep = [one.name for one in (*first, *(one for one in others if one.architecture == "maxout"))]
    return [
        ["error of", "training", "clean", *(f"FGSM linf {eps:g}" for eps in radii)],
        *(
            [
                name,
                training_error(rows, name),
                cell(of(rows, name), sure=False),
                *(cell(of(rows, name, UNCLIPPED, eps)) for eps in radii),
            ]
            for name in (*shallow, *deep)
        ),
    ]
