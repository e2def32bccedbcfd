"""What the lecture says of files and other networks, and what rounding does to the nearest adversarial images."""

from collections.abc import Callable, Sequence

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Interval, Verdict
from featsplit.report.rates import Counted, Weighted, rate, sum_of_rates
from featsplit.report.rows import picked
from featsplit.studies.kurakin2017.checks import NAMES, checked, mean_of
from featsplit.studies.kurakin2017.examples import METHODS
from featsplit.studies.kurakin2017.rows import KurakinRow, counted_of
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.storage.chain import STAGES
from featsplit.studies.kurakin2017.storage.measure import CLOSEST, EXPERIMENT, REPAIRED

FLOAT, AS_FILE, RESIZED, OTHER = STAGES
UNDONE, LEFT = 1 / 3, 0.05
"""The share that rounding undoes at least, and that a repair leaves undone at most."""
LEAST, MOST = 0.4, 0.9
"""What part of the error lecture B's prefilter takes away."""


def measured(rows: Sequence[KurakinRow], method: str, levels: int | None, stage: str) -> list[KurakinRow]:
    """The rows of a method at a stage, one a seed."""
    return picked(rows, experiment=EXPERIMENT, attack=method, levels=levels, stage=stage)


def fooled(rows: Sequence[KurakinRow], method: str, levels: int | None, stage: str) -> list[Counted]:
    """Of the images that count, which still fool at a stage, once a seed."""
    return counted_of(measured(rows, method, levels, stage), missed=True)


def refused(rows: Sequence[KurakinRow], method: str, levels: int | None, stage: str) -> list[Counted]:
    """Of the images that still fool at a stage, which the gate refuses, once a seed."""
    still = fooled(rows, method, levels, stage)
    passed = counted_of(measured(rows, method, levels, stage), missed=True, accepted=True)
    return [Counted(one.counted & one.hit, ~other.hit) for one, other in zip(still, passed, strict=True)]


def _eight_bits(results: Results[Settings]) -> list[Claim]:
    rows = [row for row in picked(results.rows, experiment="stored") if row["attack"] in METHODS]
    changed, images = sum(row["changed"] for row in rows), sum(row["n"] for row in rows)
    verdict: Verdict = "does not hold" if changed else "holds"
    check = Check(f"{len(rows)} sets of images", verdict, f"{changed} of {images} predictions change", "")
    what = "A file of 8 bits changes nothing of the three methods, whose steps are whole 255ths"
    return [Claim(what, (check,) if rows else ())]


def _one(
    what: str, seeds: Sequence[Counted], *, at: str, least: float | None = None, most: float | None = None
) -> Claim:
    """That a rate is above `least`, and below `most`."""
    found = rate(seeds)
    if found is None:
        return Claim(what, ())

    def statement(level: float) -> list[Interval]:
        one = rate(seeds, confidence=level)
        assert one is not None
        low = [] if least is None else [one.moved(-least)]
        return [*low, *([] if most is None else [one.negative().moved(most)])]

    return Claim(what, (checked(at, statement, measured=f"{found}"),))


def _rounding(results: Results[Settings]) -> list[Claim]:
    found = []
    for method in CLOSEST:
        undone, left = (counted_of(measured(results.rows, name, None, AS_FILE)) for name in (method, method + REPAIRED))
        found.append(
            _one(
                f"8 bits undo more than a third of the nearest adversarial images ({method})",
                undone,
                at="share undone",
                least=UNDONE,
            )
        )
        what = f"Carlini and Wagner: single levels repair them, but for {LEFT:.0%} at most ({method})"
        found.append(_one(what, left, at="share undone", most=LEFT))
    return found


def _other(results: Results[Settings]) -> list[Claim]:
    """That the step to another network takes more than each step before."""
    found = []
    for levels in results.settings.stored:
        for method in METHODS:
            at = {stage: fooled(results.rows, method, levels, stage) for stage in STAGES}
            steps = [(AS_FILE, FLOAT), (RESIZED, AS_FILE), (OTHER, RESIZED)]
            falls = [[*mean_of([at[before]]), *mean_of([at[after]], -1.0)] for after, before in steps]
            last = falls.pop()
            sums = [[*last, *(Weighted(-weight, seeds) for weight, seeds in fall)] for fall in falls]
            if any(sum_of_rates(one) is None for one in sums):
                continue

            def statement(level: float, sums: Sequence[Sequence[Weighted]] = sums) -> list[Interval]:
                return [one for terms in sums if (one := sum_of_rates(terms, confidence=level))]

            values = ", ".join(f"{stage} {_value(seeds)}" for stage, seeds in at.items())
            what = f"Lecture B: of the whole chain another network takes most of the error ({NAMES[method]} method)"
            found.append(Claim(what, (checked(f"linf {levels}/255", statement, measured=values),)))
    return found


def _value(seeds: Sequence[Counted]) -> str:
    found = rate(seeds)
    return "-" if found is None else f"{found.value:.3f}"


def _gate(results: Results[Settings]) -> list[Claim]:
    found = []
    for levels in results.settings.stored:
        for method in METHODS:
            what = f"Lecture B: the gate cuts the error by {LEAST:.0%} to {MOST:.0%} ({NAMES[method]}, another network)"
            taken = refused(results.rows, method, levels, OTHER)
            found.append(_one(what, taken, at=f"linf {levels}/255", least=LEAST, most=MOST))
    return found


ASKED: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_eight_bits, _rounding, _other, _gate)


def claims(results: Results[Settings]) -> list[Claim]:
    """The statements of the experiment."""
    if EXPERIMENT not in results.settings.experiments:
        return []
    return [claim for ask in ASKED for claim in ask(results)]
