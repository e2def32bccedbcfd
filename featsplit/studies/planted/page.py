"""What each set keeps of either component as the non-robust one grows, on a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featsplit.engine.pages import Page, assembled, seeds_of
from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.charts import Measured
from featsplit.report.intervals import with_errors
from featsplit.report.known import concluded
from featsplit.report.plots import BLUE, INK, ORANGE, Figured, dots, drawn, plot, reaches
from featsplit.report.rows import picked
from featsplit.studies.ilyas2019.images import MAKERS, NETWORKS, SAYS, Made, gallery
from featsplit.studies.ilyas2019.tables import title_of
from featsplit.studies.planted.claims import claims
from featsplit.studies.planted.jobs import place_of
from featsplit.studies.planted.rows import SweptRow
from featsplit.studies.planted.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLANTED = (
    "Images made of a robust component (each pixel moved far, slow patterns, red and green) and a non-robust one (each "
    "pixel moved little, fast patterns, blue), with a pattern for each class, so the split has a right answer. What a "
    "set keeps of each component's class signal is read off by matched filters, not by a network: 1 is all that the "
    "source has, 0 nothing; below 0 the set points to other classes. As the non-robust component outgrows the "
    "adversary's eps it becomes robust."
)
SURVIVAL = (
    "The share of each component's class signal that a set keeps, by the amplitude of the non-robust one; the "
    "adversary moves an image by {} {:g}. Lines are 95 % intervals, rings the seeds."
)
LIMIT = "A component that moves no pixel further than that (left of the dotted line) is not robust."
AMPLITUDE = "The non-robust component has the amplitude {:g}, the least of the run."
COMPONENTS = ("robust", "nonrobust")


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    rows, adversary = results.rows, results.settings.adversary()
    table, found = survival_table(rows), claims(results)
    says, limit = SURVIVAL.format(adversary.norm, adversary.eps), None
    if adversary.norm == "linf":
        says, limit = f"{says} {LIMIT}", adversary.eps
    return assembled(
        results,
        Page(
            "Planted truth: what survives in each set",
            _did(results),
            f"{_kept(rows)} {concluded(found)}",
            table,
            figure=[plot("planted", survival(rows, limit), says)],
            pictures=images(results),
            claims=found,
            sections=[Heading("What each set keeps"), Text(PLANTED), Table(table, main=True)],
        ),
    )


def _did(results: Results[Settings]) -> str:
    settings = results.settings
    amplitudes, adversary = ", ".join(f"{one:g}" for one in settings.amplitudes), settings.adversary()
    return (
        "Images were made of a robust and a non-robust component, the latter at the amplitudes "
        f"{amplitudes} in linf, and split as in Ilyas et al. 2019 with an adversary in {adversary.norm} of "
        f"{adversary.eps:g}: {seeds_of(results)}."
    )


def _kept(rows: Sequence[SweptRow]) -> str:
    """What D_R and D_NR keep at the least amplitude, in a sentence."""
    own = picked(rows, experiment="planted")
    least = min(row["amplitude"] for row in own)
    said = []
    for name in FOUR:
        shares = [_share(picked(own, train_set=name, component=one, amplitude=least)) for one in COMPONENTS]
        said.append(f"{DERIVED_SETS[name].symbol} {' and '.join(str(one.value) for one in shares)}")
    return f"At amplitude {least:g} the sets keep of the robust and of the non-robust component {'; '.join(said)}."


def _share(rows: Sequence[SweptRow]) -> Measured:
    """The share that is kept, with the interval of its standard errors."""
    values, errors = [row["kept"] for row in rows], [row["error"] for row in rows]
    return Measured(with_errors(values, errors, count=min(row["n"] for row in rows)), tuple(values))


def images(results: Results[Settings]) -> list[Block]:
    """The images of each set at the least amplitude, of which the page speaks first."""
    settings, least = results.settings, min(results.settings.amplitudes)
    made = [Made(one, MAKERS[one.made_by.network]) for one in map(DERIVED_SETS.__getitem__, FOUR)]
    place, classes = place_of(settings, least, results.seeds[0]), settings.planted(least).names
    says = f"{SAYS} {AMPLITUDE.format(least)}"
    return gallery(results.path, place, made, networks=NETWORKS, classes=classes, says=says)


def survival_table(rows: Sequence[SweptRow]) -> Cells:
    """A line for each set and component, a column for each amplitude of the non-robust component."""
    own = picked(rows, experiment="planted")
    amplitudes = list(dict.fromkeys(row["amplitude"] for row in own))
    table = [["set keeps of", "component", *(f"amplitude {amplitude:g}" for amplitude in amplitudes)]]
    for name in dict.fromkeys(row["train_set"] for row in own):
        for component in ("robust", "nonrobust"):
            of = picked(own, train_set=name, component=component)
            shares = [[row["kept"] for row in of if row["amplitude"] == amplitude] for amplitude in amplitudes]
            table.append([title_of(name), component, *map(spread, shares)])
    return table


def survival(rows: Sequence[SweptRow], limit: float | None) -> Figured:
    """The shares kept of each component against the amplitude of the non-robust one, a panel for each set.

    `limit` is the amplitude above which a component is robust, where that is known.
    """
    own = picked(rows, experiment="planted")

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, len(FOUR), sharex=True, sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, FOUR, strict=True):
            for component, colour in (("robust", BLUE), ("nonrobust", ORANGE)):
                of = picked(own, train_set=name, component=component)
                amplitudes = list(dict.fromkeys(row["amplitude"] for row in of))
                shares = [_share(picked(of, amplitude=amplitude)) for amplitude in amplitudes]
                values = [one.value for one in shares]
                heights, ends = [one.value for one in values], reaches(values)
                axes.errorbar(amplitudes, heights, ends, color=colour, marker="o", markersize=4, label=component)
                for amplitude, share in zip(amplitudes, shares, strict=True):
                    dots(axes, amplitude, share.seeds)
            if limit:
                axes.axvline(limit, color=INK, linewidth=0.8, linestyle=":")
            axes.set(title=DERIVED_SETS[name].symbol, xlabel="amplitude of the\nnon-robust component")
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("share of the class signal kept")
        panels[0].legend(fontsize=9)

    return drawn(9, 3, draw)
