"""The page of the study: pictures first, then statements, tables, the published numbers, and where sources differ."""

from featsplit.engine.pages import again, verdicts
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Brief, Heading, Table, Text
from featsplit.report.cells import Cells, as_text
from featsplit.report.published import compared, published_table, within
from featsplit.studies.szegedy2014.claims import CLAIMS
from featsplit.studies.szegedy2014.differing import differing
from featsplit.studies.szegedy2014.halves import page as halves
from featsplit.studies.szegedy2014.models import page as models
from featsplit.studies.szegedy2014.models.numbers import distortion
from featsplit.studies.szegedy2014.models.published import FAR
from featsplit.studies.szegedy2014.published import BANDS, DISTORTIONS, PUBLISHED, differences
from featsplit.studies.szegedy2014.spectral import page as spectral
from featsplit.studies.szegedy2014.statements import Run
from featsplit.studies.szegedy2014.units import page as units

SECTIONS = (models, halves, units, spectral)
BRIEF = "Errors of each network (columns) on images made for one (lines); rms a pixel."


def page(results: Run) -> list[Block]:
    """The page of a run."""
    settings, folder = results.settings, f"seed{results.seeds[0]}"
    return [
        Heading(f"featsplit run {settings.name}", 1),
        Text(_setting(results)),
        *(Text(note) for note in settings.notes()),
        *_brief(results),
        *(block for section in SECTIONS for block in section.pictures(results, folder)),
        Heading("What is stated, and what holds here"),
        *verdicts(claims_of(CLAIMS, results)),
        *(block for section in SECTIONS for block in section.blocks(results)),
        *_published(results),
        *differing(results),
        *again(results),
    ]


def _setting(results: Run) -> str:
    data, settings = results.data, results.settings
    assert data is not None
    seeds = f"seed{'s' if len(results.seeds) > 1 else ''} {', '.join(map(str, results.seeds))}"
    size, own = " x ".join(map(str, data.shape)), settings.convolutional
    resized = f", for the convolutional network {own.resize} x {own.resize}" if own.resize else ""
    return (
        f"{data.name}, {data.train} training and {data.test} test images of {size}{resized}; {settings.images} images "
        f"attacked for each network; {seeds}. In brackets are 95 % intervals. After Szegedy, Zaremba, Sutskever, "
        "Bruna, Erhan, Goodfellow and Fergus 2014, arXiv:1312.6199."
    )


def _brief(results: Run) -> list[Block]:
    if "models" not in results.settings.experiments:
        return []
    return [Brief(as_text(models.cross_table(results, models.SHORT))), Brief(BRIEF)]


def _published(results: Run) -> list[Block]:
    """The published numbers that the run has something beside."""
    groups, why = ("models", "halves"), differences(results.settings)
    if not any(group in results.settings.experiments for group in groups):
        return []
    reason = f" Here nothing is comparable: {'; '.join(why)}." if why else ""
    return [
        Heading("Beside the published numbers"),
        Text(BANDS + reason),
        Table(published_table(compared(results.rows, PUBLISHED, why))),
        Table(_distortions(results, why)),
    ]


def _distortions(results: Run, why: list[str]) -> Cells:
    table = [["mean distortion, rms", "table", "the paper", "band", "here", "verdict"]]
    for table_name, group, network, value in DISTORTIONS:
        if group in results.settings.experiments:
            found = distortion(results, network, group=group)
            low, high = value - FAR, value + FAR
            verdict = "not comparable" if why else within(found, low, high)
            table.append([network, table_name, f"{value:g}", f"{low:.3f} to {high:.3f}", str(found), verdict])
    return table
