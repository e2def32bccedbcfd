"""The page of the study: pictures, what is stated and holds, each experiment, and the published numbers beside ours."""

from collections.abc import Callable, Sequence

from featsplit.engine.pages import Page, assembled, beside, measured_of, seeds_of
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Heading, Picture, Plot, Text
from featsplit.report.cells import Cells
from featsplit.report.charts import Chart, Measured, as_bars
from featsplit.report.published import compared
from featsplit.studies.by_epoch import curves_of_files
from featsplit.studies.goodfellow2015.adversarial.page import section as of_adversarial
from featsplit.studies.goodfellow2015.alternatives.page import section as of_alternatives
from featsplit.studies.goodfellow2015.claims import CLAIMS
from featsplit.studies.goodfellow2015.confidence.page import section as of_confidence
from featsplit.studies.goodfellow2015.decay.page import section as of_decay
from featsplit.studies.goodfellow2015.differences import DIFFERENCES
from featsplit.studies.goodfellow2015.linear.page import section as of_linear
from featsplit.studies.goodfellow2015.logistic.page import in_brief
from featsplit.studies.goodfellow2015.logistic.page import section as of_logistic
from featsplit.studies.goodfellow2015.logistic.published import BANDS
from featsplit.studies.goodfellow2015.logistic.published import PUBLISHED as OF_LOGISTIC
from featsplit.studies.goodfellow2015.logistic.published import differences as logistic_differences
from featsplit.studies.goodfellow2015.networks import networks
from featsplit.studies.goodfellow2015.pictures import picture, shown
from featsplit.studies.goodfellow2015.published import DEEP, ELSEWHERE, deep_differences
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import error, of
from featsplit.studies.goodfellow2015.tables import CLEAN, Column, errors_table

Section = Callable[[Results[Settings]], list[Block]]
SECTIONS: dict[str, Section] = {
    "confidence": of_confidence,
    "linear": of_linear,
    "logistic": of_logistic,
    "decay": of_decay,
    "adversarial": of_adversarial,
    "alternatives": of_alternatives,
}
"""The parts of the page, by experiment, in their order."""
SHOWS = (
    "Test images, the change that the fast method makes to the first network's, and the changed images of each "
    "network, in [0, 1], with what it predicts of them and how surely."
)


FIGURE = (
    "Errors on the test images at linf {eps:g}, not clipped to [0, 1], in networks of every kind: means over seeds, "
    "lines 95 % intervals, rings the seeds."
)
COLUMNS = (CLEAN._replace(sure=False), Column("FGSM", UNCLIPPED), Column("noise", FREE_NOISE, sure=False))


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    settings, claims = results.settings, claims_of(CLAIMS, results)
    by_stem = {one.stem: one.name for one in networks(settings)}
    names = sorted(by_stem.values())
    sections = [b for name, section in SECTIONS.items() if name in settings.experiments for b in section(results)]
    plots = [block for block in sections if isinstance(block, Plot)]
    figure = [_figure(results, names)] if names else plots[:1]
    return assembled(
        results,
        Page(
            f"featsplit run {settings.name}",
            _did(results),
            _found(results, names) if names else measured_of(claims),
            _brief(results, names),
            figure=figure,
            pictures=[Picture(picture(results.seeds[0]), _shows(results))] if shown(settings) else [],
            claims=claims,
            sections=[
                *(block for block in sections if block not in figure),
                *curves_of_files(results, lambda path, _: by_stem.get(path.stem, path.stem)),
                Heading("Where lecture, paper and measurement differ"),
                *(Text(text) for text in DIFFERENCES),
            ],
            folded=_published(results),
        ),
    )


def _shows(results: Results[Settings]) -> str:
    """What the picture shows, with how often each of its networks errs on such images."""
    eps = results.settings.eps
    lines = {network.name: of(results.rows, network.name, "fgsm", eps) for network in shown(results.settings)}
    told = ", ".join(f"{name} {error(rows)}" for name, rows in lines.items() if rows)
    return f"{SHOWS} Errors on all such test images, at linf {eps:g}: {told or 'not measured'}."


def _errors(results: Results[Settings], name: str, column: Column) -> list[NetworkRow]:
    return of(results.rows, name, column.attack, None if column.attack == "none" else results.settings.eps)


def _figure(results: Results[Settings], names: Sequence[str]) -> Plot:
    """The errors of every network, clean, under the fast method and under noise of the same size."""
    series = {
        column.head: {
            name: Measured(error(rows), tuple(1 - row["accuracy"] for row in rows))
            for name in names
            if (rows := _errors(results, name, column))
        }
        for column in COLUMNS
    }
    chart = Chart(series, "error", f"network; FGSM and noise of linf {results.settings.eps:g}", 1 - results.chance)
    return as_bars("errors", chart, FIGURE.format(eps=results.settings.eps), width=10.5, height=4.4)


def _found(results: Results[Settings], names: Sequence[str]) -> str:
    """What came out, in a sentence: of the first network and of the one that errs least under the fast method."""
    attacked = {name: error(rows) for name in names if (rows := _errors(results, name, COLUMNS[1]))}
    clean = {name: error(_errors(results, name, COLUMNS[0])) for name in attacked}
    least, most = (end(attacked, key=lambda name: attacked[name].value) for end in (min, max))
    return (
        f"Under the fast gradient sign method at linf {results.settings.eps:g}, not clipped, errors are from "
        f"{attacked[least]} ({least}; clean {clean[least]}) to {attacked[most]} ({most}; clean {clean[most]})."
    )


def _brief(results: Results[Settings], names: Sequence[str]) -> Cells:
    """The errors of every network, as a terminal shows them; without networks those of logistic regression."""
    eps = results.settings.eps
    if names:
        return errors_table(results.rows, names, eps, COLUMNS, head=f"error (how sure) at linf {eps:g}")
    return in_brief(results) if "logistic" in results.settings.experiments else []


def _published(results: Results[Settings]) -> list[Block]:
    blocks, chosen = list[Block](), results.settings.experiments
    if "logistic" in chosen:
        why = logistic_differences(results.settings)
        blocks += beside(compared(results.rows, OF_LOGISTIC, why), BANDS, why)
    if set(chosen) - {"logistic"}:
        why = deep_differences(results.settings)
        blocks += beside(compared(results.rows, DEEP, why), ELSEWHERE, why)
    return blocks


def _did(results: Results[Settings]) -> str:
    data = results.data
    assert data is not None
    return (
        f"Networks were trained on {data.name} ({data.train} training images of {' x '.join(map(str, data.shape))} in "
        f"{len(data.classes)} classes), and attacked by the fast gradient sign method, after Goodfellow, Shlens and "
        f"Szegedy 2015 (arXiv:1412.6572): {seeds_of(results)}."
    )
