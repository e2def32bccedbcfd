"""What the paper says of photographs, on simulated ones of all test images."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Verdict
from featsplit.report.rates import Weighted
from featsplit.report.rows import picked
from featsplit.studies.kurakin2017.checks import NAMES, all_of, checked, mean_of, value_of
from featsplit.studies.kurakin2017.examples import METHODS
from featsplit.studies.kurakin2017.photographs.cases import Case
from featsplit.studies.kurakin2017.photographs.measure import DESTROYED, EXPERIMENT
from featsplit.studies.kurakin2017.rows import KurakinRow, counted_of
from featsplit.studies.kurakin2017.settings import Settings


def measured(rows: Sequence[KurakinRow], method: str, levels: int, case: Case) -> list[KurakinRow]:
    """The rows of all images of a case, one a seed."""
    return picked(rows, experiment=EXPERIMENT, attack=method, levels=levels, case=case, measure=None)


def rate_of(rows: Sequence[KurakinRow], method: str, levels: int, case: Case) -> list[Weighted]:
    """The destruction rate of a case."""
    return mean_of([counted_of(measured(rows, method, levels, case))])


def _at_each(
    results: Results[Settings], what: str, pairs: Sequence[tuple[tuple[str, Case], tuple[str, Case]]]
) -> Claim:
    """That more of each first method and case is destroyed than of the second, asked at each eps."""
    checks, asked = [], len(results.settings.photographed)
    for levels in results.settings.photographed:
        rates = [tuple(rate_of(results.rows, method, levels, case) for method, case in pair) for pair in pairs]
        if statement := all_of([(more, less) for more, less in rates]):
            values = ", ".join(f"{value_of(more)} > {value_of(less)}" for more, less in rates)
            checks.append(checked(f"linf {levels}/255", statement, measured=values, asked=asked))
    return Claim(what, tuple(checks))


def _least_likely(results: Results[Settings]) -> list[Claim]:
    what = "Tables 1 and 3: photographs destroy most of what was aimed at the least likely class (beside fast, basic)"
    return [_at_each(results, what, [(("least-likely", "average"), (other, "average")) for other in ("fast", "basic")])]


def _fast(results: Results[Settings]) -> list[Claim]:
    what = "Table 3, and lecture: the fast method loses fewest to photographs (beside basic)"
    return [_at_each(results, what, [(("basic", "average"), ("fast", "average"))])]


def _prefiltered(results: Results[Settings]) -> list[Claim]:
    of, found = "images that the adversary chose are destroyed", list[Claim]()
    chosen: tuple[tuple[str, Case], tuple[str, Case]] = ("basic", "prefiltered"), ("basic", "average")
    found.append(_at_each(results, f"Table 3, basic method: {of} more than average ones", [chosen]))
    average: tuple[tuple[str, Case], tuple[str, Case]] = ("fast", "average"), ("fast", "prefiltered")
    return [*found, _at_each(results, f"Table 3, fast method: {of} less than average ones", [average])]


def _falls(results: Results[Settings]) -> list[Claim]:
    found, sizes = [], sorted(results.settings.photographed)
    for method in METHODS:
        rates = [rate_of(results.rows, method, levels, "average") for levels in sizes]
        if statement := all_of(list(pairwise(rates))):
            at = f"linf {', '.join(map(str, sizes))}, in 255ths"
            check = checked(at, statement, measured=" > ".join(map(value_of, rates)))
            found.append(
                Claim(f"Table 3, {NAMES[method]} method: a photograph destroys less at a larger eps", (check,))
            )
    return found


def _same(results: Results[Settings]) -> list[Claim]:
    """That in the prefiltered case the rate is the accuracy on photographs, as all of its images count."""
    rows: list[KurakinRow] = picked(results.rows, experiment=EXPERIMENT, test_set="pairs", case="prefiltered")
    rates = picked(rows, test_set="pairs", measure=DESTROYED)
    off = 0.0
    for row in rates:
        same = {name: row[name] for name in ("attack", "levels", "top", "seed")}
        (photo,) = picked(rows, test_set="pairs", measure="adversarial, photographed", **same)
        off = max(off, abs(row["accuracy"] - photo["accuracy"]))
    if not rates:
        return []
    verdict: Verdict = "holds" if off == 0 else "does not hold"
    check = Check(f"{len(rates)} rates", verdict, f"they differ by {off:.3f} at most", "")
    return [
        Claim(
            "In the prefiltered case the rate is the accuracy on the photographs (Tables 2 and 3)", (check,), known=True
        )
    ]


ASKED: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_least_likely, _prefiltered, _fast, _falls, _same)


def claims(results: Results[Settings]) -> list[Claim]:
    """The statements of the experiment."""
    if EXPERIMENT not in results.settings.experiments:
        return []
    return [claim for ask in ASKED for claim in ask(results)]
