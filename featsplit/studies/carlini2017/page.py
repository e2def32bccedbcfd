"""The page of a run: pictures and plots first, then what holds, then the tables, beside the published numbers."""

from pathlib import Path

from featsplit.engine.pages import Page, assembled, beside, measured_of, seeds_of
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Heading, Picture, Table, Text
from featsplit.report.cells import Cells
from featsplit.report.plots import plot
from featsplit.report.published import compared
from featsplit.studies.by_epoch import curves_of_files
from featsplit.studies.carlini2017 import words
from featsplit.studies.carlini2017.cases.tables import ORDER, average_distances, by_case, cases_table, in_words
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
    chosen, claims = results.settings.experiments, claims_of(CLAIMS, results)
    plots, with_cases = _plots(results), "cases" in chosen
    more = plots if with_cases else plots[1:]
    return assembled(
        results,
        Page(
            f"featsplit run {results.settings.name}",
            _did(results),
            in_words(results.rows) if with_cases else measured_of(claims),
            _brief(results),
            figure=[by_case(results.rows, "l2")] if with_cases else plots[:1],
            pictures=_pictures(results) if "pictures" in chosen else [],
            claims=claims,
            sections=[
                *([Heading("By temperature, confidence and constant"), *more] if more else []),
                *(_cases(results) if with_cases else []),
                *(_distillation(results) if "distillation" in chosen else []),
                *(_transfer(results) if "transfer" in chosen else []),
                *(_objectives(results) if "objectives" in chosen else []),
                *curves_of_files(results, folder="networks"),
                Heading("Where lecture, paper and measurement differ"),
                *(Text(text) for text in words.DIFFER),
            ],
            folded=_published(results),
            over="as many attacked images as each number tells (n)",
        ),
    )


def _did(results: Results[Settings]) -> str:
    data = results.data
    assert data is not None
    return (
        f"A network ({results.settings.model.arch}) was trained on {data.name} ({data.train} training images of "
        f"{' x '.join(map(str, data.shape))} in {len(data.classes)} classes), and every attack looked for the nearest "
        "image of another class, after Carlini and Wagner 2017 (arXiv:1608.04644) and Papernot et al. 2016 "
        f"(arXiv:1511.04508): {seeds_of(results)}."
    )


def _brief(results: Results[Settings]) -> Cells:
    """What a terminal shows: the cases, or what the attacks reach at each temperature."""
    chosen, rows = results.settings.experiments, results.rows
    if "cases" in chosen:
        return cases_table(rows, Network().name, reach=False)
    if "distillation" in chosen:
        return [[line[0][:40], *line[1:]] for line in temperatures_table(rows)]
    return []


def _pictures(results: Results[Settings]) -> list[Block]:
    place = Place(results.settings, results.seeds[0])
    means = average_distances(results.rows)
    return [
        Picture(path, f"{says} {means.get(Path(path).stem, '')}".strip()) for path, says in picture_files(place).items()
    ]


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
        Text(words.SETTING),
        Text(words.CASES),
        *(by_case(results.rows, norm) for norm in ORDER if norm != "l2"),
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
    numbers = PUBLISHED_CIFAR if results.settings.data.source == "cifar10" else PUBLISHED
    found = [one for one in compared(results.rows, numbers, why) if one.found is not None]
    return beside(found, f"{BANDS} {words.NOT_MEASURED}", why)
