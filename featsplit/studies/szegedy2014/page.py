"""The page of the study: pictures first, then statements, tables, the published numbers, and where sources differ."""

from featsplit.engine.pages import Page, assembled, beside, measured_of, seeds_of
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Heading, Picture, Plot, Table
from featsplit.report.cells import Cells
from featsplit.report.published import compared, within
from featsplit.studies.by_epoch import curves_of_files
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


def page(results: Run) -> list[Block]:
    """The page of a run."""
    settings, folder, claims = results.settings, f"seed{results.seeds[0]}", claims_of(CLAIMS, results)
    shown = [block for section in SECTIONS for block in section.pictures(results, folder)]
    with_models, plots = "models" in settings.experiments, [block for block in shown if isinstance(block, Plot)]
    return assembled(
        results,
        Page(
            f"featsplit run {settings.name}",
            _did(results),
            models.found(results) if with_models else measured_of(claims),
            models.cross_table(results, models.SHORT) if with_models else [],
            figure=[models.headline(results)] if with_models else plots[:1],
            pictures=[block for block in shown if isinstance(block, Picture)],
            claims=claims,
            sections=[
                *([Heading("Distortions in plots"), *plots] if with_models else plots[1:]),
                *(block for section in SECTIONS for block in section.blocks(results)),
                *curves_of_files(results),
                *differing(results),
            ],
            folded=_published(results),
            over=f"{settings.images} attacked images of each network",
        ),
    )


def _did(results: Run) -> str:
    data, settings = results.data, results.settings
    assert data is not None
    size, own = " x ".join(map(str, data.shape)), settings.convolutional
    resized = f", for the convolutional network {own.resize} x {own.resize}" if own.resize else ""
    return (
        f"Networks were trained on {data.name} ({data.train} training images of {size}{resized}), and "
        f"{settings.images} images were distorted for each by box-constrained L-BFGS until it predicts another class, "
        "after Szegedy, Zaremba, Sutskever, Bruna, Erhan, Goodfellow and Fergus 2014 (arXiv:1312.6199): "
        f"{seeds_of(results)}."
    )


def _published(results: Run) -> list[Block]:
    """The published numbers that the run has something beside."""
    groups, why = ("models", "halves"), differences(results.settings)
    if not any(group in results.settings.experiments for group in groups):
        return []
    return beside(compared(results.rows, PUBLISHED, why), BANDS, why, more=[Table(_distortions(results, why))])


def _distortions(results: Run, why: list[str]) -> Cells:
    table = [["mean distortion, rms", "table", "the paper", "band", "here", "verdict"]]
    for table_name, group, network, value in DISTORTIONS:
        if group in results.settings.experiments:
            found = distortion(results, network, group=group)
            low, high = value - FAR, value + FAR
            verdict = "not comparable" if why else within(found, low, high)
            table.append([network, table_name, f"{value:g}", f"{low:.3f} to {high:.3f}", str(found), verdict])
    return table
