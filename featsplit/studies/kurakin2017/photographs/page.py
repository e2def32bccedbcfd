"""Photographs, simulated: the rates of all images, and the paper's Tables 1 to 3 on drawn pairs."""

from collections.abc import Sequence
from statistics import fmean

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, count
from featsplit.report.intervals import accuracy
from featsplit.report.rates import rate
from featsplit.report.rows import picked, values
from featsplit.studies.kurakin2017.checks import NAMES
from featsplit.studies.kurakin2017.examples import METHODS
from featsplit.studies.kurakin2017.photographs.cases import CASES
from featsplit.studies.kurakin2017.photographs.claims import measured
from featsplit.studies.kurakin2017.photographs.measure import DESTROYED, EXPERIMENT
from featsplit.studies.kurakin2017.photographs.own import kept_own
from featsplit.studies.kurakin2017.rows import KurakinRow, counted_of
from featsplit.studies.kurakin2017.settings import Settings

WHAT = (
    "No camera took these: a simulated photograph is turned by up to 3 degrees, scaled and shifted by up to 3 %, "
    "blurred (sigma 0.5 pixels), exposed (gain 0.9 to 1.1, gamma 0.8 to 1.2), grained (0.02) and written as a JPEG of "
    "quality 85; the same for a clean image and its adversarial one. For your own printer and camera: featsplit photos "
    "RUN. "
    "In the average case every pair counts whose clean image is predicted rightly and whose adversarial one is not; in "
    "the prefiltered case the adversary takes only those of them whose predictions are both sure (a probability of "
    "{gate:g} or more), and whose label is not among the top k either. It is not lecture B's prefilter, which is the "
    "gate of the chain further down."
)
SIZES = "Beside each method its eps in linf, in 255ths."
OWN = (
    "Crops of your photographs of the printed sheet. Its pairs were drawn of those that count, so as files all clean "
    "images are predicted rightly and all adversarial ones wrongly; the clean ones, photographed, say what the print "
    "and the camera alone do."
)


def blocks(results: Results[Settings]) -> list[Block]:
    """The tables of the experiment."""
    return [
        Heading("What photographs destroy, in simulation"),
        Text(WHAT.format(gate=results.settings.gate)),
        Text("The destruction rate over all test images, with 95 % intervals; n is how many count."),
        Table(rates_table(results), caption=SIZES),
        Text(
            f"As the paper's Tables 1 to 3: {results.settings.pairs} pairs drawn in each case, or as many as there are."
        ),
        Table(pairs_table(picked(results.rows, experiment=EXPERIMENT, test_set="pairs")), caption=SIZES),
        *own_blocks(results),
    ]


def found(results: Results[Settings]) -> str:
    """What photographs destroy at the largest eps, of all images that count, in a sentence."""
    largest = max(results.settings.photographed)
    rates = {method: rate(counted_of(measured(results.rows, method, largest, CASES[0]))) for method in METHODS}
    said = ", ".join(f"{NAMES[method]} {'of no image' if one is None else one}" for method, one in rates.items())
    return f"Photographs at linf {largest}/255 destroy, in the {CASES[0]} case: {said}."


def own_blocks(results: Results[Settings]) -> list[Block]:
    """The reader's own photographs, where crops of them were given to `featsplit photos`."""
    rows = kept_own(results.path)
    return [Heading("Your own photographs", 3), Text(OWN), Table(pairs_table(rows))] if rows else []


def rates_table(results: Results[Settings]) -> Cells:
    """A line for each method and eps, a column for each case."""
    lines = []
    for method in METHODS:
        for levels in sorted(results.settings.photographed):
            found = [rate(counted_of(measured(results.rows, method, levels, case))) for case in CASES]
            cells = ["- (n 0)" if one is None else f"{one} (n {one.n})" for one in found]
            lines.append([f"{NAMES[method]} {levels}", *cells])
    return [["destroyed", *CASES], *lines]


def pairs_table(rows: Sequence[KurakinRow]) -> Cells:
    """A line for each case, method and eps; the four accuracies and the rate, of the top 1 and of the top k."""
    tops = sorted({row["top"] for row in rows})
    names = ("clean", "adversarial", "clean, photographed", "adversarial, photographed", DESTROYED)
    lines = []
    for case in CASES:
        for method in METHODS:
            for levels in sorted({row["levels"] for row in rows}):
                of = picked(rows, test_set="pairs", case=case, attack=method, levels=levels)
                cells = [_cells(of, name, tops) for name in names]
                lines.append(
                    [f"{case}: {NAMES[method]} {levels}", count(picked(of, test_set="pairs", measure="clean")), *cells]
                )
    head = "in percent, top 1" + "".join(f" / top {top}" for top in tops[1:])
    return [[head, "n", *names], *lines]


def _cells(rows: Sequence[KurakinRow], name: str, tops: Sequence[int]) -> str:
    """The means over seeds, in percent, of the top 1 and of the top k."""
    found = [values(rows, test_set="pairs", measure=name, top=top) for top in tops]
    return " / ".join(f"{100 * fmean(line):.1f}" if line else "-" for line in found) or "-"


def pairs_in_brief(rows: Sequence[KurakinRow]) -> Cells:
    """For a terminal: of each method, eps and case how many clean photographs are right, and what is destroyed."""
    found = [["photographed, in percent", "count", "clean right", "destroyed"]]
    for row in picked(rows, test_set="pairs", measure=DESTROYED, top=1):
        same = {name: row[name] for name in ("attack", "levels", "case")}
        clean: list[KurakinRow] = picked(rows, test_set="pairs", measure="clean, photographed", top=1, **same)
        right, destroyed = (accuracy(of) for of in (clean, [row]))
        interval = "{:.0f} ({:.0f} to {:.0f})".format(*(100 * value for value in destroyed[:3]))
        name = f"{row['case']}: {NAMES[row['attack']]} {row['levels']}"
        found.append([name, f"{row['n']}", f"{100 * right.value:.0f}", interval])
    return found
