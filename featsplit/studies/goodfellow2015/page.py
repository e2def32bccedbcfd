"""The page of the study: pictures, what is stated and holds, each experiment, and the published numbers beside ours."""

from collections.abc import Callable

from featsplit.engine.pages import again, verdicts
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Brief, Heading, Picture, Table, Text
from featsplit.report.cells import as_text
from featsplit.report.published import compared, published_table
from featsplit.studies.goodfellow2015.adversarial.page import section as of_adversarial
from featsplit.studies.goodfellow2015.alternatives.page import section as of_alternatives
from featsplit.studies.goodfellow2015.claims import CLAIMS
from featsplit.studies.goodfellow2015.confidence.page import section as of_confidence
from featsplit.studies.goodfellow2015.decay.page import section as of_decay
from featsplit.studies.goodfellow2015.differences import DIFFERENCES
from featsplit.studies.goodfellow2015.linear.page import section as of_linear
from featsplit.studies.goodfellow2015.logistic.page import section as of_logistic
from featsplit.studies.goodfellow2015.logistic.published import BANDS
from featsplit.studies.goodfellow2015.logistic.published import PUBLISHED as OF_LOGISTIC
from featsplit.studies.goodfellow2015.logistic.published import differences as logistic_differences
from featsplit.studies.goodfellow2015.networks import networks
from featsplit.studies.goodfellow2015.pictures import picture, shown
from featsplit.studies.goodfellow2015.published import DEEP, ELSEWHERE, deep_differences
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
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


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    settings = results.settings
    pictured = [Picture(picture(results.seeds[0]), SHOWS)] if shown(settings) else []
    sections = [
        block for name, section in SECTIONS.items() if name in settings.experiments for block in section(results)
    ]
    return [
        Heading(f"featsplit run {settings.name}", 1),
        *pictured,
        Text(_setting(results)),
        *(Text(note) for note in results.settings.notes()),
        *_brief(results),
        Heading("What is stated, and what holds here"),
        *verdicts(claims_of(CLAIMS, results)),
        *sections,
        *_published(results),
        Heading("Where lecture, paper and measurement differ"),
        *(Text(text) for text in DIFFERENCES),
        *again(results),
    ]


def _brief(results: Results[Settings]) -> list[Block]:
    """The errors of every network, as a terminal shows them."""
    names = [one.name for one in networks(results.settings)]
    if not names:
        return []
    columns = [CLEAN._replace(sure=False), Column("FGSM", UNCLIPPED), Column("noise", FREE_NOISE, sure=False)]
    eps = results.settings.eps
    table = errors_table(results.rows, sorted(names), eps, columns, head=f"error at eps {eps:g}")
    return [Brief(as_text(table)), Brief("Not clipped to [0, 1]. In brackets is how sure the mistakes are.")]


def _published(results: Results[Settings]) -> list[Block]:
    blocks: list[Block] = [Heading("Beside the published numbers")]
    chosen = results.settings.experiments
    if "logistic" in chosen:
        why = logistic_differences(results.settings)
        blocks += [Text(BANDS + _reason(why)), Table(published_table(compared(results.rows, OF_LOGISTIC, why)))]
    why = deep_differences(results.settings)
    return [*blocks, Text(ELSEWHERE + _reason(why)), Table(published_table(compared(results.rows, DEEP, why)))]


def _reason(why: list[str]) -> str:
    return f" Here nothing is comparable: {'; '.join(why)}." if why else ""


def _setting(results: Results[Settings]) -> str:
    data = results.data
    assert data is not None
    seeds = f"seed{'s' if len(results.seeds) > 1 else ''} {', '.join(map(str, results.seeds))}"
    return (
        f"{data.name}: {data.train} training and {data.test} test images of {' x '.join(map(str, data.shape))} in "
        f"{len(data.classes)} classes; {seeds}. In brackets are 95 % intervals. After Goodfellow, Shlens and Szegedy "
        "2015, arXiv:1412.6572."
    )
