"""The page of the study: what is stated and holds, each experiment, and the published numbers beside ours."""

from featsplit.engine.pages import again, verdicts
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.report.markup import Block, Heading, Table, Text
from featsplit.report.published import compared, published_table
from featsplit.studies.goodfellow2015.claims import CLAIMS
from featsplit.studies.goodfellow2015.logistic.page import section as of_logistic
from featsplit.studies.goodfellow2015.logistic.published import BANDS, PUBLISHED, differences
from featsplit.studies.goodfellow2015.settings import Settings


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    why = differences(results.settings)
    reason = f" Here nothing is comparable: {'; '.join(why)}." if why else ""
    return [
        Heading(f"featsplit run {results.settings.name}", 1),
        Text(_setting(results)),
        *of_logistic(results),
        Heading("What is stated, and what holds here"),
        *verdicts(claims_of(CLAIMS, results)),
        Heading("Beside the published numbers"),
        Text(BANDS + reason),
        Table(published_table(compared(results.rows, PUBLISHED, why))),
        *again(results),
    ]


def _setting(results: Results[Settings]) -> str:
    data = results.data
    assert data is not None
    seeds = f"seed{'s' if len(results.seeds) > 1 else ''} {', '.join(map(str, results.seeds))}"
    return (
        f"{data.name}: {data.train} training and {data.test} test images of {' x '.join(map(str, data.shape))} in "
        f"{len(data.classes)} classes; {seeds}. In brackets are 95 % intervals. After Goodfellow, Shlens and Szegedy "
        "2015, arXiv:1412.6572."
    )
