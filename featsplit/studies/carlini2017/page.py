"""The page of a run: pictures and plots first, then what holds, then the tables, beside the published numbers."""

from featsplit.engine.pages import again, verdicts
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Brief, Heading, Picture, Table, Text
from featsplit.report.cells import as_text
from featsplit.report.plots import plot
from featsplit.report.published import compared, published_table
from featsplit.studies.carlini2017 import words
from featsplit.studies.carlini2017.cases.tables import cases_table
from featsplit.studies.carlini2017.claims import CLAIMS
from featsplit.studies.carlini2017.distillation.tables import by_temperature, temperatures_table
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.objectives.tables import (
    by_constant,
    constants_table,
    objectives_table,
    slopes_in_words,
)
from featsplit.studies.carlini2017.pictures import picture_files
from featsplit.studies.carlini2017.place import Place
from featsplit.studies.carlini2017.published import BANDS, PUBLISHED, PUBLISHED_CIFAR, differences
from featsplit.studies.carlini2017.settings import Settings
from featsplit.studies.carlini2017.transfer.measure import others
from featsplit.studies.carlini2017.transfer.tables import by_confidence, transfer_table


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    chosen = results.settings.experiments
    return [
        Heading(f"featsplit run {results.settings.name}", 1),
        Text(_setting(results)),
        *_briefs(results),
        *(_pictures(results) if "pictures" in chosen else []),
        *_plots(results),
        Heading("What is stated, and what holds here"),
        *verdicts(claims_of(CLAIMS, results)),
        *(_cases(results) if "cases" in chosen else []),
        *(_distillation(results) if "distillation" in chosen else []),
        *(_transfer(results) if "transfer" in chosen else []),
        *(_objectives(results) if "objectives" in chosen else []),
        Heading("Where lecture, paper and measurement differ"),
        *(Text(text) for text in words.DIFFER),
        *_published(results),
        *again(results),
    ]


def _setting(results: Results[Settings]) -> str:
    data = results.data
    assert data is not None
    seeds = f"seed{'s' if len(results.seeds) > 1 else ''} {', '.join(map(str, results.seeds))}"
    return (
        f"{data.name}: {data.train} training and {data.test} test images of {' x '.join(map(str, data.shape))}; "
        f"network {results.settings.model.arch}; {seeds}. {words.SETTING}"
    )


def _briefs(results: Results[Settings]) -> list[Block]:
    chosen, rows = results.settings.experiments, results.rows
    tables = []
    if "cases" in chosen:
        tables.append(cases_table(rows, Network().name, reach=False))
    if "distillation" in chosen:
        tables.append([[line[0][:40], *line[1:]] for line in temperatures_table(rows)])
    return [Brief(as_text(table)) for table in tables]


def _pictures(results: Results[Settings]) -> list[Block]:
    place = Place(results.settings, results.seeds[0])
    return [Picture(path, says) for path, says in picture_files(place).items()]


def _plots(results: Results[Settings]) -> list[Block]:
    chosen, rows, found = results.settings.experiments, results.rows, list[Block]()
    if "distillation" in chosen:
        found.append(plot("temperature", by_temperature(rows), words.TEMPERATURE_PLOT))
    if "transfer" in chosen:
        found.append(plot("confidence", by_confidence(rows, others(results.settings)), words.CONFIDENCE_PLOT))
    if "objectives" in chosen:
        found.append(plot("constant", by_constant(rows), words.CONSTANT_PLOT))
    return found


def _cases(results: Results[Settings]) -> list[Block]:
    return [
        Heading("Best, average and worst case (Table IV)"),
        Text(words.CASES),
        Table(cases_table(results.rows, Network().name), main=True),
    ]


def _distillation(results: Results[Settings]) -> list[Block]:
    distilled = Network("distilled", results.settings.hottest).name
    return [
        Heading("Defensive distillation over temperatures"),
        Text(words.DISTILLATION),
        Table(temperatures_table(results.rows), main="cases" not in results.settings.experiments),
        Heading(f"Best, average and worst case on the network {distilled} (Table VI)", 3),
        Table(cases_table(results.rows, distilled)),
    ]


def _transfer(results: Results[Settings]) -> list[Block]:
    return [
        Heading("Examples of high confidence on other networks (Figures 9 and 10)"),
        Text(words.TRANSFER),
        Table(transfer_table(results.rows, others(results.settings))),
    ]


def _objectives(results: Results[Settings]) -> list[Block]:
    tables = [Table(objectives_table(results.rows, case)) for case in ("best", "average", "worst")]
    return [
        Heading("Seven objectives, three boxes (Table III), and c (Figure 2)"),
        Text(words.OBJECTIVES),
        *tables,
        Text(slopes_in_words(results.rows)),
        Table(constants_table(results.rows)),
    ]


def _published(results: Results[Settings]) -> list[Block]:
    why = differences(results.settings)
    reason = f" Here nothing is comparable: {'; '.join(why)}." if why else ""
    numbers = PUBLISHED_CIFAR if results.settings.data.source == "cifar10" else PUBLISHED
    found = [one for one in compared(results.rows, numbers, why) if one.found is not None]
    return [
        Heading("Beside the published numbers"),
        Text(f"{BANDS}{reason} {words.NOT_MEASURED}"),
        Table(published_table(found)),
    ]
